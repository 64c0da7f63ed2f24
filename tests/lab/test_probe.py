# SPDX-License-Identifier: GPL-2.0-or-later
"""A key that TLS 1.3 hides: the guard's own look at it, from where and in whose words it comes, and what it says when the
server does not want to be looked at."""

import json
import ssl
import threading
import time

import pytest

import attacks
import capture
import clients
import lab as the_lab
import namespaces
import senders
import world

pytestmark = pytest.mark.alone

RECEIVERS = ("postfix", "exim")  # OpenSSL, GnuTLS
PATIENCE_S = 25
COUNTED_AFTER_S = 1.2  # each second the scout tells what it has counted
EHLO = b"EHLO sender.lab\r\n"


class TlsOrNothing(clients.OpportunisticClient):
    """Does not come back in clear."""

    send = clients.Client.send


class OlderClient(TlsOrNothing):
    """TLS 1.2, where keys cross the wire."""

    highest = ssl.TLSVersion.TLSv1_2


class NamingSender(senders.DirectSender):
    """With the destination's host as SNI, and TLS 1.3 unless it is an older client."""

    def __init__(self, host, kind=TlsOrNothing):
        super().__init__(kind(host, PATIENCE_S))
        self.name = "naming"

    def deliver(self, destination, recipient, body, timeout_s):
        self.client.server_name = destination.name
        return super().deliver(destination, recipient, body, timeout_s)


class StripFirst(attacks.Strip):
    """Who comes first, and nobody else."""

    def begin(self):
        self.has_run = False

    def run(self, session):
        is_first, self.has_run = not self.has_run, True
        (super() if is_first else attacks.Attack("honest", ("",))).run(session)


@pytest.fixture(scope="module")
def probed():
    with the_lab.Lab(with_senders=(), with_receivers=RECEIVERS) as one:
        one.senders["naming"] = NamingSender(one.world.sender)
        one.senders["falling"] = senders.DirectSender(clients.OpportunisticClient(one.world.sender, PATIENCE_S))
        one.senders["older"] = NamingSender(one.world.sender, OlderClient)
        yield one


def connections(cable):
    """{(client's address and port): what it said} of all that began to port 25."""
    segments = cable.segments()
    begun = {one.source for one in segments if one.flags & capture.SYN and one.destination[1] == 25}
    return {source: b"".join(one.payload for one in segments if one.source == source) for source in begun}


def probes(lab):
    """What left the gateway and did not come from the client: the same, of those ports alone."""
    asked = {port for _, port in connections(lab.before)}
    if lab.world.place == "host":
        asked = {min(port for _, port in connections(lab.behind))}
    if lab.world.place == "nat":  # the client's own port stays as long as nobody else has it
        assert asked <= {port for _, port in connections(lab.behind)}
    return {source: said for source, said in connections(lab.behind).items() if source[1] not in asked}


def count(lab, name):
    return lab.guard.status()["counters"][name]


def send(lab, kind="protected", family=4, timeout_s=PATIENCE_S):
    return lab.play(None, "naming", family, kind=kind, retries=False, timeout_s=timeout_s)


def assert_passed(lab, outcome):
    assert outcome.attempt.result == "sent" and not outcome.clear, (outcome, lab.guard.events())
    event = lab.guard.wait_for(lambda event: event["event"] == "verdict" and 
                               event.get("mx") == outcome.destination.name)
    assert event and event["action"] == "pass" and event["assurance"] == "probed", lab.guard.events()


def assert_one_probe(lab, outcome, source):
    """From that address, in the client's words, and nothing of it came to the client."""
    (address, _), said = found = next(iter(probes(lab).items()))
    assert len(probes(lab)) == 1 and address == source, found
    assert said.startswith(EHLO + b"STARTTLS\r\n") and outcome.destination.name.encode() in said
    ports = {port for _, port in connections(lab.before)}
    strangers = [one for one in lab.before.segments() if 25 in (one.source[1], one.destination[1]) and
                 not ports & {one.source[1], one.destination[1]}]
    assert not strangers


@pytest.mark.parametrize("family", (4, 6))
@pytest.mark.parametrize("receiver", RECEIVERS)
@pytest.mark.parametrize("place", ("routed", "nat"))
def test_a_probe_comes_from_where_the_clients_mail_comes_from(probed, place, receiver, family):
    probed.guard_at(place, settings=("hooks={forward}",) if receiver == "exim" else ())
    before = count(probed, "probes_as_client")
    outcome = send(probed, receiver, family)
    assert_passed(probed, outcome)
    assert_one_probe(probed, outcome, (world.SENDER if place == "routed" else world.GATEWAY_OUT)[family])
    assert namespaces.wait_until(lambda: count(probed, "probes_as_client") == before + 1)


