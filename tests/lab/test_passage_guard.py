# SPDX-License-Identifier: GPL-2.0-or-later
"""Message bodies that the guard lets pass in the kernel, and what still comes by it."""

import contextlib
import itertools
import random
import re
import signal
import socket
import struct
import time

import cells
import clients
import lines
import namespaces
import passage_lab
import pytest
from rules_world import BACKENDS

SETTINGS = ("queues=1", "passage=ebpf")
# Line ends alone and in pairs, dots at the ends of lines, lines of one octet: all but the end of a message.
PARTS = (b"\r\n", b"\n", b"..", b"x.\r\n", b"\r\n..\r\n", b"\r\n.x", b"words and words ", b"0123456789abcdef" * 60)


@pytest.fixture(scope="module", autouse=True)
def in_order(lab):
    with lab.world.in_order():
        yield


def body(length, seed):
    rng = random.Random(seed)
    text = b"Subject: long\r\n\r\n"
    while len(text) < length:
        text += b"".join(rng.choice(PARTS) for _ in range(1000))
    # A dot that begins a line is not followed by its end.
    return re.sub(rb"(?<=[\r\n])\.(?=[\r\n])", b"..", text) + b"end"


class Talk:
    """A session in clear up to a recipient, and what is said then."""

    def __init__(self, lab, family, segment_max=None):
        self.lab = lab
        self.destination = lab.destinations.next("unprotected", family)
        self.client = clients.Client(lab.world.sender)
        self.stream = lines.dial(lab.world.sender, (self.destination.addresses[0], 25), segment_max=segment_max)
        self.stream.reply()

    @property
    def recipient(self):
        return f"you@{self.destination.domain}"

    def ask(self, command):
        self.stream.send(command + b"\r\n")
        return self.stream.reply()

    def replies(self):
        """All, until the connection is closed."""
        heard = []
        with contextlib.suppress(lines.Closed):
            while True:
                heard.append(self.stream.reply())
        return heard

    def to(self, recipient):
        self.ask(b"EHLO sender.lab")
        self.ask(b"MAIL FROM:<a@sender.lab>")
        return self.ask(b"RCPT TO:<%s>" % recipient.encode())


def passed(guard):
    return guard.status()["counters"].get("passage_octets", 0)


def counted(guard, name):
    """Once it grows no more: it is told once a second."""
    before, now = None, guard.status()["counters"].get(name, 0)
    while before != now:
        time.sleep(1.2)
        before, now = now, guard.status()["counters"].get(name, 0)
    return now


def all_passed(guard):
    return counted(guard, "passage_octets")


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_a_body_passes_in_the_kernel_and_what_follows_it_is_judged(lab, backend, family):
    guard = lab.guard_at("routed", settings=(*SETTINGS, f"backend={backend}"))
    lab.reset()
    assert guard.status()["passage"]["kernel"] == "ebpf"
    talk, text = Talk(lab, family), body(4 << 20, seed := time.time_ns())
    before = passed(guard)
    assert talk.to(talk.recipient).startswith(b"250")
    assert talk.ask(b"DATA").startswith(b"354")
    assert talk.ask(text + b"\r\n.").startswith(b"250")
    [letter] = lab.sink.find(talk.recipient)
    assert letter.text == text + b"\r\n.\r\n", seed
    assert namespaces.wait_until(lambda: passed(guard) - before > 0.8 * len(text)), (seed, str(guard.status()["counters"]))
    protected = f"you@{lab.destinations.next('protected', family).domain}"
    assert talk.to(protected).startswith(b"421 4.7.")
    assert not lab.behind.saw(protected.encode())


@pytest.mark.parametrize("place, backend, family", [*itertools.product(("routed",), BACKENDS, cells.FAMILIES), ("nat", "iptables", 4),
                                                    ("bridge", "iptables", 6), ("host", "iptables", 4), ("host", "iptables-legacy", 6)])
