# SPDX-License-Identifier: GPL-2.0-or-later
"""What a domain's TXT record and policy file come to (RFC 8461 sections 3.1 to 3.3), against real policy hosts.

Every case is a domain NAME.example with what is wrong there, and the line that says so. All are asked at once.
"""

import time

import pytest

from dane_lab import NOBODY as UNREACHABLE
from sts_lab import ID, NGINX, NGINX_V6, NOBODY, ROGUE, StsLab

CROWD = 80  # more hosts at one address than there are fetches at one time
CASES = []


def case(name, state, why="", mode=None, ident=None, **how):
    CASES.append(dict(name=name, state=state, why=why, mode=mode, id=ident, how=how))


def file_case(name, text, why):
    case(name, "unavailable", f"mta-sts.{name}.example/.well-known/mta-sts.txt: not a policy: {why}", text=text)


# Good ones

case("good", "policy", mode="enforce", ident=ID)
case("crlf", "policy", mode="enforce", text="version: STSv1\r\nmode: enforce\r\nmx: mx1.crlf.example\r\nmax_age: 86400\r\n")
case("no-last-end", "policy", mode="testing", text="version: STSv1\nmode: testing\nmx: mx1.example\nmax_age: 86400")
case("version-last", "policy", mode="enforce", text="max_age: 86400\nmx: a.example\nmode: enforce\nversion: STSv1\n")
case("unknown-keys", "policy", mode="enforce",
     text="version: STSv1\nmode: enforce\nfuture-key.x: a b\nmx: a.example\nmax_age: 86400\nmodes: none\n")
case("duplicates", "policy", mode="enforce",
     text="version: STSv1\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 86400\nmax_age: x\nversion: STSv2\n")
case("blanks", "policy", mode="enforce",
     text="version:STSv1  \nmode: \t enforce \nmx:  a.example\t\nmax_age:86400\n\n\n")
case("mode-none", "policy", mode="none", text="version: STSv1\nmode: none\nmax_age: 86400\n")
case("age-zero", "policy", mode="enforce", text="version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 0\n")
case("age-largest", "policy", mode="enforce", text="version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557600\n")
case("one-good-mx", "policy", mode="enforce",
     text="version: STSv1\nmode: enforce\nmx: *\nmx: a.example\nmx: b..example\nmax_age: 86400\n")
case("largest", "policy", mode="enforce",
     text=("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\npad: " + 70000 * "x")[:65536])
case("v6-only", "policy", mode="enforce", host=NGINX_V6)
case("one-of-two-hosts", "policy", mode="enforce", host=[NOBODY, NGINX], text=None)
case("parameters", "policy", mode="enforce", more="location / { types {} default_type 'Text/Plain; charset=utf-8'; }")
case("wildcard-certificate", "policy", mode="enforce")
case("signed-zone", "policy", mode="enforce", signed=True)

# The TXT record

case("no-record", "none", "TXT _mta-sts.no-record.example: no such record", txt=())
case("other-records", "none", "no record starts with v=STSv1;", txt=("v=STSv2; id=1;", "v=spf1 -all", f"V=STSv1; id={ID}"))
case("beside-others", "policy", mode="enforce", ident=ID, txt=("v=spf1 -all", f"v=STSv1; id={ID};", "v=STSv1"))
case("joined-strings", "policy", mode="enforce", ident=ID, txt=(["v=ST", "Sv1; i", f"d={ID};"],))
case("no-delimiter-at-the-end", "policy", mode="enforce", ident="1", txt=("v=STSv1; id=1",))
case("more-fields", "policy", mode="enforce", ident="1", txt=("v=STSv1; ext-1.a=x/y; id=1 ;",))
case("two-records", "none", "more than one record starts with v=STSv1;", txt=("v=STSv1; id=1;", "v=STSv1; id=2;"))
case("no-id", "none", "id is missing", txt=("v=STSv1;",))
case("id-empty", "none", "id is not 1 to 32 letters and digits", txt=("v=STSv1; id=;",))
case("id-wrong", "none", "id is not 1 to 32 letters and digits", txt=("v=STSv1; id=2026-01-01;",))
case("id-long", "none", "id is not 1 to 32 letters and digits", txt=("v=STSv1; id=" + 33 * "1",))
case("txt-bogus", "failed", "TXT _mta-sts.txt-bogus.example: bogus", signed=True,
     broken="signature:_mta-sts.txt-bogus.example. TXT")
