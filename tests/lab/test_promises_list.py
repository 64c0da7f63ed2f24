# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy list at the gateway: what becomes of the mail of its domains, by what the list says, who signed it and when."""

import json
import os
import time

import pytest

import promises_lab
import signers
from attacks import ATTACKS
from namespaces import wait_until

STRIP = ATTACKS["strip"]
LISTER, STRANGER = "lister@example.org", "stranger@example.net"
DAY_S = 24 * 60 * 60


class Lists:
    """Lists as files, each newer than the one before."""

    def __init__(self, directory):
        self.directory = os.path.join(directory, "lists")
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o755)
        self.signers = signers.Signers(self.directory)
        for holder in (LISTER, STRANGER):
            self.signers.add(holder)
        self.key = self.signers.export(LISTER, os.path.join(self.directory, "key.gpg"))
        self._timestamp = int(time.time()) - DAY_S

    def path(self, name):
        return os.path.join(self.directory, f"{name}.json")

    def write(self, name, domains, mode="enforce", expires=DAY_S, age=0, signer=None, change=None):
        """age: how much older than the last one; signer: by whom, or None; change: of what would be written."""
        self._timestamp += 60
        now = int(time.time())
        text = {"version": "0.1", "timestamp": self._timestamp - age, "expires": now + expires, "policy-aliases": {},
                "policies": {f"{domain}.lab": {"mode": mode, "mxs": [f"mx.{domain}.lab"]} for domain in domains}}
        if change:
            change(text)
        path = self.path(name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(text, file)
        os.chmod(path + ".new", 0o644)
        if signer:
            self.signers.sign(signer, path + ".new", path + ".asc")
        os.rename(path + ".new", path)


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def take_all_forms(text):
    """Times as text, an author, an alias, suffixes; each domain's own policy but for that is as in other lists."""
    text.update({"author": "postmaster@example.org",
                 "timestamp": rfc3339(text["timestamp"]), "expires": rfc3339(text["expires"]),
                 "policy-aliases": {"big": {"mode": "enforce", "mxs": ["mx.example.org", ".alias.lab"]}}})
    text["policies"]["alias.lab"] = {"policy-alias": "big"}
    text["policies"]["deep.lab"]["mxs"] = [".deep.lab"]


def chain(text):
    text["policy-aliases"] = {"one": {"policy-alias": "two"}, "two": text["policies"]["chain.lab"]}
    text["policies"]["chain.lab"] = {"policy-alias": "one"}


# By the name of a list and of its only domain: what is done to it, and the rule in the line that says so.
MALFORMED = {
    "no-timestamp": (lambda text: text.pop("timestamp"), "timestamp: missing"),
    "no-expires": (lambda text: text.pop("expires"), "expires: missing"),
    "no-version": (lambda text: text.pop("version"), "version: missing"),
    "no-policies": (lambda text: text.pop("policies"), "policies: missing"),
    "no-aliases": (lambda text: text.pop("policy-aliases"), "policy-aliases: missing"),
    "other-version": (lambda text: text.update(version="0.2"), 'version: only "0.1" is understood'),
    "chain": (chain, "policy-aliases.one: an alias may not name another one"),
}
FORMS = ("alias", "deep", "written-out")
LISTS = ("plain", "testing", "expired", "good", "bad", "missing", "older", "changing")
NAMES = ("plain", "testing", "expired", "good", "bad", "missing", "older", "changing", "elsewhere", "kept", "added", *MALFORMED,
         *FORMS)
SIGNED = ("good", "bad", "missing")


def configuration_of(lists, names):
    return "".join(f'policy-list "{lists.path(name)}" {{ {"key = " + chr(34) + lists.key + chr(34) if name in SIGNED else ""} }}\n'
                   for name in names)


@pytest.fixture(scope="module")
def site(root):
    with promises_lab.Promises() as one:
        for name in NAMES:
            one.add(name)
        one.lists = lists = Lists(one.world.directory)
        lists.write("plain", ["plain", "elsewhere", "kept"])
        lists.write("testing", ["testing"], "testing")
        lists.write("expired", ["expired"], expires=-60)
        lists.write("good", ["good"], signer=LISTER)
        lists.write("bad", ["bad"], signer=STRANGER)
        lists.write("missing", ["missing"])
        lists.write("older", ["older"])
        lists.write("changing", ["changing"])
        for name, (change, _) in MALFORMED.items():
            lists.write(name, [name], change=change)
        lists.write("forms", FORMS, change=take_all_forms)
        one.change("deep", mx="mx.eu", more=f"mx.eu A {one['deep'].address}")
        one.configuration = configuration_of(lists, LISTS)
        # As many lists as there may be, and these are read first.
        one.other_configuration = configuration_of(lists, (*MALFORMED, "forms"))
        one.open()
        yield one
        lists.signers.close()


@pytest.fixture
def guarded(site):
    site.guard_at("routed", configuration=site.configuration)
    wait_for_lists(site)
    return site


@pytest.fixture
def otherwise(site):
    """Guarded by the lists in which something is wrong, and the one in which all is right."""
    site.guard_at("routed", configuration=site.other_configuration)
    wait_for_lists(site, (*MALFORMED, "forms"))
    return site


def wait_for_lists(site, names=LISTS):
    """All are read: the refused ones come last, as gpgv takes its time."""
    assert wait_until(lambda: said(site, "policy list", "taken") and all(said(site, "policy list", site.lists.path(name))
                                                                        for name in names)), site.guard.output()


def said(site, *words):
    return [line for line in site.guard.output().splitlines() if all(word in line for word in words)]


def refused_by_list(site, name, sender="plain"):
    event = site.refused(site.send(name, STRIP, sender), "starttls-stripped", "list")
    assert event["promise"]["detail"].startswith(site.lists.path("")[:-5]), event
    return event


def unprotected(site, name):
    site.passed(site.send(name, STRIP))


@pytest.mark.parametrize("name, attack, sender", [
    ("plain", STRIP, "postfix"), ("good", STRIP, "postfix"), ("alias", STRIP, "plain"), ("expired", STRIP, "plain"),
    ("older", STRIP, "plain"), ("chain", STRIP, "plain"), ("deep", None, "plain"),
])
def test_without_a_guard_a_letter_to_a_listed_domain_goes_in_clear(site, name, attack, sender):
    site.guard_at(None)
    outcome = site.send(name, attack, sender)
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome


def test_a_listed_domain_is_protected_by_the_list(guarded):
    event = refused_by_list(guarded, "plain", "postfix")
    assert event["promise"]["detail"] == f"{guarded.lists.path('plain')} enforce" and event["kind"] == "attack"
    status, page, evidence, text = guarded.explain("plain")
    assert status == 0 and evidence["list"]["state"] == "binds" and evidence["list"]["left_s"] > DAY_S - 600
    assert evidence["list"]["detail"] == f"{guarded.lists.path('plain')}: enforce, mx mx.plain.lab"
    assert page["is_established"] and "list      binds" in text
    outcome = guarded.send("plain", sender="opportunistic")
    guarded.passed(outcome)
    assert outcome.arrived[0].is_tls


def test_a_host_that_the_list_does_not_name_is_refused(guarded):
    guarded.change("elsewhere", mx="other", more=f"other A {guarded['plain'].address}")
    guarded.renew()
    outcome = guarded.send("elsewhere", to="plain")
    event = guarded.refused(outcome, "mx-mismatch", "list", code=promises_lab.WRONG_PLACE)
    assert event["mx"] == "other.elsewhere.lab"


def test_a_domain_in_testing_is_told_and_not_refused(guarded):
    event = guarded.told(guarded.send("testing", STRIP), "starttls-stripped", "list")
    assert event["promise"]["only_alerts"]
    status, _, evidence, text = guarded.explain("testing")
    assert status == 0 and evidence["list"]["state"] == "alerts" and "(told, not enforced)" in text


def test_a_list_that_has_expired_alerts_and_refuses_nothing(guarded):
    event = guarded.told(guarded.send("expired", STRIP), "starttls-stripped", "list")
    assert event["promise"]["detail"] == f"{guarded.lists.path('expired')} enforce, expired"
    assert [one for one in guarded.guard.events(from_start=True)
            if one["event"] == "degraded" and "has expired" in one["text"] and guarded.lists.path("expired") in one["text"]]
    status, page, evidence, text = guarded.explain("expired")
    assert status == 1 and evidence["list"]["state"] == "expired" and "list      expired" in text
    assert page["hosts"][0]["without_starttls"]["action"] == "alert"


def test_a_signed_list_protects_and_says_that_it_is_signed(guarded):
    refused_by_list(guarded, "good")
    _, _, evidence, _ = guarded.explain("good")
    assert evidence["list"]["detail"] == f"{guarded.lists.path('good')} (signed): enforce, mx mx.good.lab"


@pytest.mark.parametrize("name, words", [("bad", "signed by another key"), ("missing", "not signed")])
def test_a_list_without_a_good_signature_protects_nobody_and_is_told(guarded, name, words):
    path = guarded.lists.path(name)
    assert said(guarded, "policy list not taken", path, words), guarded.guard.output()
    assert wait_until(lambda: [event for event in guarded.guard.events(from_start=True) if event["event"] == "degraded" and
                               path in event["text"] and words in event["text"]])
    unprotected(guarded, name)
    _, _, evidence, _ = guarded.explain(name)
    assert evidence["list"]["state"] == "none"
    # The right signature, while it runs.
    guarded.lists.write(name, [name], signer=LISTER)
    assert wait_until(lambda: said(guarded, "policy list taken", path)), guarded.guard.output()
    refused_by_list(guarded, name)


def test_a_list_that_is_replaced_counts_within_seconds(guarded):
    unprotected(guarded, "added")
    refused_by_list(guarded, "changing")
    guarded.lists.write("changing", ["added"])
    path = guarded.lists.path("changing")
    assert wait_until(lambda: len(said(guarded, "policy list taken", path)) > 1)
    refused_by_list(guarded, "added")
    unprotected(guarded, "changing")


def test_a_list_that_is_replaced_by_one_that_breaks_a_rule_stays_in_force(guarded):
    path = guarded.lists.path("plain")
    guarded.lists.write("plain", ["added"], change=lambda text: text.pop("expires"))
    assert wait_until(lambda: said(guarded, "policy list not taken", path, "expires: missing")), guarded.guard.output()
    refused_by_list(guarded, "kept")
    _, _, evidence, _ = guarded.explain("kept")
    assert evidence["list"]["state"] == "binds"


def test_a_list_does_not_go_back_in_time_neither_now_nor_after_a_restart(guarded):
    path = guarded.lists.path("older")
    guarded.wait_until_stored("SELECT 1 FROM list WHERE path = ?", path)
    guarded.lists.write("older", [], age=DAY_S)
    assert wait_until(lambda: said(guarded, "policy list not taken", path, "is older than")), guarded.guard.output()
    refused_by_list(guarded, "older")
    guarded.restart()
    assert guarded.guard.wait_for(lambda event: event["event"] == "degraded" and path in event["text"] and
                                  "dropped: it is older than one that was taken from there before" in event["text"])
    # Whoever wrote it back gained nothing but that, until there is a newer one.
    unprotected(guarded, "older")
    guarded.lists.write("older", ["older"])
    assert guarded.guard.wait_for(lambda event: event["event"] == "recovered" and path in event["text"], timeout_s=15)
    refused_by_list(guarded, "older")


# The format's rules


@pytest.mark.parametrize("name", MALFORMED)
def test_a_list_that_breaks_a_rule_is_told_by_it_and_protects_nobody(otherwise, name):
    path, rule = otherwise.lists.path(name), MALFORMED[name][1]
    assert wait_until(lambda: [event for event in otherwise.guard.events(from_start=True) if event["event"] == "degraded" and
                               path in event["text"] and rule in event["text"]]), otherwise.guard.output()
    unprotected(otherwise, name)


def test_times_as_text_an_alias_and_a_suffix_of_one_label_are_understood(otherwise):
    for name in ("written-out", "alias"):
        refused_by_list(otherwise, name)
    outcome = otherwise.send("deep")
    event = otherwise.refused(outcome, "mx-mismatch", "list", code=promises_lab.WRONG_PLACE)
    assert event["mx"] == "mx.eu.deep.lab"
    _, _, evidence, _ = otherwise.explain("alias")
    assert DAY_S - 600 < evidence["list"]["left_s"] <= DAY_S
