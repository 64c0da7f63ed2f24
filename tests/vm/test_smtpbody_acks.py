# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel module: what a server acknowledges passes beside the body that was armed, and nothing else of the server's."""

import struct

import passage
import pytest
from passage import ACK, CWR, ECE, FIN, PSH, RST, SYN, TIMESTAMPS, URG, packet, tcp
from smtpbody_site import BACKENDS, BODY, family, site, world  # noqa: F401: the fixtures are used by their names

SEQ, ANSWER_SEQ, WINDOW, TIMESTAMP = 1000, 7000, 77, 200
MIB = 1 << 20
SACK = b"\1\1\5\x0a" + bytes(8)


def timestamps(value):
    return TIMESTAMPS[:4] + struct.pack("!II", value, 0)


def arm(site, flow, seq=SEQ, **changed):
    site.kernel.arm(flow, seq, **{**dict(answer_seq=ANSWER_SEQ, by=site.back.ingress, acked=seq - 100, window=WINDOW,
                                         timestamp=TIMESTAMP), **changed})


def armed(site, family, **changed):
    flow = site.flow(family)
    arm(site, flow, **changed)
    return flow


def answer(site, flow, acked, seq=ANSWER_SEQ, payload=b"", ip=None, **header):
    """Whether it arrived at the client."""
    back = flow.back
    segment = tcp(back, seq, payload, acked=acked, **{**dict(flags=ACK, options=timestamps(TIMESTAMP)), **header})
    return site.back.send(back, packet(back, segment, **(ip or {})))


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_has_passed_may_be_acknowledged_and_no_more(world, backend, family):
    world.rule(backend)
    flow = world.flow(family)
    assert not answer(world, flow, SEQ)
    arm(world, flow)
    assert answer(world, flow, SEQ - 50) and answer(world, flow, SEQ) and answer(world, flow, SEQ)
    assert not answer(world, flow, SEQ + 1) and not answer(world, flow, SEQ - 1)
    assert world.send(flow, SEQ)
    end = SEQ + len(BODY)
    assert answer(world, flow, end, options=timestamps(TIMESTAMP + 9)) and answer(world, flow, end, options=timestamps(TIMESTAMP + 5))
    assert world.kernel.answers(flow) == (end, 1000, TIMESTAMP + 9)
    assert world.kernel.look(flow) == (end, b"\r\n", True)
    # Where the client's are queued, the server's are as well.
    assert not world.send(flow, end, b".\r\n")
    assert not answer(world, flow, end)
    assert world.kernel.answers(flow) == (end, 1000, TIMESTAMP + 9)
    assert world.kernel.take_back(flow) == (end, b"\r\n", False)


REFUSED = {
    **{f"flags {flags}": dict(flags=flags) for flags in (ACK | PSH, ACK | FIN, ACK | SYN, ACK | RST, ACK | URG, PSH, RST, 0)},
    "an octet": dict(payload=b"2"),
    "words of before": dict(seq=ANSWER_SEQ - 1),
    "words of later": dict(seq=ANSWER_SEQ + 1),
    "more acknowledged": dict(acked=SEQ + 1),
    "less acknowledged": dict(acked=SEQ - 101),
    "another order of options": dict(options=TIMESTAMPS[2:] + b"\1\1"),
    "another option": dict(options=b"\x1e\4\0\0"),
    "nothing but padding": dict(options=b"\1\1\1\1"),
    "half an option": dict(options=b"\1\1\5\x0a"),
    "a reserved bit": dict(reserved=1),
    "a wrong sum": dict(sum_xor=0x0100),
}


@pytest.mark.parametrize("name", REFUSED, ids=lambda value: str(value).replace(" ", "-"))
def test_what_is_more_than_an_acknowledgement_does_not_pass_and_freezes_nothing(site, family, name):
    flow = armed(site, family)
    assert not answer(site, flow, **{"acked": SEQ, **REFUSED[name]})
    assert site.kernel.answers(flow) == (SEQ - 100, WINDOW, TIMESTAMP)
    assert answer(site, flow, SEQ) and site.passes(flow)