case("txt-servfail", "failed", "TXT _mta-sts.txt-servfail.example: SERVFAIL", faults=[("TXT", "_mta-sts.", "servfail")])
case("txt-dropped", "failed", "TXT _mta-sts.txt-dropped.example: timeout", faults=[("TXT", "_mta-sts.", "drop")])

# The policy host's address

case("no-address", "unavailable", "mta-sts.no-address.example has no address", host=None)
case("address-fails", "unavailable", "A mta-sts.address-fails.example: SERVFAIL", faults=[("*", "mta-sts.", "servfail")])
case("address-bogus", "unavailable", "A mta-sts.address-bogus.example: bogus", signed=True,
     broken="signature:mta-sts.address-bogus.example. A")
case("own-address", "unavailable", "this very host or link", host="127.0.0.1")
case("nobody-listens", "unavailable", f"no connection to {NOBODY}:443 (the last of 1 addresses): Connection refused",
     host=NOBODY)
case("unreachable", "unavailable", f"no connection to {UNREACHABLE}:443 (the last of 1 addresses): Network is unreachable",
     host=UNREACHABLE)

# The certificate

case("expired", "unavailable", "certificate has expired; only a trusted one for this name is taken")
case("not-yet-valid", "unavailable", "certificate is not yet valid")
case("self-signed", "unavailable", "self-signed certificate")
case("other-authority", "unavailable", "unable to get local issuer certificate")
case("other-name", "unavailable", "no alternative certificate subject name matches")
case("common-name", "unavailable", "the certificate has no DNS name, the common name does not count")

# What comes

case("not-found", "unavailable", "https://mta-sts.not-found.example/.well-known/mta-sts.txt: status 404, only 200 is taken",
     text="")
case("error", "unavailable", "status 503, only 200 is taken", more="location / { return 503; }")
for status in (301, 302, 303, 307, 308):
    case(f"redirect-{status}", "unavailable", f"status {status} (a redirection), only 200 is taken",
         more=f"location / {{ return {status} https://mta-sts.good.example/.well-known/mta-sts.txt; }}")
case("partial", "unavailable", "status 206, only 200 is taken", more="location / { return 206 'version: STSv1'; }")
case("no-content", "unavailable", "status 204, only 200 is taken", more="location / { return 204; }")
case("html", "unavailable", "content type text/html, only text/plain is taken",
     more="location / { types {} default_type text/html; }")
case("plainer", "unavailable", "content type text/plainer, only text/plain is taken",
     more="location / { types {} default_type text/plainer; }")
case("no-type", "unavailable", "content type missing, only text/plain is taken",
     more="location / { types {} default_type ''; }")
case("too-large", "unavailable", "more than 64 KiB, at most 64 KiB are taken",
     text=("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\npad: " + 70000 * "x")[:65537])
case("too-large-chunked", "unavailable", "more than 64 KiB, at most 64 KiB are taken",
     text=("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\npad: " + 70000 * "x")[:65537],
     more="ssi on; ssi_types text/plain;")
for kind, why in (("endless", "more than 64 KiB"), ("endless-head", "more than 32 KiB of headers"),
                  ("endless-continue", "more than 32 KiB of headers"), ("claims-much", "more than 64 KiB"),
                  ("cut", "it ended before it was complete"), ("cut-without-length", "neither a length nor chunks"),
                  ("no-http", "HTTP/0.9"), ("not-modified", "status 304"), ("compressed", "not a policy: line 1: a control")):
    case(kind, "unavailable", why, host=ROGUE)

# The file

