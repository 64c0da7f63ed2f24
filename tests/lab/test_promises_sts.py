# SPDX-License-Identifier: GPL-2.0-or-later
"""MTA-STS at the gateway: what an unsigned domain's policy keeps from happening, however it is restarted."""

import os
import shutil
import time

import pytest

import promises_lab
import world
from attacks import ATTACKS
from own_key import OwnKey
from promises_lab import WRONG_PLACE, policy

DAY_MS = 24 * 60 * 60 * 1000
STRIP = ATTACKS["strip"]
BLOCKED, DOWN, REPLACED = 4, 5, 6  # policy hosts with a fate of their own
NOBODY = 9                                        # an address where nobody serves policies
FAILING = {"servfail": "SERVFAIL", "drop": "timeout"}
FIRST = {"first-servfail": "SERVFAIL", "first-drop": "timeout", "first-bogus": "bogus"}
CHANGED = {"new-id": "2", "same-id": "1"}
LEFT_S = 25  # of the policy that ends while we look on


def furnish(site):
    for name in ("honest", "stripped", "again", "same-id", "new-id", "clock-back", "clock-ahead", "ended", "txt-gone",
                 "forged", "forged-clear"):
        site.add(name, policy(mx=f"mx.{name}.lab"))
    site.add("blocked", policy(mx="mx.blocked.lab"), policy_host=BLOCKED)
    site.add("down", policy(mx="mx.down.lab"), policy_host=DOWN)
    site.add("replaced", policy(mx="mx.replaced.lab"), policy_host=REPLACED)
    site.add("testing", policy("testing", "mx.testing.lab"))
    site.add("testing-elsewhere", policy("testing", "mx.example.org"))
    site.add("none", policy("none", "mx.none.lab"))
    site.add("first", id="1", policy_host=NOBODY)
    for fault in FAILING:
        site.add(f"first-{fault}", policy(mx=f"mx.first-{fault}.lab"), [("TXT", "_mta-sts", fault)])
    site.add("first-bogus", policy(mx="mx.first-bogus.lab"),
             zone={"signed": True, "broken": "signature:_mta-sts.first-bogus.lab. TXT"})
    site.add("evil", has_tlsa=True, zone={"signed": True},
             certified=("mx.evil.lab", *(f"other.{name}.lab" for name in CHANGED)))
    site.add("signed", policy(mx="mx.example.org"), has_tlsa=True, zone={"signed": True})
    site.add("hosts", has_tlsa=True, zone={"signed": True})
    site.add("unsigned", policy(mx="mx.hosts.lab"), mx="mx.hosts.lab.")
    site.add("wild", policy(mx="*.wild.lab"))
    deep = site.add("deep", policy(mx="*.deep.lab"), mx="mx.eu")
    site.change("deep", more=f"mx.eu A {deep.address}")
    for fault in FAILING:
        site.add(f"tlsa-{fault}", policy(mx=f"mx.tlsa-{fault}.lab"), [("TLSA", "_25._tcp.mx", fault)], has_tlsa=True,
                 zone={"signed": True})
        site.add(f"bare-{fault}", None, [("TLSA", "_25._tcp.mx", fault)], has_tlsa=True, zone={"signed": True})
    site.add("tlsa-bogus", policy(mx="mx.tlsa-bogus.lab"), has_tlsa=True,
             zone={"signed": True, "broken": "signature:_25._tcp.mx.tlsa-bogus.lab. TLSA"})
    site.watch = os.path.join(site.world.directory, "watch")
    with open(site.watch, "w", encoding="utf-8") as file:
        file.write("forged.lab\n")
    site.settings = ("dns.timeout-seconds=2", f"watch={site.watch}")
    site.own_key = OwnKey(site.world.directory)
    site.open()


@pytest.fixture
def guarded(site):
    site.guard_at("routed", settings=site.settings)
    return site


def know(site, name, mode="enforce"):
    """Has the policy looked up, as an honest day would."""
    status, _, evidence, _ = site.explain(name)
    assert status == 0 and evidence["mta-sts"]["state"] == "binds", evidence
    assert f"mode {mode}, id {site[name].id}, mx" in evidence["mta-sts"]["detail"]


