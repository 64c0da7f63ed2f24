# SPDX-License-Identifier: GPL-2.0-or-later
"""What a stranger's name server may say: answers that nobody asked for stop no mail, and many of them hide no forged one."""

import signal
import threading
import time

import dns.message
import pytest

import hop_lab
import stranger
import world
from hop_lab import ADDRESSES

pytestmark = pytest.mark.alone

NAMESERVER = world.far_address(199, 4)
# The bank's server, said to be where the watched domain's mail goes.
LEADING = (("watched.lab", "MX", "10 mx.evil.lab."), ("mx.evil.lab", "A", ADDRESSES["bank"]))
FLOOD_RATE = 6000
QUESTIONS = 400


@pytest.fixture(scope="module")
def net(root):
    with hop_lab.HopLab() as one:
        one.stranger = stranger.Stranger(one.world.far, NAMESERVER)
        yield one


@pytest.fixture
def guarded(net):
    net.stand(watch=("watched.lab",))
    # Until it was looked up it does not bind.
    net.guard.ask("explain", "watched.lab")
    net.stranger.said, net.stranger.unasked = {}, ()
    return net


def counters(net):
    return net.guard.status()["counters"]


def wait_until(fits, timeout_s=5):
    end = time.monotonic() + timeout_s
    while not fits() and time.monotonic() < end:
        time.sleep(0.1)
    return fits()


def ask(net, name, kind, tcp=False, **how):
    return stranger.ask(net.world.sender, NAMESERVER, name, kind, tcp, **how)


@pytest.mark.parametrize("tcp", (False, True), ids=("udp", "tcp"))
def test_an_answer_behind_another_that_nobody_asked_for_stops_nobodys_mail(guarded, tcp):
    guarded.stranger.said = {("evil.lab", "MX"): "10 mx.evil.lab."}
    guarded.stranger.unasked = LEADING
    heard = counters(guarded)["heard_answers"]
    came = ask(guarded, "evil.lab", "MX", tcp)
    assert b"watched" in b"".join(came)
    assert wait_until(lambda: counters(guarded)["heard_unasked"] >= 2)
    # The one that was asked for is.
    assert counters(guarded)["heard_answers"] > heard
    attempt, letters = guarded.send("a@bank.lab")
    assert attempt.result == "sent" and [one.server[0] for one in letters] == [ADDRESSES["bank"]]
    assert not guarded.refusals()


@pytest.mark.parametrize("tcp", (False, True), ids=("udp", "tcp"))
def test_the_same_answers_count_where_they_are_asked_for(guarded, tcp):
    guarded.stranger.said = {(name, kind): data for name, kind, data in LEADING}
    for name, kind, _ in LEADING:
        assert ask(guarded, name.upper() if tcp else name.title(), kind, tcp)[0]
    attempt, letters = guarded.send("a@bank.lab")
    assert attempt.result == "kept" and not letters
    assert guarded.event(domain="watched.lab", action="block")["reason"] == "mx-mismatch"


def test_where_answers_wait_one_that_nobody_asked_for_passes_at_once_and_is_not_heard(net):
    net.stand("dns.guard=drop", watch=("watched.lab",))
    net.guard.ask("explain", "watched.lab")
    net.stranger.said, net.stranger.unasked = {("evil.lab", "MX"): "10 mx.evil.lab."}, LEADING
    # While the scout says nothing, the answer that was asked for waits for its time to be over: those sent behind it overtake it.
    scout = net.guard.processes()["scout"]
    net.guard.host.run(["kill", f"-{int(signal.SIGSTOP)}", str(scout)])
    came = ask(net, "evil.lab", "MX", patience_s=1.5)
    net.guard.host.run(["kill", f"-{int(signal.SIGCONT)}", str(scout)])
    asked = [dns.message.from_wire(one).question[0].name.to_text() for one in came]
    assert asked == ["watched.lab.", "mx.evil.lab.", "evil.lab."]
    assert wait_until(lambda: counters(net)["heard_unasked"] == 2)
    attempt, _ = net.send("a@bank.lab")
    assert attempt.result == "sent" and not net.refusals()


def test_where_answers_wait_each_is_held_against_its_question_however_many_were_before(net):
    net.stand("dns.guard=drop")
    net.stranger.said, net.stranger.unasked = {("evil.lab", "MX"): "10 mx.evil.lab."}, ()
    before, guard0 = counters(net), net.guard.processes()["guard0"]
    net.guard.host.run(["kill", f"-{int(signal.SIGSTOP)}", str(guard0)])
    for number in range(QUESTIONS):
        stranger.ask(net.world.sender, NAMESERVER, f"d{number}.evil.lab", "MX", patience_s=0)
    came = []
    asking = threading.Thread(target=lambda: came.extend(ask(net, "evil.lab", "MX")))
    asking.start()
    time.sleep(0.3)
    assert not came
    net.guard.host.run(["kill", f"-{int(signal.SIGCONT)}", str(guard0)])
    asking.join()
    assert len(came) == 1
    assert wait_until(lambda: counters(net)["heard_answers"] > before["heard_answers"]), counters(net)
    assert counters(net)["heard_unasked"] == 0


def test_a_flood_of_a_strangers_answers_hides_none_that_leads_a_watched_domain_astray(guarded):
    guarded.stranger.said = {(name, kind): data for name, kind, data in LEADING}
    with stranger.Flood(guarded.world.sender, NAMESERVER, FLOOD_RATE) as flood:
        assert wait_until(lambda: counters(guarded)["heard_dropped"] > 1000, 20), counters(guarded)
        before = flood.answered
        for name, kind, _ in LEADING:
            assert ask(guarded, name, kind)[0]
        assert flood.answered > before
    told = guarded.guard.wait_for(lambda one: one["event"] == "degraded" and "not listened to" in one["text"], 3)
    assert told and world.SENDER[4] in told["text"], guarded.guard.events()
    assert "not listened to" in guarded.guard.ask("status")
    attempt, letters = guarded.send("a@bank.lab")
    assert attempt.result == "kept" and not letters
    assert guarded.event(domain="watched.lab", action="block")["reason"] == "mx-mismatch"
