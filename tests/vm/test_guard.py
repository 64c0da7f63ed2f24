# SPDX-License-Identifier: GPL-2.0-or-later
"""A running guard behind nft's rules: it refuses, it lets pass, and the kernel does its part when it is not there."""

import contextlib
import json
import socket
import time

import attacks
import capture
import clients
import lines
import namespaces
import pytest
import world
from guarded import PLAIN, PROTECTED

OFFLOAD, MASK = 0x01000000, 0x0F000000


@pytest.fixture(params=(4, 6), ids=("ipv4", "ipv6"))
def family(request):
    return request.param


@pytest.fixture(scope="module", params=world.PLACES)
def place(request):
    return request.param


def counter(net, name):
    return json.loads(net.guard.ask("status", "--json"))["counters"].get(name, 0)


def all_told(net, name):
    """A counter, once it grows no more: it is told once a second."""
    before, now = None, counter(net, name)
    while before != now:
        time.sleep(1.5)
        before, now = now, counter(net, name)
    return now


def refusals(guard):
    return [event for event in guard.events() if event["event"] == "verdict" and event["action"] in ("block", "defer")]


def test_a_stripped_connection_is_refused_before_a_recipient_leaves(net, place, family):
    guard = net.guard_at(place)
    client, recipient = net.send(family, attack="strip")
    assert client.refusal and client.refusal.startswith("421 4.7.4 "), client.replies
    assert not net.wire.saw(recipient.encode(), b"RCPT TO", b"DATA\r\n")
    assert not any(b"RCPT" in heard for heard in net.attacker.heard()) and not net.sink.letters
    event = guard.wait_for(lambda one: one in refusals(guard))
    assert event["reason"] == "starttls-stripped" and event["promise"]["source"] == "dane"
    assert event["hook"] == ("output" if place == "host" else "forward")


def test_a_letter_over_tls_arrives_and_its_bulk_stays_in_the_kernel(net, place, family):
    net.guard_at(place)
    body = 640 * (b"x" * 998 + b"\r\n")
    packets, octets = net.queued(place), all_told(net, "octets")
    _, recipient = net.send(family, body=body, patience_s=30)
    # Soon: a connection that a reset ends is forgotten ten seconds later. Again: a list of a table that changes meanwhile lacks some.
    assert namespaces.wait_until(lambda: OFFLOAD in {
        mark & MASK for mark in net.connection_marks(world.far_address(PROTECTED, family), place)}, timeout_s=5)
    assert [letter.is_tls for letter in net.sink.find(recipient)] == [True]
    assert net.queued(place) - packets > 5
    # The dialogue up to the handshake's end is a few KB, said again where the machine is slow: packets would tell less.
    assert namespaces.wait_until(lambda: counter(net, "octets") > octets)
    assert all_told(net, "octets") - octets < len(body) / 16


class Naming(clients.OpportunisticClient):
    server_name = "mx.dane.lab"


@pytest.mark.parametrize("place", ("routed", "nat"))
def test_a_hidden_key_is_looked_at_from_the_clients_own_address(net, place, family):
    guard = net.guard_at(place, "tls.probe-seconds=299")  # one that has looked at nobody yet, for each place
    _, recipient = net.send(family, client=Naming, patience_s=20)
    assert [letter.is_tls for letter in net.sink.find(recipient)] == [True]
    event = guard.wait_for(lambda one: one["event"] == "verdict")
    assert (event["action"], event["assurance"]) == ("pass", "probed"), guard.events()
    begun = [one.source[0] for one in net.wire.segments() if one.flags & capture.SYN and one.destination[1] == 25]
    assert len(begun) == 2 and set(begun) == {(world.SENDER if place == "routed" else world.GATEWAY_OUT)[family]}
    assert namespaces.wait_until(lambda: guard.status()["counters"]["probes_as_client"] >= 1)


def test_a_letter_to_whom_promised_nothing_passes_in_clear(net, family):
    guard = net.guard_at("routed")
    before = net.queued()
    body = 64 * (b"x" * 998 + b"\r\n")
    client, recipient = net.send(family, number=PLAIN, client=clients.Client, body=body)
    assert [letter.is_tls for letter in net.sink.find(recipient)] == [False], client.replies
    assert net.queued() > before + 10
    assert not refusals(guard)