# Without us


@pytest.mark.parametrize("sender", ["plain", "postfix"])
def test_without_a_guard_a_stripped_letter_goes_in_clear(site, sender):
    site.guard_at(None)
    outcome = site.send("stripped", STRIP, sender)
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome


@pytest.mark.parametrize("sender", ["plain", "postfix"])
def test_without_a_guard_a_forged_mx_brings_the_letter_to_the_attacker(site, sender):
    site.guard_at(None)
    outcome = site.send("forged", sender=sender, to="evil") if sender == "plain" else send_misled(site, "forged")
    assert outcome.arrived and outcome.arrived[0].server[0] == site["evil"].address
    assert outcome.arrived[0].is_tls == (sender == "postfix")


def send_misled(site, name):
    """Postfix looks up the forged record by itself."""
    forge(site, name)
    outcome = site.send(name, sender="postfix", to="evil")
    site.change(name, mx="mx")
    site.renew()
    return outcome


def forge(site, name):
    site.change(name, mx="mx.evil.lab.")
    site.renew()


# Kept over a restart in the middle of max_age. First of all, since a fetch that fails is told when it fails again, a minute later;
# and only a policy that was not fetched within a minute is fetched again before a block.


@pytest.fixture(scope="module")
def restarted(site):
    site.guard_at("routed", settings=site.settings)
    for name in ("txt-gone", "blocked", "down", "replaced", "clock-back", "clock-ahead", "ended", "forged", *CHANGED):
        know(site, name)
        site.wait_until_stored("SELECT 1 FROM policy WHERE domain = ?", f"{name}.lab")
    now_ms = int(time.time() * 1000)
    site.restart(
        ("UPDATE policy SET saved_ms = ? WHERE domain = ?", now_ms + 30 * DAY_MS, "clock-back.lab"),
        ("UPDATE policy SET saved_ms = ? WHERE domain = ?", now_ms - 30 * DAY_MS, "clock-ahead.lab"),
        ("UPDATE policy SET left_s = ? WHERE domain = ?", LEFT_S, "ended.lab"),
        between=lambda: suppress(site))
    site.first = {name: site.send(name, STRIP) for name in FIRST}
    return site


def suppress(site):
    for name in ("txt-gone", "ended"):
        site.change(name, id="")
    for name in ("clock-back", "clock-ahead"):
        site.change(name, policy_host=NOBODY)
    site.world.outside.ip(f"rule add pref 90 to {world.far_address(BLOCKED, 4)} ipproto 6 dport 443 blackhole")
    site.policy_hosts[DOWN].stop()
    replaced = site.policy_hosts[REPLACED]
    replaced.stop()
    certificate = replaced.blocks[0].split("ssl_certificate ", 1)[1].split(";", 1)[0]
    stranger = promises_lab.authority.Authority(site.world.directory, "stranger", site.authority.key)
    shutil.copy(stranger.issue("mta-sts.replaced.lab"), certificate)
    replaced.start()
    site.renew()


def test_a_policy_that_ends_is_enforced_to_its_end_and_told_before(restarted):
    restarted.refused(restarted.send("ended", STRIP), "starttls-stripped", "mta-sts")
    assert restarted.policy_event("ended", "the MTA-STS policy is past half of its life, ends in", "still cannot be renewed",
                                  timeout_s=15)


@pytest.mark.parametrize("name, left_s", [("down", 604800), ("clock-back", 604800), ("clock-ahead", 86400)])
def test_a_policy_is_enforced_after_a_restart_whatever_its_host_and_the_clock_do(restarted, name, left_s):
    event = restarted.refused(restarted.send(name, STRIP), "starttls-stripped", "mta-sts")
    assert event["promise"]["detail"] == f"_mta-sts.{name}.lab enforce id 1"
    status, _, evidence, _ = restarted.explain(name)
    assert status == 0 and evidence["mta-sts"]["state"] == "binds"
    assert left_s - 600 < evidence["mta-sts"]["left_s"] <= left_s


