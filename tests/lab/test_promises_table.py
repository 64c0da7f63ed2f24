# SPDX-License-Identifier: GPL-2.0-or-later
"""The operator's own word, and memory, at the gateway: levels, exceptions, next hops, a Postfix table, the default level."""

import dataclasses
import os
import re
import shutil
import ssl
import time

import pytest

import promises_lab
from attacks import ATTACKS

STRIP = ATTACKS["strip"]
DAY_MS = 24 * 60 * 60 * 1000
NOBODYS_KEY, NOBODYS_OTHER = (":".join([octet] * 32) for octet in ("ab", "cd"))
SERVERS_KEY = "the SHA-256 value of the sink's own public key"
HOLD_MS = 5000  # a probe and all that is looked up before it
FILES = {"configured": "hopguard.conf", "listed": "tls_policy"}


@dataclasses.dataclass
class Level:
    """What is said of a domain. state, source: of the promise that clear text breaks; none: it passes. wrong: why its key is not the
    right one. certified: names of its certificate, its host's own; none: it signs that itself."""

    level: str
    state: str = ""
    source: str = "local"
    match: tuple = ()
    has_tlsa: bool = False
    shown: str = ""  # of keys and names, in the promise's detail
    more: str = ""   # records
    wrong: str = ""
    certified: tuple | None = ("mx.{}",)

    def of_configuration(self, name):
        words = [f"level = {self.level}"]
        if self.match:
            key = "fingerprint" if self.level == "fingerprint" else "match"
            words.append(f"{key} = {{ " + ", ".join(f'"{one}"' for one in self.match) + " }")
        if not self.state:
            words += ['reason = "their server is old"', 'until = "2099-12-31"']
        return f'destination "{name}" {{\n\t' + "\n\t".join(words) + "\n}\n"

    def of_postfix(self, name):
        match = ("|" if self.level == "fingerprint" else ":").join(self.match)
        return f"{name} {self.level}{' match=' + match if match else ''}\n"


# Domains that have TLSA records are asked for less, those without for more than they promised.
LEVELS = {
    "none": Level("none", has_tlsa=True),
    "may": Level("may", has_tlsa=True),
    "encrypt": Level("encrypt", "tls"),
    "dane": Level("dane", "key", "dane", has_tlsa=True),
    "dane-bare": Level("dane"),
    "dane-only": Level("dane-only", "key", "dane", has_tlsa=True),
    "dane-only-wrong": Level("dane-only", "key", "dane", more="_25._tcp.mx TLSA 3 1 1 " + 64 * "a", wrong="key-mismatch"),
    "fingerprint": Level("fingerprint", "key", match=(SERVERS_KEY,), shown=" sha256="),
    "fingerprint-wrong": Level("fingerprint", "key", match=(NOBODYS_KEY, NOBODYS_OTHER),
                               shown=" sha256=" + NOBODYS_KEY.replace(":", "") + " and 1 more", wrong="key-mismatch"),
    "verify": Level("verify", "key", shown=" match=hostname"),
    "verify-match": Level("verify", "key", match=("mx.example.net", ".example.net"),
                          shown=" match=mx.example.net:.example.net", certified=("mail.example.net",)),
    "verify-other-match": Level("verify", "key", match=("mx.example.net",), shown=" match=mx.example.net", wrong="name-mismatch"),
    "verify-other-name": Level("verify", "key", shown=" match=hostname", certified=("mx.example.net",), wrong="name-mismatch"),
    "verify-self-signed": Level("verify", "key", shown=" match=hostname", certified=None, wrong="cert-untrusted"),
    "secure": Level("secure", "key", shown=" match=nexthop:dot-nexthop"),
    "secure-match": Level("secure", "key", match=("nexthop", "hostname"), shown=" match=nexthop:hostname"),
    "secure-other-match": Level("secure", "key", match=("nexthop",), shown=" match=nexthop", wrong="name-mismatch"),
    "secure-other-name": Level("secure", "key", shown=" match=nexthop:dot-nexthop", certified=("mx.example.net",),
                               wrong="name-mismatch"),
    "secure-self-signed": Level("secure", "key", shown=" match=nexthop:dot-nexthop", certified=None, wrong="cert-untrusted"),
}
# The server's TLS, by origin, and how its key is seen then.
VERSIONS = {"configured": (ssl.TLSVersion.TLSv1_2, "proven"), "listed": (ssl.TLSVersion.TLSv1_3, "probed")}
RIGHT, WRONG = ([name for name, level in LEVELS.items() if bool(level.wrong) == is_wrong] for is_wrong in (False, True))
LEVELS_AND_ORIGINS = [pytest.param(name, origin, id=f"{name}-{origin}") for name in LEVELS for origin in FILES]

