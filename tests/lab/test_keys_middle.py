# SPDX-License-Identifier: GPL-2.0-or-later
"""Men in the middle with keys that nobody promised: not one octet of mail reaches them, whatever the promise, the version of
TLS and the family, and the letters go out when they are gone."""

import dataclasses
import itertools
import os
import time

import keys_lab
import middle
import mta
import namespaces
import pytest

MEN = ("self-signed", "other-name", "replayed")
CELLS = [(promise, version, family, man) for man in MEN
         for promise, version, family in itertools.product(keys_lab.PROMISES, keys_lab.VERSIONS, (4, 6))]
# What the guard says of each man's key: of a server's own key, of an anchor in DNS, and of any authority.
REASONS = {
    "self-signed": {"dane-ee": "key-mismatch", "dane-ta": "key-mismatch", "": "cert-untrusted"},
    "other-name": {"dane-ee": "key-mismatch", "": "name-mismatch"},
}
CARELESS = ("dane-ee", "mta-sts")
WRONG_FOR_S = 5  # then a probe that saw a wrong key is made anew for the next mail


def name_of(promise, version, family, man):
    return f"{promise}-{version}-{family}-{man}"


def furnish(site):
    for promise, version, family, man in CELLS:
        site.promise(name_of(promise, version, family, man), promise, family=family)
    for promise in CARELESS:
        site.promise(f"careless-{promise}", promise)
        site.promise(f"bare-careless-{promise}", promise)
    site.open()
    site.men = middle.all_three(site)
    site.careless = middle.careless_library(site.world.directory)


@pytest.fixture(scope="module")
def site():
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    with keys_lab.Keys() as one:
        furnish(one)
        yield one


@dataclasses.dataclass
class Tried:
    """What became of one letter, and of the second attempt at it. events: of its domain, after the first and after both."""

    why: str = ""
    why_again: str = ""
    heard: bytes = b""
    met: int = 0
    clear: list = ()
    events: list = ()
    events_after: list = ()
    arrived: list = ()


def submit_all(site, cells, words):
    """{cell: recipient}"""
    postfix = site.senders["postfix"].server
    recipients = {}
    for cell in cells:
        recipients[cell] = f"{words}@{name_of(*cell)}.lab"
        postfix.submit(recipients[cell], f"secret {words}")
    return recipients


def wait_all(site, recipients, times=1):
    """{cell: why the letter is still here}"""
    postfix = site.senders["postfix"].server
    return {cell: postfix.wait_until_tried(recipient, keys_lab.PATIENCE_S, times) for cell, recipient in recipients.items()}


def attack_all(site, man, cells):
    """Postfix sends a letter to each, twice, while the man is there: {cell: Tried}"""
    attack = site.men[man]
    site.reset()
    site.senders["postfix"].reset()
    attack.begin()
    site.wide.start(attack)
    recipients = submit_all(site, cells, "attacked")
    found = {cell: Tried(why=why) for cell, why in wait_all(site, recipients).items()}
    for cell, one in found.items():
        one.events = site.events_of(site[name_of(*cell)])
    time.sleep(mta.RETRY_S + 0.1)
    site.senders["postfix"].server.flush()
    for cell, why in wait_all(site, recipients, 2).items():
        found[cell].why_again = why
    for cell, one in found.items():
        domain = site[name_of(*cell)]
        one.events_after = site.events_of(domain)
        one.heard = attack.heard(domain.address)
        one.met = len(attack.record(domain.address))
        one.clear = site.behind.saw(recipients[cell].encode())
        one.arrived = site.sink.find(recipients[cell])
    site.wide.stop()
    return found


def cells_of(man):
    return [cell for cell in CELLS if cell[3] == man]


@pytest.fixture(scope="module")
def attacked(site):
    """{cell: Tried}, all cells of one man at the same time."""
    site.stand()
    found = {}
    for man in MEN:
        found.update(attack_all(site, man, cells_of(man)))
    return found


CELL_IDS = [name_of(*cell) for cell in CELLS]


