# SPDX-License-Identifier: GPL-2.0-or-later
"""Many SMTP sessions at a time through the gateway, and what became of each.

Three kinds of letters: "tls" goes to destinations that promise TLS, by STARTTLS; "clear" in clear to destinations that
promise nothing; "stripped" in clear to destinations that promise TLS, where an attacker takes STARTTLS away. The first
two are honest and shall arrive, of the third nothing may be seen behind a gateway that enforces.
"""

import collections
import concurrent.futures
import itertools
import os
import random
import re
import ssl
import threading
import time

import attacks
import capture
import lines

KINDS = {"tls": "protected", "clear": "unprotected", "stripped": "protected"}
HONEST = ("tls", "clear")
FAMILIES = (4, 4, 4, 6, 6)  # of each kind's destinations: enough addresses for every queue to get some
PAUSE_S = 0.08              # at most, between two steps of a session

# What may leave towards a destination whose promise is broken, the scout's own looks included; and where a line may end.
ALLOWED = re.compile(rb"(?:(?:EHLO|HELO) [\w.:\[\]-]+\r\n|STARTTLS\r\n|QUIT\r\n|MAIL FROM:<[^>\r\n]*>\r\n)*(?P<rest>[^\n]*)")
BEGUN = (b"EHLO sender.lab\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"MAIL FROM:<postmaster@sender.lab>\r\n", b"RCPT TO")

Letter = collections.namedtuple("Letter", "kind address recipient secret")
# result: "sent", "refused" (by a reply) or "closed". place: the last step that was made.
Outcome = collections.namedtuple("Outcome", "letter begun result place why")


class Refused(Exception):
    """A reply that says no."""


class Dialogue:
    """One letter over one connection, step by step."""

    def __init__(self, host, letter):
        self.letter = letter
        self.place = "nothing"
        self.begun = time.monotonic()
        self._host = host
        self._stream = None
        self._steps = self._talk()

    def go(self, until=None, pause_s=0.0):
        """Goes on to a place, or to the end; None when the place is reached, else the outcome."""
        try:
            for self.place in self._steps:
                if self.place == until:
                    return None
                time.sleep(random.uniform(0, pause_s))
            return self._end("sent", "")
        except Refused as refusal:
            return self._end("refused", str(refusal))
        except lines.Closed as end:
            return self._end("closed", str(end))

    def _end(self, result, why):
        if self._stream:
            self._stream.close()
        return Outcome(self.letter, self.begun, result, self.place, why)

    def _expect(self, code):
        reply = self._stream.reply()
        if not reply.startswith(code):
            raise Refused(reply.decode("utf-8", "replace").strip())

    def _ask(self, command, code):
        self._stream.send(command + b"\r\n")
        self._expect(code)

    def _talk(self):
        recipient, secret = self.letter.recipient.encode(), self.letter.secret.encode()
        self._stream = lines.dial(self._host, (self.letter.address, 25))
        self._expect(b"220")
        yield "banner"
        self._ask(b"EHLO sender.lab", b"250")
        yield "ehlo"
        if self.letter.kind == "tls":
            self._ask(b"STARTTLS", b"220")
            yield "starttls"
            self._stream.start_tls(_tls_client())
            yield "handshake"
            self._ask(b"EHLO sender.lab", b"250")
            yield "tls"
        self._ask(b"MAIL FROM:<postmaster@sender.lab>", b"250")
        yield "mail"
        # As much of the line as may pass before it is decided, in a segment of its own.
        self._stream.send(b"RCPT TO")
        yield "half-rcpt"
        self._ask(b":<" + recipient + b">", b"250")
        yield "rcpt"
        self._ask(b"DATA", b"354")
        yield "data"
        self._stream.send(b"Subject: a letter\r\n\r\n" + secret + b"\r\nhalf of a line")
        yield "body"
        self._ask(b", and the rest\r\n.", b"250")
        yield "taken"
        self._ask(b"QUIT", b"221")


def _tls_client():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Watch:
    """What clients say, and what leaves the gateway: towards the victims of the attack all of it, else on demand."""

    def __init__(self, lab, victims):
        self._before, self._behind = lab.before, lab.behind
        self._victims = frozenset(victims)
        self._leaving, self._pending = [], []
        self._recorded = None
        self._lock = threading.Lock()

    def collect(self):
        """Often enough for the kernel's buffers."""
        with self._lock:
            said, left = ([segment for segment in one.take() if segment.destination[1] == 25]
                          for one in (self._before, self._behind))
            self._leaving += [segment for segment in left if segment.destination[0] in self._victims]
            if self._recorded:
                for kept, segments in zip(self._recorded, (said, left)):
                    kept += segments

    def record(self, duration_s):
        """What clients say within a while, and what leaves the gateway of it."""
        self.collect()
        self._recorded = [], []
        time.sleep(duration_s)
        self.collect()
        recorded, self._recorded = self._recorded, None
        return recorded

    def forget(self):
        """What left towards victims so far."""
        self.collect()
        self._leaving = []

    def unjudged(self, is_all=False):
        """What left towards a victim beside what may, of connections of which nothing was seen since the last call, or of all;
        those are then forgotten."""
        self.collect()
        with self._lock:
            leaving, self._leaving = self._leaving, []
        fresh = {(one.source, one.destination) for one in leaving}
        self._pending += leaving
        done = [one for one in self._pending if is_all or (one.source, one.destination) not in fresh]
        self._pending = [] if is_all else [one for one in self._pending if (one.source, one.destination) in fresh]
        bad = [text for text in capture.texts(done) if not _is_allowed(text)]
        for ends in {(one.source, one.destination) for one in done if one.payload and any(one.payload in text for text in bad)}:
            print("LEFT", *(one for one in done if (one.source, one.destination) == ends), sep="\n  ", flush=True)
        return bad

    def leaked(self, *words):
        """Those of the words that left towards a victim."""
        self.collect()
        return capture.found_in(self._leaving, *words)


def _is_allowed(text):
    found = ALLOWED.fullmatch(text)
    return bool(found) and any(line.startswith(found["rest"]) for line in BEGUN)


class Load:
    pause_s = PAUSE_S

    def __init__(self, lab, workers):
        """`workers`: how many sessions at a time, by kind."""
        self.lab = lab
        self.outcomes = []
        self.destinations = {kind: [lab.destinations.next(promise, family) for family in FAMILIES]
                             for kind, promise in KINDS.items()}
        self.victims = [one.addresses[0] for one in self.destinations["stripped"]]
        self.watch = Watch(lab, self.victims)
        self._under_way = {}  # by worker: when its session began
        self._serial = itertools.count(1)
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(kind,), daemon=True)
                         for kind, count in workers.items() for _ in range(count)]
        self._threads.append(threading.Thread(target=self._look, daemon=True))

    def start(self):
        self.lab.reset()
        self.lab.wide.start(attacks.ATTACKS["strip"], servers=tuple(self.victims))
        for thread in self._threads:
            thread.start()
        return self

    def stop(self):
        """The sessions under way come to their end first."""
        if self._is_over.is_set():
            return
        self._is_over.set()
        for thread in self._threads:
            thread.join(2 * lines.PATIENCE_S)
        assert not any(thread.is_alive() for thread in self._threads)
        self.watch.collect()

    def letter(self, kind):
        number = next(self._serial)
        destination = self.destinations[kind][number % len(FAMILIES)]
        return Letter(kind, destination.addresses[0], f"you{number}@{destination.domain}",
                      f"secret-{os.getpid()}-{number}-")

    def dialogue(self, kind):
        return Dialogue(self.lab.world.sender, self.letter(kind))

    def _send(self, kind):
        while not self._is_over.is_set():
            dialogue = self.dialogue(kind)
            self._under_way[threading.get_ident()] = dialogue.begun
            self.note(dialogue.go(pause_s=self.pause_s))
            del self._under_way[threading.get_ident()]
            time.sleep(random.uniform(0, self.pause_s))

    def note(self, outcome):
        self.outcomes.append(outcome)

    def _look(self):
        while not self._is_over.wait(0.2):
            self.watch.collect()

    def park(self, places):
        """A session of each (kind, place), each standing there."""
        parked = [self.dialogue(kind) for kind, _ in places]
        with concurrent.futures.ThreadPoolExecutor(len(parked)) as pool:
            ended = list(pool.map(lambda dialogue, place: dialogue.go(until=place[1]), parked, places))
        assert not any(ended), ended
        return parked

    def go_on(self, parked):
        """The outcomes of sessions that stood, {(kind, place where it stood): outcome}."""
        places = [(one.letter.kind, one.place) for one in parked]
        with concurrent.futures.ThreadPoolExecutor(len(parked)) as pool:
            ended = list(pool.map(Dialogue.go, parked))
        self.outcomes += ended
        return dict(zip(places, ended))

    def wait_until_flowing(self, count=5, timeout_s=30):
        """True as soon as so many letters of each honest kind arrived that were begun after now."""
        now, end = time.monotonic(), time.monotonic() + timeout_s
        while time.monotonic() < end:
            sent = collections.Counter(one.letter.kind for one in list(self.outcomes)
                                       if one.begun > now and one.result == "sent")
            if all(sent[kind] >= count for kind in HONEST):
                return True
            time.sleep(0.05)
        return False

    def wait_until_ended(self, timeout_s=2 * lines.PATIENCE_S):
        """Until every session that began before now has come to its end, whatever end."""
        now, end = time.monotonic(), time.monotonic() + timeout_s
        while any(begun < now for begun in list(self._under_way.values())):
            assert time.monotonic() < end
            time.sleep(0.05)

    # What is asked of it

    def since(self, start, *kinds):
        """The outcomes from a number on, of these kinds."""
        return [one for one in self.outcomes[start:] if one.letter.kind in kinds]

    def leaked(self):
        """What left the gateway of letters to the victims, though they promise TLS and the attacker hides it."""
        domains = [b"@" + one.domain.encode() for one in self.destinations["stripped"]]
        return self.watch.leaked(b"RCPT TO:", b"DATA\r\n", b"secret-", *domains)

    def missing(self, start):
        """Letters from a number on that were taken, as their clients believe, and that never came as they should."""
        return self.missing_of(self.since(start, *KINDS))

    def missing_of(self, outcomes):
        arrived = {recipient: letter for letter in list(self.lab.sink.letters) for recipient in letter.recipients}
        return [one for one in outcomes if one.result == "sent" and (
            one.letter.recipient not in arrived or
            arrived[one.letter.recipient].is_tls != (one.letter.kind == "tls") or
            one.letter.secret.encode() not in arrived[one.letter.recipient].text)]
