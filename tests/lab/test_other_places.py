# SPDX-License-Identifier: GPL-2.0-or-later
"""Geo-DNS, split views, anycast and NAT64: honest mail to another place than hopguard's own look-ups name is delivered, and
what attacks it there is refused."""

import pytest

import places_lab
import promises_lab
from attacks import ATTACKS
from places_lab import BEHIND_NAT64, INNER, NAT64_PREFIXES, behind

STRIP = ATTACKS["strip"]
PROMISES = ("dane", "sts", "table")
SOURCES = {"dane": "dane", "sts": "mta-sts", "table": "local"}
FAMILIES = (4, 6)
SIGNED, UNSIGNED = {"zone": {"signed": True}}, {"zone": {"signed": False}}
# By name of domain: the scene, and the promise.
VIEWS = {f"{scene}-{promise}-{family}": (scene, promise, family) for scene in ("geo-signed", "geo-unsigned", "split")
         for promise in PROMISES for family in FAMILIES if (scene, promise) != ("geo-unsigned", "dane")}
OTHER_HOSTS = {f"{scene}-{promise}": (scene, promise) for scene in ("hosts-signed", "hosts-unsigned") for promise in PROMISES
               if (scene, promise) != ("hosts-unsigned", "dane")}
ANYCAST = {f"anycast-{promise}-{family}": (promise, family) for promise in PROMISES for family in FAMILIES}
NAT64 = {f"nat64-{number}-{promise}": (prefix, promise) for number, prefix in enumerate(NAT64_PREFIXES, 1) for promise in PROMISES}


def promising(promise, name):
    """Words for a domain that promises so."""
    return {"dane": {"has_tlsa": True}, "sts": {"text": promises_lab.policy(mx=f"mx.{name}.lab")}, "table": {}}[promise]


def furnish(site):
    for number, (name, (scene, promise, family)) in enumerate(VIEWS.items(), 10):
        signs = scene == "geo-signed" or promise == "dane"
        place = INNER[family].format(number) if scene == "split" else site.elsewhere(family)
        site.show(name, place, scene == "geo-signed", family=family, zone={"signed": signs}, **promising(promise, name))
    for name, (scene, promise) in OTHER_HOSTS.items():
        signs, place = scene == "hosts-signed", site.elsewhere(4)
        words = promising(promise, name)
        if promise == "sts":
            words["text"] = promises_lab.policy(mx=f"*.{name}.lab")
        more = f"other A {place}" + (f"\n_25._tcp.other TLSA {site.tlsa}" if promise == "dane" else "")
        site.show(name, place, signs, "other", zone={"signed": signs}, more=more, **words)
    place = site.elsewhere(4)
    site.show("hosts-keyless", place, True, "other", zone={"signed": True}, more=f"other A {place}", has_tlsa=True)
    site.sink.show_at(place, site.other_key, site.authority.issue("other.hosts-keyless.lab", key=site.other_key))
    for name, (promise, family) in ANYCAST.items():
        more = f"_25._tcp.mx TLSA {site.other_tlsa}" if promise == "dane" else ""
        site.show(name, family=family, more=more, zone={"signed": promise == "dane"}, **promising(promise, name))
    for family in FAMILIES:
        site.show(f"anycast-late-{family}", family=family, has_tlsa=True, zone={"signed": True},
                  more=f"_25._tcp.mx TLSA {site.other_tlsa}")
    for number, (name, (_, promise)) in enumerate(NAT64.items(), 10):
        site.show(name, place=None, zone={"signed": promise == "dane"}, **promising(promise, name))
        site.change(name, place=BEHIND_NAT64.format(number))
    for number, _ in enumerate(NAT64_PREFIXES, 1):
        site.show(f"weak-{number}", zone={"signed": True}, place=None, more="@ MX 20 mx2\nmx2 A 192.31.196.250\n"
                  f"_25._tcp.mx2 TLSA {site.tlsa}")
        site.show(f"smart-{number}")
        for name, last in (("weak", 100 + number), ("smart", 200 + number)):
            site.change(f"{name}-{number}", place=BEHIND_NAT64.format(last))
    said = [name for name, words in {**VIEWS, **OTHER_HOSTS, **ANYCAST, **NAT64}.items() if "table" in words]
    site.configuration = "".join(f'destination "{name}.lab" {{ level = encrypt }}\n' for name in said)
    site.configuration += "".join(f'next-hop "mx.smart-{number}.lab" {{}}\n' for number, _ in enumerate(NAT64_PREFIXES, 1))
    site.open()


@pytest.fixture(scope="module")
def site(root):
    with places_lab.Places() as one:
        furnish(one)
        yield one


@pytest.fixture
def guarded(site):
    site.stand()
    return site


def is_kept(site, name):
    outcome = site.send(name, STRIP, "postfix")
    assert outcome.attempt.result == "kept" and not outcome.clear and not site.arrived(outcome.recipient), outcome
    return outcome


def is_stopped(site, name, reasons=("starttls-stripped", "mx-mismatch")):
    """Before anything passes: what its look-ups say has been heard then, however busy the machine is."""
    outcome = is_kept(site, name)
    event = site.verdict(outcome, outcome.attempt.why)
    assert event["action"] == "block" and event["reason"] in reasons, event