# Lines that Postfix understands, or may have been meant so, what is said of them, and what they count as; None: as nothing.
ODD_LINES = {
    "pf-exclude": ("encrypt exclude=aNULL", "exclude=aNULL is not looked at", "encrypt"),
    "pf-protocols": ("encrypt protocols=>=TLSv1.2 ciphers=high", "protocols=>=TLSv1.2 is not looked at", "encrypt"),
    "pf-servername": ("secure servername=nexthop", "servername=nexthop is not looked at", "secure"),
    "pf-may": ("encrypt match=nexthop", "match is not looked at", "encrypt"),
    "pf-digest": ("fingerprint match=aa:bb", "the line counts as encrypt", "encrypt"),
    "pf-keyless": ("fingerprint", "match=FINGERPRINT is missing", "encrypt"),
    "pf-tafile": ("secure tafile=/etc/postfix/ca.pem", "tafile names authorities that hopguard does not trust", "encrypt"),
    "pf-odd": ("certainly", "is expected, not \"certainly\"", None),
    "pf-mute": ("", "a level is expected behind the name", None),
    "pf-port": ("secure", "port", None),
}
POSTFIX = """# of the mail server
pf.lab encrypt
.below.lab secure
configured.lab none
pf-twice.lab
  secure match=nexthop
pf-twice.lab none
"""


def furnish(site):
    for name in ("bare-dane-only", "bare-dane-only-tls", "elsewhere", "guest", "unsaid", "unsaid-too", "pf", "pf-twice", "a.below", "configured",
                 "remembered", "new", "unguarded", *ODD_LINES):
        site.add(name)
    for name in ("monitor", "past", "relay", "exempted", "signed"):
        site.add(name, has_tlsa=True, zone={"signed": True})
    site.add("smart", zone={"signed": True})
    said = ""
    site.table_lines = POSTFIX
    for name, level in LEVELS.items():
        if SERVERS_KEY in level.match:
            key = site.tlsa.split()[-1]
            level = dataclasses.replace(level, match=(":".join(re.findall("..", key)),))
        for origin in FILES:
            domain = f"{name}-{origin}.lab"
            site.add(f"{name}-{origin}", has_tlsa=level.has_tlsa, more=level.more, zone={"signed": level.has_tlsa or level.source == "dane"},
                     certified=tuple(one.format(domain) for one in level.certified or (f"mx.{domain}",)), is_self_signed=not level.certified)
        said += level.of_configuration(f"{name}-configured.lab")
        site.table_lines += level.of_postfix(f"{name}-listed.lab")
    site.table_lines += "".join(f"{name + '.lab' if name != 'pf-port' else '[mx.pf-port.lab]:587'} {words}\n"
                                for name, (words, _, _) in ODD_LINES.items())
    site.table = os.path.join(site.world.directory, "tls_policy")
    with open(site.table, "w", encoding="utf-8") as file:
        file.write(site.table_lines)
    for name, words in {
            "monitor": ("mode = monitor", 'reason = "first weeks"'),
            "past": ("level = none", 'reason = "until they have it"', 'until = "2020-01-01"'),
            "exempted": ("level = may", 'reason = "their server is old"', 'until = "2099-12-31"'),
            **{f"bare-dane-only{more}": ("level = dane-only",) for more in ("", "-tls")}, "elsewhere": ('next-hop = "mx.relay.lab"',),
            "configured": ("level = encrypt",)}.items():
        said += f'destination "{name}.lab" {{\n\t' + "\n\t".join(words) + "\n}\n"
    site.configuration = said + f'next-hop "mx.smart.lab" {{ level = encrypt }}\npostfix-policy "{site.table}" {{}}\n'
    site.open()


