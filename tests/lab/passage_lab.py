# SPDX-License-Identifier: GPL-2.0-or-later
"""Segments of message bodies, put on a cable one by one, and what of them a gateway's eBPF program lets by.

What it decides is compared with an oracle that keeps all that passed and looks at each octet: Oracle. The rows' gateway forwards
by the match alone; all else towards port 25 is dropped there, so that what arrives is what passed.
"""

import contextlib
import random
import re
import socket
import struct
import subprocess

import namespaces
import rules_world
import servers

SOL_PACKET, PACKET_VNET_HDR, SO_RCVBUFFORCE = 263, 15, 33
GSO_TCPV4, GSO_TCPV6, NEEDS_CSUM = 1, 4, 1
MARK = re.compile(rb"[\r\n]\.[\r\n]")
OPEN = re.compile(rb"[\r\n]\.\Z")
FIN, SYN, RST, PSH, ACK, URG = (1 << bit for bit in range(6))
DATA = PSH | ACK
PORT, DONE_PORT = 25, 9


class Oracle:
    def __init__(self, seq, tail):
        self.seq, self.passed, self.is_armed = seq, tail, True

    def takes(self, seq, payload, flags=DATA, odd=False):
        if not self.is_armed or not (payload or odd or flags & (FIN | SYN | RST | URG)):
            return False
        after = self.passed + payload
        self.is_armed = (bool(payload) and seq == self.seq and not odd and flags & ~PSH == ACK
                         and not MARK.search(after) and not OPEN.search(after))
        if self.is_armed:
            self.passed, self.seq = after, (seq + len(payload)) & 0xffffffff
        return self.is_armed

    @property
    def place(self):
        return f"{self.seq} {self.passed[-2:].hex()}"


def checksum(*parts):
    octets = b"".join(parts)
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f">{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