@pytest.mark.parametrize("header", (dict(flags=ACK | ECE), dict(flags=ACK | CWR), dict(options=b""), dict(options=SACK),
                                    dict(options=timestamps(TIMESTAMP) + SACK)), ids=range(5))
def test_congestion_and_the_usual_options_are_no_obstacle(site, family, header):
    assert answer(site, armed(site, family), SEQ, **header)


IP_HEADERS = {4: dict(options=b"\1\1\1\0"), 6: dict(extension=(60, b"\6\0\1\4\0\0\0\0"))}


def test_of_ip_only_plain_headers_pass(site, family):
    flow = armed(site, family)
    assert not answer(site, flow, SEQ, ip=IP_HEADERS[family]) and answer(site, flow, SEQ)


def test_they_are_those_of_one_connection_by_one_interface(site, family):
    right = site.flow(family)
    for wrong in (dict(source_port=right.source_port + 1), dict(port=26), dict(client=right.server, server=right.client)):
        arm(site, right.other(**wrong))
    arm(site, right, by=site.wire.ingress)
    assert not answer(site, right, SEQ)
    arm(site, right, by=0)
    assert not answer(site, right, SEQ)
    arm(site, right)
    assert answer(site, right, SEQ)
    site.kernel.forget_all()


@pytest.mark.parametrize("option, zone, other", (("--zone", 7, 0), ("--zone-orig", 0, 7)))
def test_they_are_those_of_the_zone_that_the_clients_packets_have(site, family, option, zone, other):
    """The server's begin the connection here, so that the client's are those that answer."""
    rule = ("PREROUTING", "-p", "tcp", "--sport", "25", "-j", "CT", option, "7")
    site.row.tables("iptables-legacy", "-t", "raw", "-A", *rule, family=family)
    try:
        flow = armed(site, family)
        right, wrong = flow.other(zone=zone), flow.other(zone=other)
        site.kernel.forget_all()
        arm(site, wrong)
        assert not answer(site, flow, SEQ)
        arm(site, right)
        assert answer(site, flow, SEQ)
        assert site.kernel.answers(wrong) == (SEQ - 100, WINDOW, TIMESTAMP)
    finally:
        site.row.tables("iptables-legacy", "-t", "raw", "-D", *rule, family=family)
        site.kernel.forget_all()


def test_one_of_each_mib_is_queued_and_the_next_passes(site, family):
    flow = armed(site, family, seq=MIB + 50)
    assert answer(site, flow, MIB - 1) and not answer(site, flow, MIB) and answer(site, flow, MIB)
    assert site.kernel.answers(flow) == (MIB, 1000, TIMESTAMP)


def test_numbers_go_round(site, family):
    flow = armed(site, family, seq=10, acked=0xfffffff0, timestamp=0xfffffff0)
    assert answer(site, flow, 0xfffffff8) and not answer(site, flow, 11)
    arm(site, flow, seq=10, acked=5, timestamp=0xfffffff0)
    assert answer(site, flow, 10, options=timestamps(3)) and site.kernel.answers(flow) == (10, 1000, 3)


def test_who_does_not_say_the_servers_side_has_it_all_queued(site, family):
    flow = armed(site, family)
    site.kernel.arm(flow, SEQ)
    assert site.kernel.answers(flow) is None and not answer(site, flow, SEQ)
    said = dict(answer_seq=1, by=1, acked=1, window=1, timestamp=1)
    for missing in ("by", "acked", "window", "timestamp"):
        with pytest.raises(OSError):
            site.kernel.arm(flow, SEQ, **{name: value for name, value in said.items() if name != missing})
    with pytest.raises(OSError):
        site.kernel.ask(passage.ARM, flow.attributes() + [(passage.NEXT_SEQ, bytes(4)), (passage.TAIL, b"\r\n"),
                                                          (passage.ANSWER_SEQ, bytes(3))], acknowledged=True)
