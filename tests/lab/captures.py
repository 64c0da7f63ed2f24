# SPDX-License-Identifier: GPL-2.0-or-later
"""Captures made by hand: dialogues of tests/dialogues as TCP connections, in frames of every link type, in pcap and
pcapng files of every kind, octet by octet: a library would write no lengths that lie."""

import ipaddress
import os
import re
import struct

import servers
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether

DIALOGUES = os.path.join(servers.REPOSITORY, "tests", "dialogues")
BEGAN = 1795341600  # 2026-11-22T10:00:00Z
PAUSE_S = 5

IPV4, IPV6 = 0x0800, 0x86dd
FRAMES = {  # name: (number of the link type, what stands before an IP packet)
    "ethernet": (1, lambda kind: bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=kind))),
    "vlan": (1, lambda kind: bytes(Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01") / Dot1Q(vlan=7, type=kind))),
    "double-vlan": (1, lambda kind: bytes(Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01", type=0x88a8) /
                                          Dot1AD(vlan=9, type=0x8100) / Dot1Q(vlan=7, type=kind))),
    "cooked": (113, lambda kind: bytes(CookedLinux(lladdrlen=6, proto=kind))),
    "cooked-vlan": (113, lambda kind: bytes(CookedLinux(lladdrlen=6, proto=0x8100)) + struct.pack(">HH", 7, kind)),
    "cooked2": (276, lambda kind: bytes(CookedLinuxV2(lladdrlen=6, proto=kind))),
    "cooked2-vlan": (276, lambda kind: bytes(CookedLinuxV2(lladdrlen=6, proto=0x8100)) + struct.pack(">HH", 7, kind)),
    "raw": (101, lambda kind: b""),
    "ipv4": (228, lambda kind: b""),
    "ipv6": (229, lambda kind: b""),
    "null": (0, lambda kind: struct.pack("<I", 2 if kind == IPV4 else 24)),
    "null-big-endian": (0, lambda kind: struct.pack(">I", 2 if kind == IPV4 else 30)),
    "loop": (108, lambda kind: struct.pack(">I", 2 if kind == IPV4 else 24)),
}
ETHERNET = FRAMES["ethernet"][0]
ARP_FRAME = bytes(Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="192.0.2.2", pdst="192.0.2.1"))


def _unescape(text):
    text = re.sub(r"\\\{(.*?)\*(\d+)\}", lambda found: found[1] * int(found[2]), text)
    octets = re.sub(rb"\\(x[0-9a-fA-F]{2}|.)", lambda found: bytes([int(found[1][1:], 16)]) if found[1][:1] == b"x" else
                    {b"r": b"\r", b"n": b"\n"}.get(found[1], found[1]), text.encode("latin-1"))
    return octets


def read_dialogue(name):
    """[(is_client, octets)], None for a pause; tests/dialogues/dialogue.h says how it is written."""
    said = []
    with open(os.path.join(DIALOGUES, name, "dialogue.txt"), encoding="latin-1") as file:
        for line in file.read().split("\n"):
            if not line or line.startswith("#"):
                continue
            if line.startswith("~"):
                said.append(None)
                continue
            text = line[3:] if line[2:3] == " " else line[2:]
            octets = _unescape(text) + (b"" if line[1] == ">" else b"\r\n")
            if line[1] == "+":
                said[-1] = (said[-1][0], said[-1][1] + octets)
            else:
                said.append((line[0] == "C", octets))
    return said


class Connection:
    """One TCP connection as packets: a list of [time, IP packet]."""

    def __init__(self, client="192.0.2.2", server="198.51.100.25", client_port=40112, server_port=25, began=BEGAN):
        self.packets = []
        self.now = began
        self._ends = {True: (client, client_port), False: (server, server_port)}
        self._next = {True: 1000, False: 4000000000}

    def send(self, is_client, flags="A", payload=b""):
        (source, source_port), (target, target_port) = self._ends[is_client], self._ends[not is_client]
        ip = (IPv6 if ipaddress.ip_address(source).version == 6 else IP)(src=source, dst=target)
        segment = TCP(sport=source_port, dport=target_port, flags=flags, seq=self._next[is_client],
                      ack=self._next[not is_client] if "A" in flags else 0, window=64240)
        self.packets.append([self.now, bytes(ip / segment / payload)])
        self._next[is_client] = (self._next[is_client] + len(payload) + ("S" in flags) + ("F" in flags)) % 2**32
        self.now += 0.01

    def open(self):
        self.send(True, "S")
        self.send(False, "SA")
        self.send(True)
        return self

    def play(self, dialogue):
        for said in dialogue:
            if said is None:
                self.now += PAUSE_S
                continue
            is_client, octets = said
            for at in range(0, len(octets), 1400):
                self.send(is_client, "PA", octets[at:at + 1400])
                self.send(not is_client)
        return self

    def close(self, is_client=True):
        self.send(is_client, "FA")
        self.send(not is_client, "FA")
        self.send(is_client)
        return self


def connection(dialogue, family=4, **how):
    """The packets of a whole connection; of a "midstream-" dialogue neither beginning nor end."""
    if family == 6:
        how = {"client": "2001:db8:1::2", "server": "2001:db8:2::25", **how}
    one = Connection(**how)
    if dialogue.startswith("midstream-"):
        return one.play(read_dialogue(dialogue)).packets
    return one.open().play(read_dialogue(dialogue)).close().packets


def framed(packets, link="ethernet"):
    before = FRAMES[link][1]
    return [(when, before(IPV4 if packet[0] >> 4 == 4 else IPV6) + packet) for when, packet in packets]


def pcap(frames, link=ETHERNET, order="<", is_nano=False, snap=262144):
    """A classic file; `frames` are (time, octets)."""
    text = struct.pack(order + "IHHiIII", 0xa1b23c4d if is_nano else 0xa1b2c3d4, 2, 4, 0, 0, snap, link)
    for when, octets in frames:
        whole = int(when)
        part = round((when - whole) * (10**9 if is_nano else 10**6))
        kept = octets[:snap]
        text += struct.pack(order + "IIII", whole, part, len(kept), len(octets)) + kept
    return text


def _block(order, kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(frames, link=ETHERNET, order="<", is_nano=False, snap=262144):
    """One section, one interface, enhanced packet blocks."""
    text = _block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))
    option = struct.pack(order + "HHBxxxHH", 9, 1, 9, 0, 0) if is_nano else b""  # if_tsresol
    text += _block(order, 1, struct.pack(order + "HHI", link, 0, snap) + option)
    for when, octets in frames:
        ticks = round(when * 10**6) * (1000 if is_nano else 1)
        kept = octets[:snap]
        text += _block(order, 6, struct.pack(order + "IIIII", 0, ticks >> 32, ticks & 0xffffffff, len(kept),
                                             len(octets)) + kept)
    return text