class World(rules_world.Row):
    """The row, with a table of flows on its gateway."""

    def __init__(self):
        super().__init__()
        self.flows = self.gateway.spawn([servers.test_tool("body_flows")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.pin = self.flows.stdout.readline().strip()
        if not self.pin:
            raise namespaces.LabError(self.flows.stderr.read())
        self.near_mac, self.far_mac = (bytes.fromhex(self._mac(host, name).replace(":", ""))
                                       for host, name in ((self.gateway, "toclient"), (self.client, "out")))
        self.sender = self._packet_socket(self.client)
        self.receiver = self._packet_socket(self.server)
        self.receiver.settimeout(5)
        self.port = 40000
        # Its own words about segments of connections that it does not know are of no interest.
        for program in ("iptables-nft", "ip6tables-nft"):
            self.server.run([program, "-I", "OUTPUT", "-p", "tcp", "--tcp-flags", "RST", "RST", "-j", "DROP"])

    @staticmethod
    def _mac(host, name):
        return re.search(r"link/ether (\S+)", host.network_command(["ip", "link", "show", name])).group(1)

    @staticmethod
    def _packet_socket(host):
        with host.inside():
            one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        one.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        one.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        one.bind(("out", 0x0003))
        return one

    def close(self):
        self.sender.close()
        self.receiver.close()
        self.flows.stdin.close()
        self.flows.wait(10)
        super().close()

    @contextlib.contextmanager
    def matching(self, backend):
        """What the program passes is forwarded, and nothing else to port 25."""
        kind = "legacy" if backend == "iptables-legacy" else "nft"
        rules = [f"-A FORWARD -p tcp --dport {PORT} -m bpf --object-pinned {self.pin} -j ACCEPT",
                 f"-A FORWARD -p tcp --dport {PORT} -j DROP"]
        for family in ("", "6"):
            self.gateway.run([f"ip{family}tables-{kind}-restore"], input="\n".join(["*mangle", *rules, "COMMIT", ""]))
        try:
            yield
        finally:
            for family in ("", "6"):
                self.gateway.run([f"ip{family}tables-{kind}-restore"], input="*mangle\nCOMMIT\n")

    # The table

    def say(self, verb, family, *more, port=None, interface="toclient"):
        ends = rules_world.ADDRESS[family]
        words = [verb, ends["client"], port or self.port, ends["server"], PORT, interface, *more]
        self.flows.stdin.write(" ".join(map(str, words)) + "\n")
        self.flows.stdin.flush()
        return self.flows.stdout.readline().strip()

    def arm(self, family, seq, tail=b"\r\n"):
        assert self.say("arm", family, seq, tail.hex()) == "ok"
        return Oracle(seq, tail)

    def take_back(self, family):
        return self.say("back", family)

    # The cable

    def segment(self, family, seq, payload, flags=DATA, odd=False, destination_port=PORT):
        """As one packet, with headers that a large one leaves to be filled in by whoever cuts it up."""
        ends = rules_world.ADDRESS[family]
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        addresses = socket.inet_pton(kind, ends["client"]) + socket.inet_pton(kind, ends["server"])
        tcp_len = 20 + len(payload)
        is_large = tcp_len > 1460
        pseudo = addresses + struct.pack(">HHI", 0, 6, tcp_len)
        tcp = struct.pack(">HHIIBBHHH", self.port, destination_port, seq, 1, 0x50, flags, 1000, 0, 0)
        total = checksum(pseudo) if is_large else checksum(pseudo, tcp, payload) ^ 0xffff
        tcp = tcp[:16] + struct.pack(">H", total) + tcp[18:]
        if family == 4:
            ip = struct.pack(">BBHHHBBH", 0x46 if odd else 0x45, 0, 20 + 4 * odd + tcp_len, 1, 0x4000, 64, 6, 0) + addresses
            ip += b"\x01\x01\x01\x00" if odd else b""
            ip = ip[:10] + struct.pack(">H", checksum(ip) ^ 0xffff) + ip[12:]
            link = b"\x08\x00"
        else:
            ip = struct.pack(">IHBB", 6 << 28, tcp_len + 8 * odd, 60 if odd else 6, 64) + addresses
            ip += b"\x06\x00\x01\x04\x00\x00\x00\x00" if odd else b""
            link = b"\x86\xdd"
        start = 14 + len(ip)
        head = struct.pack("<BBHHHH", NEEDS_CSUM, GSO_TCPV4 if family == 4 else GSO_TCPV6, start + 20, 1440, start, 16)
        return (head if is_large else bytes(10)) + self.near_mac + self.far_mac + link + ip + tcp + payload

    def deliver(self, packets):
        """Puts them on the cable; what arrived of them at the far end, as (seq, flags, payload), in order."""
        for packet in packets:
            self.sender.send(packet)
        self.sender.send(self.segment(4, 0, b"", destination_port=DONE_PORT))
        arrived = []
        while True:
            frame = self.receiver.recv(70000)[10:]
            ip = frame[14:]
            start = (ip[0] & 15) * 4 if ip[0] >> 4 == 4 else 40 + (8 if ip[6] == 60 else 0)
            tcp = ip[start:]
            if frame[:6] == b"\xff" * 6 or len(tcp) < 20 or tcp[0:2] != struct.pack(">H", self.port):
                continue
            if tcp[2:4] == struct.pack(">H", DONE_PORT):
                return arrived
            length = struct.unpack(">H", ip[2:4])[0] if ip[0] >> 4 == 4 else 40 + struct.unpack(">H", ip[4:6])[0]
            arrived.append((struct.unpack(">I", tcp[4:8])[0], tcp[13], bytes(tcp[(tcp[12] >> 4) * 4:length - start])))


def random_segments(rng, seq):
    """Of a random text: cut at random, now and then out of order, said twice, or with more in its headers than text has."""
    alphabet = rng.choice([b"\r\n.", b"\r\n.x", b"\r\n..abcdefghijkl", bytes(range(256))])
    text = bytes(rng.choice(alphabet) for _ in range(rng.choice((30, 60, 200))))
    if rng.random() < 0.3:
        text = text[:20] + bytes(rng.choice(b"abc\r\n") for _ in range(60000)) + text[20:]
    at = 0
    while at < len(text):
        size = rng.choice((1, 2, 3, 7, 20, 1448, rng.randrange(1, 60000)))
        begin = rng.randrange(len(text)) if rng.random() < 0.05 else at
        flags = rng.choice((ACK | FIN, ACK | URG, ACK | RST, ACK | SYN)) if rng.random() < 0.03 else rng.choice((ACK, DATA))
        payload = text[begin:begin + size]
        # A large one with more in its headers does not fit the cable (IPv6 cuts nothing on the way): it ends before any rule.
        yield ((seq + begin) & 0xffffffff, payload, flags, rng.random() < 0.02 and len(payload) < 1400)
        if begin == at:
            at += size


def streams(seed):
    rng = random.Random(seed)
    while True:
        seq = rng.choice((rng.randrange(1 << 32), 0xffffffff - rng.randrange(40)))
        yield seq, bytes(rng.choice(b"\r\n.x") for _ in range(2)), list(random_segments(rng, seq))
