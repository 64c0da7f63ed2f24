# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks that are attached to the machine after the guard was started: with `clients` at its default their mail is guarded within
seconds, and nothing else happens by it; one that goes away for a while leaves no hole."""

import json

import pytest

SECONDS = 15
BACKENDS = ("iptables", "iptables-legacy")
LATE = {4: "203.0.113.0/24", 6: "2001:db8:77::/64"}


@pytest.fixture(autouse=True)
def clean(machine):
    yield
    machine.close()
    machine.host.run(["sh", "-c", "ip link del late; ip link del later"], check=False)


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


def ip(machine, *lines):
    machine.host.ip(*lines)


def attach(machine, name="late", address4="203.0.113.1/24", address6="2001:db8:77::1/64"):
    ip(machine, f"link add {name} type veth peer name {name}-far", f"link set {name}-far up", f"link set {name} up",
       f"addr add {address4} dev {name}", f"addr add {address6} dev {name} nodad")


def start(machine, backend, *settings):
    guard = machine.start("clients={}", "queues=1", f"backend={backend}", *settings)
    guard.mark()
    return guard


def judged(machine, network):
    """The rules that bring that network's mail to the guard, not what is heard of its name servers."""
    return [rule for rule in machine.own_rules() if f"HOPGUARD-FROM -s {network}" in rule]


def are_judged(machine, *networks):
    return all(judged(machine, network) for network in networks)


def told(guard, kind="reloaded"):
    """Of a name server that was too busy for once we do not speak here."""
    return [event["text"] for event in guard.events() if event["event"] == kind and event.get("subject", "clients") == "clients"]


def is_in_trouble(guard):
    return any(one["subject"] == "clients" for one in guard.status().get("degraded", []))


@pytest.mark.parametrize("stance", ("closed", "open"))
def test_a_network_that_comes_up_later_is_guarded_and_told(machine, backend, stance):
    guard = start(machine, backend, f"on-failure={stance}")
    processes = guard.processes()
    assert not are_judged(machine, LATE[4])
    attach(machine)
    assert machine.wait_until(lambda: are_judged(machine, *LATE.values()), SECONDS)
    assert guard.wait_for(lambda event: event["event"] == "reloaded" and all(one in event["text"] for one in LATE.values()))
    assert guard.processes() == processes, "somebody was started again"
    assert guard.status()["rules_are_in"] and not told(guard, "degraded")
    assert len(told(guard)) == 1


def test_an_address_that_comes_later_to_an_interface_is_enough(machine):
    ip(machine, "link add late type veth peer name late-far", "link set late-far up", "link set late up")
    start(machine, "iptables")
    ip(machine, "addr add 203.0.113.1/24 dev late")
    assert machine.wait_until(lambda: are_judged(machine, LATE[4]), SECONDS)


def test_one_that_flaps_stays_guarded_and_is_told_once(machine, backend):
    guard = start(machine, backend)
    attach(machine)
    assert machine.wait_until(lambda: are_judged(machine, *LATE.values()), SECONDS)
    rules, processes = machine.own_rules(), guard.processes()
    for _ in range(3):
        ip(machine, "link del late")
        assert not guard.wait_for(lambda event: False, 3)
        assert machine.own_rules() == rules
        attach(machine)
    assert not guard.wait_for(lambda event: False, 4)
    assert machine.own_rules() == rules
    assert guard.processes() == processes and len(told(guard)) == 1
    # A reload takes what is attached now.
    ip(machine, "link del late")
    assert machine.ask("reload").returncode == 0
    assert not judged(machine, LATE[4]) and not judged(machine, LATE[6])


def test_a_network_by_which_a_default_route_leads_is_none_of_them(machine):
    """Its address comes first, as with DHCP."""
    guard = start(machine, "iptables")
    attach(machine)
    ip(machine, "route add default via 203.0.113.254", "route add default via 2001:db8:77::fe")
    attach(machine, "later", "198.51.100.1/24", "2001:db8:78::1/64")
    assert machine.wait_until(lambda: are_judged(machine, "198.51.100.0/24", "2001:db8:78::/64"), SECONDS)
    assert not judged(machine, LATE[4]) and not judged(machine, LATE[6])
    assert len(told(guard)) == 1 and LATE[4] not in told(guard)[0]


def test_private_networks_are_no_news(machine):
    guard = start(machine, "iptables")
    rules = machine.own_rules()
    attach(machine, address4="192.168.7.1/24", address6="fd00:7::1/64")
    assert not guard.wait_for(lambda event: event["event"] == "reloaded", 5)
    assert machine.own_rules() == rules


def test_where_clients_are_named_their_name_servers_may_stand_there(machine, backend):
    guard = start(machine, backend, "clients={192.0.2.0/24}")
    attach(machine)
    assert machine.wait_until(lambda: any(f"HOPGUARD-ASKERS -s {LATE[4]}" in rule for rule in machine.own_rules()), SECONDS)
    assert not judged(machine, LATE[4])
    assert guard.wait_for(lambda event: event["event"] == "reloaded" and "name servers" in event["text"])
    guard.mark()
    attach(machine, "later", "192.0.2.1/24", "2001:db8:78::1/64")
    assert guard.wait_for(lambda event: event["event"] == "reloaded" and "2001:db8:78::/64" in event["text"], SECONDS)
    assert "192.0.2.0/24" not in told(guard)[0]


def test_what_cannot_be_put_in_is_told_and_tried_again(machine):
    """The tool is away for a while."""
    guard = start(machine, "iptables")
    rules = machine.own_rules()
    tools = machine.host.run(["sh", "-c", "readlink -f $(command -v iptables-nft-restore)"]).strip()
    machine.host.run(["mount", "--bind", "/dev/null", tools])
    try:
        attach(machine)
        assert guard.wait_for(lambda event: event["event"] == "degraded" and event["subject"] == "clients", SECONDS)
        assert machine.wait_until(lambda: is_in_trouble(guard))
        assert not guard.wait_for(lambda event: event["event"] == "reloaded", 7)
    finally:
        machine.host.run(["umount", tools])
    assert guard.wait_for(lambda event: event["event"] == "recovered" and event["subject"] == "clients", SECONDS)
    assert are_judged(machine, *LATE.values()) and len(machine.own_rules()) > len(rules)
    assert len(told(guard, "degraded")) == 1 and len(told(guard)) == 1
    assert machine.wait_until(lambda: not is_in_trouble(guard))


def test_rules_of_before_the_network_was_up_are_complete_once_the_guard_runs(machine, backend):
    """As at a boot: the early unit, the network, the guard, and the rest of the network."""
    guard = machine.prepare("clients={}", "queues=1", f"backend={backend}")
    settings = [word for setting in guard.settings for word in ("--set", setting)]
    assert machine.command("rules", "apply", "--config", guard.configuration, *settings).returncode == 0
    assert judged(machine, "10.0.0.0/8") and not judged(machine, LATE[4])
    attach(machine)
    guard.start()
    assert are_judged(machine, *LATE.values())
    attach(machine, "later", "198.51.100.1/24", "2001:db8:78::1/64")
    assert machine.wait_until(lambda: are_judged(machine, "198.51.100.0/24", "2001:db8:78::/64"), SECONDS)
    assert are_judged(machine, *LATE.values())
    for family, late in LATE.items():
        said = json.loads(machine.command("rules", "print", "--backend", "nft", "--json", *settings).stdout)
        assert f"\t\t\t{late},\n" in said["script"], family
