# SPDX-License-Identifier: GPL-2.0-or-later
"""A probe goes out in a client's name, by a port that the gateway's kernel chose: it may be one that the client has at that server."""

import contextlib
import re
import socket
import time

import attacks
import cells
import lines
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


@pytest.mark.parametrize("backend", [one for one in BACKENDS if one != "nft"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_a_probe_by_a_clients_port_takes_nothing_of_the_clients_connection(lab, family, backend):
    guard = lab.guard_at("routed", settings=("queues=1", f"backend={backend}"))
    lab.reset()
    lab.wide.start(attacks.ATTACKS["strip"])
    destination = lab.destinations.next("protected", family)
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
