# SPDX-License-Identifier: GPL-2.0-or-later
"""Men in the middle with keys that nobody promised: not one octet of mail reaches them, whatever the promise, the version of
TLS and the family, and the letters go out when they are gone."""

import dataclasses
import itertools
import re
import threading
import time

import keys_lab
import middle
import mta
import namespaces
import preloads
import promises_lab
import pytest
import world

pytestmark = pytest.mark.alone

MEN = ("self-signed", "other-name", "replayed")
CELLS = [(promise, version, family, man) for man in MEN
         for promise, version, family in itertools.product(keys_lab.PROMISES, keys_lab.VERSIONS, (4, 6))]
CARELESS = ("dane-ee", "dane-ta")  # the host's own promise: nobody asked for an MX here
SECOND_CLIENT = "192.0.2.3"
# To STARTTLS; who takes each for a yes.
YES = {
    "another-code": (b"250 go\r\n", ("postfix", "exim")),
    "then-a-no": (b"220-go\r\n454 no\r\n", ("exim",)),
    "behind-a-no": (b"454-no\r\n220 go\r\n", ("postfix",)),
}
YES_CASES = [(words, sender) for words, (_, takers) in YES.items() for sender in takers]
BEHIND_S = 3
KNOWN_S = 3600  # so long look-ups count, and what probes saw: what a letter waits for is its key, and nobody looks at it anew
COUNTED_AFTER_S = 1.2  # each second guards tell what they have counted
WRONG_FOR_S = 5  # then a probe that saw a wrong key is made anew for the next mail


def name_of(promise, version, family, man):
    return f"{promise}-{version}-{family}-{man}"


def furnish(site):
    for promise, version, family, man in CELLS:
        site.promise(name_of(promise, version, family, man), promise, family=family, zone={"ttl": KNOWN_S})
    for promise in CARELESS:
        site.promise(f"careless-{promise}", promise)
    for tls13, version in itertools.product(("probe", "block"), keys_lab.VERSIONS):
        site.promise(f"relayed-{version}-{tls13}", "dane-ee")
    for promise in keys_lab.PROMISES:
        site.promise(f"tolerated-12-{promise}", promise)
    for words, sender in YES_CASES:
        site.promise(f"yes-{words}-{sender}", "mta-sts")
    site.promise("behind", "dane-ee")
    site.promise("primed", "verify")
    site.promise("soon-13-behind", "dane-ee")
    site.promise("told-13-behind", "dane-ee")
    site.open()
    site.men = middle.all_three(site)
    site.relay = middle.Relay(*middle.thief(site))
    site.careless = preloads.careless(site.world.directory)


@pytest.fixture(scope="module")
def site(root):
    with keys_lab.Keys((*promises_lab.SENDERS, "exim")) as one:
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
    site.stand(f"tls.probe-seconds={KNOWN_S}")
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


@pytest.mark.parametrize("case", CELLS, ids=CELL_IDS)
def test_no_octet_of_mail_reaches_a_man_in_the_middle(attacked, case):
    tried = attacked[case]
    assert tried.met and tried.why and tried.why_again, tried
    assert tried.heard == b"" and not tried.clear and not tried.arrived, tried


@pytest.mark.parametrize("case", [cell for cell in CELLS if cell[3] != "replayed"],
                         ids=[name_of(*cell) for cell in CELLS if cell[3] != "replayed"])
def test_a_wrong_key_is_called_by_its_name_and_the_try_in_clear_belongs_to_it(attacked, case):
    promise, version, _, man = case
    tried = attacked[case]
    event = tried.events[0]
    assert (event["action"], event["kind"], event["promise"]["source"]) == ("block", "attack", keys_lab.SOURCES[promise]), event
    assert event["reason"] == middle.reason(man, promise), event
    assert event["assurance"] == {"12": "proven", "13": "probed"}[version], event
    assert f'TLSv{event["seen"]["tls_version"]}' == keys_lab.VERSIONS[version] and event["seen"]["key"]["spki"], event
    refusal = tried.events_after[-1]
    assert refusal["id"] == event["id"] and "421 4.7.4" in tried.why_again and event["id"] in tried.why_again, tried
    assert (refusal["action"], refusal["reason"]) == ("block", "tls-sabotaged") and "cause" in refusal, tried


@pytest.mark.parametrize("case", cells_of("replayed"), ids=[name_of(*cell) for cell in cells_of("replayed")])
def test_a_certificate_without_its_key_comes_to_nothing_and_the_try_in_clear_is_refused(attacked, case):
    """Postfix itself breaks off."""
    tried = attacked[case]
    refusal = tried.events_after[-1]
    assert (refusal["action"], refusal["reason"]) == ("block", "tls-sabotaged"), tried
    assert "421 4.7.4" in tried.why_again and refusal["id"] in tried.why_again, tried


@dataclasses.dataclass
class Passed:
    """A letter on the way without the man, and the one behind it."""

    letters: list
    event: dict


