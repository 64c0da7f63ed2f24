# SPDX-License-Identifier: GPL-2.0-or-later
"""Honest servers whose keys look odd from the gateway: two kinds of them, several machines, a rollover, many tenants, none at
all, old versions. Each letter passes, or is refused as what its sender or its destination lacks."""

import functools
import itertools
import os
import ssl
import time

import authority
import dnsworld
import keys_lab
import keys_receivers
import middle
import namespaces
import pytest

SIGNATURES = {"rsa": "rsa_pss_rsae_sha256:rsa_pkcs1_sha256", "ecdsa": "ecdsa_secp256r1_sha256"}
VERSION_OPTIONS = {"12": "-tls1_2", "13": "-tls1_3"}
OLD_VERSIONS = ("-tls1", "-tls1_1")
LOW = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
INABILITY = ("block", "alert")
UNJUDGED = ("verify", "list", "dane-ee")  # promises; the last needs no authority
DATED = ("dane-ta", "mta-sts", "list", "verify")  # promises by which a certificate is good for a time
GONE_ON_WITH = ("dane-ee", "verify")
TTL_S = 3600
COUNTED_AFTER_S = 1.2  # each second guards tell what they have counted
QUEUE_FIRST = 2500
SILENCED = 3  # guards, one of which stands still; no other test here has as many
PROBED_BEHIND = {1: False, 2: True}  # the scout's death: sessions of before, by the number of guards
REPLACED = ("domain", "both")  # what was looked up before the key changed: both is with the host


