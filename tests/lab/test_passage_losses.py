# SPDX-License-Identifier: GPL-2.0-or-later
"""Message bodies that pass in the kernel over paths that lose segments, and under a guard that dies: they come again, early and in
other pieces, and what follows the body is judged as ever."""

import contextlib
import itertools
import signal

import namespaces
import pytest
import world
from test_passage_guard import SETTINGS, Talk, body, passed


@contextlib.contextmanager
def losing(router, every):
    """One in so many segments that carry something of a client's."""
    rule = ["FORWARD", "-p", "tcp", "--dport", "25", "-m", "length", "--length", "200:", "-m", "statistic", "--mode", "nth",
            "--every", str(every), "--packet", "0", "-j", "DROP"]
    router.run(["iptables", "-t", "mangle", "-A", *rule])
    try:
        yield
    finally:
        router.run(["iptables", "-t", "mangle", "-D", *rule])


DAILY = (("inside", "routed"), ("inside", "bridge"), ("outside", "routed"), ("outside", "host"))
EVERYWHERE = itertools.product(("inside", "outside"), world.PLACES)


@pytest.mark.parametrize("where, place", [pytest.param(*each, marks=() if each in DAILY else pytest.mark.full) for each in EVERYWHERE])
def test_what_got_lost_of_a_body_comes_again_and_what_follows_it_is_judged(lab, place, where):
    guard = lab.guard_at(place, settings=(*SETTINGS, "backend=iptables"))
    lab.reset()
    talk, text = Talk(lab, 4), body(2 << 20, 11)
    protected = f"you@{lab.destinations.next('protected', 4).domain}"
    before = guard.status()["counters"]
    assert talk.to(talk.recipient).startswith(b"250")
    assert talk.ask(b"DATA").startswith(b"354")
    with losing(getattr(lab.world, where), 29):
        talk.stream.send(text)
        assert talk.ask(b"\r\n.").startswith(b"250")
    [letter] = lab.sink.find(talk.recipient)
    assert letter.text == text + b"\r\n.\r\n"
    assert namespaces.wait_until(lambda: passed(guard) - before.get("passage_octets", 0) > len(text) / 16), guard.status()["counters"]
    after = guard.status()["counters"]
    assert after.get("passages_lost", 0) == 0 and after["passages"] - before.get("passages", 0) > 1, after
    assert talk.to(protected).startswith(b"421 4.7.")
    assert not lab.behind.saw(protected.encode())


def test_of_a_body_whose_guard_died_no_end_is_missed(lab):
    guard = lab.guard_at("routed", settings=(*SETTINGS, "backend=iptables"))
    lab.reset()
    talk, text = Talk(lab, 4), body(4 << 20, 13)
    protected = f"you@{lab.destinations.next('protected', 4).domain}"
    talk.to(talk.recipient)
    talk.ask(b"DATA")
    # The guard looks when an acknowledgement comes to it, of which one of each MiB does.
    talk.stream.send(text[:2 << 20])
    assert namespaces.wait_until(lambda: passed(guard) > 0)
    guard.host.run(["kill", f"-{int(signal.SIGKILL)}", str(guard.processes()["guard0"])])
    talk.stream.send(text[2 << 20:] + b"\r\n.\r\nMAIL FROM:<a@sender.lab>\r\nRCPT TO:<%s>\r\nDATA\r\n" % protected.encode())
    talk.replies()
    assert namespaces.wait_until(guard.is_whole)
    assert not lab.behind.saw(protected.encode())