def test_neither_a_body_nor_what_acknowledges_it_comes_to_the_queue(lab, place, backend, family):
    guard = lab.guard_at(place, settings=(*SETTINGS, f"backend={backend}"))
    lab.reset()
    talk, text = Talk(lab, family), b"Subject: long\r\n\r\n" + b"A line of text.\r\n" * ((15 << 20) // 17)
    talk.to(talk.recipient)
    before, octets = counted(guard, "packets"), passed(guard)
    talk.ask(b"DATA")
    assert talk.ask(text + b".").startswith(b"250")
    [letter] = lab.sink.find(talk.recipient)
    assert letter.text == text + b".\r\n"
    queued = counted(guard, "packets") - before
    assert passed(guard) - octets > 0.95 * len(text)
    assert queued < 70, queued


@pytest.mark.parametrize("port", ("in0", "out0"))
def test_a_body_passes_that_comes_to_the_gateway_or_leaves_it_by_a_bridge_of_its_own(lab, port):
    guard = lab.guard_at("routed", settings=(*SETTINGS, "backend=iptables"))
    lab.reset()
    text = b"Subject: long\r\n\r\n" + b"A line of text.\r\n" * ((4 << 20) // 17)
    with lab.world.port_of_a_bridge(port):
        talk, octets = Talk(lab, 4), passed(guard)
        talk.to(talk.recipient)
        before = counted(guard, "packets")
        talk.ask(b"DATA")
        assert talk.ask(text + b".").startswith(b"250")
        assert all_passed(guard) - octets > 0.95 * len(text)
        assert counted(guard, "packets") - before < 40
        assert talk.to(f"you@{lab.destinations.next('protected', 4).domain}").startswith(b"421 4.7.")
        assert talk.replies() == []


@pytest.mark.parametrize("pause_s", (0, 0.05))
def test_what_is_pipelined_behind_a_body_is_judged_before_it_leaves(lab, pause_s):
    guard = lab.guard_at("routed", settings=(*SETTINGS, "backend=iptables"))
    lab.reset()
    talk, text = Talk(lab, 4), body(1 << 20, 5)
    protected = f"you@{lab.destinations.next('protected', 4).domain}"
    before = passed(guard)
    talk.to(talk.recipient)
    talk.ask(b"DATA")
    talk.stream.send(text)
    time.sleep(pause_s)
    talk.stream.send(b"\r\n.\r\nMAIL FROM:<a@sender.lab>\r\nRCPT TO:<%s>\r\nDATA\r\n" % protected.encode())
    heard = talk.replies()
    assert heard[-1].startswith(b"421 4.7."), heard
    assert namespaces.wait_until(lambda: passed(guard) > before)
    assert not lab.behind.saw(protected.encode())


def forge(lab, talk, payload):
    """In the client's name, from beside it, what its server throws away: the next segment, with a wrong checksum."""
    ends = talk.stream.sock.getsockname(), talk.stream.sock.getpeername()
    addresses = b"".join(socket.inet_aton(end[0]) for end in ends)
    last = [one for one in lab.before.segments() if one.source[1] == ends[0][1] and one.payload][-1]
    header = struct.pack(">HHIIBBHHH", ends[0][1], 25, (last.sequence + len(last.payload)) % 2 ** 32, 1, 0x50, passage_lab.DATA, 1000, 0, 0)
    right = passage_lab.checksum(addresses, struct.pack(">HH", 6, len(header + payload)), header, payload) ^ 0xffff
    with lab.world.sender.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(struct.pack(">BBHHHBBH", 0x45, 0, 0, 0, 0x4000, 64, 6, 0) + addresses + header[:16] + struct.pack(">H", right ^ 1)
                   + header[18:] + payload, (ends[1][0], 0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_segment_that_the_server_throws_away_hides_nothing_that_comes_in_its_place(lab, backend):
    guard = lab.guard_at("routed", settings=(*SETTINGS, f"backend={backend}"))
    lab.reset()
    talk, text = Talk(lab, 4), body(6 << 20, 17)
    protected = f"you@{lab.destinations.next('protected', 4).domain}"
    before, malformed = passed(guard), guard.status()["counters"].get("dropped_malformed", 0)
    talk.to(talk.recipient)
    talk.ask(b"DATA")
    talk.stream.send(text + b"\r\n")
    assert namespaces.wait_until(lambda: passed(guard) - before > 0.8 * len(text))
    at = all_passed(guard)
    forge(lab, talk, b"z" * 1200)
    assert namespaces.wait_until(lambda: guard.status()["counters"].get("dropped_malformed", 0) > malformed)
    assert passed(guard) == at
    talk.stream.send(b".\r\nMAIL FROM:<a@sender.lab>\r\nRCPT TO:<%s>\r\nDATA\r\n" % protected.encode())
    heard = talk.replies()
    assert heard[-1].startswith(b"421 4.7."), heard
    assert not lab.behind.saw(protected.encode())


def test_a_guard_that_is_down_lets_no_more_of_a_message_pass_than_its_body(lab):
    guard = lab.guard_at("routed", settings=(*SETTINGS, "backend=iptables"))
    lab.reset()
    talk, text = Talk(lab, 4), body(6 << 20, 7)
    talk.to(talk.recipient)
    talk.ask(b"DATA")
    talk.stream.send(text[:3 << 20])
    assert namespaces.wait_until(lambda: passed(guard) > 0)
    # And the kernel is armed again: what was sent was read.
    time.sleep(0.3)
    guard.host.run(["kill", f"-{int(signal.SIGKILL)}", str(guard.processes()["supervisor"])])
    lab.behind.reset()
    # All of it, or less where the kernel was not armed just then.
    with contextlib.suppress(lines.Closed):
        talk.stream.send(text[3 << 20:] + b"\r\n.\r\nMAIL FROM:<a@sender.lab>\r\nRCPT TO:<secret@example.lab>\r\n")
    time.sleep(1)
    assert not lab.sink.find(talk.recipient)
    assert not lab.behind.saw(b"secret@example.lab")
    guard.launch()
    assert namespaces.wait_until(guard.is_whole)
    talk.stream.close()


@contextlib.contextmanager
def sums_unchecked(host):
    def check(value):
        host.run(["sh", "-c", f"echo {value} >/proc/sys/net/netfilter/nf_conntrack_checksum"])

    check(0)
    try:
        yield
    finally:
        check(1)


def test_where_conntrack_is_told_to_look_at_no_sums_bodies_come_to_the_guard_again(lab):
    guard = lab.guard_at("routed", settings=(*SETTINGS, "backend=iptables"))
    lab.reset()
    talk, text, protected = Talk(lab, 4), body(4 << 20, 3), lab.destinations.next("protected", 4).domain
    talk.to(talk.recipient)
    talk.ask(b"DATA")
    talk.stream.send(text[:2 << 20])
    assert namespaces.wait_until(lambda: passed(guard) > 0)
    with sums_unchecked(guard.host):
        assert namespaces.wait_until(lambda: guard.status()["passage"]["kernel"] == "none")
        assert "nf_conntrack_checksum" in guard.status()["passage"]["why"]
        assert "bpf" not in guard.host.run(["iptables-nft-save"])
        before = passed(guard)
        talk.stream.send(text[2 << 20:] + b"\r\n.\r\nMAIL FROM:<a@sender.lab>\r\nRCPT TO:<u@%s>\r\nDATA\r\n" % protected.encode())
        heard = talk.replies()
        assert heard[-1].startswith(b"421 4.7."), heard
        assert passed(guard) == before
    assert not lab.behind.saw(protected.encode())
    lab.guard_at(None)


def test_nothing_is_left_of_it_and_none_is_taken_where_none_is_wanted(lab):
    guard = lab.guard_at("routed", settings=("queues=1", "passage=none"))
    status = guard.status()["passage"]
    assert status == {"kernel": "none"}
    assert "bodies     come to the guard" in guard.ask("status")
    assert "bpf" not in guard.host.run(["iptables-nft-save"])
    guard = lab.guard_at("routed", settings=(*SETTINGS, "on-failure=open", "mode=monitor"))
    assert "bodies     pass in the kernel, by eBPF" in guard.ask("status")
    assert guard.host.run(["iptables-nft-save"]).count("-m bpf --object-pinned /run/hopguard-passage/") == 2
    assert "match" in guard.host.run(["ls", "-R", "/run/hopguard-passage"])
    lab.guard_at(None)
    assert "hopguard-passage" not in guard.host.run(["ls", "/run"])
    assert "HOPGUARD" not in guard.host.run(["iptables-nft-save"])
