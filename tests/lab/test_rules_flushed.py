# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody else removes the rules of a running guard: they are in again within seconds, or it is told; what others have stays."""

import alone
import namespaces
import pytest

SECONDS = 8
FOREIGN = ("-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--dport", "80", "-j", "ACCEPT")
# What other firewall managers do at a reload, and what somebody may do to a part of ours.
FLUSHES = {
    "all of both tables": [("-t", "mangle", "-F"), ("-t", "mangle", "-X"), ("-t", "raw", "-F"), ("-t", "raw", "-X")],
    "the jump": [("-t", "mangle", "-D", "OUTPUT", "-j", "HOPGUARD-OUTPUT")],
    "one rule": [("-t", "mangle", "-D", "HOPGUARD-OUTPUT", "1")],
    "what is exempted": [("-t", "raw", "-F")],
}


@pytest.fixture(autouse=True)
def clean(machine):
    yield
    machine.close()


@pytest.fixture(params=("iptables", "iptables-legacy"))
def backend(request):
    return request.param


def tables(machine, backend, family, *words):
    tool = {4: "iptables", 6: "ip6tables"}[family] + ("-legacy" if backend == "iptables-legacy" else "-nft")
    machine.host.run([tool, "-w", *words])


def told(kind, *words):
    return lambda event: event["event"] == kind and all(word in event["text"] for word in ("rules", *words))


def start(machine, backend, *settings):
    guard = machine.start("queues=1", f"backend={backend}", *settings)
    guard.mark()
    return guard, machine.own_rules()


@pytest.mark.parametrize("backend, what, family", [
    ("iptables", "all of both tables", 4), ("iptables", "all of both tables", 6), ("iptables", "the jump", 4),
    ("iptables", "what is exempted", 6), ("iptables-legacy", "all of both tables", 6), ("iptables-legacy", "one rule", 4)])
def test_what_somebody_else_removed_is_put_back_and_told(machine, backend, what, family):
    guard, rules = start(machine, backend)
    tables(machine, backend, family, *FOREIGN)
    for flush in FLUSHES[what]:
        tables(machine, backend, family, *flush)
    if what != "all of both tables":
        assert machine.own_rules() != rules
    machine.wait_until(lambda: machine.own_rules() == rules, SECONDS)
    assert machine.own_rules() == rules
    assert guard.wait_for(told("degraded", "somebody else", "rules-flushed = restore"))
    assert guard.wait_for(told("recovered"))
    assert machine.wait_until(lambda: not any(one["subject"] == "rules" for one in guard.status().get("degraded", [])))
    if what != "all of both tables":
        assert any("--dport 80 -j ACCEPT" in line for line in machine.rules())
    assert len([event for event in guard.events() if told("degraded")(event)]) == 1


def test_one_who_removes_them_again_and_again_is_not_told_of_each_time(machine, backend):
    guard, rules = start(machine, backend)
    for _ in range(4):
        tables(machine, backend, 4, "-t", "mangle", "-F", "HOPGUARD-OUTPUT")
        assert machine.wait_until(lambda: machine.own_rules() == rules, SECONDS)
    assert len([event for event in guard.events() if told("degraded")(event)]) == 1


def test_by_alert_it_is_told_until_they_are_in_again(machine, backend):
    guard, rules = start(machine, backend, "rules-flushed=alert")
    for _ in range(2):
        tables(machine, backend, 4, "-t", "mangle", "-F")
        assert guard.wait_for(told("degraded", "rules-flushed = alert"), SECONDS)
        assert machine.wait_until(lambda: not guard.status()["rules_are_in"])
        assert not guard.wait_for(told("recovered"), 2)
        assert len(machine.own_rules()) < len(rules)
        assert machine.command("rules", "apply", "--config", guard.configuration, "--set", f"backend={backend}",
                               *[word for setting in guard.settings + ["queues=1"] for word in ("--set", setting)]).returncode == 0
        assert guard.wait_for(told("recovered"), SECONDS)
        assert machine.own_rules() == rules
        guard.mark()


def test_changes_of_others_that_leave_ours_alone_are_no_news(machine):
    backend = "iptables"
    guard, rules = start(machine, backend)
    for number in range(20):
        tables(machine, backend, 4, "-t", "mangle", "-A", "FORWARD", "-p", "tcp", "--dport", str(8000 + number), "-j", "ACCEPT")
    assert not guard.wait_for(told("degraded"), 1)
    assert machine.own_rules() == rules


def test_the_way_back_of_probes_is_put_back_too(machine):
    guard, _ = start(machine, "iptables")
    before = machine.host.run(["ip", "rule"])
    assert "2525" in before
    machine.host.run(["ip", "rule", "flush"])
    machine.host.run(["sh", "-c", "ip rule add from all lookup main pref 32766; ip rule add from all lookup default pref 32767"])
    assert namespaces.wait_until(lambda: machine.host.run(["ip", "rule"]) == before, 40)
    assert guard.wait_for(told("degraded"))


def test_the_route_of_that_way_is_put_back_too(machine):
    guard, _ = start(machine, "iptables")
    before = machine.host.run(["ip", "route", "show", "table", "2525"])
    assert "local default" in before
    machine.host.run(["ip", "route", "flush", "table", "2525"])
    assert namespaces.wait_until(lambda: machine.host.run(["ip", "route", "show", "table", "2525"], check=False) == before, 40)
    assert guard.wait_for(told("degraded"))
