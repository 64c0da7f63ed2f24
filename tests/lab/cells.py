# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of cells: which attack meets which sender, over which family, with the gateway in which place; which of
them cannot exist, and why; what happens in each without a guard."""

import collections
import itertools

import attacks
import senders
import world

HONEST = "honest"  # no attack
FAMILIES = (4, 6)

Cell = collections.namedtuple("Cell", "attack sender family place")

# With no guard these senders do not let the attack have what it wants. All others do.
RESISTS = {
    # Postfix takes any 2xx to STARTTLS for a yes, fails in the handshake, and comes in clear at the next try;
    # without a reply it waits for ever, as Exim does.
    "silence": {"postfix", "exim", "opensmtpd"},
    # swaks ends when the handshake does, and so does its only try.
    **{f"sabotage-{how}-{when}": {"swaks"} for how in ("reset", "close", "alert", "silence")
       for when in ("ready", "hello")},
    # What was read before the handshake is forgotten; OpenSMTPD 6.8.0p2 crashes on it.
    "inject-response": {"postfix", "exim", "opensmtpd"},
    "inject-response-uncut": {"postfix", "exim", "opensmtpd"},
}


def resists(attack, sender):
    return sender in RESISTS.get(attack, ())


def impossible(attack, sender, place=None):
    """Why there is no such cell; None when there is."""
    touches_tls = attack not in (HONEST,) and attacks.ATTACKS[attack].touches_tls
    if sender == "plain" and touches_tls:
        return "a client without TLS never says STARTTLS: its letter goes in clear whatever the answer would have been"
    if place == "host" and attack != HONEST and attacks.ATTACKS[attack].is_near_client:
        return "the guard stands on the client itself: nobody sits between the two"
    return None


def is_slow(attack, sender):
    """Cells that take minutes: OpenSMTPD waits five of them for a reply, and no setting shortens that."""
    return sender == "opensmtpd" and attack != HONEST and attacks.ATTACKS[attack].is_silent


def without_guard():
    for attack, sender, family in itertools.product(attacks.ATTACKS, senders.ALL, FAMILIES):
        if not impossible(attack, sender):
            yield Cell(attack, sender, family, "routed")


def with_guard():
    for place in world.PLACES:
        for attack, sender, family in itertools.product((HONEST, *attacks.ATTACKS), senders.ALL, FAMILIES):
            if not impossible(attack, sender, place):
                yield Cell(attack, sender, family, place)


def not_existing():
    """(attack, sender, place or "any", reason)"""
    for attack, sender in itertools.product(attacks.ATTACKS, senders.ALL):
        reason = impossible(attack, sender)
        if reason:
            yield attack, sender, "any", reason
            continue
        for place in world.PLACES:
            reason = impossible(attack, sender, place)
            if reason:
                yield attack, sender, place, reason


def pairwise(cells):
    """A few of the cells, in which any two values that meet in some cell meet in at least one."""
    cells = [cell for cell in cells if not is_slow(cell.attack, cell.sender)]
    missing = {pair for cell in cells for pair in _pairs(cell)}
    chosen = []
    while missing:
        best = max(cells, key=lambda cell: len(missing & _pairs(cell)))
        chosen.append(best)
        missing -= _pairs(best)
    order = {cell: number for number, cell in enumerate(cells)}
    return sorted(chosen, key=order.get)


def _pairs(cell):
    return set(itertools.combinations(enumerate(cell), 2))