@pytest.mark.parametrize("name", ["txt-gone", "replaced", "blocked"])
def test_a_policy_that_cannot_be_had_any_more_is_enforced(restarted, name):
    event = restarted.refused(restarted.send(name, STRIP), "starttls-stripped", "mta-sts")
    assert event["promise"]["detail"] == f"_mta-sts.{name}.lab enforce id 1"
    assert event["held_ms"] < 10000  # the fetch that comes before a block has an end


# Honest, stripped, testing, none


def test_an_honest_letter_passes_in_tls(guarded):
    outcome = guarded.send("honest", sender="postfix")
    guarded.passed(outcome)
    assert outcome.arrived[0].is_tls and not outcome.clear
    status, page, evidence, text = guarded.explain("honest")
    assert status == 0 and evidence["mta-sts"]["detail"] == "mode enforce, id 1, mx mx.honest.lab"
    assert 604800 - 300 < evidence["mta-sts"]["left_s"] <= 604800
    host = page["hosts"][0]
    assert (host["promise"]["source"], host["promise"]["state"]) == ("mta-sts", "key")
    assert (host["without_starttls"]["action"], host["without_starttls"]["reason"]) == ("block", "starttls-stripped")
    assert "mta-sts   binds, left 7 d: mode enforce, id 1, mx mx.honest.lab\n" in text


@pytest.mark.parametrize("attack, reason", [
    ("strip", "starttls-stripped"), ("mask-xxxxxxxa", "starttls-masked"), ("refuse-454", "starttls-refused"),
    ("ehlo-502", "ehlo-refused"), ("sabotage-reset-hello", "tls-sabotaged")])
def test_what_strips_starttls_is_refused_by_the_policy(guarded, attack, reason):
    outcome = guarded.send("stripped", ATTACKS[attack], "postfix", retries=reason == "tls-sabotaged")
    event = guarded.refused(outcome, reason, "mta-sts")
    assert event["promise"]["detail"] == "_mta-sts.stripped.lab enforce id 1" and event["kind"] == "attack"
    assert event["mx"] == "mx.stripped.lab" and event["advice"]


def test_a_policy_in_testing_is_told_and_refuses_nothing(guarded):
    event = guarded.told(guarded.send("testing", STRIP, "postfix"), "starttls-stripped", "mta-sts")
    assert event["promise"]["only_alerts"] and "testing" in event["promise"]["detail"]
    event = guarded.told(guarded.send("testing-elsewhere"), "mx-mismatch", "mta-sts")
    assert event["promise"]["only_alerts"]
    status, page, evidence, text = guarded.explain("testing")
    assert status == 0 and evidence["mta-sts"]["state"] == "alerts"
    assert "key by mta-sts (told, not enforced)" in text
    assert page["hosts"][0]["without_starttls"]["action"] == "alert"


def test_a_policy_of_mode_none_asks_for_nothing(guarded):
    guarded.passed(guarded.send("none", STRIP))
    status, _, evidence, _ = guarded.explain("none")
    assert status == 0 and evidence["mta-sts"]["state"] == "none" and "mode none" in evidence["mta-sts"]["detail"]


# Changed


@pytest.mark.parametrize("name, new_id", CHANGED.items())
def test_a_policy_that_changed_is_fetched_again_before_a_block(restarted, guarded, name, new_id):
    guarded.change(name, mx="other", more=f"other A {guarded['evil'].address}", id=new_id)
    guarded.publish(name, policy(mx=f"other.{name}.lab"))
    guarded.renew()
    outcome = guarded.send(name, sender="opportunistic", to="evil")
    guarded.passed(outcome)
    assert outcome.arrived[0].is_tls
    # In clear there is a would-be block, which asks for the policy; it is then refused for the right reason.
    event = guarded.refused(guarded.send(name, to="evil"), "tls-not-used", "mta-sts")
    assert event["mx"] == f"other.{name}.lab" and event["promise"]["detail"].endswith(f"id {new_id}")
    _, page, evidence, _ = guarded.explain(name)
    assert evidence["mta-sts"]["detail"] == f"mode enforce, id {new_id}, mx other.{name}.lab"
    assert not page["hosts"][0].get("is_excluded")


