# SPDX-License-Identifier: GPL-2.0-or-later
"""The module's own words (kmod/xt_smtpbody.h), spoken from here, and segments that are made octet by octet."""

import contextlib
import ipaddress
import itertools
import os
import socket
import struct

from rules_world import ADDRESS

NETLINK_GENERIC, GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 16, 3
NLMSG_ERROR, NLM_F_REQUEST, NLM_F_ACK = 2, 1, 4
INFO, ARM, LOOK, TAKE_BACK, FORGET, FORGET_ALL = range(1, 7)
(INTERFACE, FAMILY, SOURCE, DESTINATION, SOURCE_PORT, DESTINATION_PORT, INGRESS, ZONE, NEXT_SEQ, TAIL, ARMED, OWNER, TIMEOUT,
 FLOWS, FLOWS_MAX, SEGMENTS, OCTETS, FROZEN, ANSWER_SEQ, ANSWER_INGRESS, ACKED, WINDOW, TIMESTAMP) = range(2, 25)
ARMING = {"owner": (OWNER, "=I"), "timeout": (TIMEOUT, "=I"), "answer_seq": (ANSWER_SEQ, "=I"), "by": (ANSWER_INGRESS, "=I"),
          "acked": (ACKED, "=I"), "window": (WINDOW, "=H"), "timestamp": (TIMESTAMP, "=I")}
NUMBERS = {1: "=B", 2: "=H", 4: "=I", 8: "=Q"}


def attributes(pairs):
    return b"".join(struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4) for kind, value in pairs)