@pytest.mark.parametrize("man", MEN[:2])
def test_without_the_guard_each_letter_is_read_in_the_middle(site, man):
    site.guard_at(None)
    attack = site.men[man]
    site.reset()
    site.senders["postfix"].reset()
    attack.begin()
    site.wide.start(attack)
    recipients = submit_all(site, cells_of(man), "unguarded")
    assert set(wait_all(site, recipients).values()) == {None}
    for cell in recipients:
        assert b"secret unguarded" in attack.heard(site[name_of(*cell)].address), cell


@pytest.mark.parametrize("cell", CELLS, ids=CELL_IDS)
def test_no_octet_of_mail_reaches_a_man_in_the_middle(attacked, cell):
    tried = attacked[cell]
    assert tried.met and tried.why and tried.why_again, tried
    assert tried.heard == b"" and not tried.clear and not tried.arrived, tried


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell[3] != "replayed"],
                         ids=[name_of(*cell) for cell in CELLS if cell[3] != "replayed"])
def test_a_wrong_key_is_called_by_its_name_and_the_try_in_clear_belongs_to_it(attacked, cell):
    promise, version, _, man = cell
    tried = attacked[cell]
    event = tried.events[0]
    assert (event["action"], event["kind"], event["promise"]["source"]) == ("block", "attack", keys_lab.SOURCES[promise]), event
    assert event["reason"] == REASONS[man].get(promise, REASONS[man][""]), event
    assert event["assurance"] == {"12": "proven", "13": "probed"}[version], event
    assert f'TLSv{event["seen"]["tls_version"]}' == keys_lab.VERSIONS[version] and event["seen"]["key"]["spki"], event
    refusal = tried.events_after[-1]
    assert refusal["id"] == event["id"] and "421 4.7.4" in tried.why_again and event["id"] in tried.why_again, tried
    assert (refusal["action"], refusal["reason"]) == ("block", "tls-sabotaged") and "cause" in refusal, tried


@pytest.mark.parametrize("cell", cells_of("replayed"), ids=[name_of(*cell) for cell in cells_of("replayed")])
def test_a_certificate_without_its_key_comes_to_nothing_and_the_try_in_clear_is_refused(attacked, cell):
    """Postfix itself breaks off."""
    tried = attacked[cell]
    refusal = tried.events_after[-1]
    assert (refusal["action"], refusal["reason"]) == ("block", "tls-sabotaged"), tried
    assert "421 4.7.4" in tried.why_again and refusal["id"] in tried.why_again, tried


@dataclasses.dataclass
class Passed:
    """A letter on the way without the man, and the one behind it. probes: made for all second letters."""

    letters: list
    events: list
    events_after: list
    probes: int


@pytest.fixture(scope="module")
def calm(site, attacked):
    """{cell: Passed}, with the guard of the attacks, soon behind them."""
    time.sleep(WRONG_FOR_S)
    rounds = []
    for words in ("calm", "calm-again"):
        site.reset()
        site.senders["postfix"].reset()
        made = site.guard.status()["counters"]["probes_made"]
        recipients = submit_all(site, CELLS, words)
        kept = {cell: why for cell, why in wait_all(site, recipients).items() if why is not None}
        assert not kept, (kept, site.guard.events())
        probes = site.guard.status()["counters"]["probes_made"] - made
        rounds.append({cell: (site.sink.find(recipient), site.events_of(site[name_of(*cell)]), probes)
                       for cell, recipient in recipients.items()})
    return {cell: Passed(rounds[0][cell][0] + rounds[1][cell][0], rounds[0][cell][1], *rounds[1][cell][1:]) for cell in CELLS}


@pytest.mark.parametrize("cell", CELLS, ids=CELL_IDS)
def test_without_him_the_same_destination_delivers_and_the_second_letter_waits_for_nothing(calm, cell):
    passed = calm[cell]
    assert [letter.is_tls for letter in passed.letters] == [True, True]
    assert passed.events[0]["action"] == "pass" and passed.events[0]["assurance"] == {"12": "proven", "13": "probed"}[cell[1]]
    assert passed.probes == 0
    print(passed)
