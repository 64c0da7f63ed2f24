# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel module: which segments of a client pass by it on their way through the gateway, and which never do."""

import ctypes
import errno
import itertools
import os
import platform
import socket
import struct
import subprocess

import namespaces
import passage
import pytest
import servers
from meanwhile import Meanwhile
from passage import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, packet, tcp
from rules_world import ADDRESS

KMOD = f"/hopguard/build/kmod/{platform.release()}/xt_smtpbody.ko"
PARAMETER = "/sys/module/xt_smtpbody/parameters/flows_max"
BACKENDS = ("iptables", "iptables-legacy", "nft")
PASSED = "0x10000000"
# nft has no such match: a chain of iptables-nft before it marks what passes.
NFT = f"""table inet smtp {{
chain forward {{
    type filter hook forward priority -140;
    tcp dport 25 meta mark & {PASSED} != 0 accept
    tcp dport 25 drop
}}
}}
"""
BODY = b"A line of a message.\r\n"
LINE_ENDS = (b"\r\n", b"\n", b"\r")
# 10,000 with both back-ends. A kernel that looks at itself is slow, and no program has more than a minute.
BATCHES, STREAMS = 10, 500


def run(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def load():
    done = run("insmod", KMOD)
    assert not done.returncode, done.stdout


class Site:
    """The gateway's rules, what they let arrive, and the module's ear in the gateway's network."""

    def __init__(self, row):
        self.row = row
        assert not run("modprobe", "x_tables").returncode
        load()
        row.gateway.network_command(["nft", "flush ruleset"])
        for family, table in itertools.product((4, 6), ("raw", "mangle")):
            row.tables("iptables-legacy", "-t", table, "-F", family=family)
        self.wire, self.kernel = passage.Wire(row), passage.Family(row.gateway)
        self._ports = itertools.count(20000)
        self._backend = None

    def close(self):
        self.rule(None)
        self.kernel.close()
        self.wire.close()
        assert not run("rmmod", "xt_smtpbody").returncode

    def rule(self, backend):
        """What passes by the module is accepted, and the rest dropped, for it would be queued."""
        if backend == self._backend:
            return
        before, self._backend = self._backend, None
        for family in (4, 6):
            if before:
                self._tables(before, family, "-F", "FORWARD")
            for rest in self._rules(backend):
                self._tables(backend, family, "-A", "FORWARD", "-p", "tcp", "--dport", "25", *rest)
        if "nft" in (backend, before):
            self.row.gateway.network_command(["nft", "-f", "-"], text=NFT if backend == "nft" else "delete table inet smtp\n")
        self._backend = backend

    def _tables(self, backend, family, *words):
        name = "iptables-legacy" if backend == "iptables-legacy" else "iptables"
        self.row.tables(name, "-t", "mangle", *words, family=family)

    @staticmethod
    def _rules(backend):
        if backend == "nft":
            return [("-m", "smtpbody", "-j", "MARK", "--set-mark", PASSED)]
        return [("-m", "smtpbody", "-j", "ACCEPT"), ("-j", "DROP")] if backend else []

    def flow(self, family, **changed):
        place = ADDRESS[family]
        return passage.Flow(place["client"], place["server"], next(self._ports), self.wire.ingress).other(**changed)

    def armed(self, family, seq=1000, tail=b"\r\n", **changed):
        flow = self.flow(family, **changed)
        self.kernel.arm(flow, seq, tail)
        return flow

    def send(self, flow, seq, payload=BODY, **header):
        return self.wire.send(flow, packet(flow, tcp(flow, seq, payload, **header)))

    def passes(self, flow, seq=1000):
        """Whether the flow goes on there."""
        return self.send(flow, seq)


@pytest.fixture(scope="module")
def world(shared_row):
    one = Site(shared_row)
    # Where nobody forgets all: looked for much later.
    one.elsewhere, one.early = passage.Family(shared_row.server), one.flow(4)
    one.elsewhere.arm(one.early, 1, timeout=1)
    assert one.elsewhere.look(one.early)
    yield one
    one.elsewhere.close()
    one.close()


@pytest.fixture
def site(world):
    world.rule("iptables-legacy")
    return world


@pytest.fixture(params=(4, 6), ids=("ipv4", "ipv6"))
def family(request):
    return request.param


def ends(octets):
    """Whether some server may take something in there for the end of a message."""
    return any(octets[at] in b"\r\n" and octets[at + 1] == ord(".") and octets[at + 2] in b"\r\n"
               for at in range(len(octets) - 2))


def may_pass(before, payload):
    octets = before[-2:] + payload
    return not ends(octets) and not (octets[-2] in b"\r\n" and octets[-1] == ord("."))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_armed_body_passes_up_to_its_end_and_nothing_after_it(world, backend, family):
    world.rule(backend)
    flow = world.flow(family)
    assert not world.send(flow, 1000)
    world.kernel.arm(flow, 1000)
    for number in range(3):
        assert world.send(flow, 1000 + number * len(BODY))
    end = 1000 + 3 * len(BODY)
    assert not world.send(flow, end, b"end\r\n.\r\nQUIT\r\n")
    assert not world.send(flow, end)
    assert not world.send(flow, end + 14)
    assert world.kernel.look(flow) == (end, b"\r\n", False)
    world.kernel.arm(flow, end + 14)
    assert world.send(flow, end + 14)
    assert world.kernel.take_back(flow) == (end + 14 + len(BODY), b"\r\n", True)
    assert world.kernel.look(flow) is None and not world.send(flow, end + 14 + len(BODY))


def test_no_mark_completes_wherever_the_segments_are_cut(site, family):
    for before, after in itertools.product(LINE_ENDS, repeat=2):
        stream = b"a" + before + b"." + after + b"b"
        for cut in range(1, len(stream)):
            flow, first, second = site.armed(family), stream[:cut], stream[cut:]
            first_may = may_pass(b"\r\n", first)
            assert site.send(flow, 1000, first) == first_may, (stream, cut)
            assert site.send(flow, 1000 + cut, second) == (first_may and may_pass(b"\r\n" + first, second)), (stream, cut)
            site.kernel.take_back(flow)


def test_a_dot_behind_a_text_passes_and_one_that_began_a_line_does_not(site, family):
    for tail, payload, came in ((b"\r\n", b".", False), (b"x\n", b".", False), (b"ab", b".", True), (b"x.", b"\r\n", True),
                                (b"\n.", b"\n", False), (b"\n.", b"x", True), (b"\r\n", b"..\r\n", True)):
        flow = site.armed(family, tail=tail)
        assert site.send(flow, 1000, payload) == came, (tail, payload)
        site.kernel.take_back(flow)


def test_sequence_numbers_go_round(site, family):
    flow = site.armed(family, 0xfffffff8)
    assert site.send(flow, 0xfffffff8) and site.send(flow, len(BODY) - 8)
    assert site.kernel.take_back(flow) == (2 * len(BODY) - 8, b"\r\n", True)


@pytest.mark.parametrize("away", (1, -1, 100, -len(BODY), 0x80000000))
def test_what_does_not_begin_where_the_last_ended_freezes(site, family, away):
    flow = site.armed(family)
    assert site.send(flow, 1000)
    end = 1000 + len(BODY)
    assert not site.send(flow, end + away) and not site.passes(flow, end)
    assert site.kernel.take_back(flow) == (end, b"\r\n", False)


def test_a_bare_acknowledgement_neither_passes_nor_freezes(site, family):
    flow = site.armed(family)
    for seq in (1000, 999, 5000):
        assert not site.send(flow, seq, b"", flags=ACK)
    assert site.passes(flow)


@pytest.mark.parametrize("flags", (SYN, SYN | ACK, FIN | ACK, RST, RST | ACK, URG | ACK, PSH, 0))
def test_a_segment_that_is_no_plain_data_freezes_with_payload_or_without(site, family, flags):
    for payload in (BODY, b""):
        flow = site.armed(family)
        assert not site.send(flow, 1000, payload, flags=flags) and not site.passes(flow)
        site.kernel.take_back(flow)


@pytest.mark.parametrize("flags", (ACK, ACK | PSH, ACK | ECE, ACK | CWR))
def test_congestion_and_push_are_no_obstacle(site, family, flags):
    assert site.send(site.armed(family), 1000, flags=flags)


TCP_HEADERS = {
    "no option": (dict(options=b""), True),
    "timestamps and selective acknowledgement": (dict(options=passage.TIMESTAMPS + b"\1\1\5\x0a" + bytes(8)), True),
    "an end of options": (dict(options=b"\0\x1e\2\0"), True),
    "multipath": (dict(options=b"\x1e\4\0\0"), False),
    "an option longer than the header": (dict(options=b"\1\1\5\x0a"), False),
    "an option without a length": (dict(options=b"\1\1\1\5"), False),
    "an option of no length": (dict(options=b"\5\0\1\1"), False),
    "a reserved bit": (dict(reserved=1), False),
    "a wrong sum": (dict(sum_xor=0x0100), False),
}


def as_id(value):
    """Without a blank, as tests go into the machine by their names."""
    return str(value).replace(" ", "-")


@pytest.mark.parametrize("name", TCP_HEADERS, ids=as_id)
def test_of_tcp_only_plain_headers_pass(site, family, name):
    header, came = TCP_HEADERS[name]
    flow = site.armed(family)
    assert site.send(flow, 1000, **header) == came
    assert site.kernel.take_back(flow) == ((1000 + len(BODY), b"\r\n", True) if came else (1000, b"\r\n", False))


IP_HEADERS = {
    4: {"an option": dict(options=b"\1\1\1\0"), "a fragment": dict(fragment=0x2000)},
    6: {"options for the destination": dict(extension=(60, b"\6\0\1\4\0\0\0\0")),
        "a fragment": dict(extension=(44, b"\6\0\0\1\0\0\0\7")), "a whole fragment": dict(extension=(44, b"\6\0\0\0\0\0\0\7"))},
}


@pytest.mark.parametrize("family, name", [(family, name) for family, names in IP_HEADERS.items() for name in names],
                         ids=as_id)
def test_of_ip_only_plain_headers_pass(site, family, name):
    flow = site.armed(family)
    assert not site.wire.send(flow, packet(flow, tcp(flow, 1000, BODY), **IP_HEADERS[family][name]))
    assert site.kernel.take_back(flow) == (1000, b"\r\n", False)


def large_body(length, *marks):
    body = bytearray((b"x" * 98 + b"\r\n") * (length // 100))
    for at, mark in marks:
        body[at:at + len(mark)] = mark
    return bytes(body)


def test_a_large_segment_passes_whole_from_wherever_its_octets_lie(site, family):
    for linear in (120, 500, 20000):
        flow = site.armed(family)
        assert site.wire.large(flow, 1000, large_body(40000), linear)
        assert site.kernel.take_back(flow) == (41000, b"\r\n", True)


def test_no_mark_in_a_large_segment_is_missed_where_its_octets_are_parted(site, family):
    """Head and pages meet at `linear`, one page and the next 32 KiB or a page further."""
    linear, headers = 500, 14 + (20 if family == 4 else 40) + 32
    for parted in (linear - headers, linear - headers + 4096, linear - headers + 32768):
        for at in range(parted - 4, parted + 2):
            flow = site.armed(family)
            assert not site.wire.large(flow, 1000, large_body(40000, (at, b"\r\n.\r\n")), linear)
            assert site.kernel.take_back(flow) == (1000, b"\r\n", False)


def fragments(flow, octets, at):
    """An IP packet in two, the second from octet `at` on."""
    if flow.family == 4:
        return packet(flow, octets[:at], fragment=0x2000), packet(flow, octets[at:], fragment=at // 8)
    return tuple(packet(flow, part, extension=(44, struct.pack("!BxHI", 6, offset, 7)))
                 for part, offset in ((octets[:at], 1), (octets[at:], at)))


def test_a_packet_that_was_put_together_again_is_read_whole(site, family):
    """Connection tracking does that, and hangs one fragment from the other."""
    rule = ("-t", "raw", "PREROUTING", "-m", "conntrack", "--ctstate", "INVALID", "-j", "ACCEPT")
    site.row.tables("iptables-legacy", *rule[:2], "-A", *rule[2:], family=family)
    try:
        for mark, came in ((b"xx.xx", True), (b"\r\n.\r\n", False)):
            for shift in range(5):
                flow = site.armed(family)
                payload = bytearray(large_body(1200))
                payload[968 - shift:973 - shift] = mark
                octets = tcp(flow, 1000, bytes(payload))
                site.wire.send_all(flow, fragments(flow, octets, 1000))
                seen = site.kernel.take_back(flow)
                assert seen == ((2200, b"\r\n", True) if came else (1000, b"\r\n", False)), shift
    finally:
        site.row.tables("iptables-legacy", *rule[:2], "-D", *rule[2:], family=family)


def test_a_flow_is_that_of_one_zone(site, family):
    rule = ("PREROUTING", "-p", "tcp", "--dport", "25", "-j", "CT", "--zone", "7")
    site.row.tables("iptables-legacy", "-t", "raw", "-A", *rule, family=family)
    try:
        flow = site.armed(family)
        zoned = flow.other(zone=7)
        assert not site.passes(flow) and site.kernel.look(flow)[2]
        site.kernel.arm(zoned, 1000)
        assert site.passes(zoned) and site.kernel.look(flow) == (1000, b"\r\n", True)
    finally:
        site.row.tables("iptables-legacy", "-t", "raw", "-D", *rule, family=family)


def test_a_flow_is_that_of_one_interface_port_and_address(site, family):
    right = site.flow(family)
    other = "192.0.2.3" if family == 4 else "2001:db8:1::3"
    for wrong in (dict(ingress=right.ingress + 1), dict(ingress=0), dict(source_port=right.source_port + 1), dict(port=26),
                  dict(client=right.server, server=right.client), dict(client=other)):
        site.kernel.arm(right.other(**wrong), 1000)
    assert not site.passes(right)
    site.kernel.arm(right, 1000)
    assert site.passes(right)
    site.kernel.forget_all()


def test_a_flow_is_that_of_one_network_namespace(site, family):
    elsewhere = passage.Family(site.row.client)
    flow = site.flow(family)
    elsewhere.arm(flow, 1000)
    assert not site.passes(flow) and site.kernel.look(flow) is None
    site.kernel.arm(flow, 1000)
    elsewhere.forget_all()
    assert site.passes(flow)
    elsewhere.close()


def test_to_arm_again_is_to_go_on_from_there(site, family):
    flow = site.armed(family)
    site.kernel.arm(flow, 5000, b"ab")
    assert not site.passes(flow, 1000)
    site.kernel.arm(flow, 5000, b"ab")
    assert site.passes(flow, 5000)


def test_totals_count_what_passed_and_what_froze(site, family):
    def totals():
        return [site.kernel.total(kind) for kind in (passage.SEGMENTS, passage.OCTETS, passage.FROZEN)]

    flow, before = site.armed(family), totals()
    assert site.passes(flow) and not site.passes(flow) and not site.passes(flow)
    assert [now - then for now, then in zip(totals(), before)] == [1, len(BODY), 1]
    assert site.kernel.total(passage.INTERFACE) == 1


def test_owners_forget_their_own(site):
    flows = {owner: site.flow(4) for owner in (2500, 2501)}
    for owner, flow in flows.items():
        site.kernel.arm(flow, 1000, owner=owner)
    site.kernel.forget_all(2500)
    assert site.kernel.look(flows[2500]) is None and site.kernel.look(flows[2501])


def test_what_a_socket_armed_is_forgotten_with_it(site):
    gone = passage.Family(site.row.gateway)
    flow, kept = site.flow(4), site.armed(4)
    gone.arm(flow, 1000)
    assert site.kernel.look(flow)
    gone.close()
    assert site.kernel.look(flow) is None and not site.passes(flow)
    assert site.passes(kept)


def test_there_are_only_so_many(site):
    site.kernel.forget_all()
    with open(PARAMETER, "r+", encoding="ascii") as file:
        before = file.read()
        file.write("3\n")
    try:
        flows = [site.armed(4) for _ in range(3)]
        with pytest.raises(OSError) as refused:
            site.armed(4)
        assert refused.value.errno == errno.ENOSPC
        assert [site.kernel.total(kind) for kind in (passage.FLOWS, passage.FLOWS_MAX)] == [3, 3]
        site.kernel.arm(flows[0], 2000)
        site.kernel.take_back(flows[1])
        site.armed(4)
    finally:
        with open(PARAMETER, "w", encoding="ascii") as file:
            file.write(before)


def without(flow, kind):
    return [pair for pair in flow.attributes() if pair[0] != kind]


def test_a_request_that_says_too_little_or_something_else_is_refused(site):
    flow = site.flow(4)
    place = [(passage.NEXT_SEQ, bytes(4)), (passage.TAIL, b"\r\n")]
    wrong = [without(flow, kind) + place for kind in (passage.FAMILY, passage.SOURCE, passage.DESTINATION, passage.SOURCE_PORT,
                                                      passage.DESTINATION_PORT)]
    wrong += [flow.attributes() + place[:1], flow.attributes() + place[1:]]
    wrong += [without(flow, passage.SOURCE) + [(passage.SOURCE, bytes(length))] + place for length in (0, 3, 5, 16, 17)]
    wrong += [without(flow, passage.FAMILY) + [(passage.FAMILY, bytes([number]))] + place for number in (0, 1, 7, 10)]
    wrong += [flow.attributes() + place + [(passage.TAIL, b"\r\n.")], flow.attributes() + place + [(99, b"1234")]]
    wrong += [flow.attributes() + place + [(passage.TIMEOUT, struct.pack("=I", seconds))] for seconds in (0, 86401, 0xffffffff)]
    before = site.kernel.total(passage.FLOWS)
    for pairs in wrong:
        with pytest.raises(OSError):
            site.kernel.ask(passage.ARM, pairs, acknowledged=True)
    assert site.kernel.total(passage.FLOWS) == before


def in_child(act):
    """What the child that did it has as its exit status: 0, or an error's number."""
    child = os.fork()
    if not child:
        status = 255
        try:
            act()
            status = 0
        except OSError as error:
            status = error.errno
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_who_may_not_administer_the_network_may_ask_nothing(site):
    flow = site.armed(4)
    for command in range(passage.INFO, passage.FORGET_ALL + 1):
        kernel = passage.Family(site.row.gateway)

        def ask_as_nobody(command=command, kernel=kernel):
            os.setuid(65534)
            kernel.ask(command, flow.attributes())

        assert in_child(ask_as_nobody) == errno.EPERM
        kernel.close()
    assert site.kernel.look(flow)


def test_a_network_that_ends_takes_its_flows_along(site):
    class Here:
        socket = staticmethod(socket.socket)

    def arm_in_new_network():
        ctypes.CDLL(None).unshare(namespaces.CLONE_NEWNET)
        kernel = passage.Family(Here)
        for _ in range(50):
            kernel.arm(site.flow(4), 1000)

    assert in_child(arm_in_new_network) == 0


def test_what_passed_nothing_for_its_time_is_forgotten(world):
    assert namespaces.wait_until(lambda: world.elsewhere.look(world.early) is None)


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_rules_say_what_they_are_and_stand_only_where_they_mean_something(site, backend, family):
    site.rule(backend)
    assert "-p tcp -m tcp --dport 25 -m smtpbody -j ACCEPT" in site.row.save(backend, family)
    listed = site.row.tables(backend, "-t", "mangle", "-L", "FORWARD", "-n", family=family)
    assert "smtpbody" in listed
    rule = ("-m", "smtpbody", "-j", "ACCEPT")
    for wrong in (("PREROUTING", "-p", "tcp"), ("FORWARD",), ("FORWARD", "-p", "udp"), ("FORWARD", "!", "-p", "tcp")):
        with pytest.raises(namespaces.LabError):
            site.row.tables(backend, "-t", "mangle", "-A", *wrong, *rule, family=family)
    assert "smtpbody match" in site.row.tables(backend, "-m", "smtpbody", "--help", family=family)


@pytest.mark.parametrize("backend", BACKENDS[:2])
def test_random_streams_pass_just_as_far_as_the_scan_in_user_space_says(site, backend):
    """The program asks the module as the guard does, and says what differed."""
    host = site.row.client
    rules = [("OUTPUT", "-p", "tcp", "--dport", "25", *rest) for rest in (("-m", "smtpbody", "-j", "ACCEPT"), ("-j", "DROP"))]
    rules.append(("INPUT", "-p", "tcp", "--dport", "25", "-j", "DROP"))

    def tables(verb):
        for rule, family in itertools.product(rules, (4, 6)):
            site.row.tables(backend, "-t", "mangle", verb, *rule, family=family, host=host)

    tables("-A")
    try:
        said = [host.network_command([servers.test_tool("smtpbody_streams"), str(STREAMS), f"{backend}{number}"], check=False)
                for number in range(BATCHES)]
    finally:
        tables("-D")
    assert all(one.splitlines()[-1].startswith(f"{STREAMS} streams, 0 differ") for one in said), said


class Traffic(Meanwhile):
    """Segments of a body, one after the other, for as long as the `with` lasts."""

    def __init__(self, site, flow):
        super().__init__()
        self._site, self._flow = site, flow

    def __exit__(self, *_):
        super().__exit__()
        self._site.wire.drain()

    def _run(self):
        for number in itertools.count():
            if self._is_over.is_set():
                return
            self._site.wire.put(4, packet(self._flow, tcp(self._flow, 1000 + number * len(BODY), BODY)))


def test_the_module_stays_while_a_rule_needs_it_and_goes_under_traffic(site):
    with Traffic(site, site.armed(4)):
        assert run("rmmod", "xt_smtpbody").returncode
        for _ in range(2):
            site.rule(None)
            site.kernel.close()
            done = run("rmmod", "xt_smtpbody")
            assert not done.returncode, done.stdout
            # All goes on while it is away.
            site.wire.drain()
            assert site.wire.hear().endswith(BODY)
            load()
            site.kernel = passage.Family(site.row.gateway)
            site.rule("iptables-legacy")
    flow = site.armed(4)
    assert site.passes(flow)


def test_without_the_module_nobody_answers(site):
    site.rule(None)
    site.kernel.close()
    assert not run("rmmod", "xt_smtpbody").returncode
    try:
        with pytest.raises(FileNotFoundError):
            passage.Family(site.row.gateway)
    finally:
        load()
        site.kernel = passage.Family(site.row.gateway)
