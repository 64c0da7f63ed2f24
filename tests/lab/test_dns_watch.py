# SPDX-License-Identifier: GPL-2.0-or-later
"""DNS answers that cross the gateway: what they name is looked up ahead, and forged ones are told or kept away."""

import signal
import time

import dns.flags
import dns.message
import dns.query
import dns.rdatatype
import dns.rrset
import pytest

import dns_attacker
import dnsworld
import guard
import namespaces
import sink
import world
from rules_world import BACKENDS

OWN = world.SENDER[4]  # a resolver on the mail server itself, behind the gateway
NAMESERVER_6 = world.far_address(1, 6)
MANY = 40              # MX hosts: too many for a datagram
ELSEWHERE = world.far_address(66, 4)
DOMAINS = 300          # domains with an MX each


def mail_zone(number):
    return f"@ MX 10 mx\nmx A {world.far_address(number, 4)}\nmx AAAA {world.far_address(number, 6)}\n"


class Watched:
    """World, name server, a resolver on the sender that validates nothing, and a guard at the gateway."""

    def __init__(self):
        self.world = world.World(senders=())
        try:
            self._furnish()
        except BaseException:
            self.world.close()
            raise

    def _furnish(self):
        _, certificate = sink.make_key(self.world.directory, "mx")
        self.dns = dnsworld.World(self.world.directory, world.NAMESERVER, (NAMESERVER_6,))
        self.dns.zone("dane.lab.", mail_zone(10) + f"_25._tcp.mx TLSA {dnsworld.tlsa(certificate)}\nbare A 198.51.100.11\n"
                      "six AAAA 2001:db8:3::6\nfour A 198.51.100.12\nfour MX 10 four\n")
        self.dns.zone("nsec3.lab.", mail_zone(13), nsec3=True)
        self.dns.zone("plain.lab.", mail_zone(20), signed=False)
        self.dns.zone("expired.lab.", mail_zone(21), broken="expired")
        self.dns.zone("big.lab.", "".join(f"@ MX 10 mx{i}-{40 * 'x'}\n" for i in range(MANY)) +
                      f"mx0-{40 * 'x'} A 198.51.100.30\n", signed=False)
        self.dns.zone("many.lab.", "".join(f"d{i} MX 10 mx\n" for i in range(DOMAINS)) + "mx A 198.51.100.31\n", signed=False)
        self.dns.serve(self.world.far.command([]))
        self.lines = [f'root-hints: "{self.dns.root_hints}"', 'module-config: "iterator"', "qname-minimisation: no"]
        self.resolver = None
        self.attacker = dns_attacker.DnsAttacker(self.world.outside, "in0")
        self.guard = None
        self._standing = None

    def start_resolver(self, host=None, address=OWN, *more):
        """A site's resolver with nothing in its cache."""
        self.stop_resolver()
        host = host or self.world.sender
        self.resolver = self.world.start_resolver([*self.lines, *more], host, address)
        while not host.network_command(["ss", "-Hlun", f"sport = 53 and src {address}"]):
            assert self.resolver.poll() is None
            time.sleep(0.02)

    def stop_resolver(self):
        if self.resolver:
            namespaces.stop(self.resolver)
        self.resolver = None

    def guard_at(self, place="routed", *settings):
        self.stop()
        self.world.set_place(place)
        host = self.world.sender if place == "host" else self.world.gateway
        self.guard = guard.Guard(host, self.world.directory, self.dns, world.CLIENTS, ("queues=2", *settings)).start()
        return self.guard

    def stop(self):
        if self.guard:
            self.guard.stop()
        self.guard = None

    def close(self):
        self.stop()
        self.stop_resolver()
        self.world.close()

    def ask(self, name, kind, *, resolver=OWN, host=None, timeout_s=6, tcp=False, dnssec=False):
        """The answer, or None when none came."""
        question = dns.message.make_query(name, kind, want_dnssec=dnssec)
        host = host or self.world.sender
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            try:
                with host.inside():
                    ask = dns.query.tcp if tcp else dns.query.udp
                    return ask(question, resolver, timeout=min(1.5, max(0.1, end - time.monotonic())))
            except (ConnectionError, dns.exception.Timeout):
                time.sleep(0.05)
        return None

    def hosts(self, name, **how):
        answer = self.ask(name, "MX", **how)
        return [record.exchange.to_text() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.MX
                for record in rrset] if answer else None

    def counter(self, name):
        return self.guard.status()["counters"][name]

    def wait_for(self, name, at_least=1, timeout_s=5):
        end = time.monotonic() + timeout_s
        while self.counter(name) < at_least and time.monotonic() < end:
            time.sleep(0.1)
        return self.counter(name)

    def findings(self, reason=None):
        return [event for event in self.guard.events() if event.get("reason", "").startswith("dns-") and
                (not reason or event["reason"] == reason)]


