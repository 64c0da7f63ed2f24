# SPDX-License-Identifier: GPL-2.0-or-later
"""What the attacks do where no guard stands: the half of the table that says why there is a guard."""

import attacks
import cells
import lab as the_lab
import pytest
import senders


def pytest_generate_tests(metafunc):
    if "cell" in metafunc.fixturenames:
        chosen = list(cells.without_guard())
        if not metafunc.config.getoption("--full"):
            chosen = cells.pairwise(chosen)
        metafunc.parametrize("cell", chosen, ids=lambda cell: f"{cell.attack}-{cell.sender}-{cell.family}")


def test_without_a_guard_the_sender_falls_or_resists_as_the_table_says(lab, cell, record_property):
    attack = attacks.ATTACKS[cell.attack]
    lab.guard_at(None, "routed")
    outcome = lab.play(attack, cell.sender, cell.family, timeout_s=320 if cells.is_slow(*cell[:2]) else None)
    record_property("cell", f"none {cell.attack} {cell.sender} {cell.family}")
    record_property("outcome", "falls" if the_lab.falls(attack, outcome) else "resists")
    assert the_lab.falls(attack, outcome) == (not cells.resists(cell.attack, cell.sender)), outcome
    if attack.must_leak and the_lab.falls(attack, outcome):
        assert outcome.arrived or lab.wide.letters(), "the letter left in clear and must be in somebody's hands"


@pytest.mark.parametrize("attack", attacks.ATTACKS)
def test_every_attack_succeeds_with_some_sender(attack):
    assert any(not cells.resists(attack, sender) for sender in senders.ALL if not cells.impossible(attack, sender))


@pytest.mark.parametrize("sender", ["postfix", "exim", "opensmtpd", "swaks", "opportunistic"])
@pytest.mark.parametrize("family", cells.FAMILIES)
def test_an_honest_path_carries_the_letter_over_tls(lab, sender, family):
    lab.guard_at(None, "routed")
    outcome = lab.play(None, sender, family)
    assert outcome.attempt.result == "sent" and not outcome.clear
    assert [letter.is_tls for letter in outcome.arrived] == [True]


def test_the_selection_meets_every_pair_and_every_attack():
    every = list(cells.with_guard())
    chosen = cells.pairwise(every)
    assert {cell.attack for cell in chosen} == {cells.HONEST, *attacks.ATTACKS}
    playable = [cell for cell in every if not cells.is_slow(cell.attack, cell.sender)]
    for cell in playable:
        for one in range(4):
            for other in range(one):
                assert any(got[one] == cell[one] and got[other] == cell[other] for got in chosen)


def test_what_cannot_exist_is_said_with_its_reason():
    for attack, sender, place, reason in cells.not_existing():
        assert reason and (attack, sender) and place
        assert not any(cell.attack == attack and cell.sender == sender and place in ("any", cell.place)
                       for cell in cells.with_guard())
