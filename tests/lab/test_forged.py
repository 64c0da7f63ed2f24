# SPDX-License-Identifier: GPL-2.0-or-later
"""Who stands beside the gateway and makes each packet by hand: whatever he makes the client's kernel believe, no recipient
of a promised destination leaves in clear."""

import contextlib
import time

import lines
import pytest
from far_end import BANNER, START, FarEnd

PATIENCE_S = 8


class SimultaneousOpen(FarEnd):
    """Answers a SYN by a SYN, as if it opened, too (RFC 9293 section 3.5)."""

    def open(self, segment):
        self.next = segment.seq + 1
        self.send("S", seq=START, ack=0)

    def hear(self, segment, text):
        if segment.flags & 0x12 == 0x12:
            self.send("A")
            self.say(BANNER)
        else:
            super().hear(segment, text)


class ClientOfItsOwn(FarEnd):
    """Says in the client's name how many octets of a message will follow, and has the gateway read them as such."""

    def answer(self, text):
        if text[:4] == b"EHLO":
            self.send("PA", ack=self.said, seq=self.next, text=b"BDAT 99999\r\n", from_client=True)
        super().answer(text)


def converse(stream, recipient):
    replies = [stream.reply()]
    for line in (b"EHLO a\r\n", b"MAIL FROM:<a-longer-name@client.example>\r\nRCPT TO:<%s>\r\n" % recipient,
                 b"DATA\r\n", b"\r\nsecret\r\n.\r\n"):
        stream.send(line)
        replies.append(stream.reply())
    return replies


def play(lab, kind):
    """What the far end heard, and the recipient."""
    lab.reset()
    destination = lab.destinations.next("protected", 4)
    recipient = f"u@{destination.domain}".encode()
    with kind(lab, destination.addresses[0]).standing() as far_end:
        with contextlib.suppress(lines.Closed):
            converse(lines.dial(lab.world.sender, (destination.addresses[0], 25), patience_s=PATIENCE_S), recipient)
        time.sleep(0.5)
    return far_end.heard, recipient


@pytest.mark.parametrize("kind", [FarEnd, SimultaneousOpen, ClientOfItsOwn])
def test_without_the_guard_he_has_the_recipient(lab, kind):
    lab.guard_at(None)
    heard, recipient = play(lab, kind)
    assert recipient in heard and lab.behind.saw(recipient)


@pytest.mark.parametrize("kind", [FarEnd, SimultaneousOpen, ClientOfItsOwn])
@pytest.mark.parametrize("place", ["routed", "host"])
def test_no_recipient_of_a_promised_domain_leaves_in_clear(lab, place, kind):
    lab.guard_at(place)
    heard, recipient = play(lab, kind)
    assert not lab.behind.saw(recipient, b"u@", b"RCPT TO:", b"secret"), heard