@pytest.fixture(scope="module")
def net(root):
    one = Watched()
    yield one
    one.close()


# What is heard


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("place", world.PLACES)
def test_a_name_that_a_resolver_behind_the_gateway_asks_for_is_looked_up_ahead(net, place, backend):
    net.guard_at(place, f"backend={backend}")
    net.start_resolver()
    assert net.hosts("dane.lab") == ["mx.dane.lab."]
    assert net.ask("mx.dane.lab", "A").answer
    assert net.wait_for("candidates", 2) >= 2  # two guards
    assert net.wait_for("prefetches") == 1
    time.sleep(1.5)  # counters are told once a second, and what it knows is to be older than what it would look up now
    lookups = net.counter("lookups")
    assert '"age_s": 0' not in net.guard.ask("explain", "dane.lab", "--json")
    assert net.counter("lookups") == lookups


def test_an_answer_that_a_client_gets_from_a_resolver_outside_is_heard(net):
    net.guard_at()
    net.start_resolver(net.world.far, world.RESOLVER)
    assert net.hosts("plain.lab", resolver=world.RESOLVER) == ["mx.plain.lab."]
    assert net.ask("mx.plain.lab", "AAAA", resolver=world.RESOLVER).answer
    assert net.wait_for("candidates", 2) >= 2 and net.wait_for("prefetches") == 1


@pytest.mark.parametrize("watching", ("off", "drop"))
@pytest.mark.parametrize("backend", BACKENDS)
def test_answers_over_ipv6_are_heard_and_where_they_wait_they_pass(net, backend, watching):
    net.guard_at("routed", f"backend={backend}", f"dns.guard={watching}")
    assert net.hosts("plain.lab", resolver=NAMESERVER_6) == ["mx.plain.lab."]
    assert net.wait_for("prefetches") == 1
    assert len(net.hosts("big.lab", resolver=NAMESERVER_6, tcp=True)) == MANY
    assert net.wait_for("prefetches", 2) == 2


def test_an_answer_to_a_resolver_on_the_gateway_itself_is_heard(net):
    net.guard_at("routed", "hooks={forward}")
    net.start_resolver(net.world.gateway, "192.0.2.129")
    assert net.hosts("dane.lab", resolver="192.0.2.129") == ["mx.dane.lab."]
    assert net.wait_for("prefetches") == 1 and net.wait_for("heard_answers") >= 1


def test_an_answer_that_comes_by_tcp_is_heard(net):
    net.guard_at()
    net.start_resolver(net.world.far, world.RESOLVER)
    truncated = net.ask("big.lab", "MX", resolver=world.RESOLVER)
    assert truncated.flags & dns.flags.TC
    time.sleep(0.5)
    assert net.counter("prefetches") == 0
    assert len(net.hosts("big.lab", resolver=world.RESOLVER, tcp=True)) == MANY
    assert net.wait_for("prefetches") == 1