def test_tls_that_is_asked_of_everybody_is_asked_of_whom_promised_nothing(net, family):
    guard = net.guard_at("routed", "default-level=encrypt")
    client, recipient = net.send(family, number=PLAIN, client=clients.Client)
    assert client.refusal and client.refusal.startswith("421 4.7.4 "), client.replies
    assert not net.wire.saw(recipient.encode(), b"RCPT TO") and not net.sink.letters
    assert guard.wait_for(lambda one: one in refusals(guard))["reason"] == "tls-not-used"


def test_left_to_choose_the_program_takes_nft_and_says_so(net):
    guard = net.guard_at("routed")
    assert json.loads(guard.ask("status", "--json"))["backend"] == "nft"
    assert "queue" in net.ruleset() and "table inet hopguard" in net.ruleset()


def test_without_root_it_takes_out_what_it_put_in_and_nothing_else(net):
    net.stop()
    net.world.set_place("routed")
    gateway = net.world.gateway
    gateway.network_command(["nft", "-f", "-"], text="table inet hopguardian {\nchain forward {\n"
                            "type filter hook forward priority mangle\ntcp dport 25 accept\n}\n}\n")
    before = net.ruleset()
    net.guard_at("routed")
    assert "table inet hopguard {" in net.ruleset()
    assert net.stop() == 0
    assert net.ruleset() == before
    gateway.network_command(["nft", "delete table inet hopguardian"])


@pytest.mark.parametrize("on_failure", ("closed", "open"))
def test_when_the_program_is_killed_its_rules_hold_mail_or_let_it_pass(net, on_failure):
    net.guard_at("routed", f"on-failure={on_failure}", anew=True)
    net.kill(*net.processes().values())
    client, recipient = net.send(4, number=PLAIN, client=clients.Client, patience_s=2)
    assert bool(net.sink.find(recipient)) == bool(client.replies) == (on_failure == "open")
    net.stop()
    assert "hopguard" not in net.ruleset()


def test_a_guard_that_dies_is_replaced_and_mail_goes_on(net):
    net.guard_at("routed", "queues=1", anew=True)
    before = net.processes()
    net.kill(before["guard0"])
    _, recipient = net.send(4)
    assert [letter.is_tls for letter in net.sink.find(recipient)] == [True] and net.queued() > 5
    assert net.processes()["guard0"] != before["guard0"]


def test_rules_that_somebody_else_flushed_are_in_again_and_it_is_told(net):
    guard = net.guard_at("routed", anew=True)

    def own(*options):
        return net.world.gateway.network_command(["nft", *options, "list", "table", "inet", "hopguard"], check=False)

    before = own()
    for flush in ("delete table inet hopguard", "flush chain inet hopguard forward", "flush set inet hopguard clients4",
                  "add table inet hopguard { flags dormant; }", "delete table inet hopguard"):
        handles = own("-a")  # the kernel gives each rule another one, however soon it is in again
        net.world.gateway.network_command(["nft", flush])
        assert namespaces.wait_until(lambda: own() == before and own("-a") != handles, 20), own()
    assert guard.wait_for(lambda one: one["event"] == "degraded" and "somebody else" in one["text"])
    assert guard.wait_for(lambda one: one["event"] == "recovered" and "rules" in one["text"], 20)
    client, recipient = net.send(4, attack="strip")
    assert client.refusal and client.refusal.startswith("421 4.7.4 "), client.replies
    assert not net.wire.saw(recipient.encode(), b"RCPT TO")


def attach(net, guard, command, *networks):
    """It is told that these are guarded now."""
    guard.mark()
    net.world.gateway.ip(command)
    assert guard.wait_for(lambda one: one["event"] == "reloaded" and all(each in one["text"] for each in networks), 40)
    table = net.world.gateway.network_command(["nft", "list", "table", "inet", "hopguard"])
    assert all(each in table for each in networks), table


def test_a_network_that_comes_up_later_is_guarded_and_no_connection_is_forgotten(net):
    guard = net.guard_at("routed", "clients={}", anew=True)
    before = net.processes()
    _, recipient = net.send(4, attack="strip")
    assert net.sink.find(recipient), "the sender's network is behind another router"
    net.world.gateway.ip("link add late type veth peer name late-far", "link set late-far up", "link set late up")
    try:
        attach(net, guard, "route add 192.0.2.0/24 dev late", "192.0.2.0/24")
        with net.world.sender.socket() as client:
            client.settimeout(10)
            client.connect((world.far_address(PLAIN, 4), 25))
            assert client.recv(1000).startswith(b"220")
            attach(net, guard, "addr add 198.18.5.1/24 dev late", "198.18.5.0/24")
            client.sendall(b"EHLO client.example\r\n")
            assert client.recv(1000).startswith(b"250")
            assert all_told(net, "flows_now") == 1 and counter(net, "flows_midstream") == 0
        client, recipient = net.send(4, attack="strip")
        assert client.refusal and client.refusal.startswith("421 4.7.4 "), client.replies
    finally:
        net.world.gateway.ip("link del late")
    assert net.processes() == before


