# SPDX-License-Identifier: GPL-2.0-or-later
"""What the guard reads is what the client's kernel delivers, whatever segments and packets the far end makes; each trick also
without a guard, to see what this kernel takes."""

import contextlib
import socket
import struct
import time

import capture
import cells
import far_end
import lines
import openings
import pytest
import tricks

PATIENCE_S = 10
WORDS = {tricks.TRUE: "the true one", tricks.FALSE: "the false one", tricks.MARKED: "all octets", b"": "nothing"}
SILENT = (tricks.EndsEarly, tricks.DecoyFin)  # behind the FIN nothing passes
# The false reply is read, the client does not have it, and the true one comes in its place: the reply itself breaks no promise.
TOLD = (tricks.LowTtl, tricks.OldTimestamp, tricks.UnknownDestinationOption)
SAID = b"EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<"
PLAYS = [pytest.param(trick, family, id=f"{name}-ipv{family}") for name, trick in tricks.ALL.items()
         for family in cells.FAMILIES if family in trick.families]


def pytest_generate_tests(metafunc):
    """What this kernel takes by itself changes only with the kernel: a few, but for `--full`."""
    if "trick" in metafunc.fixturenames:
        is_bare = "without" in metafunc.function.__name__ and not metafunc.config.getoption("--full")
        metafunc.parametrize("trick, family", PLAYS[::8] if is_bare else PLAYS)


def words_for(heard):
    """What the client took for the reply to EHLO."""
    if heard in WORDS:
        return WORDS[heard]
    assert len(heard) == len(tricks.TRUE) and all(one in both for one, *both in zip(heard, tricks.TRUE, tricks.FALSE)), heard
    return f"of both: `{heard[tricks.CUT:].decode().strip()}`"


def converse(lab, destination):
    """The reply to EHLO as the client's program reads it, the last reply, all that it read, and its port."""
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
    return heard, last, stream.seen, port


def play(lab, trick, family):
    destination = lab.destinations.next("protected", family)
    with trick(lab, destination.addresses[0]).standing() as server:
        heard, last, read, port = converse(lab, destination)
        time.sleep(0.2)
        return destination, server.heard, heard, last, read, port


def let_through(segments, trick, address, port):
    """The octets by their places in the server's stream, of all copies that left the gateway: whoever takes which, has the same."""
    octets = {}
    for segment in segments:
        if segment.source != (address, 25) or segment.destination[1] != port:
            continue
        at = (segment.sequence - trick.start - 1 + 2**31) % 2**32 - 2**31
        for place, octet in enumerate(segment.payload, at):
            assert octets.setdefault(place, octet) == octet, (place, segment, bytes(octets.values()))
    return octets


@pytest.fixture
def right_behind(lab):
    """The cable at which the gateway's packets to the client arrive, with those that are to die behind it."""
    one = capture.Capture(lab.world.inside, "out0")
    yield one
    one.close()


def test_what_the_kernel_takes_without_a_guard(lab, trick, family, record_property):
    lab.guard_at(None, trick.place)
    lab.reset()
    _, said, heard, last, _, _ = play(lab, trick, family)
    record_property("evasion", f"without {trick.__name__} {family}")
    record_property("outcome", words_for(heard))
    assert (b"RCPT TO" in said) == last.startswith(b"250") == (heard != b"")


def test_the_guard_reads_what_the_client_does(lab, right_behind, trick, family, record_property):
    lab.guard_at(trick.place)
    lab.reset()
    destination, said, heard, last, read, port = play(lab, trick, family)
    # The scout names the host in TLS.
    assert not lab.behind.saw(b"@" + destination.domain.encode(), b"RCPT TO:"), said
    assert SAID.startswith(said)
    octets = let_through(right_behind.segments(), trick, destination.addresses[0], port)
    assert [octets.get(place) for place in range(len(far_end.BANNER))] == list(far_end.BANNER)
    # Of packets in fragments and behind other headers the capture has none.
    assert all(octets.get(place, octet) == octet for place, octet in enumerate(read)), (octets, read)
    record_property("evasion", f"guarded {trick.__name__} {family}")
    record_property("outcome", words_for(heard))
    assert (heard == b"") == (trick in SILENT)
    if not heard:
        return
    assert last.startswith(b"421 4.7."), last
    event = lab.guard.wait_for(lambda one: one.get("client", "").endswith(f":{port}") and one["event"] == "verdict")
    assert event["seen"]["starttls"] == ("offered" if heard == tricks.FALSE else "absent"), (heard, event)
    assert trick not in TOLD or event["reason"] == "inconsistent-retransmission", event


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
    with opening(lab, address).standing() as server:
        yield server, address


def open_fast(lab, address):
    """Says EHLO with the SYN, as a client does that has a cookie."""
    with dial_ours(lab, address) as sock, contextlib.suppress(OSError):
        sock.sendto(b"EHLO a\r\n", socket.MSG_FASTOPEN, (address, 25))
        sock.recv(100)


@pytest.mark.parametrize("place", [None, "routed"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_no_octet_and_no_cookie_goes_with_a_syn(lab, place, family, record_property):
    with offering(openings.FastOpen, lab, place, family) as (server, address):
        for _ in range(2):
            open_fast(lab, address)
    record_property("evasion", f"{'guarded' if place else 'without'} FastOpen {family}")
    asked, said = server.asks("S", openings.FAST_OPEN), server.says_with_syn()
    record_property("outcome", "octets with the SYN" if said else "none")
    assert (asked, said) == ((False, False) if place else (True, True)), server.brought


@pytest.mark.parametrize("place", [None, "routed"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_no_connection_becomes_one_of_several(lab, place, family, record_property):
    with offering(openings.MultiPath, lab, place, family) as (server, address):
        with dial_ours(lab, address, socket.IPPROTO_MPTCP) as sock:
            sock.connect((address, 25))
            sock.sendall(b"EHLO a\r\n")
            heard = sock.recv(100)
    record_property("evasion", f"{'guarded' if place else 'without'} MultiPath {family}")
    asked, agreed = server.asks("S", openings.MPTCP), server.asks("A", openings.MPTCP)
    record_property("outcome", "MPTCP" if agreed else "TCP")
    assert heard.startswith(b"220 nobody")
    assert (asked, agreed) == ((False, False) if place else (True, True)), server.brought
