# SPDX-License-Identifier: GPL-2.0-or-later
"""Reasons that no attack on the dialogue brings: a wrong place, a look-up that fails or does not end, a sender without
TLS. The far end is honest, and offers STARTTLS; the client does not ask."""

import cells
import clients
import destinations
import lines
import pytest


def refuse(lab, address, recipient, code):
    """The event of the refusal, once everybody has been told."""
    reply = lines.say_recipient(lab.world.sender, address, recipient)
    event = lab.guard.wait_for(lambda one: one["event"] == "verdict" and one.get("domain") == recipient.partition("@")[2])
    assert event, lab.guard.events()
    assert reply.startswith(code) and event["reason"].encode() in reply and event["id"].encode() in reply, reply
    assert lab.syslog.wait_for(f"reason={event['reason']}", f"id={event['id']}")
    assert not lab.behind.saw(b"RCPT TO", recipient.encode())
    return event


@pytest.mark.parametrize("place", ["routed", "host"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_who_was_led_to_a_wrong_address_is_refused(lab, place, family):
    lab.guard_at(place)
    lab.reset()
    destination, other = (lab.destinations.next("protected", family) for _ in range(2))
    unprotected = lab.destinations.next("unprotected", family)
    for wrong in (other, unprotected):
        lab.guard.mark()
        event = refuse(lab, wrong.addresses[0], f"led@{destination.domain}", b"421 4.7.5")
        assert (event["action"], event["reason"], event["kind"]) == ("block", "mx-mismatch", "attack")


def test_who_hides_the_host_that_promised_leads_to_a_weaker_one_and_that_is_told(lab):
    """Its SYNs vanish. Mail to the other host passes in clear, since nobody knows why the first one is silent."""
    lab.guard_at("routed")
    lab.reset()
    destination = lab.destinations.next("two-hosts", 4)
    strong, weak = destination.addresses
    lab.sink.without_starttls.add(weak)
    letter = f"hidden@{destination.domain}", b"Subject: a letter\r\n\r\ntext"
    hole = f"pref 90 to {strong} ipproto tcp dport 25 blackhole"
    lab.world.outside.ip(f"rule add {hole}")
    try:
        assert not clients.OpportunisticClient(lab.world.sender).send(strong, *letter)
        assert clients.OpportunisticClient(lab.world.sender).send(weak, *letter)
    finally:
        lab.world.outside.ip(f"rule del {hole}")
    assert lab.behind.saw(letter[0].encode()) and [one.is_tls for one in lab.sink.find(letter[0])] == [False]
    event = lab.guard.wait_for(lambda one: one["event"] == "verdict" and one.get("domain") == destination.domain)
    assert event and (event["action"], event["reason"]) == ("alert", "starttls-stripped"), lab.guard.events()
    assert event["server"] == f"{weak}:25" and "would" not in event


def test_a_promise_that_does_not_validate_defers(lab):
    lab.guard_at("routed")
    lab.reset()
    address = lab.destinations.next("unprotected", 4).addresses[0]
    event = refuse(lab, address, f"bogus@{destinations.BOGUS}", b"421 4.7.5")
    assert (event["action"], event["reason"], event["kind"]) == ("defer", "policy-unavailable", "attack")
    assert "bogus" in event["promise"]["detail"]


def test_a_promise_that_nobody_tells_in_time_defers(lab):
    lab.guard_at("routed", settings=["hold-seconds=2"])
    lab.reset()
    address = lab.destinations.next("unprotected", 4).addresses[0]
    event = refuse(lab, address, f"mute@{destinations.MUTE}", b"421 4.7.5")
    assert (event["action"], event["reason"], event["kind"]) == ("defer", "undecided", "attack")
    assert event["held_ms"] >= 2000


def test_when_the_operator_says_so_such_mail_passes_and_is_told(lab):
    lab.guard_at("routed", settings=["hold-seconds=2", "undecided=pass", "on-inability=alert"])
    lab.reset()
    unable = lab.destinations.next("protected", 4)
    for address, domain, reason in (
            (lab.destinations.next("unprotected", 4).addresses[0], destinations.MUTE, "undecided"),
            (unable.addresses[0], unable.domain, "tls-not-used")):
        recipient = f"told@{domain}"
        assert lines.say_recipient(lab.world.sender, address, recipient).startswith(b"250")
        event = lab.guard.wait_for(lambda one, domain=domain: one["event"] == "verdict" and one.get("domain") == domain)
        assert event and (event["action"], event["reason"]) == ("alert", reason), lab.guard.events()
        assert lab.behind.saw(recipient.encode())
