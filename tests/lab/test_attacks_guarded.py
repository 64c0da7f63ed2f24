# SPDX-License-Identifier: GPL-2.0-or-later
"""The same attacks with a guard at the gateway, or on the sender itself: nothing of the letter leaves, the sender keeps
it, and everybody is told why."""

import attacks
import cells
import pytest


def pytest_generate_tests(metafunc):
    if "cell" in metafunc.fixturenames:
        chosen = list(cells.with_guard())
        if not metafunc.config.getoption("--full"):
            chosen = cells.pairwise(chosen)
        metafunc.parametrize("cell", chosen, ids="-".join(("{0.place}", "{0.attack}", "{0.sender}", "{0.family}")).format)


def refusals(lab, destination):
    """By domain, or by address where the connection ended before it said for whom it is."""
    servers = {f"[{address}]:25" if ":" in address else f"{address}:25" for address in destination.addresses}
    return [event for event in lab.guard.events() if event["event"] == "verdict" and
            event["action"] in ("block", "defer") and
            (event.get("domain") == destination.domain or "domain" not in event and event["server"] in servers)]


def test_with_the_guard_nothing_leaves_and_the_sender_keeps_the_letter(lab, cell, record_property):
    lab.guard_at(cell.place)
    attack = attacks.ATTACKS.get(cell.attack)
    outcome = lab.play(attack, cell.sender, cell.family, timeout_s=320 if cells.is_slow(*cell[:2]) else None)
    record_property("cell", f"{cell.place} {cell.attack} {cell.sender} {cell.family}")
    assert not outcome.clear, "the far end saw the letter, or whom it is for"
    assert not outcome.hit
    if cell.attack == cells.HONEST and cell.sender != "plain":
        assert [letter.is_tls for letter in outcome.arrived] == [True]
        assert not refusals(lab, outcome.destination)
        record_property("outcome", "TLS")
        return
    if outcome.attempt.result == "sent":
        # The sender was not led astray: over TLS the letter may go.
        assert [letter.is_tls for letter in outcome.arrived] == [True]
        assert cells.resists(cell.attack, cell.sender)
        record_property("outcome", "TLS")
        return
    assert not outcome.arrived
    if lab.senders[cell.sender].has_queue:
        assert lab.senders[cell.sender].is_kept(outcome.recipient)
    if cells.resists(cell.attack, cell.sender) and not lab.before.saw(b"RCPT TO:<" + outcome.recipient.encode()):
        record_property("outcome", "away")
        return  # it never came in clear: there was nothing to refuse
    reason = everybody_is_told_why(lab, cell, outcome, attack.reasons if attack else {"tls-not-used"})
    result = "kept" if lab.senders[cell.sender].has_queue else "421" if "421" in outcome.attempt.why else "reset"
    record_property("outcome", f"{result}: {reason}")


def everybody_is_told_why(lab, cell, outcome, reasons):
    destination = outcome.destination
    assert lab.guard.wait_for(lambda _: refusals(lab, destination)), lab.guard.events()
    events = refusals(lab, destination)
    assert events[0]["reason"] in reasons, events
    for event in events:
        assert event["action"] == "block"
        # What comes in clear after a refused handshake belongs to the same story.
        assert event["reason"] in reasons or event["reason"] == "tls-sabotaged" and event["id"] == events[0]["id"]
        assert event["hook"] == ("output" if cell.place == "host" else "forward")
        if "domain" in event:
            assert event["promise"]["source"] == "dane"
        assert lab.syslog.wait_for(f"reason={event['reason']}", f"id={event['id']}")
    # Inside TLS there are no words, and what stands between us and the client keeps them.
    if "domain" in events[-1] and not (cell.attack in attacks.ATTACKS and attacks.ATTACKS[cell.attack].is_near_client):
        assert "421" in outcome.attempt.why and "4.7." in outcome.attempt.why, outcome.attempt.why
    return events[0]["reason"]


@pytest.mark.parametrize("place", ["routed", "nat", "bridge", "host"])
def test_no_connection_is_left_waiting_for_its_last_acknowledgement(lab, place):
    lab.guard_at(place)
    for family in cells.FAMILIES:
        lab.play(attacks.ATTACKS["strip"], "postfix", family)
    assert lab.wait_until_closed(timeout_s=8), lab.world.sender.run(["ss", "-tan"])


@pytest.mark.parametrize("place", ["routed", "nat", "bridge"])
def test_a_reply_that_is_lost_on_the_way_is_repeated(lab, place):
    lab.guard_at(place)
    router = lab.world.inside
    loses = ["FORWARD", "-p", "tcp", "--sport", "25", "-m", "string", "--string", "421 4.7", "--algo", "bm",
             "-m", "statistic", "--mode", "nth", "--every", "1000", "--packet", "0", "-j", "DROP"]
    router.network_command(["iptables", "-I", *loses])
    try:
        outcome = lab.play(attacks.ATTACKS["strip"], "postfix", 4, retries=False)
        lost = router.network_command(["iptables", "-nvxL", "FORWARD"]).splitlines()[2].split()[0]
    finally:
        router.network_command(["iptables", "-D", *loses])
    assert int(lost) == 1
    assert "421 4.7.4" in outcome.attempt.why and not outcome.clear
