# SPDX-License-Identifier: GPL-2.0-or-later
"""A client's connection that its kernel began, and that goes on segment by segment: in any order, cut anyhow, said twice, or
twice with something else."""

import contextlib
import fcntl
import socket
import struct
import time

from passage_lab import DATA, checksum

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21  # linux/tcp.h; the socket module does not name them
RECEIVED, SENT = 1, 2
SIOCOUTQ = 0x5411
KERNELS_MARK, IPV6_HDRINCL = 9, 36
SEGMENT_MAX = 1400
PAUSE_S = 0.05


@contextlib.contextmanager
def kernel_silenced(host):
    """The host's kernel says nothing more of connections that go on by hand."""
    rule = ["-t", "raw", "-p", "tcp", "--dport", "25", "-m", "mark", "--mark", str(KERNELS_MARK), "-j", "DROP"]
    for tool in ("iptables", "ip6tables"):
        host.network_command([tool, *rule[:2], "-I", "OUTPUT", *rule[2:]])
    try:
        yield
    finally:
        for tool in ("iptables", "ip6tables"):
            host.network_command([tool, *rule[:2], "-D", "OUTPUT", *rule[2:]])


class ByHand:
    """Takes the stream's place. What it says next begins at 0."""

    def __init__(self, host, stream):
        sock = self.sock = stream.sock
        self.family = 6 if sock.family == socket.AF_INET6 else 4
        self.ends = sock.getsockname()[:2], sock.getpeername()[:2]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, KERNELS_MARK)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        self.start, self.ack = (self._place(which) for which in (SENT, RECEIVED))
        self.heard_from = self.ack
        self.acked, self.octets, self.is_reset = 0, {}, False
        with host.inside():
            self.out = socket.socket(socket.AF_INET6 if self.family == 6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self.cable = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        if self.family == 6:
            self.out.setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
        self.cable.bind(("out0", 3))
        self.cable.setblocking(False)

    def _place(self, which):
        self.sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, which)
        return self.sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) & 0xffffffff

    def close(self):
        for one in (self.out, self.cable, self.sock):
            one.close()

    def send(self, at, payload, flags=DATA):
        (source, source_port), (destination, port) = self.ends
        kind = socket.AF_INET6 if self.family == 6 else socket.AF_INET
        addresses = socket.inet_pton(kind, source) + socket.inet_pton(kind, destination)
        length = 20 + len(payload)
        tcp = struct.pack(">HHIIBBHHH", source_port, port, (self.start + at) % 2 ** 32, self.ack, 0x50, flags, 2000, 0, 0)
        total = checksum(addresses + struct.pack(">II", length, 6), tcp, payload) ^ 0xffff
        tcp = tcp[:16] + struct.pack(">H", total) + tcp[18:]
        if self.family == 4:
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, 6, 0) + addresses
        else:
            ip = struct.pack(">IHBB", 6 << 28, length, 6, 64) + addresses
        self.out.sendto(ip + tcp + payload, (destination, 0))

    def listen(self):
        """Takes in what has come. All that the server said by now."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._take(self.cable.recv(1 << 18))
        text = b""
        while len(text) in self.octets:
            text += self.octets[len(text)]
        return text

    def _take(self, packet):
        begin = (packet[0] & 15) * 4 if packet[0] >> 4 == 4 else 40
        end = struct.unpack_from(">H", packet, 2)[0] if packet[0] >> 4 == 4 else 40 + struct.unpack_from(">H", packet, 4)[0]
        tcp = packet[begin:end]
        if len(tcp) < 20 or struct.unpack_from(">HH", tcp) != (25, self.ends[0][1]):
            return
        seq, ack = struct.unpack_from(">II", tcp, 4)
        self.is_reset |= bool(tcp[13] & 4)
        self.acked = max(self.acked, (ack - self.start + 2 ** 31) % 2 ** 32 - 2 ** 31)
        if payload := tcp[(tcp[12] >> 4) * 4:]:
            self.octets[(seq - self.heard_from) % 2 ** 32] = payload

    def play(self, segments, text, final, patience_s):
        """These, and then the text in order for as long as it does not arrive. What the server said, up to `final`."""
        for at, payload in segments:
            self.send(at, payload)
        pause_s, end = PAUSE_S, time.monotonic() + patience_s
        while time.monotonic() < end and final not in self.listen() and not self.is_reset:
            time.sleep(pause_s)
            pause_s *= 1.5
            for at in range(self.acked, len(text), SEGMENT_MAX):
                self.send(at, text[at:at + SEGMENT_MAX])
        return self.listen()


def all_arrived(stream, patience_s=60):
    """The kernel has nothing left of the stream to say."""
    end = time.monotonic() + patience_s
    while any(fcntl.ioctl(stream.sock, SIOCOUTQ, bytes(4))):
        assert time.monotonic() < end, "still not acknowledged"
        time.sleep(0.01)


LIES = (b"\r\n.", b"\r\n.x", b"x", b"\n.\n", bytes(range(256)))


def mutated(rng, text, lies):
    """The text in segments as no mail server sends it. lies: of some pieces there is another copy that says something else."""
    largest = rng.choice((1, 2, 3, 7, 40, 200, SEGMENT_MAX))
    pieces, at = [], 0
    while at < len(text):
        size = rng.randint(1, largest)
        pieces.append((at, text[at:at + size]))
        at += size
    segments = []
    for at, piece in pieces:
        segments.append((at, piece))
        if rng.random() < 0.3:  # once more, with some of its neighbours
            begin = max(0, at - rng.randrange(1, 30))
            segments.append((begin, text[begin:at + len(piece) + rng.randrange(20)]))
        if lies and rng.random() < 0.3:
            alphabet = rng.choice(LIES)
            begin = max(0, at - rng.randrange(5))
            lie = bytes(rng.choice(alphabet) for _ in range(len(piece) + rng.randrange(5)))
            segments.insert(len(segments) - rng.randrange(2), (begin, lie[:SEGMENT_MAX]))
    reach = rng.choice((0, 0, 1, 2, 6))
    order = sorted(range(len(segments)), key=lambda number: number + rng.randint(0, reach))
    return [segments[number] for number in order]