@pytest.fixture
def guarded(site):
    site.guard_at("routed", configuration=site.configuration)
    return site


def line_of(site, name):
    """Number of its line in Postfix's table."""
    return 1 + next(number for number, line in enumerate(site.table_lines.split("\n")) if line.startswith(name))


def passes_in_tls(site, name, to=None, sender="opportunistic"):
    outcome = site.send(name, sender=sender, to=to)
    site.passed(outcome)
    assert outcome.arrived[0].is_tls


def passes_stripped(site, name):
    site.passed(site.send(name, STRIP))


# Levels


@pytest.mark.parametrize("name", ["unguarded", "encrypt-configured", "secure-listed", "signed"])
def test_without_a_guard_a_stripped_letter_goes_in_clear(site, name):
    site.guard_at(None)
    outcome = site.send(name, STRIP, "postfix")
    assert outcome.attempt.result == "sent" and outcome.clear and outcome.arrived, outcome


@pytest.mark.parametrize("name, origin", LEVELS_AND_ORIGINS)
def test_a_stripped_letter_meets_what_its_level_says(guarded, name, origin):
    level, domain = LEVELS[name], f"{name}-{origin}.lab"
    if not level.state:
        passes_stripped(guarded, f"{name}-{origin}")
        return
    promise = guarded.refused(guarded.send(f"{name}-{origin}", STRIP), "starttls-stripped", level.source)["promise"]
    assert promise["state"] == level.state
    if level.source == "dane":
        assert promise["detail"].startswith(f"_25._tcp.mx.{domain} 3 1 1 ")
        return
    where, detail = promise["detail"].split(": ", 1)
    assert where.startswith(f"{FILES[origin]}:")
    if origin == "listed":
        assert where == f"tls_policy:{line_of(guarded, domain)}"
    assert detail.startswith(f"{domain}: {level.level}{level.shown}"), promise


@pytest.mark.parametrize("origin", FILES)
@pytest.mark.parametrize("name", ["encrypt", "secure"])
def test_a_level_is_explained(guarded, name, origin):
    status, page, evidence, text = guarded.explain(f"{name}-{origin}")
    assert status == 0 and evidence["local"]["state"] == "binds"
    assert f"{name}-{origin}.lab: {name}" in evidence["local"]["detail"]
    assert page["hosts"][0]["without_starttls"]["action"] == "block" and "local     binds" in text


@pytest.mark.parametrize("name", ["none", "may"])
def test_an_exception_says_why(guarded, name):
    status, page, evidence, text = guarded.explain(f"{name}-configured")
    assert status == 0 and page["hosts"][0]["promise"]["source"] == "local"
    assert evidence["local"]["detail"].endswith(
        f"{name}-configured.lab: {name}, until 2099-12-31T23:59:59Z, because: their server is old")
    assert evidence["local"]["left_s"] > 1000 and "because: their server is old" in text


# After the stripped ones, for whom nobody shall remember an offer.


@pytest.mark.parametrize("origin", FILES)
@pytest.mark.parametrize("name", RIGHT)
def test_at_every_level_a_letter_in_tls_passes_by_the_right_key(guarded, name, origin):
    """What is asked of the key is told, and how it was seen."""
    level, (version, assurance) = LEVELS[name], VERSIONS[origin]
    with guarded.sink.speaking_only(version):
        outcome = guarded.send(f"{name}-{origin}", sender="postfix")
    guarded.passed(outcome)
    assert outcome.arrived[0].is_tls
    if level.state:
        event = guarded.verdict(outcome)
        assert (event["action"], event["promise"]["state"], event["promise"]["source"]) == ("pass", level.state, level.source)
        assert level.state == "tls" or event["assurance"] == assurance, event
        assert event["held_ms"] < HOLD_MS, event


