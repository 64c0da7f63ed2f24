# SPDX-License-Identifier: GPL-2.0-or-later
"""Each process killed while many sessions are under way: with on-failure = closed nothing passes that no guard has
judged, with on-failure = open no connection is lost, and mail flows again."""

import attacks
import clients
import faults_lab
import load
import namespaces
import pytest

# How often; with --full more often.
KILLS = {"closed": {"guards": 3, "supervisor": 2, "scout": 1, "ledger": 1, "verifier": 1},
         "monitor": {"guards": 2, "supervisor": 1, "scout": 1, "ledger": 1, "verifier": 1},
         "open": {"guards": 2, "supervisor": 1, "scout": 1, "ledger": 1, "verifier": 1}}
KILLS_FULL = 8

# Sessions that stand still while the process dies.
HONEST = (("tls", "starttls"), ("tls", "tls"), ("tls", "body"),
          ("clear", "ehlo"), ("clear", "half-rcpt"), ("clear", "rcpt"), ("clear", "body"))
STRIPPED = (("stripped", "ehlo"), ("stripped", "mail"), ("stripped", "half-rcpt"))


@pytest.fixture(scope="module")
def faults(lab, request):
    one = faults_lab.Faults(lab, request.param)
    yield one
    one.end()


@pytest.fixture
def kills(faults, name, request):
    return KILLS_FULL if request.config.getoption("--full") else KILLS[faults.stance][name]


closed = pytest.mark.parametrize("faults", ["closed"], indirect=True, scope="module")
opened = pytest.mark.parametrize("faults", ["monitor", "open"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def kept(faults):
    """Letters in the queue of a mail server, for destinations whose STARTTLS is stripped."""
    postfix = faults.lab.senders["postfix"]
    postfix.reset()
    recipients = [f"kept{number}@{one.domain}" for number, one in enumerate(faults.load.destinations["stripped"])]
    for recipient in recipients:
        postfix.server.submit(recipient, "secret-kept")
    return recipients


@closed
@pytest.mark.parametrize("name", faults_lab.VICTIMS)
def test_in_closed_nothing_passes_unjudged_whoever_is_killed(faults, kept, kills, name, record_property):
    start = len(faults.load.outcomes)
    for _ in range(kills):
        parked = faults.load.park(HONEST + STRIPPED)
        passed = faults.kill(name)
        faults.lab.senders["postfix"].server.flush()
        if passed:
            said, left = passed
            assert said, "no client tried"
            assert not [segment for segment in left if faults_lab.is_new(segment)]
        outcomes = faults.load.go_on(parked)
        assert not [one for one in outcomes.values() if one.letter.kind == "stripped" and one.result == "sent"]
        assert [outcomes[place].result for place in HONEST[1:3]] == ["sent", "sent"], "TLS that was judged goes on"
        # The recipient was judged. Whether what follows is the message, nobody knows who has not seen it begin.
        if name in ("guards", "supervisor"):
            for place in (("clear", "rcpt"), ("clear", "body")):
                assert outcomes[place].result == "refused" and "undecided" in outcomes[place].why, outcomes[place]
        assert faults.load.wait_until_flowing(), "mail does not flow again"
        assert not faults.load.leaked()
    stripped = faults.load.since(start, "stripped")
    assert not [one for one in stripped if one.result == "sent"]
    assert len([one for one in stripped if "hopguard" in one.why]) > 10, "the load did not show what it is for"
    assert not faults.load.missing(start)
    faults.record(record_property, "kill -9", name, start)


@closed
def test_letters_that_were_kept_over_all_deaths_arrive_when_the_attack_ends(faults, kept):
    postfix = faults.lab.senders["postfix"]
    faults.load.stop()
    assert not faults.load.leaked()
    assert all(postfix.is_kept(recipient) for recipient in kept)
    faults.lab.wide.stop()
    # A busy machine may make the server lose patience with one attempt: then, as a queue does, it tries again.
    assert namespaces.wait_until(lambda: _arrive(faults, kept), timeout_s=30), postfix.server.log()


def _arrive(faults, recipients, pause_s=2):
    faults.lab.senders["postfix"].server.flush()
    letters = [faults.lab.sink.wait_for(recipient, pause_s) for recipient in recipients]
    return all(letter and letter.is_tls for letter in letters)


@closed
def test_a_broken_handshake_is_remembered_over_the_death_of_its_guard(faults):
    lab = faults.lab
    faults.load.stop()
    lab.reset()
    destination = lab.destinations.next("two-hosts", 4)
    lab.sink.without_starttls.add(destination.addresses[1])
    attack = attacks.ATTACKS["sabotage-next-mx"]
    attack.begin()
    lab.wide.start(attack)
    letter = f"you@{destination.domain}", b"Subject: a letter\r\n\r\nsecret"
    assert not clients.OpportunisticClient(lab.world.sender).send(destination.addresses[0], *letter)
    faults.kill("guards")
    in_clear = clients.Client(lab.world.sender)
    assert not in_clear.send(destination.addresses[1], *letter)
    assert "tls-sabotaged" in in_clear.refusal
    assert not lab.behind.saw(b"secret", letter[0].encode())


@opened
@pytest.mark.parametrize("name", faults_lab.VICTIMS)
def test_in_open_no_connection_is_lost_whoever_is_killed(faults, kills, name, record_property):
    faults.load.wait_until_ended()  # what passed by the one that was killed before may end late
    start = len(faults.load.outcomes)
    for _ in range(kills):
        parked = faults.load.park(HONEST)
        faults.kill(name)
        faults.load.go_on(parked)
        assert faults.load.wait_until_flowing(), "mail does not flow again"
    honest = faults.load.since(start, *load.HONEST)
    assert not [one for one in honest if one.result != "sent"]
    # While the guards live there is no reason for anything to pass by them.
    if name in ("scout", "ledger") and faults.stance == "open":
        assert not [one for one in faults.load.since(start, "stripped") if one.result == "sent"]
    assert len(honest) > 20
    assert not faults.load.missing(start)
    faults.record(record_property, "kill -9", name, start)