def test_a_probe_finds_back_where_sources_are_checked_with_their_marks(probed):
    probed.guard_at("nat")
    names = [f"/proc/sys/net/ipv4/conf/all/{name}" for name in ("rp_filter", "src_valid_mark")]
    probed.world.gateway.run(["sh", "-c", "".join(f"echo 1 >{name};" for name in names)])
    try:
        outcome = send(probed)
        assert_passed(probed, outcome)
        assert_one_probe(probed, outcome, world.GATEWAY_OUT[4])
    finally:
        probed.world.gateway.run(["sh", "-c", "".join(f"echo 0 >{name};" for name in names)])


def test_on_the_mail_server_itself_its_own_address_is_the_clients(probed):
    probed.guard_at("host")
    outcome = send(probed)
    assert_passed(probed, outcome)
    assert len(connections(probed.behind)) == 2
    assert {address for address, _ in connections(probed.behind)} == {world.SENDER[4]}
    assert namespaces.wait_until(lambda: count(probed, "probes_made") >= 1)
    assert count(probed, "probes_as_client") == 0


def test_where_no_answer_comes_back_the_probe_comes_from_the_gateway_and_that_is_remembered(probed):
    probed.guard_at("routed", settings=("log-level=debug",))
    gateway = probed.world.gateway
    gateway.network_command(["ip", "rule", "del", "priority", "26"])
    try:
        began = time.monotonic()
        outcome = send(probed)
        assert time.monotonic() - began >= 3
        assert_passed(probed, outcome)
        assert {address for address, _ in probes(probed)} == {world.SENDER[4], world.GATEWAY_OUT[4]}
        assert_passed(probed, send(probed))
        assert {address for address, _ in probes(probed)} == {world.GATEWAY_OUT[4]}
    finally:
        probed.guard_at(None)


# What becomes of the probe, which is the second to come: and the guard's words for it.


def say(reply):
    def play(stream):
        stream.send(reply)
        stream.close()
    return play


def tarpit(stream):
    for _ in range(40):
        stream.send(b"2")
        time.sleep(0.25)


def silence(_):
    time.sleep(10)


