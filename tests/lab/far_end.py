# SPDX-License-Identifier: GPL-2.0-or-later
"""Who stands beside the gateway, in the place of a mail server, and makes each packet by hand."""

import contextlib
import socket
import threading

from scapy.layers.inet import IP, TCP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import Dot1Q, Ether
from scapy.utils import checksum

START = 5000  # the far end's first sequence number
REPLIES = {b"EHLO": b"250-nobody\r\n250 SIZE 1000\r\n", b"DATA": b"354 go\r\n", b"QUIT": b"221 bye\r\n"}
BANNER = b"220 nobody ESMTP\r\n"
WINDOW = 60000


class FarEnd:
    """Answers one address in the place of whoever is there; reads each frame and sends what it likes."""

    start = START
    sends_timestamps = False
    opening_options = ()  # of its SYN-ACK

    def __init__(self, lab, address):
        self.router, self.address = lab.world.outside, address
        self.family = 6 if ":" in address else 4
        self.heard = b""       # in the order of sequence numbers
        self.next = None       # the client's octet that comes next
        self.said = self.start + 1  # ours
        self.client = None     # its last frame
        self.ours, self.theirs = 100000, 0  # timestamps
        with self.router.inside():
            self.cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.cable.bind(("in0", 3))
        self.cable.settimeout(0.2)
        self.is_over = False

    @contextlib.contextmanager
    def standing(self):
        tool = "iptables" if self.family == 4 else "ip6tables"
        rule = ("PREROUTING", "-i", "in0", "-d", self.address, "-p", "tcp", "--dport", "25", "-j", "DROP")
        self.router.network_command([tool, "-t", "raw", "-I", *rule])
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield self
        finally:
            self.is_over = True
            thread.join()
            self.router.network_command([tool, "-t", "raw", "-D", *rule])
            self.cable.close()

    @property
    def layer(self):
        return IP if self.family == 4 else IPv6

    def _run(self):
        while not self.is_over:
            try:
                octets, where = self.cable.recvfrom(65536)
            except TimeoutError:
                continue
            frame = Ether(octets)
            if where[2] == socket.PACKET_OUTGOING or self.layer not in frame or TCP not in frame:
                continue
            if (frame[self.layer].dst, frame[TCP].dport) == (self.address, 25):
                self.client = frame
                self.theirs = dict(one for one in frame[TCP].options if len(one) == 2).get("Timestamp", (self.theirs, 0))[0]
                length = frame[IP].len - 20 if self.family == 4 else frame[IPv6].plen
                self.hear(frame[TCP], bytes(frame[TCP].payload)[:length - frame[TCP].dataofs * 4])

    def packet(self, flags, seq=None, ack=None, text=b"", from_client=False, ip=None, between=None, **fields):
        """One in our name, or from_client in its. ip: fields of that header; between: extension headers; fields: of TCP's."""
        heard, layer = self.client, self.layer
        ends = (heard[layer].src, heard[layer].dst, heard[TCP].sport, 25)
        if not from_client:
            ends = (ends[1], ends[0], ends[3], ends[2])
        if self.sends_timestamps and "options" not in fields:
            self.ours += 1
            fields["options"] = [("NOP", None), ("NOP", None), ("Timestamp", (self.ours, self.theirs))]
        fields.setdefault("window", WINDOW)
        head = layer(src=ends[0], dst=ends[1], **(ip or {}))
        segment = TCP(sport=ends[2], dport=ends[3], flags=flags, seq=(self.said if seq is None else seq) % 2**32,
                      ack=(self.next if ack is None else ack) % 2**32, **fields) / text
        return head / between / segment if between else head / segment

    def put(self, packet, tags=()):
        """A packet of scapy's, or octets; behind tags of VLAN 0, by their types."""
        frame = Ether(src=self.client.dst, dst=self.client.src)
        for kind in tags:
            frame.lastlayer().type = kind
            frame /= Dot1Q(vlan=0)
        frame.lastlayer().type = 0x800 if self.family == 4 else 0x86dd
        self.cable.send(bytes(frame) + bytes(packet))

    def send(self, flags, **how):
        """To the client; or, from_client, in its name to us, by way of the gateway."""
        self.put(self.packet(flags, **how))

    def say(self, text, **how):
        self.send("PA", text=text, **how)
        self.said += len(text)

    def open(self, segment):
        """What becomes of a SYN."""
        self.next = segment.seq + 1
        options = list(self.opening_options)
        if self.sends_timestamps:
            options.append(("Timestamp", (self.ours, self.theirs)))
        self.send("SA", seq=self.start, options=options)

    def hear(self, segment, text):
        if text[:4] == b"BDAT":  # our own, from the gateway
            return
        if segment.flags & 0x02:
            self.open(segment)
        elif segment.flags & 0x04:
            self.next = None
        elif self.next is not None and segment.seq == self.next % 2**32:
            if not self.heard and not text and self.said == self.start + 1:
                self.say(BANNER)
            self.next += len(text)
            self.heard += text
            if text:
                self.answer(text)

    def answer(self, text):
        self.say(REPLIES.get(text[:4].upper(), b"250 ok\r\n"))


def pieces(packet, number=78):
    """Fragments, of which one cuts the TCP header (but with IPv6, where RFC 7112 forbids that)."""
    if IP in packet:
        packet[IP].id = number
        return fragment(IP(bytes(packet)), fragsize=16)
    whole = IPv6(bytes(packet))
    head = IPv6(src=whole.src, dst=whole.dst) / IPv6ExtHdrFragment(id=number)
    return fragment6(head / whole[TCP], 40 + 8 + 24)


def with_checksum(octets):
    """An IPv4 or IPv6 packet without other headers whose TCP checksum is right again."""
    is_v4 = octets[0] >> 4 == 4
    at, ends = (20, octets[12:20]) if is_v4 else (40, octets[8:40])
    tcp = bytearray(octets[at:])
    tcp[16:18] = b"\0\0"
    about = b"\0\x06" + len(tcp).to_bytes(2, "big") if is_v4 else len(tcp).to_bytes(4, "big") + b"\0\0\0\x06"
    tcp[16:18] = checksum(ends + about + bytes(tcp)).to_bytes(2, "big")
    return octets[:at] + bytes(tcp)