file_case("file-empty", "\n", "version is missing")
file_case("file-no-version", "mode: enforce\nmx: a.example\nmax_age: 86400\n", "version is missing")
file_case("file-version-2", "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 86400\n", "line 1: version is not STSv1")
file_case("file-no-mode", "version: STSv1\nmx: a.example\nmax_age: 86400\n", "mode is missing")
file_case("file-mode", "version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 86400\n",
          "line 2: mode is none of none, testing, enforce")
file_case("file-no-age", "version: STSv1\nmode: enforce\nmx: a.example\n", "max_age is missing")
file_case("file-age", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1d\n", "line 4: max_age is no number")
file_case("file-age-large", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557601\n",
          "line 4: max_age is above 31557600 seconds")
file_case("file-age-negative", "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n", "line 4: max_age is no number")
file_case("file-no-mx", "version: STSv1\nmode: enforce\nmax_age: 86400\n", "no mx names a host")
file_case("file-testing-no-mx", "version: STSv1\nmode: testing\nmax_age: 86400\n", "no mx names a host")
file_case("file-bad-mx", "version: STSv1\nmode: enforce\nmx: *.*.example\nmx: a b\nmax_age: 86400\n", "no mx names a host")
file_case("file-no-colon", "version: STSv1\nmode enforce\nmx: a.example\nmax_age: 86400\n", "line 2: no colon behind a key")
file_case("file-key", "version: STSv1\nmode : enforce\nmx: a.example\nmax_age: 86400\n", "line 2: a key is not")
file_case("file-nul", b"version: STSv1\nmode: enforce\0\nmx: a.example\nmax_age: 86400\n", "line 2: a control character")
file_case("file-many-mx", "version: STSv1\nmode: enforce\nmax_age: 86400\n" + 1025 * "mx: a.example\n",
          "line 292: more than 4 KiB of mx")
file_case("file-json", '{"version": "STSv1"}', "line 1: a key is not")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = StsLab(tmp_path_factory.mktemp("sts"))
    try:
        certificates = made.bad_certificates()
        certificates["other-authority"] = made.stranger.issue("mta-sts.other-authority.example")
        certificates["wildcard-certificate"] = made.authority.issue("*.wildcard-certificate.example")
        for one in CASES:
            made.domain(one["name"], certificate=certificates.get(one["name"]), **one["how"])
        made.nginx.host("one-of-two-hosts.example", made.authority.issue("mta-sts.one-of-two-hosts.example"),
                        made.authority.key, "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n")
        made.domain("trickle", host=ROGUE)
        made.domain("silent-http", host=ROGUE)
        for i in range(CROWD):
            made.domain(f"crowd-{i}", host=ROGUE)
        made.domain("behind-the-crowd")
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def slow(lab):
    """Asks the slow ones as soon as the lab stands: they take a minute. And one where TLS never stands."""
    engine, mute = lab.engine(), lab.engine(port=8443)
    engine.send("ask trickle.example", "ask silent-http.example")
    mute.send("ask trickle.example")
    yield engine, mute
    engine.stop()
    mute.stop()


@pytest.fixture(scope="module")
def answers(lab, slow):
    """A crowd takes a while: only whoever hears nothing is not waited for."""
    patient, brief = lab.engine(look_up_ms=9000), lab.engine()
    engines = {one["name"]: brief if one["name"] == "txt-dropped" else patient for one in CASES}
    for name, engine in engines.items():
        engine.send(f"ask {name}.example")
    found = {name: engine.until("ask", f"{name}.example") for name, engine in engines.items()}
    told = {name: engine.told(f"{name}.example") for name, engine in engines.items()}
    yield found, told
    patient.stop()
    brief.stop()


@pytest.mark.parametrize("one", CASES, ids=lambda one: one["name"])
def test_domain_is_taken_as_its_record_and_file_say(one, answers):
    answer = answers[0][one["name"]]
    assert answer["state"] == one["state"], answer
    assert one["why"] in answer["why"] and bool(one["why"]) == bool(answer["why"]), answer
    if one["mode"]:
        assert answer["mode"] == one["mode"], answer
    if one["id"]:
        assert answer["id"] == one["id"], answer


@pytest.mark.parametrize("one", CASES, ids=lambda one: one["name"])
def test_operator_is_told_of_each_promised_policy_that_cannot_be_had_and_of_no_other(one, answers):
    told = answers[1][one["name"]]
    if one["state"] == "unavailable":
        assert len(told) == 1 and one["why"] in told[0] and "mail goes unprotected, next try in" in told[0], told
    else:
        assert told == []


def test_lines_fit_and_print(answers):
    for text in [answer["why"] for answer in answers[0].values()] + sum(answers[1].values(), []):
        assert len(text) < 256 and text.isprintable(), text


def test_patterns_name_hosts_and_one_label(lab):
    engine = lab.engine()
    engine.ask("good.example")
    assert engine.allows("good.example", "mx1.good.example")
    assert engine.allows("good.example", "a.mail.good.example")
    assert not engine.allows("good.example", "a.b.mail.good.example")
    assert not engine.allows("good.example", "mail.good.example")
    assert not engine.allows("good.example", "mx2.good.example")
    engine.stop()


def test_proxies_of_the_environment_are_not_asked(lab):
    proxy = f"http://{NOBODY}:3128"
    engine = lab.engine(environment={"https_proxy": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "all_proxy": proxy})
    assert engine.ask("good.example")["state"] == "policy"
    engine.stop()


def test_parents_are_not_asked(lab):
    engine = lab.engine()
    answer = engine.ask("below.good.example")
    assert (answer["state"], answer["why"]) == ("none", "TXT _mta-sts.below.good.example: no such record")
    engine.stop()


def test_another_port_is_said_in_the_line(lab):
    engine = lab.engine(port=444)
    answer = engine.ask("good.example")
    assert "https://mta-sts.good.example:444/.well-known" in answer["why"] and f"{NGINX}:444" in answer["why"]
    engine.stop()


def test_without_the_authority_no_policy_is_taken(lab):
    engine = lab.engine(ca_file=lab.stranger.certificate)
    assert "unable to get local issuer certificate" in engine.ask("good.example")["why"]
    engine.stop()
    engine = lab.engine(ca_file="/nonexistent")
    assert "/nonexistent" in engine.ask("good.example")["why"]
    engine.stop()


def test_name_that_leaves_no_room_for_the_record_has_no_policy(lab):
    engine = lab.engine()
    name = ".".join(["a" * 60] * 4) + ".example"
    assert engine.ask(name)["state"] == "none"
    engine.stop()


def test_slow_host_does_not_take_all(lab):
    engine = lab.engine()
    engine.send(*[f"ask crowd-{i}.example" for i in range(CROWD)])
    time.sleep(2)
    answer = engine.ask("behind-the-crowd.example", timeout_s=5)
    assert answer["state"] == "policy"
    engine.stop()


def test_slow_file_is_answered_in_time_and_ends_with_its_minute(slow):
    engine = slow[0]
    for name in ("trickle.example", "silent-http.example"):
        answer = engine.until("ask", name, 30)
        assert answer["state"] == "pending" and "still being fetched" in answer["why"]
        assert 9000 <= answer["waited_ms"] <= 12500
    engine.wait_for(lambda: engine.told("trickle.example") and engine.told("silent-http.example"), 75)
    for name in ("trickle.example", "silent-http.example"):
        assert "octets came in time, 60 s are allowed" in engine.told(name)[0]
        answer = engine.ask(name)
        assert answer["state"] == "unavailable" and answer["waited_ms"] < 1000


def test_host_that_never_speaks_tls_ends_sooner(slow):
    mute = slow[1]
    assert mute.until("ask", "trickle.example", 30)["state"] == "pending"
    mute.wait_for(lambda: mute.told("trickle.example"), 30)
    assert f"no TLS connection to {ROGUE}:8443 in time, 15 s are allowed" in mute.told("trickle.example")[0]
