# SPDX-License-Identifier: GPL-2.0-or-later
"""The operator's own word, and memory, at the gateway: levels, exceptions, next hops, a Postfix table, the default level."""

import os
import time

import pytest

import promises_lab
from attacks import ATTACKS

STRIP = ATTACKS["strip"]
KEY = ":".join(["ab"] * 32)
DAY_MS = 24 * 60 * 60 * 1000

# What is said of domains that promise nothing themselves. All ask for TLS; this watcher does not compare keys.
ASKING = {
    "encrypt": ("level = encrypt", ""),
    "fingerprint": (f'level = fingerprint fingerprint = {{ "{KEY}" }}', " sha256=" + KEY.replace(":", "")),
    "verify": ("level = verify", " match=hostname"),
    "secure": ('level = secure match = { "nexthop", ".example.net" }', " match=nexthop:.example.net"),
}
# What is said of domains with a TLSA record.
RELAXED = {
    "none": 'level = none reason = "their server is old" until = "2099-12-31"',
    "may": 'level = may reason = "their server is old" until = "2099-12-31"',
}
POSTFIX = """# of the mail server
pf.lab encrypt
.below.lab secure
pf-attribute.lab encrypt exclude=aNULL
pf-digest.lab fingerprint match=aa:bb
pf-odd.lab certainly
pf-none.lab none
configured.lab none
"""


def furnish(site):
    for name in (*ASKING, "bare", "bare-dane", "bare-dane-only", "elsewhere", "guest", "unsaid", "pf", "a.below",
                 "pf-attribute", "pf-digest", "pf-odd", "configured", "remembered", "new"):
        site.add(name)
    for name in (*RELAXED, "monitor", "past", "signed-dane", "signed-dane-only", "relay", "pf-none", "signed"):
        site.add(name, has_tlsa=True, zone={"signed": True})
    site.add("smart", zone={"signed": True})
    site.table = os.path.join(site.world.directory, "tls_policy")
    with open(site.table, "w", encoding="utf-8") as file:
        file.write(POSTFIX)
    said = {name: words for name, (words, _) in ASKING.items()} | RELAXED | {
        "monitor": 'mode = monitor reason = "first weeks"',
        "past": 'level = none reason = "until they have it" until = "2020-01-01"',
        "bare-dane": "level = dane", "bare-dane-only": "level = dane-only",
        "signed-dane": "level = dane", "signed-dane-only": "level = dane-only",
        "elsewhere": 'next-hop = "mx.relay.lab"', "configured": "level = encrypt"}
    site.configuration = "".join(f'destination "{name}.lab" {{\n\t' + words.replace(" reason", "\n\treason").replace(
        " until", "\n\tuntil").replace(" fingerprint =", "\n\tfingerprint =").replace(" match =", "\n\tmatch =") + "\n}\n"
        for name, words in said.items())
    site.configuration += f'next-hop "mx.smart.lab" {{ level = encrypt }}\npostfix-policy "{site.table}" {{}}\n'
    site.open()


@pytest.fixture
def guarded(site):
    site.guard_at("routed", configuration=site.configuration)
    return site


def passes_in_tls(site, name, to=None):
    outcome = site.send(name, sender="opportunistic", to=to)
    site.passed(outcome)
    assert outcome.arrived[0].is_tls


def passes_stripped(site, name):
    site.passed(site.send(name, STRIP))


# Levels


@pytest.mark.parametrize("name", ["encrypt", "signed"])
def test_without_a_guard_a_stripped_letter_goes_in_clear(site, name):
    site.guard_at(None)
    outcome = site.send(name, STRIP, "postfix")
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome


@pytest.mark.parametrize("name", ASKING)
def test_a_level_that_asks_for_tls_refuses_clear_text(guarded, name):
    passes_in_tls(guarded, name)
    event = guarded.refused(guarded.send(name, STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"].startswith("hopguard.conf:")
    assert event["promise"]["detail"].endswith(f": {name}.lab: {name}{ASKING[name][1]}")
    assert event["promise"]["state"] == ("tls" if name == "encrypt" else "key")
    status, page, evidence, text = guarded.explain(name)
    assert status == 0 and evidence["local"]["state"] == "binds" and f"{name}.lab: {name}" in evidence["local"]["detail"]
    assert page["hosts"][0]["without_starttls"]["action"] == "block" and "local     binds" in text


@pytest.mark.parametrize("name", RELAXED)
def test_an_exception_lets_pass_what_was_promised_and_says_why(guarded, name):
    passes_stripped(guarded, name)
    status, page, evidence, text = guarded.explain(name)
    assert status == 0 and page["hosts"][0]["promise"]["source"] == "local"
    assert evidence["local"]["detail"].endswith(f"{name}.lab: {name}, until 2099-12-31T23:59:59Z, because: their server is old")
    assert evidence["local"]["left_s"] > 1000 and "because: their server is old" in text


def test_an_exception_that_has_ended_counts_no_more_and_is_told(guarded):
    event = guarded.refused(guarded.send("past", STRIP), "starttls-stripped", "dane")
    assert event["promise"]["detail"].startswith("_25._tcp.mx.past.lab 3 1 1 ")
    event = guarded.policy_event("past", "the entry for past.lab (level none) ended on 2020-01-0")
    assert event and event["promise"]["source"] == "local", guarded.guard.events(from_start=True)
    assert "destination past.lab: ended at" in guarded.guard.output()


def test_a_destination_that_is_only_watched_is_told(guarded):
    event = guarded.told(guarded.send("monitor", STRIP), "starttls-stripped", "dane")
    assert event["promise"]["only_alerts"]
    status, page, evidence, _ = guarded.explain("monitor")
    assert status == 0 and evidence["local"]["state"] == "alerts" and "only watched" in evidence["local"]["detail"]
    assert page["hosts"][0]["without_starttls"]["action"] == "alert"


@pytest.mark.parametrize("name", ["signed-dane", "signed-dane-only"])
def test_a_level_of_dane_asks_for_what_the_tlsa_records_say(guarded, name):
    passes_in_tls(guarded, name)
    event = guarded.refused(guarded.send(name, STRIP), "starttls-stripped", "dane")
    assert event["promise"]["detail"].startswith(f"_25._tcp.mx.{name}.lab 3 1 1 ")


def test_dane_without_records_asks_for_nothing_and_dane_only_takes_no_mail_there(guarded):
    passes_stripped(guarded, "bare-dane")
    event = guarded.refused(guarded.send("bare-dane-only", STRIP), "policy-unavailable", "local", "defer",
                            promises_lab.WRONG_PLACE)
    assert event["promise"]["detail"].endswith("bare-dane-only.lab: dane-only, and there is no TLSA record to be used")
    status, _, _, _ = guarded.explain("bare-dane-only")
    assert status == 1


# Next hops


def test_the_next_hop_of_a_domain_is_judged_by_its_own_promise(guarded):
    passes_in_tls(guarded, "elsewhere", to="relay")
    event = guarded.refused(guarded.send("elsewhere", STRIP, to="relay"), "starttls-stripped", "dane")
    assert event["promise"]["detail"].startswith("_25._tcp.mx.relay.lab") and event["mx"] == "mx.relay.lab"
    guarded.refused(guarded.send("elsewhere"), "mx-mismatch", "dane", code=promises_lab.WRONG_PLACE)
    status, page, evidence, _ = guarded.explain("elsewhere")
    assert status == 0 and page["mx"] == "table" and "next hop mx.relay.lab" in evidence["local"]["detail"]


def test_what_goes_to_a_smart_host_is_judged_by_what_is_said_of_it(guarded):
    passes_in_tls(guarded, "guest", to="smart")
    outcome = guarded.send("guest", STRIP, to="smart")
    assert outcome.attempt.result == "failed" and not outcome.clear and "starttls-stripped" in outcome.attempt.why, outcome
    event = guarded.guard.wait_for(lambda one: one.get("action") == "block")
    assert (event["reason"], event["promise"]["source"], event["mx"]) == ("starttls-stripped", "local", "mx.smart.lab")
    assert guarded.syslog.wait_for("action=block", "mx=mx.smart.lab", f"id={event['id']}")


# Postfix's table


def test_a_table_of_postfix_is_used_as_it_is(guarded):
    event = guarded.refused(guarded.send("pf", STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"] == "tls_policy:2: pf.lab: encrypt"
    event = guarded.refused(guarded.send("a.below", STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"] == "tls_policy:3: .below.lab: secure match=nexthop:dot-nexthop"
    passes_stripped(guarded, "pf-none")
    passes_in_tls(guarded, "a.below")
    assert guarded.explain("pf")[2]["local"]["detail"] == "tls_policy:2: pf.lab: encrypt"


def test_lines_that_cannot_be_honoured_are_said_and_weaken_nothing(guarded):
    output = guarded.guard.output()
    for words in ("tls_policy:4: exclude=aNULL is not looked at", "tls_policy:5: ", "tls_policy:6: "):
        assert f"postfix table {words}" in output, output
    guarded.refused(guarded.send("pf-attribute", STRIP), "starttls-stripped", "local")
    event = guarded.refused(guarded.send("pf-digest", STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"] == "tls_policy:5: pf-digest.lab: encrypt"
    passes_stripped(guarded, "pf-odd")


def test_the_configuration_stands_above_the_table(guarded):
    event = guarded.refused(guarded.send("configured", STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"].startswith("hopguard.conf:")


# The default


@pytest.mark.parametrize("level", ["encrypt", "verify"])
def test_a_default_level_asks_of_all_others(site, level):
    site.guard_at("routed", settings=(f"default-level={level}",), configuration=site.configuration)
    passes_in_tls(site, "unsaid")
    event = site.refused(site.send("unsaid", STRIP), "starttls-stripped", "default-level")
    assert event["promise"]["detail"] == f"default-level = {level}"
    assert site.explain("unsaid")[1]["hosts"][0]["without_starttls"]["action"] == "block"
    # What a destination promised is its own word, and the operator's exception stands above his default.
    site.refused(site.send("signed", STRIP), "starttls-stripped", "dane")
    passes_stripped(site, "may")
    assert site.explain("may")[1]["hosts"][0]["without_starttls"]["action"] == "pass"


# Memory


def test_a_host_that_offered_starttls_and_does_not_any_more_is_told_also_after_a_restart(site):
    site.guard_at("routed")
    site.passed(site.send("new", STRIP))
    outcome = site.send("remembered", sender="postfix")
    site.passed(outcome)
    assert outcome.arrived[0].is_tls
    site.wait_until_stored("SELECT 1 FROM place WHERE host = ?", "mx.remembered.lab")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    # What was known of the domain before the letter does not hold what it taught.
    time.sleep(6)
    regressed(site, today)
    first_ms = int(time.time() * 1000) - 3 * DAY_MS
    site.restart(("UPDATE place SET first_ms = ? WHERE host = ?", first_ms, "mx.remembered.lab"))
    first = time.strftime("%Y-%m-%d", time.gmtime(first_ms / 1000))
    regressed(site, first)
    status, page, evidence, text = site.explain("remembered")
    assert status == 0 and evidence["seen"]["state"] == "alerts"
    assert evidence["seen"]["detail"].startswith(f"offered STARTTLS {first} to ") and evidence["seen"]["left_s"] > 170 * 86400
    assert page["hosts"][0]["without_starttls"]["reason"] == "starttls-regressed"
    assert page["hosts"][0]["without_starttls"]["action"] == "alert" and f"  memory     offered STARTTLS {first}" in text


def regressed(site, since):
    event = site.told(site.send("remembered", STRIP), "starttls-regressed", "seen")
    assert event["promise"]["detail"].startswith(f"offered STARTTLS {since} to "), event
    assert event["domain"] == "remembered.lab" and event["mx"] == "mx.remembered.lab"
    assert site.syslog.wait_for("action=alert", "reason=starttls-regressed", f"id={event['id']}")
