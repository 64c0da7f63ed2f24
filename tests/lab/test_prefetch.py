# SPDX-License-Identifier: GPL-2.0-or-later
"""Look-ups run ahead of the mail: what the mail server's own resolver asked for is known before the RCPT, and a name
that nobody asked for waits as long as its look-up takes, not longer.

The domains are far away: their name servers and their mail servers take ROUND_TRIP_MS for each reply. Of the network
nothing else takes time, neither a SYN nor a handshake nor the way to the resolver, so that the mail has less of a way
to go than in the world."""

import itertools
import time

import attacks
import dnsworld
import lab as the_lab
import lines
import pytest
import world

pytestmark = pytest.mark.alone

SENDERS = ("postfix", "exim")
LETTERS = 4
COUNTED_AFTER_S = 1.2  # counters are told once a second
ROUND_TRIP_MS = 30
FAR_NAMESERVER = "198.51.100.8"
SLOW_NAMESERVER = "198.51.100.7"
SLOW_MS = 300
# What a letter meets: nothing promised and no TLS there; a promise and no TLS; TLS as promised.
CASES = {"nothing-promised": ("pass", ""), "promise-broken": ("block", "starttls-stripped"), "tls": ("pass", "")}
PROBE_ROUND_TRIPS = 3  # banner, EHLO, STARTTLS
PROBED = "tls-probed"  # with one address, so that all letters go there


class Domains:
    """A zone, a mail server and an address for each letter, so that nothing of one is known for the next."""

    def __init__(self):
        self._numbers = itertools.count(10)
        self._made = {}
        self.zones = []

    def add(self, name, case, nameserver):
        number = next(self._numbers)
        addresses = [world.far_address(number, family) for family in ((4,) if case == PROBED else (4, 6))]
        records = "@ MX 10 mx\n" + "".join(f"mx {'AAAA' if ':' in one else 'A'} {one}\n" for one in addresses)
        is_signed = case not in ("nothing-promised", "slow-unsigned")
        records += "_25._tcp.mx TLSA KEY\n" if is_signed else ""
        self.zones.append((f"{name}.", records, {"signed": is_signed, "address": nameserver}))
        self._made.setdefault(case, []).append((name, addresses))

    def next(self, case):
        return self._made[case].pop(0)


@pytest.fixture(scope="module")
def net(root):
    domains = Domains()
    for case in CASES:
        for i in range(LETTERS * len(SENDERS)):
            domains.add(f"{case}-{i}.lab", case, FAR_NAMESERVER)
    for i in range(LETTERS):
        domains.add(f"{PROBED}-{i}.lab", PROBED, FAR_NAMESERVER)
    for case in ("slow-signed", "slow-unsigned"):
        for i in range(4):
            domains.add(f"{case}-{i}.lab", case, SLOW_NAMESERVER)
    with the_lab.Lab(SENDERS, zones=domains.zones) as one:
        prefix = one.world.far.command([])
        with dnsworld.Faulty(one.dns, FAR_NAMESERVER, [("*", "*", f"late:{ROUND_TRIP_MS}")], prefix), \
             dnsworld.Faulty(one.dns, SLOW_NAMESERVER, [("*", "*", f"late:{SLOW_MS}")], prefix):
            one.domains = domains
            yield one


def event_of(net, domain, timeout_s=10):
    event = net.guard.wait_for(lambda one: one.get("domain") == domain and one["event"] == "verdict", timeout_s)
    assert event, net.guard.events()
    return event


def wait_for_decisions(net, before, count, timeout_s=5):
    """The counters, once they have grown by so many decisions: they are told once a second."""
    end = time.monotonic() + timeout_s
    while True:
        counters = net.guard.status()["counters"]
        if counters["decisions"] >= before["decisions"] + count or time.monotonic() > end:
            return counters
        time.sleep(0.1)


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("case", CASES)
def test_the_first_mail_to_a_domain_waits_for_no_verdict(net, case, sender, record_property):
    # A key that TLS 1.3 hides is looked at when it is known what hides, which is no look-up that could run ahead.
    net.guard_at("routed", settings=("events.passes=true", "tls.tls13=pass"))
    net.reset()
    net.wide.start(attacks.Distance(ROUND_TRIP_MS))
    before = net.guard.status()["counters"]
    held_ms = []
    for _ in range(LETTERS):
        domain, addresses = net.domains.next(case)
        if case != "tls":
            net.sink.without_starttls.update(addresses)
        net.senders[sender].server.submit(f"you@{domain}", "a letter")
        event = event_of(net, domain)
        assert (event["action"], event.get("reason", "")) == CASES[case], event
        assert ("tls_version" in event["seen"]) == (case == "tls"), event
        held_ms.append(event["held_ms"])
        # Else the next test puts another way in under its connection, and it is made once more at no distance at all.
        assert CASES[case][0] == "block" or net.sink.wait_for(f"you@{domain}", 10)
    record_property("held_ms", held_ms)
    assert held_ms == LETTERS * [0]
    wait_for_decisions(net, before, LETTERS)
    time.sleep(COUNTED_AFTER_S)
    counters = net.guard.status()["counters"]
    assert counters["decisions"] >= before["decisions"] + LETTERS
    assert counters["decisions_waited"] == before["decisions_waited"], counters


def test_a_hidden_key_costs_the_first_letter_one_probe_and_the_next_ones_nothing(net, record_property):
    net.guard_at("routed", settings=("events.passes=true",))
    net.reset()
    net.wide.start(attacks.Distance(ROUND_TRIP_MS))
    domains = [net.domains.next(PROBED)[0] for _ in range(LETTERS)]
    held_ms, start = [], net.guard.status()["counters"]
    for domain in domains:
        net.senders["postfix"].server.submit(f"you@{domain}", "a letter")
        event = event_of(net, domain)
        assert (event["action"], event["assurance"]) == ("pass", "probed"), event
        held_ms.append(event["held_ms"])
        assert net.sink.wait_for(f"you@{domain}", 5)
    record_property("held_ms", held_ms)
    # A handshake is some more, which is nearly nothing on this network, but not on a machine that has much to do.
    assert min(held_ms) > PROBE_ROUND_TRIPS * ROUND_TRIP_MS - 5, held_ms
    assert sorted(held_ms)[LETTERS // 2] < 3 * PROBE_ROUND_TRIPS * ROUND_TRIP_MS, held_ms
    before = wait_for_decisions(net, start, LETTERS)
    for domain in domains:
        net.senders["postfix"].server.submit(f"again@{domain}", "a letter")
        assert net.sink.wait_for(f"again@{domain}", 5)
    counters = wait_for_decisions(net, before, LETTERS)
    assert counters["decisions"] >= before["decisions"] + LETTERS
    assert counters["decisions_waited"] == before["decisions_waited"], counters


def say_recipient(net, address, recipient):
    stream = lines.dial(net.world.sender, (address, 25), patience_s=15)
    try:
        stream.reply()
        for command in ("EHLO client.lab", "MAIL FROM:<>", f"RCPT TO:<{recipient}>"):
            stream.send(command.encode() + b"\r\n")
            reply = stream.reply()
        return reply
    finally:
        stream.close()


def explain_ms(net, domain):
    """How long the scout looks up a domain that it does not know."""
    start = time.monotonic()
    net.guard.ask("explain", domain, check=False)
    return (time.monotonic() - start) * 1000


@pytest.mark.parametrize("case", ("signed", "unsigned"))
def test_a_name_that_nobody_asked_for_waits_as_long_as_its_look_up_takes(net, case, record_property):
    net.guard_at("routed", settings=("events.passes=true",))
    net.reset()
    looked_up, held = [], []
    for _ in range(2):
        looked_up.append(explain_ms(net, net.domains.next(f"slow-{case}")[0]))
        domain, addresses = net.domains.next(f"slow-{case}")
        net.sink.without_starttls.update(addresses)
        reply = say_recipient(net, addresses[0], f"you@{domain}")
        event = event_of(net, domain)
        assert reply.startswith(b"421" if case == "signed" else b"250"), reply
        held.append(event["held_ms"])
    record_property("ms", {"looked_up": looked_up, "held": held})
    assert min(held) > SLOW_MS  # more than one answer that is not there before
    assert max(held) < 1.25 * min(looked_up) + SLOW_MS / 2