def send_all(site, words):
    """By Postfix, to all: ({cell: recipient}, what the counters say of that)"""
    site.reset()
    site.senders["postfix"].reset()
    time.sleep(COUNTED_AFTER_S)
    before = site.guard.status()["counters"]
    recipients = submit_all(site, CELLS, words)
    kept = {cell: why for cell, why in wait_all(site, recipients).items() if why is not None}
    assert not kept, (kept, site.guard.events())
    time.sleep(COUNTED_AFTER_S)
    after = site.guard.status()["counters"]
    return recipients, {name: after[name] - before[name] for name in ("probes_made", "decisions", "decisions_waited_ms")}


@pytest.fixture(scope="module")
def calm(site, attacked):
    """({cell: Passed}, what the first and the second letters cost), with the guard of the attacks, soon behind them."""
    time.sleep(WRONG_FOR_S)
    first, cost = send_all(site, "calm")
    events = {cell: site.events_of(site[name_of(*cell)]) for cell in CELLS}
    arrived = {cell: site.sink.find(recipient) for cell, recipient in first.items()}
    second, cost_again = send_all(site, "calm-again")
    return {cell: Passed(arrived[cell] + site.sink.find(second[cell]), events[cell][0]) for cell in CELLS}, (cost, cost_again)


@pytest.mark.parametrize("case", CELLS, ids=CELL_IDS)
def test_without_him_the_same_destination_delivers(calm, case):
    passed = calm[0][case]
    assert [letter.is_tls for letter in passed.letters] == [True, True]
    assert passed.event["action"] == "pass", passed.event
    assert passed.event["assurance"] == {"12": "proven", "13": "probed"}[case[1]], passed.event


def test_the_second_letters_wait_for_no_probe(calm):
    """A repeated verdict is only counted; what they waited for is the scout's word, and a look at each signature of TLS 1.2."""
    first, second = calm[1]
    assert second["decisions"] >= len(CELLS) and second["probes_made"] == 0, second
    assert second["decisions_waited_ms"] < first["decisions_waited_ms"], (first, second)


def test_of_a_host_that_was_probed_for_one_client_the_next_client_waits_for_nothing(site):
    """Its event has the time. One guard: another would ask the scout once, too."""
    site.stand("queues=1")
    assert namespaces.wait_until(lambda: site.explain("primed")[1]["is_established"])
    time.sleep(COUNTED_AFTER_S)  # and the guard was told
    site.reset()
    site.world.sender.ip(f"addr add {SECOND_CLIENT}/25 dev out0")
    held = {}
    for client in (SECOND_CLIENT, world.SENDER[4]):
        recipient, said = site.by_hand(site["primed"], "-tls1_3", "-bind", client)
        assert site.sink.find(recipient), said
        event = next(one for one in site.events_of(site["primed"]) if one["client"].startswith(client))
        assert (event["action"], event["assurance"]) == ("pass", "probed"), event
        held[client] = event["held_ms"]
    assert held[world.SENDER[4]] <= 5 and held[SECOND_CLIENT] > held[world.SENDER[4]], held


@pytest.mark.parametrize("is_guarded", (False, True), ids=("bare", "guarded"))
@pytest.mark.parametrize("promise", CARELESS)
def test_a_client_that_checks_no_signature_is_kept_from_a_replayed_certificate(site, promise, is_guarded):
    if is_guarded:
        site.stand()
    else:
        site.guard_at(None)
    domain = site[f"careless-{promise}"]
    attack = site.men["replayed"]
    site.reset()
    attack.begin()
    site.wide.start(attack)
    said = site.world.sender.run(
        ["env", f"LD_PRELOAD={site.careless}", "swaks", "--server", domain.address, "--port", 25, "--to", f"you@{domain.name}",
         "--from", "postmaster@sender.lab", "--helo", "sender.lab", "--tls", "--tls-protocol", "tlsv1_2", "--tls-sni",
         domain.destination.name, "--timeout", "25s", "--body", "secret careless"], check=False, timeout=60)
    site.wide.stop()
    assert attack.record(domain.address)[0].came_to_its_end, said
    if not is_guarded:
        assert b"secret careless" in attack.heard(domain.address), said
        return
    assert attack.heard(domain.address) == b"", said
    event = site.event_of(domain)
    assert (event["action"], event["reason"], event["assurance"]) == ("block", "key-mismatch", "proven"), event
    assert event["seen"]["key"]["outcome"] == "unproven", event


# Senders take more than 220 for a yes: theirs is TLS, whatever the reply is called.