def test_a_large_answer_in_fragments_is_heard(net):
    net.guard_at()
    net.start_resolver(net.world.far, world.RESOLVER, "max-udp-size: 4096")
    question = dns.message.make_query("big.lab", "MX", payload=4096)
    with net.world.sender.inside():
        answer = dns.query.udp(question, world.RESOLVER, timeout=3)
    assert len(answer.to_wire()) > 1500 and not answer.flags & dns.flags.TC
    assert net.wait_for("prefetches") == 1


def own_answers(one):
    """How many answers to its own first look-ups it heard, once there are no more."""
    before, now = None, 0
    while before != now:
        time.sleep(2)
        before, now = now, one.status()["counters"]["heard_answers"]
    return now


def test_what_nobody_asked_for_is_not_heard(net):
    before = own_answers(net.guard_at())
    answer = dns.message.make_response(dns.message.make_query("plain.lab", "MX"))
    answer.answer.append(dns.rrset.from_text("plain.lab.", 300, "IN", "MX", "10 mx.plain.lab."))
    with net.world.far.socket(kind=2) as stranger:
        stranger.bind((world.far_address(3, 4), 53))
        for port in range(20000, 20050):
            stranger.sendto(answer.to_wire(), (OWN, port))
    time.sleep(1)
    assert net.counter("heard_answers") == before and net.counter("prefetches") == 0


def test_exempt_clients_are_not_listened_to(net):
    before = own_answers(net.guard_at("routed", f"exempt.clients={{{OWN}}}"))
    net.start_resolver(net.world.far, world.RESOLVER)
    assert net.hosts("plain.lab", resolver=world.RESOLVER)
    time.sleep(1)
    assert net.counter("heard_answers") == before and net.counter("prefetches") == 0


@pytest.mark.alone
def test_a_storm_of_names_is_looked_up_bit_by_bit(net):
    net.guard_at()
    net.start_resolver(net.world.far, world.RESOLVER)
    start = time.monotonic()
    with net.world.sender.socket(kind=2) as asking:
        for i in range(DOMAINS):
            asking.sendto(dns.message.make_query(f"d{i}.many.lab", "MX").to_wire(), (world.RESOLVER, 53))
            time.sleep(0.001)
    # Fifty a second, and those of the second that began; what waits for one client is bounded, the rest is left out and counted.
    assert net.wait_for("prefetches", 50) <= 50 * (time.monotonic() - start + 2)
    assert net.wait_for("heard_dropped") > 50
    assert net.wait_for("prefetches", 70) >= 70


# What is forged. The resolver believes everything: without the guard each of these reaches the client.


def changed(kind, data):
    """The answer to questions of that type says something else; its signatures stay."""
    def forge(answer):
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.from_text(kind):
                other = dns.rrset.from_text(rrset.name, rrset.ttl, "IN", kind, data)
                rrset.clear()
                rrset.update(other)
    return forge


def stripped(answer):
    """An MX of his own, and no signature left."""
    changed("MX", "1 mx.plain.lab.")(answer)
    dnssec = (dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3)
    for section in (answer.answer, answer.authority):
        section[:] = [rrset for rrset in section if rrset.rdtype not in dnssec]


def invented(kind, data):
    """Records where there are none."""
    def forge(answer):
        question = answer.question[0]
        if question.rdtype == dns.rdatatype.from_text(kind) and not answer.answer:
            answer.set_rcode(0)
            answer.authority.clear()
            answer.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, data))
            answer.use_edns(False)
    return forge


def denied(answer):
    """As if there were none, and no proof of it."""
    if answer.question[0].rdtype == dns.rdatatype.MX:
        answer.answer.clear()