# One label


def test_a_star_in_a_policy_stands_for_one_label(guarded):
    guarded.refused(guarded.send("wild", STRIP), "starttls-stripped", "mta-sts")
    event = guarded.refused(guarded.send("deep"), "mx-mismatch", "mta-sts", code=WRONG_PLACE)
    assert event["mx"] == "mx.eu.deep.lab"


# First contact


def test_a_first_contact_whose_policy_cannot_be_fetched_is_delivered_and_told(guarded):
    outcome = guarded.send("first", STRIP, "postfix")
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome
    event = guarded.policy_event("first", "a promised MTA-STS policy cannot be had, mail goes unprotected, next try in")
    assert event and (event["action"], event["reason"], event["kind"]) == ("alert", "policy-unavailable", "attack")
    assert "https://mta-sts.first.lab/.well-known/mta-sts.txt" in event["text"]
    assert event["promise"] == {"source": "mta-sts"}
    assert guarded.syslog.wait_for("policy action=alert", "reason=policy-unavailable", "domain=first.lab")
    status, _, evidence, text = guarded.explain("first")
    assert status == 1 and evidence["mta-sts"]["state"] == "failed", evidence
    assert "mta-sts   failed" in text


# A forged MX


def test_a_forged_mx_is_refused_in_clear_though_its_host_keeps_a_promise_of_its_own(guarded):
    forge(guarded, "forged-clear")  # from the first contact on
    outcome = guarded.send("forged-clear", to="evil")
    event = guarded.refused(outcome, "mx-mismatch", "mta-sts", code=WRONG_PLACE)
    assert event["seen"]["place"] == "excluded" and "policy names other mail servers" in outcome.attempt.why
    assert event["rule"] == "host is none of those that the domain's policy names" and event["mx"] == "mx.evil.lab"
    status, page, _, text = guarded.explain("forged-clear")
    assert page["hosts"][0]["is_excluded"] and "excluded   the domain's policy names other hosts" in text
    assert page["hosts"][0]["with_wrong_key"]["reason"] == "mx-mismatch" and status == 0


def test_a_forged_mx_of_a_watched_domain_is_refused_in_tls(restarted):
    forge(restarted, "forged")
    event = restarted.refused(restarted.send("forged", sender="postfix", to="evil"), "mx-mismatch", "mta-sts", code="")
    assert event["seen"]["starttls_answer"] == "ready" and event["seen"]["tls"] != "none" and not restarted.sink.letters


# DANE beside it


def test_dane_with_a_signed_mx_takes_the_place_of_the_policy(guarded):
    guarded.passed(guarded.send("signed", sender="postfix"))
    event = guarded.refused(guarded.send("signed", STRIP), "starttls-stripped", "dane")
    assert event["promise"]["detail"].startswith("_25._tcp.mx.signed.lab 3 1 1 ")
    status, _, evidence, _ = guarded.explain("signed")
    assert status == 0 and evidence["mta-sts"]["state"] == "overridden"


def test_with_an_unsigned_mx_policy_and_tlsa_both_count(guarded):
    guarded.passed(guarded.send("unsigned", sender="postfix", to="hosts"))
    event = guarded.refused(guarded.send("unsigned", STRIP, to="hosts"), "starttls-stripped", "mta-sts")
    assert "_mta-sts.unsigned.lab enforce id 1; and _25._tcp.mx.hosts.lab 3 1 1 " in event["promise"]["detail"]


