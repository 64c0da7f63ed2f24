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

    def write(self, name, domains, mode="enforce", expires=DAY_S, age=0, signer=None):
        """age: how much older than the last one; signer: by whom, or None."""
        self._timestamp += 60
        now = int(time.time())
        text = {"version": "0.1", "timestamp": self._timestamp - age, "expires": now + expires, "policy-aliases": {},
                "policies": {f"{domain}.lab": {"mode": mode, "mxs": [f"mx.{domain}.lab"]} for domain in domains}}
        path = self.path(name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump(text, file)
        os.chmod(path + ".new", 0o644)
        if signer:
            self.signers.sign(signer, path + ".new", path + ".asc")
        os.rename(path + ".new", path)


LISTS = ("plain", "testing", "expired", "good", "bad", "missing", "older", "changing")
NAMES = ("plain", "testing", "expired", "good", "bad", "missing", "older", "changing", "elsewhere", "added")
SIGNED = ("good", "bad", "missing")


def configuration_of(lists):
    return "".join(f'policy-list "{lists.path(name)}" {{ {"key = " + chr(34) + lists.key + chr(34) if name in SIGNED else ""} }}\n'
                   for name in LISTS)


@pytest.fixture(scope="module")
def site():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with promises_lab.Promises() as one:
        for name in NAMES:
            one.add(name)
        one.lists = lists = Lists(one.world.directory)
        lists.write("plain", ["plain", "elsewhere"])
        lists.write("testing", ["testing"], "testing")
        lists.write("expired", ["expired"], expires=-60)
        lists.write("good", ["good"], signer=LISTER)
        lists.write("bad", ["bad"], signer=STRANGER)
        lists.write("missing", ["missing"])
        lists.write("older", ["older"])
        lists.write("changing", ["changing"])
        one.configuration = configuration_of(lists)
        one.open()
        yield one
        lists.signers.close()


@pytest.fixture
def guarded(site):
    site.guard_at("routed", configuration=site.configuration)
    wait_for_lists(site)
    return site


def wait_for_lists(site):
    """All are read: the refused ones come last, as gpgv takes its time."""
    assert wait_until(lambda: said(site, "policy list", "taken") and all(said(site, "policy list", site.lists.path(name))
                                                                        for name in LISTS)), site.guard.output()


def said(site, *words):
    return [line for line in site.guard.output().splitlines() if all(word in line for word in words)]


def refused_by_list(site, name, sender="plain"):
    event = site.refused(site.send(name, STRIP, sender), "starttls-stripped", "list")
    assert event["promise"]["detail"].startswith(site.lists.path("")[:-5]), event
    return event


def unprotected(site, name):
    site.passed(site.send(name, STRIP))


@pytest.mark.parametrize("name", ["plain", "good"])
def test_without_a_guard_a_stripped_letter_to_a_listed_domain_goes_in_clear(site, name):
    site.guard_at(None)
    outcome = site.send(name, STRIP, "postfix")
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
    began = time.monotonic()
    path = guarded.lists.path("changing")
    assert wait_until(lambda: len(said(guarded, "policy list taken", path)) > 1)
    assert time.monotonic() - began < 6
    refused_by_list(guarded, "added")
    unprotected(guarded, "changing")


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