def context_of(pair, ciphers=None, newest=None):
    """Of a (key, certificate)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if ciphers:
        context.set_ciphers(ciphers)
    if newest:
        context.maximum_version = newest
    context.load_cert_chain(pair[1], pair[0])
    return context


def tenants_context(pairs, named):
    """Who names a host is shown `named`, who names none one of the others, as the hello asks for."""
    context, other = context_of(pairs[0]), context_of(named)
    for key, certificate in pairs[1:]:
        context.load_cert_chain(certificate, key)

    def choose(connection, name, _):
        if name:
            connection.context = other

    context.sni_callback = choose
    return context


def tlsa(*records):
    return "\n".join(f"_25._tcp.mx TLSA {record}" for record in records)


def keyed(site, name, *records, **how):
    return site.promise(name, "dane-ee", more=tlsa(*records), **how)


def furnish(site):
    directory, postfix = site.world.directory, site.receivers["postfix"]
    site.pairs = {name: keys_receivers.make_key(directory, kind, name) for name, kind in (
        ("one", "ecdsa"), ("two", "ecdsa"), ("edwards", "ed25519"), ("rivest", "rsa"))}
    site.tlsas = {name: dnsworld.tlsa(pair[1]) for name, pair in site.pairs.items()}
    for version in keys_lab.VERSIONS:
        rsa, ecdsa = (postfix.tlsa(f"dual-{kind}.lab") for kind in ("rsa", "ecdsa"))
        keyed(site, f"dual-both-{version}", rsa, ecdsa, place=keys_receivers.address("dual"))
        keyed(site, f"dual-one-{version}", rsa, place=keys_receivers.address("dual"))
    for version, how in itertools.product(keys_lab.VERSIONS, INABILITY):
        site.promise(f"tenants-{version}-{how}", "dane-ee", more=f"mx A {keys_receivers.address('tenants')}\n")
    for version in keys_lab.VERSIONS:
        for how in INABILITY:
            tenant = f"tenants-{version}-{how}"
            site.change(tenant, mx="mx.tenants.lab.", more="")
        keyed(site, f"farm-{version}", site.tlsas["one"], site.tlsas["two"])
        keyed(site, f"changed-{version}", site.tlsas["one"], zone={"ttl": TTL_S})
        keyed(site, f"edwards-{version}", site.tlsas["edwards"])
        keyed(site, f"thousand-{version}", site.tlsas["one"])
    for way in REPLACED:
        keyed(site, f"replaced-{way}-12", site.tlsas["one"], zone={"ttl": TTL_S})
    keyed(site, "silenced-12", postfix.tlsa("dual-ecdsa.lab"), place=keys_receivers.address("dual"))
    for queues in PROBED_BEHIND:
        keyed(site, f"scoutless-12-{queues}", postfix.tlsa("dual-ecdsa.lab"), place=keys_receivers.address("dual"))
    keyed(site, "tenants", postfix.tlsa("mx.tenants.lab"), place=keys_receivers.address("tenants"))
    for how in INABILITY:
        site.promise(f"anonymous-{how}", "dane-ee", place=keys_receivers.address("anonymous"))
    keyed(site, "old", postfix.tlsa("old.lab"), place=keys_receivers.address("old"))
    keyed(site, "null", site.tlsas["rivest"])
    site.promise("tenants-of-two-kinds", "verify")
    site.promise("tenants-by-alias", "dane-ee", more="alias CNAME mx.tenants.lab.")
    site.change("tenants-by-alias", mx="alias.tenants-by-alias.lab.")
    keyed(site, "transported", site.tlsas["rivest"])
    keyed(site, "resumed-12", postfix.tlsa("dual-ecdsa.lab"), place=keys_receivers.address("dual"))
    site.promise("forged", "dane-ee")
    for promise in GONE_ON_WITH:
        site.promise(f"begun-12-{promise}", promise)
    for promise, version in itertools.product(UNJUDGED, keys_lab.VERSIONS):
        site.promise(f"unjudged-{promise}-{version}", promise)
    for promise, version in itertools.product(DATED, keys_lab.VERSIONS):
        site.promise(f"expired-{version}-{promise}", promise)
    site.open()
    contexts = {name: context_of(pair) for name, pair in site.pairs.items()}
    key = site.pairs["one"][0]
    crowded = context_of((key, site.authority.issue(*(f"mx.customer{number}.example" for number in range(1000)), key=key)))
    for version in keys_lab.VERSIONS:
        machines = itertools.cycle((contexts["one"], contexts["two"]))
        site.sink.contexts[site[f"farm-{version}"].address] = machines.__next__
        site.sink.contexts[site[f"changed-{version}"].address] = lambda: contexts["one"]
        site.sink.contexts[site[f"edwards-{version}"].address] = lambda: contexts["edwards"]
        site.sink.contexts[site[f"thousand-{version}"].address] = lambda: crowded
    for promise, version in itertools.product(DATED, keys_lab.VERSIONS):
        name = f"expired-{version}-{promise}"
        old = context_of((site.authority.key, site.with_chain(site.authority.issue(f"mx.{name}.lab", valid=authority.EXPIRED))))
        site.sink.contexts[site[name].address] = functools.partial(lambda context: context, old)
    rivest = site.pairs["rivest"][0]
    two_kinds = tenants_context((site.pairs["rivest"], site.pairs["one"]),
                                (rivest, site.authority.issue("mx.tenants-of-two-kinds.lab", key=rivest)))
    site.sink.contexts[site["tenants-of-two-kinds"].address] = lambda: two_kinds
    site.sink.contexts[site["null"].address] = lambda: context_of(
        site.pairs["rivest"], "eNULL:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2)
    site.sink.contexts[site["transported"].address] = lambda: context_of(
        site.pairs["rivest"], "AES128-SHA:@SECLEVEL=0", ssl.TLSVersion.TLSv1_2)
    for way in REPLACED:
        site.sink.contexts[site[f"replaced-{way}-12"].address] = lambda: contexts["one"]
    site.keyed = contexts


@pytest.fixture(scope="module")
def site(root):
    with keys_lab.Keys(("postfix",), (keys_lab.RememberingPostfix,), (keys_receivers.ManyPostfixes,)) as one:
        furnish(one)
        yield one


@pytest.fixture
def guarded(site):
    site.stand()
    site.reset()
    return site


def is_kept(site, recipient):
    """By the real Postfix."""
    return any(recipient in letter for letter in site.receivers["postfix"].letters())


def is_taken(site, recipient):
    """The same, when it was accepted and is on its way into its box."""
    return namespaces.wait_until(lambda: is_kept(site, recipient), timeout_s=5)


def no_findings(site):
    findings = [one for one in site.guard.events() if one["event"] == "verdict" and one["action"] != "pass"]
    assert not findings, findings


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
@pytest.mark.parametrize("kind", SIGNATURES)
@pytest.mark.parametrize("name", ("dual-both", "dual-one"))
def test_a_server_with_keys_of_two_kinds_is_held_to_the_one_that_it_showed(guarded, name, kind, version):
    """A record for one of them alone leaves the other a stranger's: every verifying sender would refuse it (RFC 7671 section 8)."""
    domain = guarded[f"{name}-{version}"]
    is_wrong = (name, kind) == ("dual-one", "ecdsa")
    if is_wrong:
        guarded.stand(more=f"# {version}\n")  # a guard of its own: what one told before only counts
        guarded.reset()
    recipient, said = guarded.by_hand(domain, "-sigalgs", SIGNATURES[kind], VERSION_OPTIONS[version])
    if is_wrong:
        assert not is_kept(guarded, recipient), said
        event = guarded.event_of(domain)
        assert (event["action"], event["reason"]) == ("block", "key-mismatch"), event
        assert "two keys" in event["advice"] and "`hopguard check DOMAIN`" in event["advice"], event
        return
    assert is_taken(guarded, recipient), (said, guarded.guard.events())
    no_findings(guarded)


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
def test_a_farm_in_the_middle_of_a_rollover_is_taken_with_either_key(guarded, version):
    for _ in range(4):
        outcome = guarded.send(f"farm-{version}", sender="postfix")
        assert outcome.attempt.result == "sent" and outcome.arrived[0].is_tls, (outcome, guarded.guard.events())
        no_findings(guarded)


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
def test_a_key_that_changed_with_its_record_is_looked_up_again_before_it_is_called_wrong(guarded, version):
    name = f"changed-{version}"
    guarded.passed(guarded.send(name, sender="postfix"))
    guarded.sink.contexts[guarded[name].address] = lambda: guarded.keyed["two"]
    guarded.change(name, more=tlsa(guarded.tlsas["two"]))
    guarded.renew()
    outcome = guarded.send(name, sender="postfix")
    guarded.passed(outcome)
    assert outcome.arrived[0].is_tls