@contextlib.contextmanager
def table_of(places):
    """The kernel's table of connections has so many places at the gateway."""
    path = "/proc/sys/net/netfilter/nf_conntrack_max"
    with open(path, encoding="ascii") as file:
        before = file.read()
    with open(path, "w", encoding="ascii") as file:
        file.write(str(places))
    try:
        yield
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write(before)


def refused_by_table(net):
    """How many packets had no place in it so far."""
    table = net.world.gateway.network_command(["cat", "/proc/net/stat/nf_conntrack"]).splitlines()
    column = table[0].split().index("drop")
    return sum(int(line.split()[column], 16) for line in table[1:])


def fill_table(net, crowd):
    """Connections that stand in it until no more find a place."""
    before = refused_by_table(net)
    for _ in range(60):  # those that are answered stay in the table
        one = crowd.enter_context(net.world.sender.socket())
        one.settimeout(0.3)
        if one.connect_ex((world.far_address(PLAIN, 4), 25)) != 0 and refused_by_table(net) > before + 3:
            break


def test_a_full_table_of_connections_lets_nothing_pass_and_keeps_those_that_are_in_it(net):
    net.guard_at("routed", "queues=1", anew=True)
    net.send(4)  # what is promised is known
    address, before = (world.far_address(PROTECTED, 4), 25), refused_by_table(net)
    net.attacker.start(attacks.ATTACKS["strip"])
    standing = lines.dial(net.world.sender, address, patience_s=20)
    assert standing.reply().startswith(b"220")
    with table_of(24), contextlib.ExitStack() as crowd:
        net.wire.reset()
        for _ in range(20):
            fill_table(net, crowd)
            assert refused_by_table(net) > before
            late = clients.OpportunisticClient(net.world.sender, patience_s=2)
            late.send(address[0], "late@dane.lab", b"a letter")
            assert not net.wire.saw(b"late@dane.lab", b"RCPT TO")
            if not late.replies:
                break  # else a place had become free: who finds it is guarded as ever
        assert not late.replies
        for line in (b"EHLO sender.lab", b"MAIL FROM:<a@sender.lab>", b"RCPT TO:<you@dane.lab>"):
            standing.send(line + b"\r\n")
            reply = standing.reply()
        # What was promised is asked for once more before anything is refused, and our own question has no place either.
        assert reply.startswith((b"421 4.7.4 ", b"421 4.7.5 ")), reply
        assert not net.wire.saw(b"you@dane.lab")
        standing.close()
    _, recipient = net.send(4, patience_s=20)
    assert [letter.is_tls for letter in net.sink.find(recipient)] == [True]


def ask_mx(net, domain):
    """The name server's answer across the gateway, and how long it took."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in domain.split(".")) + b"\0"
    start = time.monotonic()
    with net.world.sender.socket(kind=socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.sendto(b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0" + name + b"\0\x0f\0\x01", (world.NAMESERVER, 53))
        return asking.recv(4096), time.monotonic() - start


@pytest.mark.parametrize("watching", ("off", "drop"))
def test_a_dns_answer_is_heard_and_passes(net, place, watching):
    net.guard_at(place, f"dns.guard={watching}", anew=True)
    before = counter(net, "heard_answers")
    answer, _ = ask_mx(net, "plain.lab")
    assert b"\x02mx" in answer
    end = time.monotonic() + 10
    while counter(net, "prefetches") == 0 and time.monotonic() < end:
        time.sleep(0.2)
    assert counter(net, "prefetches") == 1 and counter(net, "heard_answers") > before


def test_dns_answers_pass_while_the_program_is_away(net):
    net.guard_at("routed", "dns.guard=drop", "on-failure=closed", anew=True)
    net.kill(*net.processes().values())
    assert "queue" in net.ruleset()
    answer, took_s = ask_mx(net, "plain.lab")
    assert b"\x02mx" in answer and took_s < 1
    net.stop()
