# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that sends a letter in the lab, behind one face: `deliver` makes one attempt and says what became of it."""

import collections
import re

import clients
import mta

# result: "sent", "kept" (in the sender's queue) or "failed" (no queue). why: the sender's own words for it.
Attempt = collections.namedtuple("Attempt", "result why")


class QueueingSender:
    has_queue = True
    believed = b""

    def __init__(self, server):
        self.name = server.name
        self.server = server

    def deliver(self, destination, recipient, body, timeout_s):
        self.server.submit(recipient, body)
        return self._outcome(recipient, timeout_s, 1)

    def deliver_again(self, recipient, timeout_s):
        """The next attempt at a letter that was kept."""
        times = self.server.attempts(recipient) + 1
        self.server.flush()
        return self._outcome(recipient, timeout_s, times)

    def _outcome(self, recipient, timeout_s, times):
        why = self.server.wait_until_tried(recipient, timeout_s, times)
        return Attempt("sent", "") if why is None else Attempt("kept", why)

    def is_kept(self, recipient):
        return self.server.reason(recipient) is not None

    def reset(self):
        self.server.reset()


class DirectSender:
    """A client of our own. Like a queue's, its attempt ends when a server has taken the letter or sent it away."""

    has_queue = False

    def __init__(self, client):
        self.name = client.name
        self.client = client

    @property
    def believed(self):
        return self.client.believed

    def deliver(self, destination, recipient, body, timeout_s):
        for address in destination.addresses:
            if self.client.send(address, recipient, f"Subject: a letter\r\n\r\n{body}".encode()):
                return Attempt("sent", "")
            if self.client.refusal:
                return Attempt("failed", self.client.refusal)
        return Attempt("failed", "")

    def reset(self):
        pass


class Swaks:
    name = "swaks"
    has_queue = False
    believed = b""

    def __init__(self, host):
        self._host = host

    def deliver(self, destination, recipient, body, timeout_s):
        for address in destination.addresses:
            printed = self._host.run(
                ["swaks", "--server", address, "--port", 25, *(["-6"] if ":" in address else []), "--to", recipient,
                 "--from", "postmaster@sender.lab", "--helo", "sender.lab", "--tls-optional", "--timeout",
                 f"{mta.PATIENCE_S}s", "--body", body], check=False, timeout=timeout_s + 20)
            self.believed = "\n".join(re.findall(r"^<~[ *]*(.*)$", printed, re.M)).encode()
            if re.search(r"^ (->|~>) \.\n(<-|<~) +250", printed, re.M):
                return Attempt("sent", printed)
            if re.search(r"^<\*\* +421", printed, re.M):
                return Attempt("failed", re.search(r"^<\*\* +(421.*)$", printed, re.M)[1])
        return Attempt("failed", printed)

    def reset(self):
        self.believed = b""


MAIL_SERVERS = tuple(mta.ALL)
ALL = (*MAIL_SERVERS, "swaks", "plain", "opportunistic")


def make_all(host):
    """{name: sender}; the mail servers are being started, start_all() waits for them."""
    made = {name: QueueingSender(kind(host)) for name, kind in mta.ALL.items()}
    made["swaks"] = Swaks(host)
    made["plain"] = DirectSender(clients.Client(host))
    made["opportunistic"] = DirectSender(clients.OpportunisticClient(host))
    return made
