# SPDX-License-Identifier: GPL-2.0-or-later
"""`hopguard check` and keys: servers with two of them, chains of every shape, TLSA records that nearly match."""

from authority import EXPIRED
from check_cases import Cases, played
from dnsworld import tlsa

CASES = Cases()
case = CASES.add


def records(lab, domain, *data, **how):
    """A host with those TLSA records."""
    return lab.sound_host(domain, record=False, **how) + "".join(f"_25._tcp.mx TLSA {one}\n" for one in data)


def unsigned(name, kinds=(), where="", build=None, notes=()):
    """A domain whose policy asks for a trusted certificate, and nothing else does."""
    case(name, kinds, notes={"dnssec-insecure", *notes}, where=where if kinds else "", signed=False,
         build=lambda lab, domain: records(lab, domain, **build(lab, domain)))


def many_names(lab):
    """A certificate of some 25 KiB."""
    return lab.certificate(*(f"one-of-many-hosts-that-are-none-of-ours-{number}.example.net" for number in range(450)))


# Two keys

case("both-keys", build=lambda lab, domain: records(lab, domain, lab.key, lab.rsa_record, **lab.two_keys(f"mx.{domain}")))
case("no-rsa-record", {"tlsa-second-key"}, where="(RSA)", policy=None,
     build=lambda lab, domain: records(lab, domain, lab.key, **lab.two_keys(f"mx.{domain}")))
case("no-ecdsa-record", {"tlsa-second-key"}, where="(ECDSA)", policy=None,
     build=lambda lab, domain: records(lab, domain, lab.rsa_record, **lab.two_keys(f"mx.{domain}")))
unsigned("rsa-expired", {"cert-expired"}, where="(RSA): on 2021-01-01", build=lambda lab, domain: lab.two_keys(f"mx.{domain}", valid=EXPIRED))
case("rsa-alone", build=lambda lab, domain: records(
    lab, domain, lab.rsa_record,
    smtpd_tls_chain_files=f"{lab.rsa_key}, {lab.certificate(f'mx.{domain}', key=lab.rsa_key)}"))

case("eddsa-too", {"tlsa-second-key"}, where="(EdDSA)", policy=None,
     build=lambda lab, domain: records(lab, domain, lab.key, **lab.two_keys(f"mx.{domain}", key=lab.eddsa_key)))
case("eddsa-record", build=lambda lab, domain: records(
    lab, domain, lab.key, tlsa(lab.certificate("eddsa.lab", key=lab.eddsa_key)), **lab.two_keys(f"mx.{domain}", key=lab.eddsa_key)))

# No key

case("anonymous-too", notes={"anonymous-too"}, where="it takes A", build=lambda lab, domain: records(
    lab, domain, lab.key, smtpd_tls_exclude_ciphers=None))
case("not-anonymous", build=lambda lab, domain: records(lab, domain, lab.key))
case("anonymous-first", {"tlsa-second-key"}, notes={"anonymous-too"}, where="(RSA)", policy=None, build=lambda lab, domain: records(
    lab, domain, lab.key, tls_preempt_cipherlist="yes", smtpd_tls_exclude_ciphers=None, tls_medium_cipherlist="aNULL:HIGH",
    **lab.two_keys(f"mx.{domain}")))

# Versions

case("new-only", notes={"tls-new-only"}, where="mx.new-only.example",
     build=lambda lab, domain: lab.sound_host(domain, smtpd_tls_protocols=">=TLSv1.3"))
case("not-new", build=lambda lab, domain: lab.sound_host(domain, smtpd_tls_protocols="TLSv1.2"))
case("tls-1-1", {"tls-old"}, where="TLS 1.1", build=lambda lab, domain: lab.sound_host(domain, smtpd_tls_protocols="TLSv1.1"))
case("no-secrecy", notes={"no-forward-secrecy"}, where="AES128-SHA256", policy=None, build=lambda lab, domain: records(
    lab, domain, lab.rsa_record, smtpd_tls_protocols="TLSv1.2", tls_medium_cipherlist="AES128-SHA256",
    smtpd_tls_chain_files=f"{lab.rsa_key}, {lab.certificate(f'mx.{domain}', key=lab.rsa_key)}"))

# Chains

unsigned("issuer-expired", {"cert-expired"}, where="the certificate of an issuer expired at 2021-01-01",
         build=lambda lab, domain: {"certificate": lab.below_expired(f"mx.{domain}")})
unsigned("wrong-intermediate", {"chain-incomplete"}, where="CN=Authority below is missing; it sends 2",
         build=lambda lab, domain: {"certificate": lab.joined(lab.below(f"mx.{domain}"), lab.stranger.certificate)})
unsigned("disordered", {"chain-order"}, where="an issuer stands before", build=lambda lab, domain: {
    "certificate": lab.joined(lab.below(f"mx.{domain}"), lab.authority.certificate, lab.intermediate.certificate)})
unsigned("one-too-many", notes={"chain-order"}, build=lambda lab, domain: {
    "certificate": lab.joined(lab.below(f"mx.{domain}", chain=True), lab.stranger.certificate)})
unsigned("cross-signed", build=lambda lab, domain: {"certificate": lab.cross_signed(f"mx.{domain}")})
unsigned("signed-twice", build=lambda lab, domain: {"certificate": lab.signed_twice(f"mx.{domain}")})
unsigned("own-authority", {"cert-untrusted"}, where="CN=Authority stranger", build=lambda lab, domain: {
    "smtpd_tls_chain_files": f"{lab.stranger.key}, {lab.stranger.issue(f'mx.{domain}')}, {lab.stranger.certificate}"})

