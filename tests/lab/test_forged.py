# SPDX-License-Identifier: GPL-2.0-or-later
"""Who stands beside the gateway and makes each packet by hand: whatever he makes the client's kernel believe, no recipient
of a promised destination leaves in clear."""

import contextlib
import socket
import threading
import time

import lines
import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

PATIENCE_S = 8
START = 5000  # the far end's first sequence number
REPLIES = {b"EHLO": b"250-nobody\r\n250 SIZE 1000\r\n", b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}


class FarEnd:
    """Answers one address in the place of whoever is there; reads each frame and sends what it likes."""

    def __init__(self, lab, address):
        self.router, self.address = lab.world.outside, address
        self.heard = b""       # in the order of sequence numbers
        self.next = None       # the client's octet that comes next
        self.said = START + 1  # ours
        self.client = None     # its last frame
        with self.router.inside():
            self.cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.cable.bind(("in0", 3))
        self.cable.settimeout(0.2)
        self.is_over = False

    @contextlib.contextmanager
    def standing(self):
        rule = ("PREROUTING", "-i", "in0", "-d", self.address, "-p", "tcp", "--dport", "25", "-j", "DROP")
        self.router.network_command(["iptables", "-t", "raw", "-I", *rule])
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self.is_over = True
            thread.join()
            self.router.network_command(["iptables", "-t", "raw", "-D", *rule])
            self.cable.close()

    def _run(self):
        while not self.is_over:
            try:
                octets, where = self.cable.recvfrom(65536)
            except TimeoutError:
                continue
            frame = Ether(octets)
            if where[2] == socket.PACKET_OUTGOING or IP not in frame or TCP not in frame:
                continue
            if (frame[IP].dst, frame[TCP].dport) == (self.address, 25):
                self.client = frame
                self.hear(frame[TCP], bytes(frame[TCP].payload)[:frame[IP].len - 20 - frame[TCP].dataofs * 4])

    def send(self, flags, seq=None, ack=None, text=b"", from_client=False):
        """To the client; or, from_client, in its name to us, by way of the gateway."""
        heard = self.client
        ends = (heard[IP].src, heard[IP].dst, heard[TCP].sport, 25)
        if not from_client:
            ends = (ends[1], ends[0], ends[3], ends[2])
        segment = Ether(src=heard.dst, dst=heard.src) / IP(src=ends[0], dst=ends[1]) / TCP(
            sport=ends[2], dport=ends[3], flags=flags, window=60000, seq=self.said if seq is None else seq,
            ack=self.next if ack is None else ack) / text
        self.cable.send(bytes(segment))

    def say(self, text):
        self.send("PA", text=text)
        self.said += len(text)

    def open(self, segment):
        """What becomes of a SYN."""
        self.next = segment.seq + 1
        self.send("SA", seq=START)

    def hear(self, segment, text):
        if text[:4] == b"BDAT":  # our own, from the gateway
            return
        if segment.flags == "S":
            self.open(segment)
        elif segment.flags & 0x04:
            self.next = None
        elif self.next is not None and segment.seq == self.next:
            if not self.heard and not text and self.said == START + 1:
                self.say(b"220 nobody ESMTP\r\n")
            self.next += len(text)
            self.heard += text
            if text:
                self.answer(text)

    def answer(self, text):
        self.say(REPLIES.get(text[:4].upper(), b"250 ok\r\n"))


class SimultaneousOpen(FarEnd):
    """Answers a SYN by a SYN, as if it opened, too (RFC 9293 section 3.5)."""

    def open(self, segment):
        self.next = segment.seq + 1
        self.send("S", seq=START, ack=0)

    def hear(self, segment, text):
        if segment.flags == "SA":
            self.send("A")
            self.say(b"220 nobody ESMTP\r\n")
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


@pytest.mark.parametrize("kind", [FarEnd, SimultaneousOpen, ClientOfItsOwn])
@pytest.mark.parametrize("place", ["routed", "host"])
def test_no_recipient_of_a_promised_domain_leaves_in_clear(lab, place, kind):
    lab.guard_at(place)
    lab.reset()
    destination = lab.destinations.next("protected", 4)
    recipient = f"u@{destination.domain}".encode()
    with kind(lab, destination.addresses[0]).standing() as far_end:
        with contextlib.suppress(lines.Closed):
            converse(lines.dial(lab.world.sender, (destination.addresses[0], 25), patience_s=PATIENCE_S), recipient)
        time.sleep(0.5)
    assert not lab.behind.saw(recipient, b"u@", b"RCPT TO:", b"secret"), far_end.heard
