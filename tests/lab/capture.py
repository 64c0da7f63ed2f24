# SPDX-License-Identifier: GPL-2.0-or-later
"""What really travels on a cable: every TCP segment with data, put in order by its sequence number.

Stronger than a server's log: a segment that no socket would have accepted is here as well.
"""

import collections
import socket
import struct

ETH_P_ALL = 3
SO_RCVBUFFORCE, SOL_PACKET, PACKET_STATISTICS = 33, 263, 6  # the socket module does not name them
FRAME_MAX = 1 << 18   # segmentation is left to the last cable, so frames may be large
BUFFER_MAX = 1 << 27

Segment = collections.namedtuple("Segment", "source destination sequence flags payload")
FIN, SYN, RST = 1, 2, 4


class Capture:
    """Listens on one interface of a host. The kernel keeps the frames until somebody asks."""

    def __init__(self, host, interface):
        self._segments = []
        with host.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_MAX)
            self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)

    def close(self):
        self._socket.close()

    def reset(self):
        self._read()
        self._segments = []

    def _read(self):
        while True:
            try:
                segment = _parse(self._socket.recv(FRAME_MAX))
            except BlockingIOError:
                break
            if segment:
                self._segments.append(segment)
        dropped = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        if dropped:
            raise OverflowError(f"{dropped} frames were not captured")

    def segments(self):
        self._read()
        return list(self._segments)

    def take(self):
        """The segments since the last reset or take, which are then forgotten: for loads that no memory could keep."""
        self._read()
        taken, self._segments = self._segments, []
        return taken

    def saw(self, *words, port=25):
        """Those of the words that were seen on the way to the port: whole in one segment, or over several."""
        return found_in([segment for segment in self.segments() if segment.destination[1] == port], *words)


def found_in(segments, *words):
    """Those of the words that the segments hold: whole in one, or over several of a connection."""
    octets = [*texts(segments), *(segment.payload for segment in segments)]
    return [word for word in words if any(word in text for text in octets)]


def texts(segments):
    """What each direction of each connection says, put in order."""
    return list(map(_in_order, _directions(segments)))


def _directions(segments):
    """Those with data, by connection and direction. A SYN begins one, since ports are used again."""
    directions, current = [], {}
    for segment in segments:
        ends = segment.source, segment.destination
        if segment.flags & SYN:
            current.pop(ends, None)
        if not segment.payload:
            continue
        if ends not in current:
            current[ends] = []
            directions.append(current[ends])
        current[ends].append(segment)
    return directions


def _in_order(segments):
    start = segments[0].sequence
    text = bytearray()
    for segment in sorted(segments, key=lambda one: (one.sequence - start + 2**31) % 2**32):
        offset = (segment.sequence - start + 2**31) % 2**32 - 2**31
        if offset < 0:
            text[:0] = bytes(-offset)
            start, offset = segment.sequence, 0
        if offset > len(text) + FRAME_MAX:
            continue  # forged, far out of the window
        text.extend(bytes(max(0, offset - len(text))))
        text[offset:offset + len(segment.payload)] = segment.payload
    return bytes(text)


def _parse(frame):
    kind = frame[12:14]
    packet = frame[14:]
    if kind == b"\x08\x00" and len(packet) >= 20 and packet[9] == 6:
        header = (packet[0] & 15) * 4
        length = struct.unpack_from("!H", packet, 2)[0] or len(packet)
        source, destination = (socket.inet_ntop(socket.AF_INET, packet[at:at + 4]) for at in (12, 16))
        return _parse_tcp(source, destination, packet[header:length])
    if kind == b"\x86\xdd" and len(packet) >= 40 and packet[6] == 6:
        length = struct.unpack_from("!H", packet, 4)[0]
        source, destination = (socket.inet_ntop(socket.AF_INET6, packet[at:at + 16]) for at in (8, 24))
        return _parse_tcp(source, destination, packet[40:40 + length] if length else packet[40:])
    return None


def _parse_tcp(source, destination, octets):
    if len(octets) < 20:
        return None
    source_port, destination_port, sequence = struct.unpack_from("!HHI", octets)
    offset, flags = (octets[12] >> 4) * 4, octets[13]
    return Segment((source, source_port), (destination, destination_port), sequence, flags, octets[offset:])