def read_attributes(octets):
    found = {}
    while octets:
        length, kind = struct.unpack_from("=HH", octets)
        found[kind] = octets[4:length]
        octets = octets[-(-length // 4) * 4:]
    return found


class Family:
    """A socket in that host's network. What is refused is an OSError with the kernel's number."""

    def __init__(self, host):
        self._socket = host.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self._socket.bind((0, 0))
        self._serial = itertools.count(1)
        answer = self._ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, attributes([(2, b"smtpbody\0")]))
        self._number = struct.unpack("=H", answer[1])[0]

    def close(self):
        self._socket.close()

    def _ask(self, kind, command, octets, flags=0):
        body = struct.pack("=BBH", command, 1, 0) + octets
        self._socket.send(struct.pack("=IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, next(self._serial), 0) + body)
        answer = self._socket.recv(65536)
        if struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR:
            error = struct.unpack_from("=i", answer, 16)[0]
            if error:
                raise OSError(-error, os.strerror(-error))
            return {}
        return read_attributes(answer[20:])

    def ask(self, command, pairs=(), acknowledged=False):
        return self._ask(self._number, command, attributes(pairs), NLM_F_ACK if acknowledged else 0)

    def arm(self, flow, next_seq, tail=b"\r\n", **more):
        pairs = [(NEXT_SEQ, struct.pack("=I", next_seq & 0xffffffff)), (TAIL, tail)]
        pairs += [(ARMING[name][0], struct.pack(ARMING[name][1], value)) for name, value in more.items()]
        self.ask(ARM, flow.attributes() + pairs, acknowledged=True)

    def place(self, command, flow):
        """(next sequence number, last two octets, whether it is armed), None where it is not known."""
        try:
            found = self.ask(command, flow.attributes())
        except ProcessLookupError:
            return None
        return struct.unpack("=I", found[NEXT_SEQ])[0], found[TAIL], found[ARMED] == b"\1"

    def answers(self, flow):
        """(last acknowledgement that passed, its window, latest timestamp), None where none may pass."""
        found = self.ask(LOOK, flow.attributes())
        return tuple(struct.unpack(NUMBERS[len(found[kind])], found[kind])[0]
                     for kind in (ACKED, WINDOW, TIMESTAMP)) if ACKED in found else None

    def look(self, flow):
        return self.place(LOOK, flow)

    def take_back(self, flow):
        return self.place(TAKE_BACK, flow)

    def forget_all(self, owner=None):
        self.ask(FORGET_ALL, [] if owner is None else [(OWNER, struct.pack("=I", owner))], acknowledged=True)

    def total(self, kind):
        value = self.ask(INFO)[kind]
        return struct.unpack(NUMBERS[len(value)], value)[0]


class Flow:
    def __init__(self, client, server, source_port, ingress=0, zone=0, port=25):
        self.client, self.server = ipaddress.ip_address(client), ipaddress.ip_address(server)
        self.source_port, self.port, self.ingress, self.zone = source_port, port, ingress, zone

    @property
    def family(self):
        return self.client.version

    def attributes(self):
        return [(FAMILY, bytes([socket.AF_INET if self.family == 4 else socket.AF_INET6])), (SOURCE, self.client.packed),
                (DESTINATION, self.server.packed), (SOURCE_PORT, struct.pack("!H", self.source_port)),
                (DESTINATION_PORT, struct.pack("!H", self.port)), (INGRESS, struct.pack("=I", self.ingress)),
                (ZONE, struct.pack("=H", self.zone))]

    def other(self, **changed):
        return Flow(**{**dict(client=self.client, server=self.server, source_port=self.source_port, ingress=self.ingress,
                              zone=self.zone, port=self.port), **changed})

    @property
    def back(self):
        """The way of the answers."""
        return self.other(client=self.server, server=self.client, source_port=self.port, port=self.source_port)


FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
TIMESTAMPS = b"\1\1\x08\x0a" + bytes(8)


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets[:len(octets) & ~1])) + (octets[-1] << 8 if len(octets) & 1 else 0)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def tcp(flow, seq, payload=b"", flags=ACK | PSH, options=TIMESTAMPS, reserved=0, sum_xor=0, is_partial=False, acked=1):
    """With is_partial the sum is left to the card: only that of the pseudo header is there."""
    header = struct.pack("!HHIIBBHHH", flow.source_port, flow.port, seq & 0xffffffff, acked & 0xffffffff, (5 + len(options) // 4) << 4 | reserved,
                         flags, 1000, 0, 0) + options
    length = len(header) + len(payload)
    pseudo = flow.client.packed + flow.server.packed + struct.pack("!IxxxB", length, 6)
    found = ~checksum(pseudo) & 0xffff if is_partial else checksum(pseudo + header + payload)
    return header[:16] + struct.pack("!H", found ^ sum_xor) + header[18:] + payload


def packet(flow, octets, *, options=b"", fragment=0, extension=None, protocol=6):
    """An IP packet around them. `options` are IPv4's; `extension` is (its number, its octets) before TCP in IPv6."""
    if flow.family == 4:
        header = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(octets), 7, fragment,
                             64, protocol, 0) + flow.client.packed + flow.server.packed + options
        return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + octets
    inner = (extension[1] if extension else b"") + octets
    return struct.pack("!IHBB", 6 << 28, len(inner), extension[0] if extension else protocol,
                       64) + flow.client.packed + flow.server.packed + inner


PATIENCE_S = 10
SOL_PACKET, PACKET_VNET_HDR = 263, 15
NEEDS_SUM, GSO_TCPV4, GSO_TCPV6 = 1, 1, 4
ETHERTYPE = {4: 0x0800, 6: 0x86dd}
FENCE = 9  # the port of what follows each packet, so that one which does not come is known not to


class Wire:
    """Frames from the client by the gateway to the server's wire, or back."""

    # Each has its number once: who listens hears, too, what is sent the other way.
    _fences = itertools.count(1)

    def __init__(self, row, is_back=False):
        sender, receiver, end = (row.server, row.client, "client") if is_back else (row.client, row.server, "server")
        near, far = ("toserver", "toclient") if is_back else ("toclient", "toserver")
        self._near = self._address(row.gateway, near)
        for family in (4, 6):
            row.gateway.ip(f"neigh replace {ADDRESS[family][end]} lladdr {self._address(receiver, 'out', True)} dev {far}")
        self._out = self._packet_socket(sender)
        self._out.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self._out.bind(("out", 0))
        self._in = self._packet_socket(receiver, 3)
        self._in.bind(("out", 3))
        self._in.settimeout(PATIENCE_S)
        with row.gateway.inside():
            self.ingress = socket.if_nametoindex(near)

    @staticmethod
    def _packet_socket(host, protocol=0):
        return host.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))

    @staticmethod
    def _address(host, name, as_text=False):
        text = host.network_command(["ip", "-o", "link", "show", name]).split("link/ether ")[1].split()[0]
        return text if as_text else bytes.fromhex(text.replace(":", ""))

    def close(self):
        self._out.close()
        self._in.close()

    def drain(self):
        """Forgets what arrived so far."""
        self._in.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._in.recv(65536)
        self._in.settimeout(PATIENCE_S)

    def hear(self):
        """What arrives next."""
        return self._in.recv(131072)

    def put(self, family, octets, vnet=bytes(10)):
        self._out.send(vnet + self._near + b"\2\0\0\0\0\1" + struct.pack("!H", ETHERTYPE[family]) + octets)

    def send(self, flow, octets, vnet=bytes(10)):
        """Whether this IP packet arrived."""
        return self.send_all(flow, [octets], vnet) == [True]

    def send_all(self, flow, packets, vnet=bytes(10)):
        # Of what goes the other way it may have heard as much as there is room for.
        self.drain()
        for octets in packets:
            self.put(flow.family, octets, vnet)
        number = next(self._fences)
        fence = struct.pack("!HHHHI", FENCE, FENCE, 12, 0, number)
        pseudo = flow.client.packed + flow.server.packed + struct.pack("!IxxxB", 12, 17)
        fence = fence[:6] + struct.pack("!H", checksum(pseudo + fence)) + fence[8:]
        self.put(flow.family, packet(flow, fence, protocol=17))
        came = []
        while True:
            frame = self._in.recv(131072)[14:]
            if frame.endswith(fence):
                break
            came.append(self._essence(frame))
        return [self._essence(octets) in came for octets in packets]

    @staticmethod
    def _essence(octets):
        """What no router changes: all but the life left and what is computed of it."""
        if octets[0] >> 4 == 6:
            return octets[:7] + octets[8:]
        return octets[:8] + octets[9:10] + octets[12:]

    def large(self, flow, seq, payload, linear, size=1400):
        """The same as one packet that a card would cut, `linear` octets of which are in its head and the rest in pages."""
        segment = tcp(flow, seq, payload, is_partial=True)
        octets = packet(flow, segment)
        start = 14 + len(octets) - len(segment)
        vnet = struct.pack("=BBHHHH", NEEDS_SUM, GSO_TCPV4 if flow.family == 4 else GSO_TCPV6, linear, size, start, 16)
        return self.send(flow, octets, vnet)