@pytest.mark.parametrize("way", REPLACED)
def test_a_key_that_was_replaced_passes_by_no_other_name(guarded, way):
    """What was looked up afresh for the domain holds for its host, too, which a client names in its hello."""
    name = f"replaced-{way}-12"
    domain = guarded[name]

    def by_domain():
        outcome = guarded.send(name, sender="postfix")
        return outcome.recipient, outcome

    def by_host():
        return guarded.by_hand(domain, "-tls1_2")

    def passes(letter):
        recipient, said = letter()
        return bool(guarded.sink.find(recipient)), said

    for letter in (by_domain, by_host) if way == "both" else (by_domain,):
        assert passes(letter)[0], guarded.guard.events()
    guarded.sink.contexts[domain.address] = lambda: guarded.keyed["two"]
    guarded.change(name, more=tlsa(guarded.tlsas["two"]))
    guarded.renew()
    is_passed, said = passes(by_domain)
    assert is_passed, (said, guarded.guard.events())
    guarded.sink.contexts[domain.address] = lambda: guarded.keyed["one"]
    is_passed, said = passes(by_host)
    assert not is_passed, (said, guarded.guard.events())
    event = guarded.event_of(domain, "block")
    assert (event["action"], event["reason"]) == ("block", "key-mismatch"), event


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
@pytest.mark.parametrize("how", INABILITY)
def test_a_host_of_many_tenants_and_a_sender_that_names_none(site, how, version):
    site.stand(f"on-inability={how}", more=f"# {version}\n")
    outcome = site.send(f"tenants-{version}-{how}", sender="postfix")

    def seen():  # a Postfix that is refused comes again in clear at once, which is told, too
        return [one for one in site.guard.events() if one.get("mx") == "mx.tenants.lab" and
                one["seen"].get("tls_version") == f"1.{int(version) - 10}"]

    namespaces.wait_until(seen, 10)
    event = seen()[0]
    assert (event["action"], event["reason"], event["kind"]) == (how, "sni-missing", "inability"), event
    assert "sni" not in event["seen"], event
    assert is_taken(site, outcome.recipient) if how == "alert" else not is_kept(site, outcome.recipient)
    assert outcome.attempt.result == ("sent" if how == "alert" else "kept") and not outcome.clear, outcome


