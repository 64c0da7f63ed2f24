# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong around a guard: name servers that are silent, queues without room."""

import contextlib
import socket
import struct


@contextlib.contextmanager
def without_name_servers(host):
    """Those of that host get no question."""
    rules = [(tool, "INPUT", "-p", protocol, "--dport", "53", "-j", "DROP")
             for tool in ("iptables", "ip6tables") for protocol in ("udp", "tcp")]
    for tool, *rule in rules:
        host.run([tool, "-w", "-I", *rule])
    try:
        yield
    finally:
        for tool, *rule in rules:
            host.run([tool, "-w", "-D", *rule])


def overrun(host):
    """Packets that found no room in the host's queues so far: in the queue itself, or in the reader's socket."""
    table = host.run(["cat", "/proc/net/netfilter/nfnetlink_queue"])
    return sum(int(number) for line in table.splitlines() for number in line.split()[5:7])


def flood(host, address, count):
    """SYNs of a client that is not there, from that host: they are for one queue."""
    client, server = bytes((192, 0, 2, 10)), socket.inet_aton(address)
    with host.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number in range(count):
            begin = struct.pack("!HHIIBBHHH", 1024 + number % 64000, 25, number, 0, 0x50, 2, 1024, 0, 0)
            begin = begin[:16] + struct.pack("!H", checksum(client + server + b"\0\6\0\x14" + begin)) + begin[18:]
            header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, number & 0xffff, 0, 64, 6, 0, client, server)
            with contextlib.suppress(BlockingIOError):
                raw.sendto(header + begin, (address, 0))


def checksum(octets):
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff
