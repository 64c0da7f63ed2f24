# SPDX-License-Identifier: GPL-2.0-or-later
"""Postfix with OpenSSL, Exim with GnuTLS and OpenSMTPD as both ends: all versions of TLS, keys of all kinds, cross-signed
chains, farms, sessions that go on; and each of them before a man in the middle."""

import collections
import dataclasses
import itertools
import os
import re
import ssl
import time

import attacks
import authority
import dnsworld
import keys_lab
import keys_receivers
import keys_servers
import middle
import mta
import pytest
import world

SERVERS = world.MAIL_SERVERS
NEW_VERSIONS, OLD_VERSIONS = ("12", "13"), ("10", "11")
ASSURANCE = {"10": "proven", "11": "proven", "12": "proven", "13": "probed"}
CHAINS = ("verify", "mta-sts", "dane-ta")
MEN = ("self-signed", "other-name", "replayed")
REMEMBERING = ("postfix", "exim")  # OpenSMTPD goes on with no session
MIDDLE_VERSIONS = {"12": ssl.TLSVersion.TLSv1_2, "13": ssl.TLSVersion.TLSv1_3}
WRONG_FOR_S = 5  # then a probe that saw a wrong key is made anew for the next mail
ALL_TRIED_AFTER_S = 50
KNOWN_S = 3600
CHECKED_FOR_S = 60
COUNTED_AFTER_S = 1.2  # each second guards tell what they have counted
FARM_LETTERS = 2
ROUND_TRIP_MS = 20
# What a sender says of a letter in a session that goes on.
GOES_ON = {"postfix": r"mx\.DOMAIN\[.*: Reusing old session", "exim": r"=> second@DOMAIN .* X=\S+\* "}

# What one sender carries to one receiver, and so a domain of its own. what: the kind of key, the promise that a chain keeps, the
# man in the middle, or why else they meet. promise: one of keys_lab.PROMISES.
Cell = collections.namedtuple("Cell", "sender receiver what version family promise")


def honest_cells():
    """Families by turns. OpenSMTPD signs with no Edwards key, and TLS below 1.2 knows none."""
    families = itertools.cycle((4, 6))
    pairs = list(itertools.product(SERVERS, SERVERS))
    for (sender, receiver), kind, version in itertools.product(pairs, keys_receivers.KINDS, NEW_VERSIONS):
        if (receiver, kind) != ("opensmtpd", "ed25519"):
            yield Cell(sender, receiver, kind, version, next(families), "dane-ee")
    for number, ((sender, receiver), version) in enumerate(itertools.product(pairs, OLD_VERSIONS)):
        yield Cell(sender, receiver, ("rsa", "ecdsa")[number // 2 % 2], version, next(families), "dane-ee")
    for number, ((sender, receiver), promise) in enumerate(itertools.product(pairs, CHAINS)):
        yield Cell(sender, receiver, promise, NEW_VERSIONS[number % 2], next(families), promise)


HONEST = list(honest_cells())
ATTACKED = [Cell(sender, SERVERS[(number + number // 3) % 3], man, version, (4, 6)[number // 3 % 2],
                 ("dane-ee", "verify")[(number + number // 6) % 2])
            for number, (man, version, sender) in enumerate(itertools.product(MEN, NEW_VERSIONS, SERVERS))]
REMEMBERED = [Cell(sender, receiver, "again", version, 4, "dane-ee")
              for sender, receiver, version in itertools.product(REMEMBERING, REMEMBERING, NEW_VERSIONS)]
FARMS = [Cell("all", receiver, "farm", version, 4, "dane-ee") for receiver, version in itertools.product(SERVERS, NEW_VERSIONS)]
UNCROSSED = Cell("postfix", "exim", "uncrossed", "12", 4, "verify")


def name_of(row):
    return f"{row.sender}-{row.receiver}-{row.what}-{row.version}"


def domain_of(row):
    return f"{name_of(row)}.lab"


def ids(rows):
    return [f"{name_of(row)}-{row.family}" for row in rows]


def tlsa(*records):
    return "\n".join(f"_25._tcp.mx TLSA {record}" for record in records)


def make_chains(site):
    """{promise: (key, chain)}. One authority that senders trust has signed another that they do not know; or a third has signed
    the trusted one, once more."""
    root, key = site.authority, site.authority.key
    os.chmod(key, 0o644)  # each server reads it as a user of its own
    hosts = [f"mx.{domain_of(row)}" for row in (*HONEST, *ATTACKED, UNCROSSED)]
    young, elder = (authority.Authority(site.world.directory, name, key) for name in ("young", "elder"))
    below = root.below("below")
    leaf = young.issue(*hosts)
    crossed = key, site.with_chain(leaf, young.signed_by(root))
    led_away = key, site.with_chain(below.issue(*hosts), below.certificate, root.signed_by(elder))
    return {"mta-sts": crossed, "verify": led_away, "dane-ta": led_away, "middle": (key, site.with_chain(root.issue(*hosts))),
            "uncrossed": (key, leaf)}


def add_farms(site):
    """Behind one address of each farm two machines take turns, one with the old and one with the new key."""
    pairs = [keys_receivers.make_key(site.world.directory, "ecdsa", name) for name in ("old", "new")]
    records = tlsa(*(dnsworld.tlsa(pair[1]) for pair in pairs))
    site.farms = {}
    for row in FARMS:
        machines = [site.place(row.receiver, pair) for pair in pairs]
        front = site.address()
        site.promise(name_of(row), row.promise, more=records, place=front)
        turns = (["-m", "statistic", "--mode", "nth", "--every", "2", "--packet", "0"], [])
        for machine, turn in zip(machines, turns):
            site.world.mx.network_command(["iptables", "-t", "nat", "-A", "PREROUTING", "-d", front, "-p", "tcp", "--dport", "25",
                                           *turn, "-j", "DNAT", "--to-destination", machine])
        site.farms[row] = machines


def furnish(site):
    site.pairs = {kind: keys_receivers.make_key(site.world.directory, kind, f"{kind}.lab") for kind in keys_receivers.KINDS}
    chains = make_chains(site)
    records = {kind: tlsa(dnsworld.tlsa(pair[1])) for kind, pair in site.pairs.items()}
    records["dane-ta"] = tlsa(dnsworld.tlsa(site.authority.certificate, 2, 1, 1))
    for row in (*HONEST, UNCROSSED):
        how = {"more": records[row.what]} if row.what in records else {}
        files = site.pairs.get(row.what) or chains[row.what]
        site.promise(name_of(row), row.promise, family=row.family, place=site.place(row.receiver, files, row.family), **how)
    for row in ATTACKED:
        place = site.place(row.receiver, chains["middle"], row.family)
        site.promise(name_of(row), row.promise, family=row.family, place=place)
    for row in REMEMBERED:
        site.promise(name_of(row), row.promise, more=records["ecdsa"], place=site.place(row.receiver, site.pairs["ecdsa"]))
    add_farms(site)
    site.open()
    site.chain = chains["middle"][1]


class Crowd(attacks.Attack):
    """At each of the addresses that he is told of, one man in the middle."""

    touches_tls = True
    must_leak = False

    def __init__(self, site):
        super().__init__("crowd", ("key-mismatch",))
        # Made anew, so that they know no session of an earlier one.
        made = {version: middle.all_three(site) for version in NEW_VERSIONS}
        for version, men in made.items():
            for man in men.values():
                man.context.minimum_version = man.context.maximum_version = MIDDLE_VERSIONS[version]
        self.men = {site[name_of(row)].address: made[row.version][row.what] for row in ATTACKED}

    def begin(self):
        for man in self.men.values():
            man.begin()

    def heard(self, address):
        return self.men[address].heard(address)

    def record(self, address):
        return self.men[address].record(address)

    def run(self, session):
        man = self.men.get(session.server_address[0])
        man.run(session) if man else super().run(session)


@pytest.fixture(scope="module")
def site(root):
    with keys_servers.Servers() as one:
        furnish(one)
        yield one


def reset(site):
    """The servers are a little way off: without any, on a machine that has much to do, a client is there before hopguard has read
    what led it there."""
    site.reset()
    site.wide.start(attacks.Distance(ROUND_TRIP_MS))
    for sender in site.senders.values():
        sender.reset()


@dataclasses.dataclass
class Tried:
    """A letter, why it was kept (None: it was not), and what the guard says of its domain."""

    recipient: str
    secret: str
    why: str = ""
    events: list = ()


def submit_all(site, rows, words):
    """{row: Tried}"""
    tried = {}
    for row in rows:
        tried[row] = Tried(f"{words}@{domain_of(row)}", f"secret {words} of {name_of(row)}")
        site.senders[row.sender].server.submit(tried[row].recipient, tried[row].secret)
    return tried


def wait_all(site, tried, times=None):
    """times: of each row's attempts; one."""
    end = time.monotonic() + ALL_TRIED_AFTER_S
    for row, one in tried.items():
        server = site.senders[row.sender].server
        one.why = server.wait_until_tried(one.recipient, max(0.1, end - time.monotonic()), times[row] if times else 1)
        one.events = site.events_of(site[name_of(row)]) if site.guard else []
    return tried


def flush(site, *senders):
    time.sleep(mta.RETRY_S + 0.1)
    for name in senders:
        site.senders[name].server.flush()


def spki(event):
    return event["seen"]["key"]["spki"]


def version_of(event):
    return event["seen"]["tls_version"].replace(".", "")


# Honest destinations


@pytest.fixture(scope="module")
def carried(site):
    """{row: Tried}. OpenSMTPD speaks one version at a time."""
    site.stand()
    reset(site)
    opensmtpd = site.senders["opensmtpd"].server
    tried = submit_all(site, [row for row in HONEST if row.sender != "opensmtpd"], "honest")
    for version in (*NEW_VERSIONS, *OLD_VERSIONS):
        opensmtpd.speak(version)
        some = submit_all(site, [row for row in HONEST if (row.sender, row.version) == ("opensmtpd", version)], "honest")
        tried.update(wait_all(site, some))
    opensmtpd.speak(None)
    wait_all(site, tried)
    assert not site.behind.saw(b"honest@", b"secret honest")
    return tried


@pytest.mark.parametrize("row", HONEST, ids=ids(HONEST))
def test_each_server_delivers_to_each_and_its_key_is_known(site, carried, row):
    tried = carried[row]
    assert tried.why is None and site.has(row.receiver, tried.secret), tried
    event = tried.events[0]
    assert (event["action"], event["assurance"], version_of(event)) == ("pass", ASSURANCE[row.version], row.version), event
    assert len(tried.events) == 1 and event["promise"]["source"] == keys_lab.SOURCES[row.promise], tried.events
    certificate = site.pairs[row.what][1] if row.what in site.pairs else site.chain
    assert spki(event) == dnsworld.tlsa(certificate).split()[-1], event


def test_the_same_chain_without_its_cross_signature_leads_nowhere(site):
    site.stand()
    reset(site)
    tried = wait_all(site, submit_all(site, [UNCROSSED], "uncrossed"))[UNCROSSED]
    assert tried.why and not site.receivers["exim"].letters_with(tried.secret), tried
    assert (tried.events[0]["action"], tried.events[0]["reason"]) == ("block", "cert-untrusted"), tried


def machines_seen(site, row):
    """How many connections each machine of the farm had."""
    rules = site.world.mx.network_command(["iptables", "-t", "nat", "-nvxL", "PREROUTING"]).splitlines()
    return [sum(int(rule.split()[0]) for rule in rules if rule.endswith(f"to:{machine}")) for machine in site.farms[row]]


@pytest.mark.parametrize("row", FARMS, ids=ids(FARMS))
def test_farm_in_the_middle_of_a_rollover_is_taken_with_either_key(site, row):
    site.stand()
    reset(site)
    for number, sender in itertools.product(range(FARM_LETTERS), ("postfix", "exim")):
        recipient, secret = f"farm{number}@{domain_of(row)}", f"secret {sender}{number} of {name_of(row)}"
        site.senders[sender].server.submit(recipient, secret)
        why = site.senders[sender].server.wait_until_tried(recipient, keys_lab.PATIENCE_S)
        assert why is None and site.has(row.receiver, secret), (why, site.guard.events())
    assert all(machines_seen(site, row)), machines_seen(site, row)
    events = site.events_of(site[name_of(row)])
    assert {(event["action"], event["assurance"]) for event in events} == {("pass", ASSURANCE[row.version])}, events


@pytest.fixture(scope="module")
def continued(site):
    """{row: Tried} of the second letters, what the counters say of these, and whether all of it took less than a minute. A guard of
    its own, which knows no other keys, and looks at none of these anew meanwhile."""
    site.stand(f"tls.probe-seconds={KNOWN_S}")
    reset(site)
    began = time.monotonic()
    first = wait_all(site, submit_all(site, REMEMBERED, "first"))
    assert {tried.why for tried in first.values()} == {None}, first
    time.sleep(COUNTED_AFTER_S)
    before = site.guard.status()["counters"]
    second = wait_all(site, submit_all(site, REMEMBERED, "second"))
    is_within_a_minute = time.monotonic() - began < CHECKED_FOR_S
    time.sleep(COUNTED_AFTER_S)
    after = site.guard.status()["counters"]
    return second, {name: after[name] - before[name] for name in ("decisions", "key_checks", "probes_made")}, is_within_a_minute


@pytest.mark.parametrize("row", REMEMBERED, ids=ids(REMEMBERED))
def test_sessions_go_on_between_two_libraries(site, continued, row):
    tried = continued[0][row]
    assert tried.why is None and site.has(row.receiver, tried.secret), tried
    log = site.senders[row.sender].server.log()
    assert re.search(GOES_ON[row.sender].replace("DOMAIN", domain_of(row)), log), log
    assert [(one["action"], one["assurance"]) for one in tried.events] == [("pass", ASSURANCE[row.version])], tried


def test_session_that_goes_on_costs_no_look_at_a_key(continued):
    """Of what a letter before it had told, a verdict is counted. What a probe was shown is compared again after a minute."""
    _, cost, is_within_a_minute = continued
    compared_again = 0 if is_within_a_minute else sum(row.version == "13" for row in REMEMBERED)
    assert cost["decisions"] >= len(REMEMBERED) and cost["key_checks"] <= compared_again and not cost["probes_made"], cost


# Men in the middle


def attack_all(site, words):
    """The crowd is there while each letter is tried, by Postfix twice, since it comes in clear only then: ({row: Tried}, crowd)"""
    crowd = Crowd(site)
    reset(site)
    crowd.begin()
    site.wide.start(crowd)
    tried = wait_all(site, submit_all(site, ATTACKED, words))
    flush(site, "postfix")
    again = {row: one for row, one in tried.items() if row.sender == "postfix" and one.why is not None}
    wait_all(site, again, dict.fromkeys(again, 2))
    return tried, crowd


def test_without_the_guard_each_letter_comes_to_a_man_in_the_middle(site):
    """To who cannot sign, in clear."""
    site.guard_at(None)
    tried, crowd = attack_all(site, "unguarded")
    for row, one in tried.items():
        assert one.why is None, one
        heard = crowd.heard(site[name_of(row)].address)
        assert (one.secret.encode() in heard) == (row.what != "replayed"), (row, heard)
        assert bool(site.behind.saw(one.secret.encode())) == (row.what == "replayed"), row


@dataclasses.dataclass
class Refused:
    """A letter that was tried while he was there, and then when he had gone."""

    tried: Tried
    met: int
    heard: bytes
    clear: list
    is_kept: bool
    why_later: str = ""
    is_delivered: bool = False


@pytest.fixture(scope="module")
def refused(site):
    """{row: Refused}"""
    reset(site)
    site.stand()
    tried, crowd = attack_all(site, "guarded")
    found = {}
    for row, one in tried.items():
        address = site[name_of(row)].address
        found[row] = Refused(one, len(crowd.record(address)), crowd.heard(address),
                              site.behind.saw(one.recipient.encode(), one.secret.encode()),
                              site.senders[row.sender].is_kept(one.recipient))
    site.wide.start(attacks.Distance(ROUND_TRIP_MS))
    time.sleep(WRONG_FOR_S)
    later = {row: dataclasses.replace(one) for row, one in tried.items()}
    times = {row: site.senders[row.sender].server.attempts(one.recipient) + 1 for row, one in tried.items()}
    flush(site, *SERVERS)
    for row, one in wait_all(site, later, times).items():
        found[row].why_later = one.why
        found[row].is_delivered = one.why is None and site.has(row.receiver, one.secret)
    return found


@pytest.mark.parametrize("row", ATTACKED, ids=ids(ATTACKED))
def test_no_octet_of_mail_reaches_a_man_in_the_middle(refused, row):
    one = refused[row]
    assert one.met and one.heard == b"" and not one.clear, one
    assert one.is_kept and one.tried.why, one


@pytest.mark.parametrize("row", ATTACKED, ids=ids(ATTACKED))
def test_what_was_kept_is_delivered_when_he_has_gone(refused, row):
    assert refused[row].why_later is None and refused[row].is_delivered, refused[row]


WRONG = [row for row in ATTACKED if row.what != "replayed"]
# Others come in clear then; OpenSMTPD does so only when the handshake itself has failed.
IN_CLEAR = [row for row in ATTACKED if row.sender != "opensmtpd" or row.what == "replayed"]


@pytest.mark.parametrize("row", WRONG, ids=ids(WRONG))
def test_a_wrong_key_is_called_by_its_name(refused, row):
    event = refused[row].tried.events[0]
    assert (event["action"], event["kind"]) == ("block", "attack"), event
    assert event["promise"]["source"] == keys_lab.SOURCES[row.promise], event
    assert (event["reason"], event["assurance"]) == (middle.reason(row.what, row.promise), ASSURANCE[row.version]), event
    assert version_of(event) == row.version and spki(event), event


@pytest.mark.parametrize("row", IN_CLEAR, ids=ids(IN_CLEAR))
def test_the_try_in_clear_belongs_to_it(refused, row):
    tried = refused[row].tried
    last = tried.events[-1]
    assert (last["action"], last["reason"], last["id"]) == ("block", "tls-sabotaged", tried.events[0]["id"]), tried
    assert "421 4.7.4" in tried.why and last["id"] in tried.why, tried
