# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel module: which segments of a client pass by it on their way through the gateway, and which never do."""

import itertools
import struct

import passage
import pytest
from passage import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, packet, tcp
from smtpbody_site import BACKENDS, BODY, family, site, world  # noqa: F401: the fixtures are used by their names

LINE_ENDS = (b"\r\n", b"\n", b"\r")


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
