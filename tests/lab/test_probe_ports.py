# SPDX-License-Identifier: GPL-2.0-or-later
"""A probe goes out in a client's name, by a port that the gateway's kernel chose: it may be one that the client has at that server."""

import contextlib
import ipaddress
import re
import socket
import ssl
import time

import attacks
import cells
import lines
import namespaces
import pytest
import world
from rules_world import BACKENDS

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75


def own_mark(host):
    """Of the guard's sockets in clients' names."""
    saved = host.run(["sh", "-c", "iptables-nft-save; iptables-legacy-save"])
    return int(re.search(r"-A HOPGUARD-RETURN -m connmark --mark (0x\w+)/", saved)[1], 16)


def probe(host, mark, source, server):
    """As the supervisor makes them for the scout."""
    is_6 = ":" in source[0]
    sock = host.socket(socket.AF_INET6 if is_6 else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    sock.setsockopt(socket.IPPROTO_IPV6 if is_6 else socket.IPPROTO_IP, IPV6_TRANSPARENT if is_6 else IP_TRANSPARENT, 1)
    sock.bind(source)
    sock.setblocking(False)
    sock.connect_ex(server)
    return sock


@contextlib.contextmanager
def no_answers(host, family):
    """Of servers, before connection tracking: to it, what a client begins stays new."""
    with_family = "ip6tables-nft" if family == 6 else "iptables-nft"
    rule = "PREROUTING", "-t", "raw", "-p", "tcp", "--sport", "25", "-j", "DROP"
    host.run([with_family, "-w", "-I", *rule])
    try:
        yield
    finally:
        host.run([with_family, "-w", "-D", *rule])


def _listed_mark(host, client, server):
    for line in host.run(["cat", "/proc/net/nf_conntrack"]).splitlines():
        found = re.search(r"src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) .* mark=(\d+)", line)
        if found and [ipaddress.ip_address(one) for one in found.groups()[:2]] == \
                [ipaddress.ip_address(one[0]) for one in (client, server)] and \
                [int(one) for one in found.groups()[2:4]] == [client[1], server[1]]:
            return int(found[5])
    return None


def mark_of(host, client, server):
    """What connection tracking keeps of a connection. A list of a table that changes meanwhile may lack it."""
    found = []

    def is_listed():
        found.append(_listed_mark(host, client, server))
        return found[-1] is not None

    assert namespaces.wait_until(is_listed, timeout_s=5), "there is no such connection"
    return found[-1]


def stripped(lab, backend, family):
    """The guard, and a destination with a promise whose STARTTLS somebody takes away."""
    guard = lab.guard_at("routed", settings=("queues=1", f"backend={backend}"))
    lab.reset()
    lab.wide.start(attacks.ATTACKS["strip"])
    return guard, lab.destinations.next("protected", family)


@pytest.mark.parametrize("backend", [one for one in BACKENDS if one != "nft"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_a_probe_by_a_clients_port_takes_nothing_of_the_clients_connection(lab, family, backend):
    guard, destination = stripped(lab, backend, family)
    server = destination.addresses[0], 25
    stream = lines.dial(lab.world.sender, server, patience_s=15)
    stream.reply()
    for line in (b"EHLO sender.lab\r\n", b"MAIL FROM:<>\r\n"):
        stream.send(line)
        stream.reply()
    stream.send(b"RCPT TO")
    rest = b":<u@%s>\r\n" % destination.domain.encode()
    with probe(guard.host, own_mark(guard.host), stream.sock.getsockname()[:2], server):
        time.sleep(0.5)
        stream.send(rest)
    # As long as it is there this kernel takes the server's answers for the probe's; then the client sends again.
    heard = b""
    with contextlib.suppress(lines.Closed):
        heard = stream.reply()
    assert not lab.behind.saw(rest)
    assert heard.startswith(b"421 4.7.")
    # And by a port that nobody has there it goes out.
    with probe(guard.host, own_mark(guard.host), (world.SENDER[family], 0), server) as sock:
        sock.setblocking(True)
        sock.settimeout(3)
        assert sock.recv(100).startswith(b"220 ")
    stream.close()


@pytest.mark.parametrize("backend", [one for one in BACKENDS if one != "nft"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_nor_of_one_that_has_no_answer_yet(lab, family, backend):
    """Who is on the path says how long that lasts."""
    guard, destination = stripped(lab, backend, family)
    server = destination.addresses[0], 25
    with lab.world.sender.socket(socket.AF_INET6 if family == 6 else socket.AF_INET) as sock:
        sock.bind((world.SENDER[family], 0))
        with no_answers(guard.host, family):
            sock.setblocking(False)
            sock.connect_ex(server)
            mark_of(guard.host, sock.getsockname(), server)  # it is there
            with probe(guard.host, own_mark(guard.host), sock.getsockname()[:2], server):
                time.sleep(0.3)
        assert mark_of(guard.host, sock.getsockname(), server) & own_mark(guard.host) == 0
        sock.setblocking(True)
        stream = lines.LineSocket(sock, 15)
        stream.reply()
        heard = b""
        with contextlib.suppress(lines.Closed):
            for line in (b"EHLO sender.lab\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<u@%s>\r\n" % destination.domain.encode()):
                stream.send(line)
                heard = stream.reply()
    assert not lab.behind.saw(b"RCPT")
    assert heard.startswith(b"421 4.7.")


@pytest.mark.parametrize("backend", [one for one in BACKENDS if one != "nft"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_nor_does_one_in_judged_tls_come_back_to_the_queue(lab, family, backend):
    guard = lab.guard_at("routed", settings=("queues=1", f"backend={backend}"))
    lab.reset()
    server = lab.destinations.next("unsigned", family).addresses[0], 25
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    stream = lines.dial(lab.world.sender, server, patience_s=15)
    stream.reply()
    for line in (b"EHLO sender.lab\r\n", b"STARTTLS\r\n"):
        stream.send(line)
        stream.reply()
    stream.start_tls(context)
    stream.send(b"EHLO sender.lab\r\n")
    stream.reply()
    client = stream.sock.getsockname()[:2]
    before = mark_of(guard.host, client, server)
    assert before
    with probe(guard.host, own_mark(guard.host), client, server):
        time.sleep(0.3)
    assert mark_of(guard.host, client, server) == before
    stream.send(b"QUIT\r\n")
    assert stream.reply().startswith(b"221 ")
    stream.close()