FORGERIES = {
    "other-data": ("dane.lab", "MX", changed("MX", "1 mx.plain.lab."), "no key of dane.lab made its signature"),
    "other-address": ("mx.dane.lab", "A", changed("A", ELSEWHERE), "no key of dane.lab made its signature"),
    "no-signatures": ("dane.lab", "MX", stripped, "its signatures are missing"),
    "no-signatures-nsec3": ("nsec3.lab", "MX", stripped, "its signatures are missing"),
    "against-nodata": ("bare.dane.lab", "MX", invented("MX", "1 mx.plain.lab."), "a signed denial"),
    "against-nxdomain": ("nowhere.nsec3.lab", "MX", invented("MX", "1 mx.plain.lab."), "a signed denial"),
    "against-nodata-address": ("four.dane.lab", "AAAA", invented("AAAA", "2001:db8:3::66"), "a signed denial"),
    "denial": ("dane.lab", "MX", denied, "proves nothing"),
}
# Nobody is on the path to whom these could be told from the truth.
INNOCENT = {
    "unsigned-zone": ("plain.lab", "MX", changed("MX", "1 mx.dane.lab.")),
    "own-view": ("six.dane.lab", "A", invented("A", "10.1.2.3")),
    "dns64": ("four.dane.lab", "AAAA", invented("AAAA", "64:ff9b::198.51.100.12")),
    "honest": ("dane.lab", "MX", None),
    "honest-denial": ("bare.dane.lab", "MX", None),
    "honest-denial-nsec3": ("nowhere.nsec3.lab", "MX", None),
}


def name_hosts(net, name):
    """Only hosts that some MX names are looked at."""
    if not name.startswith(("mx.", "four.", "six.")):
        return
    if name.startswith("six."):
        with net.attacker.forging(changed("MX", "1 six.dane.lab."), OWN):
            assert net.hosts("plain.lab") == ["six.dane.lab."]
    else:
        net.ask(name.removeprefix("mx."), "MX")
    assert net.wait_for("heard_answers") >= 1


@pytest.fixture(scope="module", params=("alert", "drop"))
def action(request):
    return request.param


@pytest.mark.alone
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_answer_is_told_and_where_wished_kept_from_the_resolver(net, action, forgery):
    name, kind, forge, words = FORGERIES[forgery]
    net.guard_at("routed", f"dns.guard={action}")
    net.start_resolver()
    name_hosts(net, name)
    honest = net.ask(name, kind, timeout_s=3)
    net.start_resolver()
    with net.attacker.forging(forge, OWN):
        answer = net.ask(name, kind, timeout_s=3)
        assert net.attacker.forged
    finding = net.guard.wait_for(lambda one: one.get("reason") == "dns-forged", 5)
    assert finding and words in finding["text"], net.guard.events()
    assert (finding["event"], finding["domain"], finding["kind"], finding["action"]) == ("policy", name, "attack", "alert")
    assert finding["client"].startswith(OWN) and finding["server"] == f"{world.NAMESERVER}:53"
    if action == "alert":
        assert answer and answer.answer != honest.answer
    else:
        assert net.counter("answers_forged") >= 1
        # The resolver tried again, in vain.
        assert not answer or answer.rcode() == dns.rcode.SERVFAIL, answer


@pytest.mark.alone
@pytest.mark.parametrize("case", INNOCENT)
def test_an_answer_that_may_be_honest_is_no_finding_and_passes_at_once(net, action, case):
    name, kind, forge = INNOCENT[case]
    net.guard_at("routed", f"dns.guard={action}")
    net.start_resolver()
    name_hosts(net, name)
    net.start_resolver()
    with net.attacker.forging(forge, OWN):
        answer = net.ask(name, kind)
        assert bool(net.attacker.forged) == bool(forge)
    assert answer and answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN)
    time.sleep(1)
    assert net.findings() == []
    assert net.counter("answers_forged") == 0  # none was kept from the resolver, which asks more than once


