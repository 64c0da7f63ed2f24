# SPDX-License-Identifier: GPL-2.0-or-later
"""Whose hop a connection is, with real servers: what a stranger's names can do, and cannot (docs/security.md)."""

import signal

import pytest

import attacks
import hop_lab
import namespaces
import world
from hop_lab import ADDRESSES, GEO_ELSEWHERE, INNER, OPEN_RELAY

WATCHED = {"watch": ("watched.lab",)}
LISTED = {"listed": {"listed.lab": ["mx.listed.lab"]}}


@pytest.fixture(scope="module")
def net(root):
    with hop_lab.HopLab() as one:
        yield one


def arrived_by_tls(net, recipient, address):
    attempt, letters = net.send(recipient)
    assert attempt.result == "sent" and [(one.is_tls, one.server[0]) for one in letters] == [(True, address)], attempt
    return letters[0]


# A stranger stops nobody's mail.


@pytest.mark.parametrize("victim", ("bank", "plain"))
def test_a_domain_whose_owner_points_it_at_anothers_server_does_not_stop_that_ones_mail(net, victim):
    net.stand()
    with net.leading("stranger.lab", f"mx.{victim}.lab"):
        attempt, letters = net.send("a@stranger.lab")
        assert attempt.result == "kept" and not letters  # nobody vouches for that place yet
        assert net.event(domain="stranger.lab")["reason"] == "mx-mismatch"
        net.guard.mark()
        arrived_by_tls(net, f"b@{victim}.lab", ADDRESSES[victim])
    event = net.event(domain="stranger.lab", action="alert")
    assert event["reason"] == "mx-mismatch"
    assert not net.refusals()


# And opens no hole.


def test_without_the_guard_a_forged_answer_leads_a_letter_to_the_attacker(net):
    net.leave()
    with net.leading("watched.lab", "mx.evil.lab"):
        arrived_by_tls(net, "a@watched.lab", ADDRESSES["evil"])


@pytest.mark.parametrize("known", ("watched", "listed"))
@pytest.mark.parametrize("vouches", (False, True), ids=("alone", "his-own-domain-vouches"))
def test_tls_to_where_a_forged_answer_led_ends_before_anything_is_said_there(net, known, vouches):
    net.stand(**(WATCHED if known == "watched" else LISTED))
    domain = f"{known}.lab"
    if vouches:
        arrived_by_tls(net, "a@evil.lab", ADDRESSES["evil"])
    net.greeted.clear()
    with net.leading(domain, "mx.evil.lab"):
        attempt, letters = net.send(f"b@{domain}")
    assert attempt.result == "kept" and not letters, attempt
    assert not net.greeted
    event = net.event(domain=domain, action="block")
    assert (event["reason"], event["kind"]) == ("mx-mismatch", "attack")
    # His own goes on no more for as long as a client may go there for the other.
    net.guard.mark()
    arrived_by_tls(net, f"c@{domain}", ADDRESSES[known])


def test_only_root_himself_has_forgotten_what_was_heard(net):
    """And not who speaks for him at the control socket, where nothing changed."""
    net.stand(**WATCHED)
    with net.leading("watched.lab", "mx.evil.lab"):
        assert net.send("a@watched.lab")[0].result == "kept"
        net.guard.ask("reload")
        net.swaks(ADDRESSES["evil"], "b@watched.lab", "--tls")
        assert not net.sink.find("b@watched.lab") and not net.greeted
        net.guard.mark()
        net.guard.host.run(["kill", f"-{int(signal.SIGHUP)}", str(net.guard.processes()["supervisor"])])
        assert net.guard.wait_for(lambda event: event["event"] == "reloaded")
        assert namespaces.wait_until(lambda: net.swaks(ADDRESSES["evil"], "c@watched.lab", "--tls") and net.sink.find("c@watched.lab"))


