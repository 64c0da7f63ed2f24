# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guard reads is what the client's kernel delivers, whatever segments and packets the far end makes; each trick also
without a guard, to see what this kernel takes."""

import contextlib
import socket
import struct
import time

import cells
import lines
import openings
import pytest
import tricks

PATIENCE_S = 10
WORDS = {tricks.TRUE: "the true one", tricks.FALSE: "the false one", tricks.MARKED: "all octets", b"": "nothing"}
SILENT = (tricks.EndsEarly, tricks.DecoyFin)  # behind the FIN nothing passes
PLAYS = [pytest.param(trick, family, id=f"{name}-ipv{family}") for name, trick in tricks.ALL.items()
         for family in cells.FAMILIES if family in trick.families]


def pytest_generate_tests(metafunc):
    """What this kernel takes by itself changes only with the kernel: a few, but for `--full`."""
    if "trick" in metafunc.fixturenames:
        is_bare = "without" in metafunc.function.__name__ and not metafunc.config.getoption("--full")
        metafunc.parametrize("trick, family", PLAYS[::8] if is_bare else PLAYS)


def converse(lab, destination):
    """The reply to EHLO as the client's program reads it, the last reply, and the client's port."""
    stream = lines.dial(lab.world.sender, (destination.addresses[0], 25), patience_s=PATIENCE_S)
    port = stream.sock.getsockname()[1]
    heard, last = b"", b""
    with contextlib.suppress(lines.Closed):
        stream.reply()
        stream.send(b"EHLO a\r\n")
        heard = stream.reply()
        for line in (b"MAIL FROM:<>\r\n", b"RCPT TO:<u@%s>\r\n" % destination.domain.encode()):
            stream.send(line)
            last = stream.reply()
    stream.close()
    return heard, last, port


def play(lab, trick, family):
    destination = lab.destinations.next("protected", family)
    with trick(lab, destination.addresses[0]).standing() as far_end:
        heard, last, port = converse(lab, destination)
        time.sleep(0.2)
        return destination, far_end.heard, heard, last, port


def test_what_the_kernel_takes_without_a_guard(lab, trick, family, record_property):
    lab.guard_at(None, trick.place)
    lab.reset()
    _, said, heard, last, _ = play(lab, trick, family)
    record_property("evasion", f"without {trick.__name__} {family}")
    record_property("outcome", WORDS.get(heard, "of both"))
    assert (b"RCPT TO" in said) == last.startswith(b"250") == (heard != b"")


def test_the_guard_reads_what_the_client_does(lab, trick, family, record_property):
    lab.guard_at(trick.place)
    lab.reset()
    destination, said, heard, last, port = play(lab, trick, family)
    # The scout names the host in TLS.
    assert not lab.behind.saw(b"@" + destination.domain.encode(), b"RCPT TO:"), said
    record_property("evasion", f"guarded {trick.__name__} {family}")
    record_property("outcome", WORDS.get(heard, "of both"))
    assert (heard == b"") == (trick in SILENT)
    if not heard:
        return
    assert last.startswith(b"421 4.7."), last
    event = lab.guard.wait_for(lambda one: one.get("client", "").endswith(f":{port}") and one["event"] == "verdict")
    assert event["seen"]["starttls"] == ("offered" if heard == tricks.FALSE else "absent"), (heard, event)


def dial_ours(lab, address, protocol=0):
    """One that blocks: with Fast Open connect() and octets go apart else."""
    sock = lab.world.sender.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, protocol=protocol)
    for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE_S, 0))
    return contextlib.closing(sock)


@contextlib.contextmanager
def offering(opening, lab, place, family):
    """Such a far end, beyond a guard if there is a place; and its address."""
    lab.guard_at(place)
    lab.reset()
    address = lab.destinations.next("protected", family).addresses[0]
    with opening(lab, address).standing() as far_end:
        yield far_end, address


def open_fast(lab, address):
    """Says EHLO with the SYN, as a client does that has a cookie."""
    with dial_ours(lab, address) as sock, contextlib.suppress(OSError):
        sock.sendto(b"EHLO a\r\n", socket.MSG_FASTOPEN, (address, 25))
        sock.recv(100)


@pytest.mark.parametrize("place", [None, "routed"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_no_octet_and_no_cookie_goes_with_a_syn(lab, place, family, record_property):
    with offering(openings.FastOpen, lab, place, family) as (far_end, address):
        for _ in range(2):
            open_fast(lab, address)
    record_property("evasion", f"{'guarded' if place else 'without'} FastOpen {family}")
    asked, said = far_end.asks("S", openings.FAST_OPEN), far_end.says_with_syn()
    record_property("outcome", "octets with the SYN" if said else "none")
    assert (asked, said) == ((False, False) if place else (True, True)), far_end.brought


@pytest.mark.parametrize("place", [None, "routed"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_no_connection_becomes_one_of_several(lab, place, family, record_property):
    with offering(openings.MultiPath, lab, place, family) as (far_end, address):
        with dial_ours(lab, address, socket.IPPROTO_MPTCP) as sock:
            sock.connect((address, 25))
            sock.sendall(b"EHLO a\r\n")
            heard = sock.recv(100)
    record_property("evasion", f"{'guarded' if place else 'without'} MultiPath {family}")
    asked, agreed = far_end.asks("S", openings.MPTCP), far_end.asks("A", openings.MPTCP)
    record_property("outcome", "MPTCP" if agreed else "TCP")
    assert heard.startswith(b"220 nobody")
    assert (asked, agreed) == ((False, False) if place else (True, True)), far_end.brought