@pytest.mark.alone
def test_who_forges_our_own_look_ups_too_keeps_his_answers(net):
    net.guard_at("routed", "dns.guard=drop")
    net.start_resolver()
    with net.attacker.forging(changed("MX", "1 mx.plain.lab.")):
        answer = net.ask("dane.lab", "MX", timeout_s=4)
        assert net.attacker.forged
    assert not answer or answer.rcode() == dns.rcode.SERVFAIL, answer
    assert net.guard.wait_for(lambda one: one.get("reason") == "dns-bogus", 5), net.guard.events()
    assert net.counter("answers_forged") >= 1


@pytest.mark.parametrize("setting", ("off", "alert"))
def test_a_domain_whose_signatures_are_over_is_told_as_bogus(net, setting):
    # What is bogus is asked for again and again before it is called so.
    net.guard_at("routed", f"dns.guard={setting}", "dns.timeout-seconds=15")
    net.start_resolver()
    assert net.hosts("expired.lab") == ["mx.expired.lab."]
    finding = net.guard.wait_for(lambda one: one.get("reason") == "dns-bogus", 16)
    assert finding and finding["domain"] == "expired.lab" and finding["text"], net.guard.events()
    assert finding["event"] == "policy"
    assert not net.findings("dns-forged")
    time.sleep(1)
    net.start_resolver()
    assert net.hosts("expired.lab")
    time.sleep(1)
    assert len(net.findings()) == 1, net.findings()


# DNS does not die with us.


@pytest.mark.alone
def test_when_the_program_is_killed_dns_goes_on(net):
    net.guard_at("routed", "dns.guard=drop", "on-failure=closed", "mode=enforce")
    net.start_resolver()
    assert net.hosts("dane.lab") == ["mx.dane.lab."]
    pids = net.guard.processes()
    net.guard.host.run(["kill", "-9", *map(str, pids.values())], check=False)
    net.start_resolver()
    for name in ("dane.lab", "plain.lab", "nsec3.lab"):
        assert net.hosts(name)


@pytest.mark.parametrize("process", ("guard0", "scout"))
def test_when_a_process_is_killed_again_and_again_dns_goes_on(net, process):
    net.guard_at("routed", "dns.guard=drop", "on-failure=closed", "mode=enforce")
    net.start_resolver()
    killed = set()
    for i in range(8):
        pid = net.guard.processes().get(process)  # none while another one starts
        if pid:
            net.guard.host.run(["kill", "-9", str(pid)])
            killed.add(pid)
        assert net.hosts(f"d{i}.many.lab", timeout_s=4) == ["mx.many.lab."]
    assert len(killed) > 1


@pytest.mark.alone
def test_when_the_scout_or_the_guard_hangs_answers_pass_in_time(net):
    net.guard_at("routed", "dns.guard=drop", "on-failure=closed", "mode=enforce")
    net.start_resolver()
    assert net.hosts("plain.lab")
    scout = net.guard.processes()["scout"]
    net.guard.host.run(["kill", f"-{int(signal.SIGSTOP)}", str(scout)])
    # The resolver would try again meanwhile: so the name server is asked itself.
    start = time.monotonic()
    assert net.hosts("dane.lab", resolver=world.NAMESERVER) == ["mx.dane.lab."]
    assert time.monotonic() - start > 0.5
    assert net.guard.processes()["scout"] == scout  # which hangs yet
    net.guard.host.run(["kill", f"-{int(signal.SIGCONT)}", str(scout)])


@pytest.mark.alone
def test_a_guard_that_comes_back_holds_answers_again(net):
    net.guard_at("routed", "dns.guard=drop")
    net.start_resolver()
    net.guard.host.run(["kill", "-9", str(net.guard.processes()["guard0"])])
    end = time.monotonic() + 5
    while not net.guard.is_whole() and time.monotonic() < end:
        time.sleep(0.1)
    with net.attacker.forging(changed("MX", "1 mx.plain.lab."), OWN):
        answer = net.ask("dane.lab", "MX", timeout_s=3)
    assert not answer or answer.rcode() == dns.rcode.SERVFAIL
    assert net.counter("answers_forged") >= 1