@pytest.mark.parametrize("known, reason", (("watched", "policy-unavailable"), ("listed", "mx-mismatch")))
def test_who_forges_our_own_look_ups_too_gets_no_letter_to_a_domain_that_the_operator_names(net, known, reason):
    domain = f"{known}.lab"
    with net.leading(domain, "mx.evil.lab", us_too=True):
        net.stand(**(WATCHED if known == "watched" else LISTED))
        attempt, letters = net.send(f"a@{domain}")
    assert attempt.result == "kept" and not letters and not net.greeted, attempt
    assert net.event(domain=domain, reason=reason)["action"] == ("defer" if known == "watched" else "block")


def test_of_a_domain_that_nobody_named_he_gets_it_and_the_failing_look_up_is_told(net):
    net.stand()
    with net.leading("bank.lab", "mx.evil.lab", us_too=True):
        arrived_by_tls(net, "a@bank.lab", ADDRESSES["evil"])
    assert net.event(domain="bank.lab", action="alert")["reason"] == "policy-unavailable"


def test_of_a_domain_that_nobody_named_the_attacker_gets_the_letter_and_everybody_an_alert(net):
    net.stand()
    arrived_by_tls(net, "a@evil.lab", ADDRESSES["evil"])
    with net.leading("bank.lab", "mx.evil.lab"):
        arrived_by_tls(net, "b@bank.lab", ADDRESSES["evil"])
    assert net.event(domain="bank.lab", action="alert")["reason"] == "mx-mismatch"


# Honest differences.


@pytest.mark.parametrize("domain, address", (("geo.lab", GEO_ELSEWHERE), ("split.lab", INNER)))
def test_another_address_of_the_right_host_is_no_wrong_place(net, domain, address):
    net.stand(watch=(domain,))
    arrived_by_tls(net, f"a@{domain}", address)
    event = net.event(domain=domain)
    assert (event["action"], event["promise"]["state"]) == ("pass", "key"), event
    assert not net.refusals()


# Nobody knows whose.


@pytest.mark.parametrize("setting", ("pass", "block"))
def test_tls_to_a_place_that_nobody_named(net, setting):
    net.stand(f"unknown-hop={setting}")
    net.swaks(ADDRESSES["plain"], "a@plain.lab", "--tls")
    assert bool(net.sink.find("a@plain.lab")) == (setting == "pass")
    assert bool(net.greeted) == (setting == "pass")
    if setting == "block":
        event = net.event(action="defer")
        assert event["reason"] == "unknown-hop" and "domain" not in event
    # A client that asks for the domain first says whose it is.
    net.guard.mark()
    arrived_by_tls(net, "b@plain.lab", ADDRESSES["plain"])
    assert not net.refusals()


# Smart hosts.


@pytest.mark.parametrize("recipient", ("a@bank.lab", "a@plain.lab"))
def test_a_smart_host_is_judged_by_its_own_promise(net, recipient):
    net.stand(sections='next-hop "mx.smart.lab" {}\n')
    net.guard.ask("explain", "mx.smart.lab", check=False)
    net.swaks(ADDRESSES["smart"], recipient)
    event = net.event(action="block")
    assert event["reason"] == "tls-not-used" and event["mx"] == "mx.smart.lab"
    assert not net.sink.find(recipient) and not net.behind.saw(b"RCPT TO")
    net.guard.mark()
    net.swaks(ADDRESSES["smart"], recipient, "--tls")
    assert [one.is_tls for one in net.sink.find(recipient)] == [True]
    assert not net.refusals()


@pytest.mark.parametrize("sections, refused", (
    ('next-hop "mx.dumb.lab" {}\n', False),
    ('next-hop "mx.dumb.lab" { level = encrypt }\n', True),
    ('destination "bank.lab" { next-hop = "mx.dumb.lab" }\n', False),
    ('destination "bank.lab" { next-hop = "mx.dumb.lab" level = encrypt }\n', True),
    ("", True),
))
def test_a_recipients_promise_does_not_count_where_the_operator_named_the_hop(net, sections, refused):
    net.stand(sections=sections)
    net.sink.without_starttls.add(ADDRESSES["dumb"])
    net.swaks(ADDRESSES["dumb"], "a@bank.lab")
    assert bool(net.sink.find("a@bank.lab")) != refused, net.guard.events()
    assert net.event(action="block") if refused else not net.refusals()