def test_the_same_where_tls_1_3_would_have_shown_another_key(guarded):
    """A sender that has TLS 1.2 at most, and no cipher of an ECDSA key; in TLS 1.3 its signature algorithms alone would choose."""
    assert namespaces.wait_until(lambda: guarded.explain("tenants-of-two-kinds")[1]["is_established"])
    domain = guarded["tenants-of-two-kinds"]
    recipient, said = guarded.by_hand(domain, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", is_nameless=True)
    event = guarded.event_of(domain)
    assert (event["action"], event["reason"], event["kind"]) == ("block", "sni-missing", "inability"), (event, said)
    assert not guarded.sink.find(recipient), said


def test_a_host_of_many_tenants_whose_mx_is_an_alias(guarded):
    """It knows the name that the alias leads to, where the records are; who knows of these names that (RFC 7672 section 8.1)."""
    outcome = guarded.send("tenants-by-alias", sender="postfix")

    def seen():
        return [one for one in guarded.guard.events() if
                one.get("mx") == "alias.tenants-by-alias.lab" and "tls_version" in one["seen"]]

    assert namespaces.wait_until(seen, 10), (outcome, guarded.guard.events())
    event = seen()[0]
    assert (event["action"], event["reason"], event["kind"]) == ("block", "sni-missing", "inability"), event


@pytest.mark.parametrize("how", INABILITY)
def test_two_postfixes_that_agree_on_no_key_at_all(site, how):
    site.stand(f"on-inability={how}")
    outcome = site.send(f"anonymous-{how}", sender="postfix", retries=False)
    event = site.verdict(outcome)
    assert event and (event["action"], event["reason"], event["kind"]) == (how, "cipher-unauthenticated", "inability"), (
        outcome, site.guard.events())
    assert "Anonymous TLS connection established" in site.senders["postfix"].server.log()
    assert is_taken(site, outcome.recipient) if how == "alert" else not is_kept(site, outcome.recipient)
    assert not outcome.clear, outcome


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
def test_an_edwards_key_is_as_good_as_any(guarded, version):
    outcome = guarded.send(f"edwards-{version}", sender="postfix")
    guarded.passed(outcome)
    assert outcome.arrived[0].is_tls
    assert guarded.verdict(outcome)["assurance"] == {"12": "proven", "13": "probed"}[version]


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
def test_a_certificate_of_a_thousand_names_is_as_good_as_any(guarded, version):
    outcome = guarded.send(f"thousand-{version}", sender="postfix")
    guarded.passed(outcome)
    assert outcome.arrived[0].is_tls
    assert guarded.verdict(outcome)["assurance"] == {"12": "proven", "13": "probed"}[version]


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
@pytest.mark.parametrize("promise", DATED)
def test_a_certificate_that_nobody_renewed_is_called_expired(guarded, promise, version):
    """Its key, its name and its authority are right."""
    outcome = guarded.send(f"expired-{version}-{promise}", sender="postfix")
    assert outcome.attempt.result == "kept" and not outcome.arrived and not outcome.clear, outcome
    event = guarded.verdict(outcome)
    assert (event["action"], event["reason"], event["assurance"]) == (
        "block", "cert-expired", {"12": "proven", "13": "probed"}[version]), event
    seen = event["seen"]["key"]
    assert seen["outcome"] == "expired" and seen["not_after"].startswith("2021-01-01"), event
    assert "postmaster" in event["advice"], event


# The older version first: who had the newer one before is found weakened by the older.
@pytest.mark.parametrize("ciphers", ("ECDHE-RSA-AES128-SHA", "AES128-SHA"))
@pytest.mark.parametrize("version", OLD_VERSIONS)
def test_an_old_server_is_proven_by_the_signatures_of_its_time(guarded, ciphers, version):
    recipient, said = guarded.by_hand(guarded["old"], version, "-cipher", f"{ciphers}:@SECLEVEL=0")
    assert is_taken(guarded, recipient), (said, guarded.guard.events())
    no_findings(guarded)


def test_a_key_that_only_decrypts_is_proven_by_the_servers_finished(guarded):
    recipient, said = guarded.by_hand(guarded["transported"], "-tls1_2", *LOW)
    assert guarded.sink.find(recipient), (said, guarded.guard.events())
    event = guarded.event_of(guarded["transported"])
    assert (event["action"], event["assurance"]) == ("pass", "proven"), event


def test_a_cipher_that_encrypts_nothing_is_refused(guarded):
    recipient, said = guarded.by_hand(guarded["null"], "-tls1_2", "-cipher", "eNULL:@SECLEVEL=0")
    event = guarded.event_of(guarded["null"])
    assert (event["action"], event["reason"], event["kind"]) == ("block", "cipher-unauthenticated", "inability"), event
    assert not guarded.sink.find(recipient), said


def test_without_the_guard_so_does_a_letter_by_it(site):
    site.guard_at(None)
    site.reset()
    recipient, said = site.by_hand(site["null"], "-tls1_2", "-cipher", "eNULL:@SECLEVEL=0")
    assert site.sink.find(recipient), said
    assert site.behind.saw(recipient.encode())


@pytest.fixture
def unknowing(site):
    """A guard on a machine that knows no authority."""
    gateway, place = site.world.gateway, "/etc/ssl/certs"
    gateway.run(["mount", "-t", "tmpfs", "none", place])
    try:
        site.stand("tls.ca-file=")
        site.reset()
        yield site
    finally:
        site.guard_at(None)
        gateway.run(["umount", place])


def test_without_any_authority_only_what_asks_for_one_waits_and_nobody_is_called_an_attacker(unknowing):
    for promise, version in itertools.product(UNJUDGED, keys_lab.VERSIONS):
        outcome = unknowing.send(f"unjudged-{promise}-{version}", sender="postfix")
        event = unknowing.verdict(outcome)
        if promise == "dane-ee":
            assert (event["action"], outcome.attempt.result) == ("pass", "sent"), (outcome, event)
            continue
        assert (event["action"], event["reason"], event["seen"]["key"]["outcome"]) == ("defer", "undecided", "unjudged"), event
        assert "kind" not in event and "ca-certificates" in event["advice"], event
        assert outcome.attempt.result == "kept" and not outcome.arrived and not outcome.clear, outcome


# Sessions that go on.


def test_a_session_between_two_postfixes_goes_on(guarded):
    start = guarded.guard.status()["counters"]
    first = guarded.send("resumed-12", sender="postfix")
    assert first.attempt.result == "sent" and is_taken(guarded, first.recipient), (first, guarded.guard.events())
    assert guarded.event_of(guarded["resumed-12"])["assurance"] == "proven", guarded.guard.events()
    assert namespaces.wait_until(lambda: guarded.guard.status()["counters"]["key_checks"] > start["key_checks"])
    before = guarded.guard.status()["counters"]
    second = guarded.send("resumed-12", sender="postfix")
    time.sleep(COUNTED_AFTER_S)
    after = guarded.guard.status()["counters"]
    assert second.attempt.result == "sent" and is_taken(guarded, second.recipient), (second, guarded.guard.events())
    assert "Reusing old session" in guarded.senders["postfix"].server.log()
    assert after["probes"] == before["probes"] and after["key_checks"] == before["key_checks"], (before, after)
    no_findings(guarded)


@pytest.mark.parametrize("queues", PROBED_BEHIND)
def test_one_of_which_other_guards_may_have_said_what_died_with_the_scout_is_asked_of_a_probe(site, queues):
    name = f"scoutless-12-{queues}"
    guard = site.stand(f"queues={queues}")
    site.reset()
    first = site.send(name, sender="postfix")
    assert first.attempt.result == "sent" and is_taken(site, first.recipient), (first, guard.events())
    assert site.event_of(site[name])["assurance"] == "proven", guard.events()
    dead = guard.processes()["scout"]
    guard.host.run(["kill", "-KILL", str(dead)])
    assert namespaces.wait_until(lambda: guard.processes().get("scout", 0) not in (0, dead), timeout_s=10), guard.processes()
    time.sleep(COUNTED_AFTER_S)
    before = guard.status()["counters"]
    second = site.send(name, sender="postfix")
    time.sleep(COUNTED_AFTER_S)
    after = guard.status()["counters"]
    assert second.attempt.result == "sent" and is_taken(site, second.recipient), (second, guard.events())
    assert "Reusing old session" in site.senders["postfix"].server.log()
    assert (after["probes"] > before["probes"]) == PROBED_BEHIND[queues], (before, after)
    no_findings(site)


def test_one_of_which_a_guard_that_stands_still_may_have_something_to_say_is_asked_of_a_probe(site):
    guard = site.stand(f"queues={SILENCED}")
    site.reset()
    first = site.send("silenced-12", sender="postfix")
    assert first.attempt.result == "sent" and is_taken(site, first.recipient), (first, guard.events())
    event = site.event_of(site["silenced-12"])
    assert event["assurance"] == "proven", guard.events()
    time.sleep(COUNTED_AFTER_S)
    before = guard.status()["counters"]
    name = f"guard{(event['queue'] - QUEUE_FIRST + 1) % SILENCED}"
    other = guard.processes()[name]
    guard.host.run(["kill", "-STOP", str(other)])
    second = site.send("silenced-12", sender="postfix")
    assert second.attempt.result == "sent" and is_taken(site, second.recipient), (second, guard.events())
    assert "Reusing old session" in site.senders["postfix"].server.log()
    # It is ended and begun anew when it has said nothing for long enough.
    assert namespaces.wait_until(lambda: guard.processes().get(name, 0) not in (0, other), timeout_s=30)
    assert namespaces.wait_until(guard.is_whole, timeout_s=10), guard.status()
    time.sleep(COUNTED_AFTER_S)
    after = guard.status()["counters"]
    assert after["probes"] > before["probes"], (before, after)
    no_findings(site)


def test_a_session_that_began_with_somebody_else_does_not(site):
    """It was made where no guard saw it."""
    certificate, key = middle.thief(site)
    attack = middle.Man("forger", certificate, key)
    attack.context.maximum_version = ssl.TLSVersion.TLSv1_2
    session = os.path.join(site.world.directory, "session.pem")
    domain = site["forged"]
    reused = []
    for is_guarded, *words in ((False, "-sess_out", session), (False, "-sess_in", session), (True, "-sess_in", session)):
        if is_guarded:
            site.stand()
        else:
            site.guard_at(None)
        site.reset()
        attack.begin()
        site.wide.start(attack)
        _, said = site.by_hand(domain, "-tls1_2", *words)
        site.wide.stop()
        reused.append((attack.went_on[0], bool(attack.heard(domain.address))))
    assert reused == [(False, True), (True, True), (True, False)], (reused, said)
    event = site.event_of(domain)
    assert (event["action"], event["reason"], event["assurance"]) == ("block", "key-mismatch", "probed"), event


@pytest.mark.parametrize("is_guarded", (False, True), ids=("bare", "guarded"))
@pytest.mark.parametrize("promise", GONE_ON_WITH)
def test_one_that_began_with_a_key_that_was_refused_does_not_whatever_probes_see(site, promise, is_guarded):
    """Postfix keeps it, refused or not. He lets the guard's probes, and all else, meet the true server."""
    if is_guarded:
        site.stand()
    else:
        site.guard_at(None)
    name, attack = f"begun-12-{promise}", middle.Resumer(*middle.thief(site))
    first = site.send(name, attack, "postfix")
    second = site.send(name, attack, "postfix")
    assert attack.went_on == [True], (attack.went_on, second)
    if not is_guarded:
        assert second.secret.encode() in attack.heard(site[name].address), second
        return
    assert (first.attempt.result, second.attempt.result) == ("kept", "kept"), (first, second)
    assert attack.heard(site[name].address) == b"" and not second.clear, second
    events = [one for one in site.events_of(site[name]) if one["reason"] != "probe-differs"]
    assert {(one["action"], one["reason"], one["assurance"]) for one in events} <= {
        ("block", middle.reason("self-signed", promise), "proven"), ("block", "tls-sabotaged", "proven")}, events