@pytest.mark.parametrize("origin", FILES)
@pytest.mark.parametrize("name", WRONG)
def test_no_letter_reaches_a_wrong_key_neither_in_tls_nor_then_in_clear(guarded, name, origin):
    level, (version, assurance) = LEVELS[name], VERSIONS[origin]
    with guarded.sink.speaking_only(version):
        event = guarded.refused(guarded.send(f"{name}-{origin}", sender="postfix"), level.wrong, level.source, code="")
        assert event["assurance"] == assurance and event["promise"]["state"] == "key", event
        clear = guarded.send(f"{name}-{origin}")
    assert clear.attempt.result == "failed" and not clear.clear and not clear.arrived, clear
    assert event["id"] in clear.attempt.why


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


def test_dane_only_takes_no_mail_to_where_no_record_is(guarded):
    event = guarded.refused(guarded.send("bare-dane-only", STRIP), "policy-unavailable", "local", "defer",
                            promises_lab.WRONG_PLACE)
    assert event["promise"]["detail"].endswith("bare-dane-only.lab: dane-only, and there is no TLSA record to be used")
    guarded.refused(guarded.send("bare-dane-only-tls", sender="postfix"), "policy-unavailable", "local", "defer", code="")
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
    event = guarded.refused(guarded.send("pf-twice", STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"] == "tls_policy:5: pf-twice.lab: secure match=nexthop"
    passes_in_tls(guarded, "a.below")
    assert guarded.explain("pf")[2]["local"]["detail"] == "tls_policy:2: pf.lab: encrypt"


def test_postfix_reads_the_same_in_that_table(site):
    """The lines that are honoured, by Postfix's own program: of two for one name, it says, the first counts."""
    shutil.copy(site.table, os.path.join(site.senders["postfix"].server.host.etc, "postfix/tls_policy"))
    for name, level in {**{f"{name}-listed": one.level for name, one in LEVELS.items()}, "pf-twice": "secure"}.items():
        said = site.world.sender.run(["postmap", "-q", f"{name}.lab", "texthash:/etc/postfix/tls_policy"])
        said = said.split("\n")[-2]  # below warnings
        assert said.split()[0] == level and (name == "pf-twice" or f"{name}.lab {said}\n" in site.table_lines)


@pytest.mark.parametrize("name", ODD_LINES)
def test_a_line_that_cannot_be_honoured_is_said_and_weakens_nothing(guarded, name):
    _, words, level = ODD_LINES[name]
    where = f"tls_policy:{line_of(guarded, name if name != 'pf-port' else '[mx.pf-port')}: "
    said = [line for line in guarded.guard.output().split("\n") if f"postfix table {where}" in line]
    assert said and any(words in line for line in said), guarded.guard.output()
    passes_in_tls(guarded, name)
    if not level:
        passes_stripped(guarded, name)
        return
    event = guarded.refused(guarded.send(name, STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"].startswith(f"{where}{name}.lab: {level}")


def test_the_configuration_stands_above_the_table(guarded):
    event = guarded.refused(guarded.send("configured", STRIP), "starttls-stripped", "local")
    assert event["promise"]["detail"].startswith("hopguard.conf:")


# The default


@pytest.mark.parametrize("level", ["encrypt", "verify"])
def test_a_default_level_asks_of_all_others(site, level):
    site.guard_at("routed", settings=(f"default-level={level}",), configuration=site.configuration)
    # A certificate has to be somebody's: that of the host to which the sender's own look-up led.
    passes_in_tls(site, "unsaid", sender="postfix")
    if level == "verify":
        outcome = site.send("unsaid-too", sender="opportunistic")
        assert not outcome.arrived and not outcome.clear
        nameless = [event for event in site.guard.events() if event.get("reason") == "sni-missing"]
        assert [(event["kind"], event["seen"]["key"]["why"][:18]) for event in nameless] == [
            ("inability", "no name to ask for")], nameless
    event = site.refused(site.send("unsaid", STRIP), "starttls-stripped", "default-level")
    assert event["promise"]["detail"] == f"default-level = {level}"
    assert site.explain("unsaid")[1]["hosts"][0]["without_starttls"]["action"] == "block"
    # What a destination promised is its own word, and the operator's exception stands above his default.
    site.refused(site.send("signed", STRIP), "starttls-stripped", "dane")
    passes_stripped(site, "exempted")
    assert site.explain("exempted")[1]["hosts"][0]["without_starttls"]["action"] == "pass"


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
