# SPDX-License-Identifier: GPL-2.0-or-later
"""Floods over the wire: what they take is bounded, and mail of others goes on, honest mail and mail under attack."""

import time

import floods_lab
import namespaces
import pytest
import stranger
import world
from floods_lab import LED

GUARD_KIB = 300 * 1024   # all a guard may grow to in a flood: connections and what they hold
OTHER_KIB = 160 * 1024   # by how much any other process may grow: the scout by its caches and open look-ups
SCOUT_KIB = 400 * 1024   # the same where all that it keeps is filled: answers (128 MiB), libunbound's caches, policies


@pytest.fixture(scope="module")
def net(root):
    with floods_lab.Floods() as one:
        yield one


@pytest.fixture(scope="module")
def is_full(request):
    return request.config.getoption("--full")


def look(net, name, before, letters, printed, most=OTHER_KIB):
    """What a flood took, for whoever reads the log, and whether that is within bounds."""
    after = net.resident_kib()
    grown = {process: after[process] - before[process] for process in before if process in after}
    print(f"{name}: {printed.strip()}; letters {letters[0]} of {letters[1]}; grown by KiB {grown}; guard {after['guard0']} KiB")
    assert set(after) == set(before) and net.guard.is_whole()
    assert after["guard0"] < GUARD_KIB, after
    assert all(growth < most for process, growth in grown.items() if process != "guard0"), grown


def attacked_mail_is_refused(net):
    with net.wire() as wire:
        client, recipient = net.send(stripped=True)
        leaked = wire.saw(recipient.encode())
    assert client.refusal and client.refusal.startswith("421 4.7.4 "), (client.replies, [
        one for one in net.guard.events() if one.get("domain") == "dane.lab"])
    assert not leaked and not net.sink.find(recipient)


FLOODS = {"one-client": ("syn", LED, 1, world.far_address(100, 4), 100),
          "many-clients": ("syn", "192.0.2.4", 100, world.far_address(100, 4), 100),
          "unasked-answers": ("answer", "203.0.113.140", 100, world.SENDER[4], 1),
          "unasked-data": ("data", "203.0.113.140", 100, world.SENDER[4], 1)}

LONG = ("one-client", "unasked-data")


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.full) if kind in LONG else kind for kind in FLOODS])
def test_packets_of_no_connection_leave_those_that_stand(net, is_full, kind):
    net.stand()
    net.send()
    before, standing = net.resident_kib(), net.stands()
    # The table has 65,536 places; 262,144 are what conntrack has here.
    count, rate = (300000, 30000) if is_full else (80000, 30000)
    letters, printed = net.letters_while(net.packets(*FLOODS[kind], count, rate))
    attacked_mail_is_refused(net)
    assert standing.goes_on()[0]
    # The end of it may still wait to be read.
    is_full_table = namespaces.wait_until(lambda: net.counters()["flows_driven_out"] > 0, timeout_s=20)
    counters = net.counters()
    look(net, kind, before, letters, printed + f" driven out {counters['flows_driven_out']} flows {counters['flows_now']}")
    assert letters[0] == letters[1]
    assert is_full_table, "no flood: the table had room for all"
    assert net.guard.wait_for(lambda one: one["event"] == "degraded" and "make room" in one["text"])


def test_replies_to_ehlo_without_end_take_their_share(net, is_full):
    net.stand()
    net.send()
    net.serve_storm("endless")
    before = net.resident_kib()
    letters, printed = net.letters_while(net.sessions(3000 if is_full else 500, 200))
    attacked_mail_is_refused(net)
    look(net, "endless replies", before, letters, printed)
    assert letters[0] == letters[1]
    # It passes, since nothing that matters has been said; the client had enough.
    assert " passed 0 " in printed


@pytest.mark.full
def test_look_ups_that_never_end_keep_nobody_else_waiting(net, is_full):
    net.stand("hold-seconds=20")
    net.serve_storm("stripped")
    before = net.resident_kib()
    storm = net.sessions(10000 if is_full else 1200, 1200 if is_full else 600, "silent.lab")
    time.sleep(2)  # until what can be in flight is
    letters, printed = net.letters_while(storm)
    attacked_mail_is_refused(net)
    counters = net.counters()
    look(net, "look-ups", before, letters, printed + f" put off {counters['questions_put_off']}, failed "
         f"{counters['lookups_failed']}", SCOUT_KIB if is_full else OTHER_KIB)
    assert counters["questions_put_off"] > 0 and counters["lookups_failed"] > 0, "no storm: there was room for all"
    assert letters[0] == letters[1]


def test_a_storm_of_findings_hides_no_others(net, is_full):
    net.stand("default-level=encrypt")
    net.send()
    net.serve_storm("stripped")
    before = net.resident_kib()
    net.guard.mark()
    letters, printed = net.letters_while(net.sessions(30000 if is_full else 4000, 100))
    attacked_mail_is_refused(net)
    storm = net.sessions(4000 if is_full else 1500, 100, "other.lab")
    time.sleep(0.5)
    client, _ = net.send(stripped=True)
    assert client.refusal and client.refusal.startswith("421 4.7.4 "), client.replies
    assert net.guard.wait_for(lambda one: one["event"] == "verdict" and one["action"] == "block" and
                              one["client"].startswith(world.SENDER[4]) and one.get("domain") == "dane.lab")
    storm.communicate()
    assert storm.returncode == 0
    events = net.guard.events()
    told = sum(one["event"] == "verdict" for one in events)
    counters = net.counters()
    look(net, "events", before, letters, printed + f" told {told} left out {counters['events_left_out']}")
    assert counters["events_left_out"] > 0, "no storm: each finding was told"
    assert letters[0] == letters[1]


@pytest.mark.full
def test_100000_names_a_minute_in_dns_answers_cost_little(net):
    server = world.far_address(199, 4)
    net.stand()
    net.send()
    stranger.Stranger(net.world.far, server)
    before, end = net.resident_kib(), time.monotonic() + 60
    sent = []
    with stranger.Flood(net.world.sender, server, 1900) as flood:
        while time.monotonic() < end:
            _, recipient = net.send()
            sent.append([letter.is_tls for letter in net.sink.find(recipient)] == [True])
    attacked_mail_is_refused(net)
    counters = net.counters()
    look(net, "names", before, (sum(sent), len(sent)), f"{flood.answered} answered, heard {counters['heard_answers']} "
         f"dropped {counters['heard_dropped']} looked up {counters['prefetches']} failed {counters['lookups_failed']}")
    assert all(sent) and flood.answered >= 100_000
