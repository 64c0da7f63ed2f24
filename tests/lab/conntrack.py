# SPDX-License-Identifier: GPL-2.0-or-later
"""A host's table of connections, filled and emptied by netlink (linux/netfilter/nfnetlink_conntrack.h)."""

import contextlib
import errno
import itertools
import socket
import struct
import threading

NETLINK_NETFILTER = 12
NEW, DELETE = 1 << 8, 1 << 8 | 2      # of the subsystem of connections
REQUEST, CREATE = 1, 0x400
NESTED = 0x8000
TUPLE_ORIGINAL, TUPLE_REPLY, STATUS, TIMEOUT, MARK, MARK_MASK = 1, 2, 3, 7, 8, 21
ASSURED = 2 | 4 | 8                       # that has seen replies: such a one is not given up for others
OWN_MARK = 0x00c0ffee                    # none of hopguard's bits
BATCH, BATCH_WHEN_FULL = 30000, 1500  # octets
PATIENCE_S = 300       # a quarter of a million entries; the machine may have other work
OTHERS = 0x0A000000                       # 10.0.0.0/8
SERVER = socket.inet_aton("10.255.0.1")


def _attribute(kind, octets):
    return struct.pack("=HH", 4 + len(octets), kind) + octets + bytes(-len(octets) % 4)


def _tuple(kind, source, destination, source_port, destination_port):
    addresses = _attribute(1, source) + _attribute(2, destination)
    ports = _attribute(1, b"\x11") + _attribute(2, struct.pack("!H", source_port)) + \
        _attribute(3, struct.pack("!H", destination_port))
    return _attribute(NESTED | kind, _attribute(NESTED | 1, addresses) + _attribute(NESTED | 2, ports))


def _number(kind, number):
    return _attribute(kind, struct.pack("!I", number))


def _message(kind, flags, attributes):
    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + attributes
    return struct.pack("=IHHII", 16 + len(body), kind, REQUEST | flags, 0, 0) + body


def _entries():
    rest = _number(STATUS, ASSURED) + _number(TIMEOUT, 600) + _number(MARK, OWN_MARK)
    for number in itertools.count():
        client, port = struct.pack("!I", OTHERS + (number >> 15)), 1024 + (number & 0x7fff)
        yield _message(NEW, CREATE, _tuple(TUPLE_ORIGINAL, client, SERVER, port, 9) +
                       _tuple(TUPLE_REPLY, SERVER, client, 9, port) + rest)


def most(host):
    return int(host.run(["cat", "/proc/sys/net/netfilter/nf_conntrack_max"]))


def count(host):
    return int(host.run(["cat", "/proc/sys/net/netfilter/nf_conntrack_count"]))


def refused(host):
    """How many packets had no place in the table so far."""
    lines = host.run(["cat", "/proc/net/stat/nf_conntrack"]).splitlines()
    column = lines[0].split().index("drop")
    return sum(int(line.split()[column], 16) for line in lines[1:])


@contextlib.contextmanager
def full(host):
    """No new connection has a place; one that becomes free is taken at once."""
    is_over, is_full = threading.Event(), threading.Event()
    with host.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as netlink:
        netlink.bind((0, 0))
        netlink.setblocking(False)
        filler = threading.Thread(target=_fill, args=(host, netlink, is_full, is_over), daemon=True)
        filler.start()
        try:
            assert is_full.wait(PATIENCE_S), "the table is not full yet"
            yield
        finally:
            is_over.set()
            filler.join()
            netlink.send(_message(DELETE, 0, _number(MARK, OWN_MARK) + _number(MARK_MASK, 0xffffffff)))


def _fill(host, netlink, is_full, is_over):
    entries = _entries()
    while not is_over.wait(0.005 if is_full.is_set() else 0):
        batch = b""
        while len(batch) < (BATCH if not is_full.is_set() else BATCH_WHEN_FULL):
            batch += next(entries)
        netlink.send(batch)
        # The kernel says the same where it had no memory at once, for one entry of many.
        if errno.ENOMEM in _errors(netlink) and not is_full.is_set() and count(host) >= most(host):
            is_full.set()


def _errors(netlink):
    """Those that came; nothing else is said to what asked for no answer."""
    found = set()
    with contextlib.suppress(BlockingIOError):
        while True:
            try:
                found.add(-struct.unpack_from("=i", netlink.recv(65536), 16)[0])
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
    return found