@pytest.mark.parametrize("is_guarded", (False, True), ids=("bare", "guarded"))
@pytest.mark.parametrize("words,sender", YES_CASES)
def test_whatever_the_yes_to_starttls_the_key_is_looked_at(site, words, sender, is_guarded):
    if is_guarded:
        site.stand()
    else:
        site.guard_at(None)
    name = f"yes-{words}-{sender}"
    attack = middle.Nameless(YES[words][0], *middle.thief(site))
    outcome = site.send(name, attack, sender)
    heard = attack.heard(site[name].address)
    if not is_guarded:
        assert outcome.hit and outcome.secret.encode() in heard, outcome
        return
    assert not outcome.hit and heard == b"" and attack.record(site[name].address), outcome
    event = site.verdict(outcome)
    # A probe believes in 220 alone, and could not tell.
    expected = ("block", "cert-untrusted") if YES[words][0].endswith(b"220 go\r\n") else ("defer", "key-hidden")
    assert (event["action"], event["reason"]) == expected, event


def test_a_scout_that_is_behind_makes_nobody_a_stranger(site):
    """Whom a client was led to an address for only the scout can say: it has much to do just then."""
    site.stand()
    scout = site.guard.processes()["scout"]
    site.guard.host.run(["kill", "-STOP", str(scout)])
    goes_on = threading.Timer(BEHIND_S, site.guard.host.run, (["kill", "-CONT", str(scout)],))
    goes_on.start()
    outcome = site.send("behind", site.men["self-signed"], "postfix")
    goes_on.join()
    assert not outcome.hit and site.men["self-signed"].heard(site["behind"].address) == b"", outcome
    assert site.verdict(outcome)["reason"] == "key-mismatch", site.guard.events()


# Who lets probes meet the true server, and takes the client for himself.


@pytest.mark.parametrize("version", keys_lab.VERSIONS)
@pytest.mark.parametrize("tls13", ("probe", "block"))
def test_who_relays_probes_is_stopped_by_block_and_in_tls_13_not_by_probe(site, tls13, version):
    site.stand(f"tls.tls13={tls13}")
    name = f"relayed-{version}-{tls13}"
    outcome = site.send(name, site.relay, "postfix")
    event = site.verdict(outcome)
    heard = site.relay.heard(site[name].address)
    if (tls13, version) == ("probe", "13"):
        assert outcome.hit and outcome.secret.encode() in heard and site.relay.relayed, outcome
        assert (event["action"], event["assurance"]) == ("pass", "probed"), event
        return
    assert outcome.attempt.result == "kept" and heard == b"" and not outcome.hit, outcome
    assert (event["action"], event["reason"]) == (("block", "key-mismatch") if version == "12" else ("defer", "key-hidden")), event


@pytest.mark.parametrize("promise", keys_lab.PROMISES)
def test_who_relays_probes_is_no_host_of_many_names_whatever_inability_may_do(site, promise):
    """Postfix sends no name. To who asks by name he shows the true key, as a host of many names would; but so he does to who asks
    without."""
    site.stand("on-inability=alert")
    name = f"tolerated-12-{promise}"
    outcome = site.send(name, site.relay, "postfix")
    event = site.verdict(outcome)
    assert outcome.attempt.result == "kept" and site.relay.heard(site[name].address) == b"" and not outcome.hit, outcome
    assert site.relay.relayed >= 2, outcome
    assert (event["action"], event["reason"], event["kind"]) == ("block", middle.reason("self-signed", promise), "attack"), event


def test_who_comes_soon_after_a_probe_is_met_by_the_next_one(site):
    """Until then mail passes on what was seen before him."""
    site.stand("tls.probe-seconds=10")
    name, attack = "soon-13-behind", site.men["self-signed"]
    site.passed(site.send(name, sender="postfix"))
    attack.begin()
    outcome = site.send(name, attack, "postfix")
    assert outcome.secret.encode() in attack.heard(site[name].address), outcome
    time.sleep(10)
    attack.begin()
    outcome = site.send(name, attack, "postfix")
    assert outcome.attempt.result == "kept" and attack.heard(site[name].address) == b"", outcome
    event = site.event_of(site[name], "block")
    assert (event["action"], event["reason"], event["assurance"]) == ("block", "key-mismatch", "probed"), event


def test_what_he_had_until_the_next_look_is_told(site):
    """That look is at a moment of its own; nobody waits for it, and no mail is on its way."""
    site.stand("tls.probe-seconds=10")
    name, attack = "told-13-behind", site.men["self-signed"]
    site.passed(site.send(name, sender="postfix"))
    attack.begin()
    outcome = site.send(name, attack, "postfix")
    assert outcome.secret.encode() in attack.heard(site[name].address), outcome
    site.wide.start(attack)
    event = site.guard.wait_for(lambda one: one.get("reason") == "probe-differs" and one["domain"] == site[name].name, 15)
    site.wide.stop()
    assert event and (event["action"], event["assurance"], event["seen"]["key"]["outcome"]) == ("alert", "probed", "mismatch"), event
    assert re.fullmatch(r"since \d\d:\d\d:\d\dZ mail passed by an earlier look, in [12] connections?", event["cause"]), event
    assert event["rule"] == "a later look is shown a key that breaks the promise", event