def passes(site, name, promise, places):
    outcome, letter = site.honest(name)
    event = site.verdict(outcome)
    assert letter.is_tls and letter.server[0] in places
    assert event, site.guard.events()
    assert (event["action"], event["promise"]["source"]) == ("pass", SOURCES[promise]), event
    assert not site.findings()
    return letter


@pytest.mark.parametrize("name", ["geo-signed-dane-4", "geo-unsigned-sts-6", "split-table-4", "anycast-dane-6"])
def test_without_a_guard_a_stripped_letter_goes_in_clear(site, name):
    site.guard_at(None)
    outcome = site.send(name, STRIP, "postfix")
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome


# Views


@pytest.mark.parametrize("name", VIEWS)
def test_a_letter_to_where_the_sites_resolver_says_passes_and_cannot_be_stripped(guarded, name):
    _, promise, _ = VIEWS[name]
    is_stopped(guarded, name)
    passes(guarded, name, promise, [guarded._views[name][0]])


@pytest.mark.parametrize("name", OTHER_HOSTS)
def test_a_letter_to_another_host_of_the_domains_own_passes_and_cannot_be_stripped(guarded, name):
    """A policy names the host as well, by a pattern: it is held to a certificate of its own name."""
    _, promise = OTHER_HOSTS[name]
    is_stopped(guarded, name)
    outcome, letter = guarded.honest(name)
    event = guarded.verdict(outcome)
    assert event, guarded.guard.events()
    assert letter.is_tls and letter.server[0] == guarded._views[name][0]
    assert (event["action"], event.get("reason")) == ("pass", None), event
    assert event["promise"]["source"] == SOURCES[promise]
    if promise != "table":
        assert event["mx"] == f"other.{name}.lab"


def test_a_host_of_the_domains_own_without_a_key_does_not_take_the_place_of_one_that_has(guarded):
    is_stopped(guarded, "hosts-keyless", ("mx-mismatch",))
    outcome = guarded.send("hosts-keyless", sender="postfix")
    assert outcome.attempt.result == "kept" and not guarded.arrived(outcome.recipient)


# Anycast


@pytest.mark.parametrize("name", ANYCAST)
def test_another_machine_at_the_same_address_is_no_finding(guarded, name):
    promise, _ = ANYCAST[name]
    address = guarded[name].address
    is_stopped(guarded, name)
    passes(guarded, name, promise, [address])
    guarded.lead_to_other(address)
    try:
        _, letter = guarded.honest(name)
        assert letter.is_tls and letter in guarded.other_sink.letters
        assert not guarded.findings()
        is_kept(guarded, name)
    finally:
        guarded.lead_back(address)


@pytest.mark.parametrize("name", ("anycast-late-4", "anycast-late-6"))
def test_a_way_that_changes_amid_a_connection_costs_one_attempt(guarded, name):
    """The other machine resets what it does not know. That is no sabotage, and no reason to come in clear."""
    is_stopped(guarded, name)
    with guarded.lead_away_when_greeted(guarded[name].address):
        outcome = guarded.send(name, sender="postfix", retries=True)
        assert outcome.attempt.result == "sent" and not outcome.clear, (outcome, guarded.guard.events())
        assert [one.is_tls for one in guarded.other_sink.find(outcome.recipient)] == [True]
    assert not [one for one in guarded.guard.events() if one.get("action") in ("block", "defer")]


# NAT64

TRANSLATORS = [pytest.param(number, prefix, id=prefix) for number, prefix in enumerate(NAT64_PREFIXES, 1)]


@pytest.fixture
def translated(guarded, prefix):
    with guarded.ipv6_only(prefix):
        yield guarded


@pytest.mark.parametrize("number, prefix", TRANSLATORS)
def test_behind_nat64_letters_pass_and_cannot_be_stripped(translated, number, prefix):
    for name, (where, promise) in NAT64.items():
        if where == prefix:
            is_stopped(translated, name, ("starttls-stripped",))
            letter = passes(translated, name, promise, [translated[name].address])
            assert letter.client[0].startswith("192.168.")


@pytest.mark.parametrize("number, prefix", TRANSLATORS)
def test_behind_nat64_a_host_is_held_to_its_own_promise(translated, number, prefix):
    outcome = translated.send(f"weak-{number}", STRIP, "postfix")
    event = translated.told(outcome, "starttls-stripped", "dane")
    assert event["mx"] == f"mx.weak-{number}.lab"


@pytest.mark.parametrize("number, prefix", TRANSLATORS)
def test_behind_nat64_a_smart_host_is_the_hop(translated, number, prefix):
    destination = translated[f"nat64-{number}-dane"].destination._replace(
        addresses=(behind(prefix, translated[f"smart-{number}"].address),))
    outcome = translated.carry(STRIP, "swaks", destination, retries=False)
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome
    assert not translated.findings()


def test_behind_a_translator_that_nobody_named_letters_pass_in_tls(site):
    prefix = NAT64_PREFIXES[1]
    site.stand(nat64=())
    with site.ipv6_only(prefix):
        for name, (where, promise) in NAT64.items():
            if where == prefix:
                is_stopped(site, name)
                passes(site, name, promise, [site[name].address])
