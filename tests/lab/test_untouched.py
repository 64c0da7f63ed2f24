# SPDX-License-Identifier: GPL-2.0-or-later
"""What no promise covers passes as if no guard were there: to destinations that promised nothing, and towards us."""

import attacks
import cells
import clients
import lines
import pytest
import senders
import sink
import world


@pytest.mark.parametrize("family", cells.FAMILIES)
@pytest.mark.parametrize("kind", ["unprotected", "unsigned", "unsigned-tlsa"])
@pytest.mark.parametrize("sender", senders.ALL)
def test_a_destination_that_promised_nothing_gets_its_letter_in_clear_or_tls(lab, sender, kind, family):
    lab.guard_at("routed")
    honest = lab.play(None, sender, family, kind=kind)
    assert [letter.is_tls for letter in honest.arrived] == [sender != "plain"]
    stripped = lab.play(attacks.ATTACKS["strip"], sender, family, kind=kind)
    assert [letter.is_tls for letter in stripped.arrived] == [False]
    assert not [event for event in lab.guard.events() if event.get("action") in ("block", "defer")]


@pytest.mark.parametrize("place", ["routed", "bridge", "host"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_mail_towards_the_guarded_side_is_not_judged(lab, place, family, tmp_path):
    """From outside, in clear, to a server of ours, for a domain that promised TLS: none of the guard's business."""
    lab.guard_at(place)
    lab.reset()
    destination = lab.destinations.next("protected", family)
    ours = sink.Sink(lab.world.sender, *sink.make_key(str(tmp_path), "ours"))
    ours.without_starttls.add(world.SENDER[family])
    try:
        client = clients.Client(lab.world.far)
        assert client.send(world.SENDER[family], f"you@{destination.domain}", b"Subject: in\r\n\r\nfrom outside")
    finally:
        ours.close()
    assert ours.letters and not [event for event in lab.guard.events() if event["event"] == "verdict"]


def test_other_ports_are_not_looked_at(lab):
    lab.guard_at("routed")
    lab.reset()
    echo = lines.Listener(lab.world.far, 2525, lambda connection: connection.sendall(connection.recv(100)))
    packets = lab.guard.status()["counters"]["packets"]
    try:
        stream = lines.dial(lab.world.sender, (world.far_address(9, 4), 2525))
        stream.send(b"RCPT TO:<you@d10-4.dane.lab>\r\n")
        assert stream.line() == b"RCPT TO:<you@d10-4.dane.lab>\r\n"
        assert lab.guard.status()["counters"]["packets"] == packets
    finally:
        echo.close()