def too_many(stream):
    """As Postfix says it, where smtpd_client_new_tls_session_rate_limit is set."""
    for reply in (b"220 mx ESMTP\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"454 4.7.0 Error: too many new TLS sessions\r\n"):
        stream.send(reply)
        stream.line()
    stream.close()


MOODS = {
    "greylisting": (say(b"450 4.7.1 come again\r\n"), "450 (later): 4.7.1 come again"),
    "busy": (say(b"421 4.3.2 too busy\r\n"), "421 (later): 4.3.2 too busy"),
    "unwanted": (say(b"554 5.7.1 go away\r\n"), "554: 5.7.1 go away"),
    "rate-limit": (too_many, "STARTTLS with 454 (later): 4.7.0 Error: too many new TLS sessions"),
    "hung-up": (say(b""), "hung up before its greeting"),
    "tarpit": (tarpit, "tarpits"),
    "silence": (silence, "nothing in time"),
}


@pytest.mark.parametrize("mood", MOODS)
def test_a_server_that_does_not_want_the_probe_could_not_tell_and_the_mail_waits(probed, mood):
    # A guard of its own: what it told before it would only count.
    probed.guard_at("routed", settings=("hold-seconds=5",), configuration=f"# {mood}\n")
    play, words = MOODS[mood]
    destination = probed.destinations.next("protected", 4)
    probed.reset()
    probed.sink.later_visits[destination.addresses[0]] = play
    sender, recipient = probed.senders["naming"], f"you@{destination.domain}"
    attempt = sender.deliver(destination, recipient, "secret", PATIENCE_S)
    event = probed.guard.wait_for(lambda event: event["event"] == "verdict" and event["action"] != "pass")
    assert attempt.result == "failed" and not probed.sink.find(recipient), (attempt, probed.guard.events())
    assert event and (event["action"], event["reason"]) == ("defer", "key-hidden"), probed.guard.events()
    assert not probed.behind.saw(b"RCPT TO", b"secret")
    assert not [one for one in probed.guard.events() if one.get("reason") == "probe-differs"], probed.guard.events()
    assert words in event["seen"]["probe"] and words in probed.guard.output(), (event, probed.guard.output())
    text = probed.guard.ask("explain", destination.domain, check=False)
    assert "probe      could not tell" in text and words in text, text
    # Before the mail's own time was over.
    assert namespaces.wait_until(lambda: count(probed, "decisions") == 1)
    assert count(probed, "hold_timeouts") == 0


def test_one_probe_answers_all_who_wait_for_it(probed):
    probed.guard_at("routed")
    destination = probed.destinations.next("protected", 4)
    probed.reset()
    # Nobody knows which is the probe: it waits as long as the others, and all wait for it.
    probed.sink.later_visits[destination.addresses[0]] = lambda _: time.sleep(1)
    arrived = []

    def go(number):
        one = NamingSender(probed.world.sender)
        arrived.append(one.deliver(destination, f"you{number}@{destination.domain}", "secret", PATIENCE_S).result)

    threads = [threading.Thread(target=go, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arrived == ["sent"] * 20
    assert len(connections(probed.before)) == 20 and len(probes(probed)) == 1, probes(probed)


def test_what_is_in_use_is_looked_at_anew_before_anybody_waits_for_it(probed):
    probed.guard_at("routed", settings=("tls.probe-seconds=10",))
    destination = probed.destinations.next("protected", 4)
    assert_passed(probed, probed.carry(None, "naming", destination, retries=False))
    began = time.monotonic()
    probed.before.reset()
    probed.behind.reset()
    assert namespaces.wait_until(lambda: probes(probed), timeout_s=12)
    assert time.monotonic() - began > 3
    assert namespaces.wait_until(lambda: count(probed, "probes_ahead") == 1)
    # What the first probe saw is not believed any more; what the second saw is, and nobody asks for a third: it may come by itself.
    time.sleep(max(0, began + 10.5 - time.monotonic()))
    assert probed.carry(None, "naming", destination, retries=False).attempt.result == "sent"
    time.sleep(COUNTED_AFTER_S)
    assert count(probed, "probes_made") - count(probed, "probes_ahead") == 1, probed.guard.status()["counters"]


# What others see, and what is known of keys.


def test_who_strips_the_senders_connection_alone_is_told_of(probed):
    probed.guard_at("routed")
    attack = StripFirst("strip-first", ("starttls-stripped",))
    outcome = probed.play(attack, "falling", 4, retries=False)
    assert not the_lab.falls(attack, outcome)
    stripped = probed.guard.wait_for(lambda event: event.get("reason") == "starttls-stripped")
    assert stripped and stripped["action"] == "block", probed.guard.events()
    event = probed.guard.wait_for(lambda event: event.get("reason") == "probe-differs", timeout_s=5)
    assert event and event["action"] == "alert" and "would" not in event, probed.guard.events()
    assert event["id"] == stripped["id"] and event["mx"] == outcome.destination.name
    assert event["cause"].startswith("starttls-stripped on the sender's own connection, ")


def test_who_strips_everybody_is_not(probed):
    probed.guard_at("routed", configuration="# another\n")
    attack = attacks.Strip("strip", ("starttls-stripped",))
    probed.play(attack, "falling", 4, retries=False)
    assert probed.guard.wait_for(lambda event: event.get("reason") == "starttls-stripped")
    assert namespaces.wait_until(lambda: count(probed, "probes_made") >= 1)
    assert not probed.guard.wait_for(lambda event: event.get("reason") == "probe-differs", timeout_s=1)


@pytest.mark.parametrize("sender, kind, assurance, outcome", (
    ("naming", "protected", "probed", "met"), ("older", "protected", "proven", "met"),
    ("older", "unprotected", "proven", None)))
def test_explain_shows_the_key_that_was_promised_and_the_one_that_was_seen(probed, sender, kind, assurance, outcome):
    probed.guard_at("routed")
    played = probed.play(None, sender, 4, kind=kind, retries=False, timeout_s=PATIENCE_S)
    assert played.attempt.result == "sent", (played, probed.guard.events())

    def host():
        page = json.loads(probed.guard.ask("explain", played.destination.domain, "--json", check=False))
        return next((one for one in page["hosts"] if "last_key" in one), None)
    assert namespaces.wait_until(host), probed.guard.ask("explain", played.destination.domain, check=False)
    key = host()["last_key"]
    assert key["assurance"] == assurance and key["server"] == played.destination.addresses[0]
    assert len(key["spki"]) == 64 and key["not_before"] < key["not_after"]
    text = probed.guard.ask("explain", played.destination.domain, check=False)
    if outcome:
        assert key["outcome"] == outcome and key["source"] == "dane"
        assert host()["key_rules"][0]["records"][0].startswith(key["matched"].removesuffix("...")), host()
        assert host()["with_wrong_key"]["reason"] == "key-mismatch"
        assert host()["with_tls13"]["reason"] == "key-hidden" and host()["with_tls13_probed"]["action"] == "pass"
        assert "  key, by dane: one of these TLSA records\n" in text and f"\n             {assurance}, " in text
    else:
        assert "source" not in key and "key_rules" not in host()
        assert "  last key   nothing was asked of it\n" in text
