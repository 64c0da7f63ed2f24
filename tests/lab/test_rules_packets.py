# SPDX-License-Identifier: GPL-2.0-or-later
"""Which packets the rules bring to the guard, and which they leave alone."""

import threading
import time

import pytest

import rules_world
from rules_world import ADDRESS, BACKENDS, OWN


@pytest.fixture(scope="module")
def row():
    one = rules_world.Row()
    yield one
    one.close()


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture(params=(4, 6), ids=("ipv4", "ipv6"))
def place(request):
    return ADDRESS[request.param]


def directions(packets, port=25):
    return {hook: {"sent" if destination == port else "answered"
                   for _, seen, _, destination, _ in packets if seen == hook}
            for _, hook, *_ in packets}


def test_a_guarded_clients_mail_is_seen_whole_and_both_ways(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        local = row.talk(row.client, place["server"])
        seen = guard.of(local)
    assert directions(seen) == {"forward": {"sent", "answered"}}
    assert sum(length for _, _, source, _, length in seen if source == local) == len("line 0\r\nline 1\r\n")


def test_both_directions_of_a_connection_meet_in_one_queue(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        local = row.talk(row.client, place["server"])
        assert len({queue for queue, *_ in guard.of(local)}) == 1


def test_other_ports_are_left_alone(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        local = row.talk(row.client, place["server"], 26)
        assert local and guard.of(local) == []


def test_every_configured_port_is_seen(row, backend, place):
    row.ruled(backend, "ports={25,587}")
    with row.accepting() as guard:
        for port in (25, 587):
            local = row.talk(row.client, place["server"], port)
            assert directions(guard.of(local), port) == {"forward": {"sent", "answered"}}


def test_mail_towards_the_guarded_side_is_left_alone(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        local = row.talk(row.server, place["client"])
        assert local and guard.of(local) == []


def test_the_gateways_own_mail_is_seen_both_ways(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        local = row.talk(row.gateway, place["server"])
        assert directions(guard.of(local)) == {"output": {"sent"}, "input": {"answered"}}


def test_mail_to_the_gateway_itself_is_left_alone(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        for host, gateway in ((row.client, "near"), (row.server, "far")):
            local = row.talk(host, place[gateway])
            assert local and guard.of(local) == []


def test_a_filter_on_the_loopback_is_left_alone(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        local = row.talk(row.gateway, place["loopback"])
        assert local and guard.of(local) == []


def test_hooks_that_are_off_see_nothing(row, backend, place):
    row.ruled(backend, "hooks={output}")
    with row.accepting() as guard:
        local = row.talk(row.client, place["server"])
        assert local and guard.of(local) == []
    row.ruled(backend, "hooks={forward}")
    with row.accepting() as guard:
        local = row.talk(row.gateway, place["server"])
        assert local and guard.of(local) == []


def test_clients_outside_the_guarded_networks_are_left_alone(row, backend, place):
    row.ruled(backend, "clients={203.0.113.0/24,2001:db8:9::/64}")
    with row.accepting() as guard:
        local = row.talk(row.client, place["server"])
        assert local and guard.of(local) == []


@pytest.mark.parametrize("side", ("clients", "servers"))
def test_exempt_places_are_left_alone(row, backend, place, side):
    exempt = place["client" if side == "clients" else "server"]
    row.ruled(backend, f"exempt.{side}={{{exempt}}}")
    with row.accepting() as guard:
        local = row.talk(row.client, place["server"])
        assert local and guard.of(local) == []
        if side == "servers":
            local = row.talk(row.gateway, place["server"])
            assert local and guard.of(local) == []


def test_our_own_connections_are_left_alone_answers_included(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        local = row.talk(row.gateway, place["server"], mark=OWN)
        assert local and guard.of(local) == []


def test_an_offloaded_connection_comes_no_more(row, backend, place):
    row.ruled(backend)
    with row.accepting(2, "offload") as guard:
        local = row.talk(row.client, place["server"], lines=20)
        assert local
        assert sum(1 for *_, length in guard.of(local) if length > 0) == 1


def test_an_offloaded_connection_of_the_gateway_comes_no_more(row, backend, place):
    row.ruled(backend)
    with row.accepting(2, "offload") as guard:
        local = row.talk(row.gateway, place["server"], lines=20)
        assert local
        assert sum(1 for *_, length in guard.of(local) if length > 0) == 1


def test_a_port_used_again_is_another_connection(row, backend, place):
    """Connection tracking did not see the first one end, and takes the second for it."""
    row.ruled(backend)
    with row.keeping_ends_secret(backend, 6 if ":" in place["server"] else 4), row.accepting(2, "offload") as guard:
        assert row.talk(row.client, place["server"], source_port=41009, vanishes=True)
        seen = len(guard.of(41009))
        assert row.talk(row.client, place["server"], source_port=41009)
        assert sum(1 for *_, length in guard.of(41009)[seen:] if length > 0) == 1


def test_a_port_used_again_while_its_last_words_wait_is_another_connection(row, backend, place):
    """They are in the queue still, and set the mark when the second one's SYN is there already."""
    row.ruled(backend)
    with row.keeping_ends_secret(backend, 6 if ":" in place["server"] else 4), row.accepting(2, "decided") as guard:
        first = row.from_port(41011, place["server"])
        first.sendall(rules_world.VANISH)
        time.sleep(0.2)
        with guard.stopped():
            first.sendall(rules_world.DECIDED)
            first.close()
            second = threading.Thread(target=row.talk, args=(row.client, place["server"]), kwargs={"source_port": 41011})
            second.start()
            time.sleep(0.2)
        second.join()
        assert sum(1 for *_, destination, length in guard.of(41011) if destination == 25 and length > 0) == 2 + 2


def test_other_mark_bits_stay_as_they_are(row, backend, place):
    family = 6 if ":" in place["server"] else 4
    keep = ("-t", "mangle", "-A", "PREROUTING", "-j", "MARK", "--set-mark", "0x42")
    check = ("-t", "mangle", "-A", "POSTROUTING", "-p", "tcp", "--dport", "25", "-m", "mark", "!", "--mark", "0x42",
             "-j", "DROP")
    for rule in (keep, check):
        row.tables(backend, *rule, family=family)
    try:
        row.ruled(backend)
        with row.accepting(2, "offload") as guard:
            local = row.talk(row.client, place["server"])
            assert local and guard.of(local)
    finally:
        for table, _, chain, *rule in (rule[1:] for rule in (keep, check)):
            row.tables(backend, "-t", table, "-D", chain, *rule, family=family)


def test_a_clamp_behind_our_rules_still_holds(row, backend, place):
    family = 6 if ":" in place["server"] else 4
    clamp = ("FORWARD", "-p", "tcp", "--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--set-mss", "1000")
    row.tables(backend, "-t", "mangle", "-A", *clamp, family=family)
    try:
        row.ruled(backend)
        with row.accepting() as guard:
            local = row.talk(row.client, place["server"])
            assert guard.of(local)
            assert row.answered[local] <= 1000
    finally:
        row.tables(backend, "-t", "mangle", "-D", *clamp, family=family)


def test_an_accept_before_our_rules_lets_nothing_by(row, backend, place):
    family = 6 if ":" in place["server"] else 4
    row.tables(backend, "-t", "mangle", "-I", "FORWARD", "-j", "ACCEPT", family=family)
    try:
        row.ruled(backend, anew=True)
        with row.accepting() as guard:
            assert guard.of(row.talk(row.client, place["server"]))
    finally:
        row.tables(backend, "-t", "mangle", "-D", "FORWARD", "-j", "ACCEPT", family=family)


def test_with_no_guard_open_passes_and_closed_waits(row, backend, place):
    row.ruled(backend)
    assert row.talk(row.client, place["server"])
    row.ruled(backend, "mode=enforce", "on-failure=closed")
    assert row.talk(row.client, place["server"], timeout_s=0.7) is None
    assert row.talk(row.server, place["client"])


def test_mail_for_us_from_port_25_is_not_taken_for_an_answer(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        assert row.talk(row.server, place["client"], source_port=25)
        # Only what our server answers is seen, and that may be mail of its own.
        assert guard.sources() <= {place["client"]}


def test_a_guarded_client_on_port_25_is_seen_both_ways(row, backend, place):
    row.ruled(backend)
    with row.accepting() as guard:
        assert row.talk(row.client, place["server"], source_port=25)
        assert guard.sources() == {place["client"], place["server"]}