@pytest.mark.parametrize("host, level, is_told", (("plain", "", True), ("plain", "level = encrypt", False), ("dumb", "", False)))
def test_a_smart_host_that_anybody_may_be_is_told_of(net, host, level, is_told):
    net.stand(sections=f'next-hop "mx.{host}.lab" {{ {level} }}\n')
    net.swaks(ADDRESSES[host], f"a@{host}.lab")
    assert any("its address is not signed" in event.get("text", "") for event in net.guard.events()) == is_told


# The host that a client names.


def say_hello(net, address):
    return net.world.sender.run(
        ["sh", "-c", "(sleep 0.5; echo EHLO client.lab; sleep 0.3) | openssl s_client -brief -crlf -no_ign_eof -starttls smtp "
         f"-servername mx.bank.lab -connect {address}:25"], check=False)


@pytest.mark.parametrize("is_elsewhere", (False, True), ids=("at-home", "elsewhere"))
def test_the_host_that_a_client_names_in_its_hello_is_the_hop(net, is_elsewhere):
    """At another address than ours, too: geo-DNS has many, and what tells a wrong one is its key."""
    net.stand()
    say_hello(net, ADDRESSES["plain"])
    assert not net.greeted
    event = net.event(server=f"{ADDRESSES['plain']}:25")
    assert (event["action"], event["reason"], event["mx"]) == ("block", "key-mismatch", "mx.bank.lab"), event
    address = world.far_address(99, 4) if is_elsewhere else ADDRESSES["bank"]
    net.have_key(address, "bank")
    said = say_hello(net, address)
    assert net.greeted == [address], said
    event = net.event(server=f"{address}:25")
    assert (event["action"], event["mx"], event["promise"]["state"]) == ("pass", "mx.bank.lab", "key"), event
    assert event["seen"]["sni"] == "mx.bank.lab"


# Passwords.


AUTH = ("--auth", "PLAIN", "--auth-user", "me", "--auth-password", "secret")
PASSWORD = b"AG1lAHNlY3JldA=="  # NUL me NUL secret


def relay(net):
    return net.receivers["exim"].addresses[0]


@pytest.mark.parametrize("attack", (None, "strip"))
def test_a_password_is_not_sent_in_clear_to_a_host_that_promised_tls(net, attack):
    net.stand()
    if attack:
        net.wide.start(attacks.ATTACKS[attack])
    net.swaks(relay(net), "a@plain.lab", *AUTH, *(("--tls-optional",) if attack else ()))
    event = net.event(action="block")
    assert event["reason"] == ("starttls-stripped" if attack else "tls-not-used")
    assert event["mx"] == f"mx1.d{world.MX_NUMBERS['exim']}-4.dane.lab"
    assert not net.behind.saw(PASSWORD, b"AUTH")


def test_a_password_goes_to_that_host_by_tls_and_mail_for_anybody_with_it(net):
    net.stand()
    said = net.swaks(relay(net), "a@bank.lab", *AUTH, "--tls")
    assert "235" in said and "250 OK id=" in said, said
    assert not net.refusals() and not net.behind.saw(PASSWORD)


def test_after_a_password_the_host_is_the_hop_of_every_recipient(net):
    net.stand()
    said = net.swaks(OPEN_RELAY, "a@bank.lab", *AUTH)
    assert "235" in said and "250 OK id=" in said, (said, net.guard.events())
    net.guard.mark()
    said = net.swaks(OPEN_RELAY, "a@bank.lab")
    assert "421" in said and net.event(domain="bank.lab")["reason"] == "mx-mismatch"