case("long-chain", {"chain-too-long"}, where="more than 64 KiB", policy=None, build=lambda lab, domain: records(
    lab, domain, lab.key,
    certificate=lab.joined(lab.certificate(f"mx.{domain}"), *4 * [many_names(lab)], lab.authority.certificate),
    smtpd_tls_exclude_ciphers=None))

# TLSA

case("weaker-digest", {"tlsa-digest"}, where="3 1 2 aaaa", policy=None,
     build=lambda lab, domain: records(lab, domain, lab.key, f"3 1 2 {128 * 'a'}"))
case("both-digests", build=lambda lab, domain: records(lab, domain, lab.key, tlsa(lab.certificate("mx.lab"), matching=2)))
case("full-and-digest", notes={"tlsa-stale"}, where="3 1 0", policy=None, build=lambda lab, domain: records(
    lab, domain, lab.key, tlsa(lab.certificate("rsa.lab", key=lab.rsa_key), matching=0)))
case("unsent-anchor", {"tlsa-anchor"}, where="2 1 1", policy=None,
     build=lambda lab, domain: records(lab, domain, tlsa(lab.authority.certificate, usage=2)))
for number, how in enumerate([{"matching": 2}, {"selector": 0}, {"selector": 0, "matching": 2}]):
    case(f"unsent-anchor-{number}", {"tlsa-anchor"}, where="of the chain's anchor, which is known here", policy=None,
         build=lambda lab, domain, how=how: records(lab, domain, tlsa(lab.authority.certificate, usage=2, **how)))
case("unsent-named", {"tlsa-anchor"}, notes={"cert-name"}, where="known here", policy=None, build=lambda lab, domain: records(
    lab, domain, tlsa(lab.authority.certificate, usage=2), certificate=lab.certificate(f"www.{domain}")))
case("private-anchor", {"tlsa-anchor"}, notes={"chain-incomplete"},
     where="either of CN=Authority stranger, who is neither sent nor known here", policy=None, build=lambda lab, domain: records(
         lab, domain, tlsa(lab.stranger.certificate, usage=2),
         smtpd_tls_chain_files=f"{lab.stranger.key}, {lab.stranger.issue(f'mx.{domain}')}"))
case("private-sent", notes={"cert-untrusted"}, policy=None, build=lambda lab, domain: records(
    lab, domain, tlsa(lab.stranger.certificate, usage=2),
    smtpd_tls_chain_files=f"{lab.stranger.key}, {lab.stranger.issue(f'mx.{domain}')}, {lab.stranger.certificate}"))
case("sent-anchor", build=lambda lab, domain: records(
    lab, domain, tlsa(lab.authority.certificate, usage=2), certificate=lab.with_anchor(f"mx.{domain}")))
case("whole-anchor", build=lambda lab, domain: records(
    lab, domain, tlsa(lab.authority.certificate, usage=2, selector=0, matching=0)))
case("other-anchor", {"tlsa-mismatch"}, where="2 1 1", policy=None,
     build=lambda lab, domain: records(lab, domain, tlsa(lab.stranger.certificate, usage=2)))
case("anchor-expired", {"tlsa-expired"}, notes={"cert-expired"}, where="2021-01-01", policy=None, build=lambda lab, domain: records(
    lab, domain, tlsa(lab.authority.certificate, usage=2), certificate=lab.with_anchor(f"mx.{domain}", valid=EXPIRED)))
case("anchor-or-key", build=lambda lab, domain: records(
    lab, domain, lab.key, tlsa(lab.authority.certificate, usage=2), certificate=lab.with_anchor(f"mx.{domain}")))


lab, answers, test_a_domain_is_found_to_have_its_mistake_and_no_other = played(CASES)


def test_a_server_that_shows_its_certificate_to_all_is_told_nothing_of_ciphers(answers):
    assert answers["not-anonymous.example"]["findings"] == []
    assert "anonymous_cipher" not in answers["not-anonymous.example"]["hosts"][0]["addresses"][0]


def test_of_a_key_that_was_not_seen_nobody_says_that_it_does_not_match(lab, answers):
    host, = answers["long-chain.example"]["hosts"]
    assert "matches" not in host["tlsa"][0]
    done = lab.run("long-chain.example")
    assert "not compared: no key was seen (secure)" in done.stdout and "does not match" not in done.stdout


def test_an_authority_that_was_signed_by_two_is_no_disorder(answers):
    for name in ("cross-signed", "signed-twice"):
        assert [finding["kind"] for finding in answers[f"{name}.example"]["findings"]] == ["dnssec-insecure"]


def test_both_keys_are_shown(lab, answers):
    address = answers["both-keys.example"]["hosts"][0]["addresses"][0]
    assert (address["key_kind"], address["second"]["key_kind"]) == ("ECDSA", "RSA")
    assert address["tlsa_matches"] and address["second"]["tlsa_matches"]
    assert [record["matches"] for record in answers["both-keys.example"]["hosts"][0]["tlsa"]] == [1, 1]
    assert "to others with an RSA key, until 2037-01-01, trusted" in lab.run("both-keys.example").stdout
    assert "second" not in answers["rsa-alone.example"]["hosts"][0]["addresses"][0]