@pytest.mark.parametrize("name", ["tlsa-servfail", "tlsa-drop", "tlsa-bogus", "bare-servfail", "bare-drop"])
def test_a_suppressed_tlsa_record_defers_whatever_a_policy_beside_it_says(guarded, name):
    event = guarded.refused(guarded.send(name, STRIP), "policy-unavailable", "dane", "defer", WRONG_PLACE)
    assert event["promise"]["state"] == "unavailable" and f"TLSA mx.{name}.lab: " in event["promise"]["detail"]
    status, page, evidence, _ = guarded.explain(name)
    host = page["hosts"][0]
    assert status == 1 and host["promise"]["state"] == "unavailable" and host["address_security"] == "secure"
    assert host["without_starttls"]["action"] == "defer"
    assert evidence["mta-sts"]["state"] == ("none" if "bare" in name else "overridden"), evidence


def test_a_suppressed_policy_is_told(restarted):
    for name, words in (("txt-gone", "no such record"), ("down", "https://mta-sts.down.lab"),
                        ("replaced", "https://mta-sts.replaced.lab"), ("blocked", "https://mta-sts.blocked.lab")):
        event = restarted.policy_event(name, "the MTA-STS policy cannot be renewed, and holds for another 6 days: ", words,
                                        timeout_s=100)
        assert event, (name, restarted.guard.events(from_start=True))
        assert event["reason"] == "policy-unavailable" and event["action"] == "alert"
        status, _, evidence, _ = restarted.explain(name)
        assert evidence["mta-sts"]["state"] == "binds" and "cannot be renewed: " in evidence["mta-sts"]["detail"]
        assert status == 0


@pytest.mark.parametrize("name, why", FIRST.items())
def test_a_first_contact_whose_record_cannot_be_looked_up_is_delivered_and_told_when_that_fails_again(restarted, name, why):
    outcome = restarted.first[name]
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome
    event = restarted.policy_event(name, "no answer whether MTA-STS is promised, mail goes unprotected, next try in", why,
                                   timeout_s=100)
    assert event and (event["action"], event["reason"], event["kind"]) == ("alert", "policy-unavailable", "attack")
    status, _, evidence, _ = restarted.explain(name)
    assert status == 1 and evidence["mta-sts"]["state"] == "failed", evidence
    assert f"TXT _mta-sts.{name}.lab: {why}" in evidence["mta-sts"]["detail"]


def test_a_policy_that_ended_refuses_nothing_and_is_told(restarted):
    assert restarted.policy_event("ended", "the MTA-STS policy ended and could not be renewed, so mail goes unprotected",
                                  timeout_s=LEFT_S + 70)
    restarted.passed(restarted.send("ended", STRIP))
    status, _, evidence, text = restarted.explain("ended")
    assert status == 1 and evidence["mta-sts"]["state"] == "expired", evidence
    assert "mta-sts   expired" in text


# Without us, now that all is suppressed: TXT records, files, and TLSA records. Postfix looks up what it needs by itself.


@pytest.mark.parametrize("name, attack, sender", [
    ("txt-gone", "strip", "postfix"), ("blocked", "strip", "plain"), ("down", "strip", "plain"), ("replaced", "strip", "plain"),
    ("clock-back", "strip", "plain"), ("clock-ahead", "strip", "plain"), ("ended", "strip", "postfix"),
    ("tlsa-servfail", "strip", "postfix"), ("tlsa-drop", "strip", "plain"), ("tlsa-bogus", "strip", "postfix"),
    ("bare-servfail", "strip", "plain"), ("bare-drop", "strip", "plain"), ("first-drop", "strip", "plain"),
    ("ended", "own-key", "postfix"), ("tlsa-servfail", "own-key", "postfix"), ("tlsa-bogus", "own-key", "postfix"),
    ("txt-gone", "own-key", "opportunistic"), ("bare-servfail", "own-key", "opportunistic"),
    ("deep", None, "plain"),
])
def test_without_a_guard_the_attacker_has_the_letter(restarted, name, attack, sender):
    restarted.guard_at(None)
    outcome = restarted.send(name, restarted.own_key if attack == "own-key" else ATTACKS.get(attack), sender)
    assert outcome.attempt.result == "sent" and outcome.arrived, outcome
    assert outcome.hit if attack == "own-key" else outcome.clear
