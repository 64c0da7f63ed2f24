# SPDX-License-Identifier: GPL-2.0-or-later
"""Geo-DNS, split views, anycast and NAT64: honest mail to another place than hopguard's own look-ups name is delivered, and
what attacks it there is refused."""

import os

import pytest

import places_lab
import promises_lab
from attacks import ATTACKS
from places_lab import BEHIND_NAT64, INNER, RESOLVER_6

STRIP = ATTACKS["strip"]
PROMISES = ("dane", "sts", "table")
SOURCES = {"dane": "dane", "sts": "mta-sts", "table": "local"}
FAMILIES = (4, 6)
SIGNED, UNSIGNED = {"zone": {"signed": True}}, {"zone": {"signed": False}}
# By name of domain: the scene, and the promise.
VIEWS = {f"{scene}-{promise}-{family}": (scene, promise, family) for scene in ("geo-signed", "geo-unsigned", "split")
         for promise in PROMISES for family in FAMILIES if (scene, promise) != ("geo-unsigned", "dane")}
ANYCAST = {f"anycast-{promise}-{family}": (promise, family) for promise in PROMISES for family in FAMILIES}
NAT64 = {f"nat64-{number}-{promise}": (prefix, promise) for number, prefix in enumerate(RESOLVER_6) for promise in PROMISES}


def promising(promise, name):
    """Words for a domain that promises so."""
    return {"dane": {"has_tlsa": True}, "sts": {"text": promises_lab.policy(mx=f"mx.{name}.lab")}, "table": {}}[promise]


def furnish(site):
    for number, (name, (scene, promise, family)) in enumerate(VIEWS.items(), 10):
        signs = scene == "geo-signed" or promise == "dane"
        place = INNER[family].format(number) if scene == "split" else site.elsewhere(family)
        site.show(name, place, scene == "geo-signed", family=family, zone={"signed": signs}, **promising(promise, name))
    for name, (promise, family) in ANYCAST.items():
        more = f"_25._tcp.mx TLSA {site.other_tlsa}" if promise == "dane" else ""
        site.show(name, family=family, more=more, zone={"signed": promise == "dane"}, **promising(promise, name))
    for number, (name, (_, promise)) in enumerate(NAT64.items(), 10):
        site.show(name, place=None, zone={"signed": promise == "dane"}, **promising(promise, name))
        site.change(name, place=BEHIND_NAT64.format(number))
    said = [name for name, words in {**VIEWS, **ANYCAST, **NAT64}.items() if "table" in words]
    site.configuration = "".join(f'destination "{name}.lab" {{ level = encrypt }}\n' for name in said)
    site.open()


@pytest.fixture(scope="module")
def site():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with places_lab.Places() as one:
        furnish(one)
        yield one


@pytest.fixture
def guarded(site):
    site.stand()
    return site


def passes(site, name, promise, places):
    outcome, letter = site.honest(name)
    event = site.verdict(outcome)
    assert letter.is_tls and letter.server[0] in places
    assert (event["action"], event["promise"]["source"]) == ("pass", SOURCES[promise]), event
    assert not site.findings()
    return letter


def is_stopped(site, name):
    outcome = site.send(name, STRIP, "postfix")
    assert outcome.attempt.result == "kept" and not outcome.clear and not site.arrived(outcome.recipient), outcome
    event = site.verdict(outcome, outcome.attempt.why)
    assert event["action"] == "block" and event["reason"] in ("starttls-stripped", "mx-mismatch"), event


@pytest.mark.parametrize("name", ["geo-signed-dane-4", "geo-unsigned-sts-6", "split-table-4", "anycast-dane-6"])
def test_without_a_guard_a_stripped_letter_goes_in_clear(site, name):
    site.guard_at(None)
    outcome = site.send(name, STRIP, "postfix")
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome


# Views


@pytest.mark.parametrize("name", VIEWS)
def test_a_letter_to_where_the_sites_resolver_says_passes_and_cannot_be_stripped(guarded, name):
    _, promise, _ = VIEWS[name]
    passes(guarded, name, promise, [guarded._views[name][0]])
    is_stopped(guarded, name)


# Anycast


@pytest.mark.parametrize("name", ANYCAST)
def test_another_machine_at_the_same_address_is_no_finding(guarded, name):
    promise, _ = ANYCAST[name]
    address = guarded[name].address
    passes(guarded, name, promise, [address])
    guarded.lead_to_other(address)
    try:
        _, letter = guarded.honest(name)
        assert letter.is_tls and letter in guarded.other_sink.letters
        assert not guarded.findings()
        is_stopped(guarded, name)
    finally:
        guarded.lead_back(address)


# NAT64


@pytest.mark.parametrize("prefix", RESOLVER_6)
def test_behind_nat64_letters_pass_and_cannot_be_stripped(guarded, prefix):
    with guarded.ipv6_only(prefix):
        for name, (where, promise) in NAT64.items():
            if where == prefix:
                letter = passes(guarded, name, promise, [guarded[name].address])
                assert letter.client[0].startswith("192.168.")
                is_stopped(guarded, name)
