# SPDX-License-Identifier: GPL-2.0-or-later
"""`hopguard check`: a domain for each mistake names that mistake and no other, a sound one passes.

All domains stand in one world and are looked at side by side.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

import servers

from check_cases import Cases, played
from check_lab import CLOSED, FAULTY, FAULTY_TOO, NO_ROUTE, VANISHED, WAITED
from dnsworld import tlsa

CASES = Cases()
case = CASES.add


# Sound ones

case("sound")
case("sound-pair", build=lambda lab, domain: lab.sound_host(domain) + lab.sound_host(domain, "mx2", 20), mx="*.{0}")
case("sound-v6", build=lambda lab, domain: lab.sound_host(domain, family=6))
case("only-dane", policy=None)
case("only-policy", build=lambda lab, domain: lab.sound_host(domain, record=False), signed=False, notes={"dnssec-insecure"})

# DNS

case("bogus", {"mx-unknown", "dnssec-bogus"}, where="bogus.example", broken="expired", policy=None, reports="",
     build=lambda lab, domain: "@ MX 10 mx\nmx A 198.51.100.1\n")
case("one-server", {"nameserver-wrong"}, where="SERVFAIL", address=[FAULTY, FAULTY_TOO], faults=[("MX", "", "servfail")])
case("one-server-silent", {"nameserver-wrong"}, where="does not answer", address=[FAULTY, FAULTY_TOO], faults=[("MX", "", "drop")])
case("one-server-unsigned", {"nameserver-wrong"}, where="signatures are missing", address=[FAULTY, FAULTY_TOO],
     faults=[("MX", "", "strip")])
case("no-denial", {"tlsa-unknown", "mta-sts-unknown"}, where="TLSA mx.no-denial.example: bogus", broken="no-denial", policy=None,
     build=lambda lab, domain: lab.sound_host(domain, record=False))
case("host-bogus", {"host-unknown"}, where="A mx.host-bogus.example: bogus", broken="signature:mx.host-bogus.example. A", policy=None,
     build=lambda lab, domain: "@ MX 10 mx\nmx A 198.51.100.1\n")
case("keys-fail", {"tlsa-unknown", "nameserver-wrong"}, faults=[("TLSA", "_25._tcp.mx.", "servfail")])

# MX

case("null-mx", notes={"mx-null"}, build=lambda lab, domain: "@ MX 0 .\n", policy=None, reports="")
case("no-mx", {"mx-missing"}, policy=None,
     build=lambda lab, domain: lab.sound_host(domain).replace("@ MX 10 mx\n", "").replace("mx A", "@ A").replace("_tcp.mx", "_tcp"))
case("alias", {"mx-alias"}, where="real.alias.example", policy=None,
     build=lambda lab, domain: lab.sound_host(domain, "real").replace("MX 10 real", "MX 10 mx") + "mx CNAME real\n")
case("dangling", {"mx-dangling"}, where="gone.dangling.example", policy=None,
     build=lambda lab, domain: lab.sound_host(domain) + "@ MX 20 gone\n")
case("no-promise", {"no-promise"}, policy=None, build=lambda lab, domain: lab.sound_host(domain, record=False))

# Reachability

case("greylisting", {"deferred", "unproven", "no-promise"}, where="450 4.2.0 greylisted",
     build=lambda lab, domain: lab.bad_host("greylisting"), policy=None)
case("nolisting", {"nolisting"}, where="mx.nolisting.example", policy=None,
     build=lambda lab, domain: f"@ MX 5 mx\nmx A {CLOSED}\n" + lab.sound_host(domain, "mx2", 20))
case("vanished", {"nolisting"}, where=re.compile(f"no answer {WAITED}"), policy=None,
     build=lambda lab, domain: f"@ MX 5 mx\nmx A {VANISHED}\n" + lab.sound_host(domain, "mx2", 20))
case("backup-closed", {"unreachable"}, where="Connection refused", policy=None,
     build=lambda lab, domain: f"@ MX 50 mx\nmx A {CLOSED}\n" + lab.sound_host(domain, "mx2", 20))
case("no-route", notes={"no-route"}, where="Network is unreachable",
     build=lambda lab, domain: lab.sound_host(domain) + f"mx AAAA {NO_ROUTE}\n")
case("rate-limit", notes={"deferred"}, where="after the first connection",
     build=lambda lab, domain: lab.sound_host(domain, smtpd_client_connection_rate_limit="1", smtpd_client_event_limit_exceptions=""))
case("session-limit", notes={"deferred"}, where="454 4.7.0 Error: too many new TLS sessions",
     build=lambda lab, domain: lab.sound_host(domain, smtpd_client_new_tls_session_rate_limit="1", smtpd_client_event_limit_exceptions=""))
case("tarpit", {"tarpit", "unproven", "no-promise"}, policy=None, build=lambda lab, domain: lab.bad_host("tarpit"))
case("silent", {"silent", "unproven", "no-promise"}, policy=None, build=lambda lab, domain: lab.bad_host("silent"))
case("rejecting", {"rejected", "unproven", "no-promise"}, where="554 5.7.1", policy=None,
     build=lambda lab, domain: lab.bad_host("rejecting"))
case("closing", {"broken-off", "unproven", "no-promise"}, policy=None, build=lambda lab, domain: lab.bad_host("closing"))
case("ssh", {"not-smtp", "unproven", "no-promise"}, where="SSH-2.0", policy=None, build=lambda lab, domain: lab.bad_host("ssh"))

# STARTTLS

case("missing", {"starttls-missing"}, where="502", build=lambda lab, domain: lab.sound_host(domain, smtpd_tls_security_level="none"))
case("stripped", {"starttls-missing", "no-promise"}, policy=None, build=lambda lab, domain: lab.bad_host("stripped"))
case("masked", {"starttls-masked", "no-promise"}, where="XXXXXXXA", policy=None, build=lambda lab, domain: lab.bad_host("masked"))
case("masked-banner", {"banner-masked", "starttls-missing", "no-promise"}, policy=None,
     build=lambda lab, domain: lab.bad_host("masked_banner"))
case("hidden", {"starttls-hidden", "no-promise", "cert-name"}, policy=None, build=lambda lab, domain: lab.bad_host("hidden"))
case("refused", {"starttls-refused", "no-promise"}, where="454 4.7.0", policy=None, build=lambda lab, domain: lab.bad_host("refused"))
case("helo-only", {"ehlo-refused", "no-promise"}, where="502 5.5.2", policy=None, build=lambda lab, domain: lab.bad_host("helo_only"))
case("injected", {"injected", "no-promise"}, policy=None, build=lambda lab, domain: lab.bad_host("injected"))
case("reset", {"tls-broken", "no-promise"}, where="reset", policy=None, build=lambda lab, domain: lab.bad_host("reset_hello"))

# TLS

case("tls-1-0", {"tls-old"}, where="TLS 1.0",
     build=lambda lab, domain: lab.sound_host(domain, smtpd_tls_protocols="TLSv1", smtpd_tls_mandatory_protocols="TLSv1"))
case("tls-1-0-too", notes={"tls-old-too"}, build=lambda lab, domain: lab.sound_host(domain, smtpd_tls_protocols=">=TLSv1"))
case("anonymous", {"anonymous-only", "no-promise"}, policy=None,
     build=lambda lab, domain: lab.sound_host(domain, record=False, smtpd_tls_chain_files=None, smtpd_tls_cert_file="none",
                                                 smtpd_tls_exclude_ciphers=None))
case("nameless", notes={"sni-needed"}, where="other-tenant.example",
     build=lambda lab, domain: lab.sound_host(domain, **tenants(lab, f"mx.{domain}")))

# Certificates

case("expired", {"cert-expired"}, where="2021-01-01", signed=False,
     build=lambda lab, domain: lab.sound_host(domain, record=False, certificate=lab.expired(f"mx.{domain}")))
case("expired-dane", notes={"cert-expired"}, policy=None,
     build=lambda lab, domain: lab.sound_host(domain, certificate=lab.expired(f"mx.{domain}")))
case("soon", {"cert-expires-soon"}, where="in 5 days", signed=False,
     build=lambda lab, domain: lab.sound_host(domain, record=False, certificate=lab.certificate(f"mx.{domain}", valid=lab.soon())))
case("other-name", {"cert-name"}, where="www.other-name.example", signed=False,
     build=lambda lab, domain: lab.sound_host(domain, record=False, certificate=lab.certificate(f"www.{domain}")))
case("self-signed", {"cert-self-signed"}, signed=False,
     build=lambda lab, domain: lab.sound_host(domain, record=False, certificate=lab.certificate(f"mx.{domain}", self_signed=True)))
case("no-intermediate", {"chain-incomplete"}, where="Authority below", signed=False,
     build=lambda lab, domain: lab.sound_host(domain, record=False, certificate=lab.below(f"mx.{domain}")))
case("with-intermediate", signed=False, notes={"dnssec-insecure"},
     build=lambda lab, domain: lab.sound_host(domain, record=False, certificate=lab.below(f"mx.{domain}", chain=True)))

# TLSA

case("stale", {"tlsa-mismatch"}, where="mx.stale.example", policy=None,
     build=lambda lab, domain: lab.sound_host(domain, record=False) + f"_25._tcp.mx TLSA 3 1 1 {64 * 'a'}\n")
case("rollover", notes={"tlsa-stale"}, where="3 1 1 aaaaaa",
     build=lambda lab, domain: lab.sound_host(domain) + f"_25._tcp.mx TLSA 3 1 1 {64 * 'a'}\n")
case("unusable", {"tlsa-unusable"}, where="usages 0 and 1", policy=None,
     build=lambda lab, domain: lab.sound_host(domain).replace("TLSA 3", "TLSA 1"))
case("unusable-beside", {"tlsa-unusable"}, where="3 1 1 aaaa",
     build=lambda lab, domain: lab.sound_host(domain) + f"_25._tcp.mx TLSA 3 1 1 {40 * 'a'}\n")
case("anchor-name", {"tlsa-name"}, where="mx.anchor-name.example", policy=None,
     build=lambda lab, domain: lab.sound_host(domain, record=False, certificate=lab.with_anchor(f"www.{domain}-x")) +
     f"_25._tcp.mx TLSA {tlsa(lab.authority.certificate, usage=2)}\n")
case("elsewhere", {"tlsa-insecure", "no-promise"}, where="_25._tcp.mx.unsigned.example", policy=None, notes={"dnssec-insecure"},
     build=lambda lab, domain: "@ MX 10 mx.unsigned.example.\n")
case("half", {"weak-mx"}, where="mx2.half.example: preference 20", policy=None,
     build=lambda lab, domain: lab.sound_host(domain) + lab.sound_host(domain, "mx2", 20, record=False))
case("weak", {"weak-mx", "starttls-missing"}, where="mx2.weak.example: preference 20, clear text", policy=None,
     build=lambda lab, domain: lab.sound_host(domain) +
     lab.sound_host(domain, "mx2", 20, record=False, smtpd_tls_security_level="none"))
case("mx-unsigned", {"mx-unsigned"}, signed=False, notes={"dnssec-insecure"},
     build=lambda lab, domain: "@ MX 10 mx.signed.example.\n", mx="mx.signed.example")

# MTA-STS

case("sts-twice", {"mta-sts-record"}, where="more than one record", txt='"v=STSv1; id=1;"|"v=STSv1; id=2;"')
case("sts-no-id", {"mta-sts-record"}, where="id is missing", txt='"v=STSv1;"')
case("sts-404", {"mta-sts-policy"}, where="status 404", more="location / { return 404; }")
case("sts-redirect", {"mta-sts-policy"}, where="a redirection",
     more="location / { return 301 https://mta-sts.sound.example/.well-known/mta-sts.txt; }")
case("sts-type", {"mta-sts-policy"}, where="text/html", more="location / { types {} default_type text/html; }")
case("sts-expired", {"mta-sts-policy"}, where="certificate has expired", policy_certificate="expired")
case("sts-mx", {"mta-sts-mx"}, where="mx.sts-mx.example", notes={"mta-sts-pattern"}, mx="other.{0}")
case("sts-age-0", {"mta-sts-age"}, where="max_age: 0", max_age=0)
case("sts-age-short", {"mta-sts-age"}, where="max_age: 3600", max_age=3600)
case("sts-testing", {"mta-sts-testing"}, policy="testing")
case("sts-none", notes={"mta-sts-none"}, text="version: STSv1\nmode: none\nmax_age: 604800\n")
case("sts-broken", {"mta-sts-policy"}, where="not a policy", text="mode: enforce\n")

case("sts-no-host", {"mta-sts-policy"}, where="mta-sts.sts-no-host.example", policy_host="TXT nothing")
case("sts-closed", {"mta-sts-policy"}, where="onnect", policy_host=f"A {CLOSED}")
case("sts-other", {"mta-sts-policy"}, where="certificate", policy_certificate="other")
case("sts-alias", policy_host="CNAME mta-sts.sound.example.", policy_certificate="own")
case("sts-deep", {"mta-sts-mx"}, notes={"mta-sts-pattern"}, where="mx.deep.sts-deep.example", mx="*.{0}",
     build=lambda lab, domain: lab.sound_host(domain, "mx.deep"))
case("sts-crlf", text="mode: enforce\r\nfuture: 1\r\nmx: mx.sts-crlf.example\r\nversion: STSv1\r\nmax_age: 604800")
case("sts-no-mx", {"mta-sts-policy"}, where="not a policy", text="version: STSv1\nmode: enforce\nmax_age: 604800\n")
case("sts-moved", {"mta-sts-mx"}, notes={"mta-sts-pattern"}, where="mx.sts-moved.example",
     text="version: STSv1\nmode: enforce\nmx: old.sts-moved.example\nmax_age: 604800\n")

# TLSRPT

case("no-reports", notes={"tlsrpt-missing"}, reports="")
case("reports-fail", {"tlsrpt-unknown"}, where="SERVFAIL", faults=[("TXT", "_smtp._tls.", "servfail")])
case("bad-reports", {"tlsrpt-record"}, where="neither mailto: nor https:", reports='_smtp._tls TXT "v=TLSRPTv1; rua=ftp://x"\n')
case("two-reports", {"tlsrpt-record"}, where="more than one", reports=2 * '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@b.example"\n'.replace(
    "a@", "a@", 1) + '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:c@b.example"\n')


def tenants(lab, name):
    """Settings of a Postfix that shows its key for that name only who asks for it."""
    return lab.tenants(name, "other-tenant.example")


def more_domains(lab):
    lab.domain("unsigned", lab.sound_host("unsigned.example"), policy=None, signed=False)
    lab.domain("signed", lab.sound_host("signed.example"), policy=None)
    lab.domain("old", lab.sound_host("old.example", record=False), signed=False, policy=None, address=[FAULTY, FAULTY_TOO],
               faults=[("MX", "", "nodata")])


lab, answers, test_a_domain_is_found_to_have_its_mistake_and_no_other = played(CASES, before=more_domains)


def test_every_finding_says_what_why_with_a_section_and_how_to_mend_it(answers):
    for answer in answers.values():
        for finding in answer["findings"]:
            assert finding["what"].endswith((".", "!")) and finding["mend"]
            assert re.search(r"RFC \d+|CVE|list", finding["why"]), finding
            assert all(" " <= letter <= "~" for letter in json.dumps(finding))


def _keys(value):
    if isinstance(value, list):
        return set().union(*map(_keys, value)) if value else set()
    return set(value) | _keys(list(value.values())) if isinstance(value, dict) else set()


def _has_none(value):
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return value is None or any(map(_has_none, inside))


def test_every_member_of_the_json_is_documented_and_none_is_null(answers):
    docs = pathlib.Path(__file__).parents[2].joinpath("docs", "check.md").read_text(encoding="utf-8").split("## JSON")[1]
    documented = set(re.findall(r"`([a-z0-9_]+)`", docs.replace("`hosts[].addresses`", "`addresses`")))
    assert _keys(list(answers.values())) - {"exit"} <= documented
    assert not _has_none(list(answers.values()))


def test_a_sound_domain_fits_one_screen(lab):
    for domain in ("sound.example", "sound-pair.example", "only-policy.example", "no-route.example"):
        done = lab.run(domain)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        lines = done.stdout.splitlines()
        assert len(lines) <= 24 and max(map(len, lines)) <= 80, done.stdout
        assert lines[0].startswith(f"{domain}: good, TLS ")


def test_of_several_domains_the_worst_counts(lab):
    done = lab.run("sound.example", "missing.example", "only-dane.example")
    assert done.returncode == 1
    assert re.findall(r"^(\S+): (good|bad|warning)\b", done.stdout, re.M) == [
        ("sound.example", "good"), ("missing.example", "bad"), ("only-dane.example", "good")]


def test_name_servers_that_disagree_are_told_apart_whichever_was_asked(lab):
    findings = lab.check_all(["old.example"])["old.example"]["findings"]
    assert [finding["detail"] for finding in findings if finding["kind"] == "nameserver-wrong"] == [
        "of old.example: it has no MX record at old.example, others have"]


def test_a_dns_that_does_not_validate_here_is_blamed_on_no_domain(lab):
    done = lab.run("--json", "--set", "dns.trust-anchor=", "sound.example")
    assert done.returncode == 1
    assert [finding["kind"] for finding in json.loads(done.stdout)["findings"]] == ["dns-unavailable"]


def test_a_look_up_that_fails_is_not_said_to_have_found_nothing(answers):
    assert answers["reports-fail.example"]["tlsrpt"]["state"] == "no-lookup"


def test_a_domain_that_does_not_exist_is_named_so(lab):
    answer = lab.check_all(["nobody.example"])["nobody.example"]
    assert [finding["kind"] for finding in answer["findings"]] == ["domain-missing"]
    assert answer["exit"] == 1


def test_a_policy_list_of_this_machine_is_held_against_the_hosts(lab, tmp_path):
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps({
        "version": "0.1", "timestamp": 1764000000, "expires": 2100000000, "policy-aliases": {}, "policies": {
            "only-dane.example": {"mode": "enforce", "mxs": ["other.example"]},
            "no-promise.example": {"mode": "enforce", "mxs": ["mx.no-promise.example"]}}}))
    configuration = tmp_path / "hopguard.conf"
    configuration.write_text(f'policy-list "{listed}" {{}}\n')
    found = lab.check_all(["only-dane.example", "no-promise.example", "sound.example"], configuration=configuration)
    assert [finding["kind"] for finding in found["only-dane.example"]["findings"]] == ["list-mx"]
    assert found["no-promise.example"]["findings"] == []
    assert found["no-promise.example"]["strength"] == "policy"
    assert found["sound.example"]["list"] == {"state": "not-listed"}
    listed.write_text("{")
    found = lab.check_all(["sound.example"], configuration=configuration)
    assert found["sound.example"]["exit"] == 0
    assert [finding["kind"] for finding in found["sound.example"]["findings"]] == ["list-unusable"]


def test_no_right_is_needed(lab):
    program = os.path.join(lab.directory, "hopguard")
    shutil.copy(servers.hopguard(), program)
    command = lab.command("sound.example", before=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
                                                   "--no-new-privs"])
    command[command.index(servers.hopguard())] = program
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("sound.example: good")


def test_progress_is_told_on_a_terminal_alone_and_leaves_no_trace(lab):
    master, terminal = os.openpty()
    with subprocess.Popen(lab.command("sound-pair.example"), stdout=subprocess.PIPE, stderr=terminal, text=True) as process:
        output = process.stdout.read()
    os.close(terminal)
    told = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while piece := os.read(master, 65536):
            told += piece
    os.close(master)
    assert process.returncode == 0 and "\r" not in output
    assert b"sound-pair.example: looking up..." in told
    assert b"sound-pair.example: 1 of 2 addresses visited..." in told
    assert b"\n" not in told and told.endswith(b"\r" + 60 * b" " + b"\r")


@pytest.mark.parametrize("arguments, line", [
    ((), "usage: hopguard check"),
    (("--bogus", "sound.example"), "hopguard: check: unrecognized option '--bogus'"),
    (("a b",), "hopguard: check: not a domain name: a b"),
    (("--timeout", "0", "sound.example"), "hopguard: --timeout 0: 1 to 600 seconds"),
    (("--set", "mode=maybe", "sound.example"), "monitor"),
    (("--set", "tls.ca-file=/nowhere", "sound.example"), "hopguard: check: tls.ca-file /nowhere: No such file or directory"),
    (("--set", "dns.trust-anchor=/nowhere", "sound.example"), "cannot read /nowhere"),
])
def test_what_cannot_be_begun_is_told_in_one_line(lab, arguments, line):
    done = lab.run(*arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert line in done.stderr.splitlines()[0]


def test_verbose_shows_the_dialogue_and_every_word_of_a_note(lab):
    done = lab.run("--verbose", "rollover.example")
    assert done.returncode == 0
    assert "banner  220 mx.rollover.example ESMTP Postfix" in done.stdout
    assert re.search(r"ehlo    mx.rollover.example: PIPELINING,.*STARTTLS", done.stdout, re.S)
    assert "note  tlsa-stale" in done.stdout and "mend  Remove it when the change is over." in done.stdout
