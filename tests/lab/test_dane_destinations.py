# SPDX-License-Identifier: GPL-2.0-or-later
"""What a destination promises by DANE (RFC 6698, 7671, 7672), and each trap on the way, against real name servers.

Every case is a zone NAME.example. (or more) and what the scout must make of it. Nearly all are asked at once.
"""

import pytest

from dane_lab import FAULTY, FAULTY_TOO, KEY, NOBODY, DaneLab

A = "198.51.100.25"
AAAA = "2001:db8::25"
HOST = f"@ MX 10 mx\nmx A {A}\n"
TLSA = f"_25._tcp.mx TLSA 3 1 1 {KEY}\n"
SHA512 = 128 * "b"
SPKI = "302a300506032b6570032100" + 64 * "c"  # a whole Ed25519 key
SEEN = "_25._tcp.{} 3 1 1 60b875..."

CASES = []


def case(name, records, mx="found", mx_security="secure", host=None, promise=None, detail=None, addresses=None, why=None,
         address_security=None, more=(), **zone):
    """host: the first one's name. more: further zones, as (name, records, how). A part of `detail` and `why` is enough."""
    CASES.append(dict(name=name, records=records, zone=zone, more=more, want=dict(
        mx=mx, mx_security=mx_security, host=host, promise=promise, detail=detail, addresses=addresses, why=why,
        address_security=address_security)))


def fault(name, rrtype, kind, below=""):
    return [(rrtype, f"{below}{name}.example.", kind)]


# The plain ways

case("dane", HOST + TLSA, host="mx.dane.example", promise="key", detail=SEEN.format("mx.dane.example"), addresses=[A],
     address_security="secure")
case("both-families", f"{HOST}mx AAAA {AAAA}\n{TLSA}", promise="key", addresses=[A, AAAA])
case("nsec3", HOST + TLSA, nsec3=True, promise="key")
case("no-tlsa", HOST, promise="none", address_security="secure")
case("no-tlsa-nsec3", HOST, nsec3=True, promise="none")
case("no-tlsa-name-exists", HOST + "_25._tcp.mx TXT here\n", promise="none")
case("unsigned", HOST, signed=False, mx_security="insecure", promise="none", address_security="insecure")

# Null MX, NXDOMAIN and "no MX, so the address" are three different things

case("null", "@ MX 0 .\n", mx="null", why="accepts no mail")
case("null-and-more", f"@ MX 0 .\n@ MX 10 mx\nmx A {A}\n{TLSA}", host="mx.null-and-more.example", promise="key")
case("implicit", f"@ A {A}\n_25._tcp TLSA 3 1 1 {KEY}\n", mx="implicit", host="implicit.example", promise="key",
     detail=SEEN.format("implicit.example"))
CASES.append(dict(name="absent", want=dict(mx="nxdomain", mx_security="secure", why="does not exist")))
case("parent-of-absent", HOST)
CASES.append(dict(name="absent.parent-of-absent", want=dict(mx="nxdomain", mx_security="secure", why="does not exist")))
case("nothing", "@ TXT nothing\n", mx="implicit", host="nothing.example", promise="none", addresses=[])
case("mx-absent", "@ MX 10 mx\n", host="mx.mx-absent.example", promise="none", addresses=[])

# Only secure and insecure answers are answers, at each step

for kind, why in (("servfail", "SERVFAIL"), ("drop", "timeout"), ("refused", "")):
    case(f"mx-{kind}", HOST + TLSA, mx="unavailable", mx_security="failed", why=why,
         faults=fault(f"mx-{kind}", "MX", kind))
    case(f"tlsa-{kind}", HOST + TLSA, promise="unavailable", detail=f"TLSA mx.tlsa-{kind}.example: {why}",
         address_security="secure", addresses=[A], faults=fault(f"tlsa-{kind}", "TLSA", kind, "_25._tcp.mx."))
    case(f"a-{kind}", HOST + TLSA, promise="unavailable", detail="A mx.a-", address_security="failed",
         faults=fault(f"a-{kind}", "A", kind, "mx."))
for kind in ("nodata", "nxdomain"):
    # A denial without proof, in a signed zone, denies nothing.
    case(f"mx-{kind}-unproven", HOST + TLSA, mx="unavailable", mx_security="bogus", why="bogus",
         faults=fault(f"mx-{kind}-unproven", "MX", kind))
    case(f"tlsa-{kind}-unproven", HOST + TLSA, promise="unavailable", detail="bogus", addresses=[A],
         faults=fault(f"tlsa-{kind}-unproven", "TLSA", kind, "_25._tcp.mx."))

for broken in ("expired", "future", "ds-mismatch", "unsigned"):
    case(f"bogus-{broken}", HOST + TLSA, broken=broken, mx="unavailable", mx_security="bogus", why="validation failure")
case("bogus-mx", HOST + TLSA, broken="signature:bogus-mx.example. MX", mx="unavailable", mx_security="bogus",
     why="signature")
case("bogus-a", HOST + TLSA, broken="signature:mx.bogus-a.example. A", promise="unavailable", address_security="bogus",
     detail="A mx.bogus-a.example: bogus")
case("bogus-tlsa", HOST + TLSA, broken="signature:_25._tcp.mx.bogus-tlsa.example. TLSA", promise="unavailable",
     address_security="secure", addresses=[A], detail="TLSA mx.bogus-tlsa.example: bogus")
case("stripped", HOST + TLSA, mx="unavailable", mx_security="bogus", why="bogus", faults=fault("stripped", "*", "strip"))
case("no-denial", f"{HOST}mx AAAA {AAAA}\n", broken="no-denial", promise="unavailable", detail="bogus")
# Not bogus: an algorithm that nobody knows makes a zone insecure (RFC 4035 section 5.2).
case("new-algorithm", HOST, broken="unknown-algorithm", mx_security="insecure", promise="none")

# One family of two

case("aaaa-servfail", HOST + TLSA, promise="key", addresses=[A], faults=fault("aaaa-servfail", "AAAA", "servfail", "mx."))
case("aaaa-drop", HOST + TLSA, promise="key", addresses=[A], faults=fault("aaaa-drop", "AAAA", "drop", "mx."))
case("a-fails-aaaa-works", f"@ MX 10 mx\nmx AAAA {AAAA}\nmx A {A}\n{TLSA}", promise="key", addresses=[AAAA],
     faults=fault("a-fails-aaaa-works", "A", "servfail", "mx."))
case("aaaa-bogus", f"{HOST}mx AAAA {AAAA}\n{TLSA}", broken="signature:mx.aaaa-bogus.example. AAAA", promise="key",
     addresses=[A])
case("a-absent-aaaa-fails", f"@ MX 10 mx\nmx AAAA {AAAA}\n{TLSA}", promise="unavailable", detail="AAAA mx.",
     faults=fault("a-absent-aaaa-fails", "AAAA", "servfail", "mx."))

# An insecure address: TLSA is not asked for, as such servers often fail that question

case("insecure-host", "@ MX 10 mx.insecure-farm.example.\n", host="mx.insecure-farm.example", promise="none",
     address_security="insecure", addresses=[A],
     more=[("insecure-farm", f"mx A {A}\n{TLSA}", dict(signed=False, faults=fault("insecure-farm", "TLSA", "drop", "*.")))])

# CNAME: the secure end of the chain first, then the name itself

case("alias", f"@ MX 10 mx\nmx CNAME real\nreal A {A}\n_25._tcp.real TLSA 3 1 1 {KEY}\n", host="mx.alias.example",
     promise="key", detail=SEEN.format("real.alias.example"), addresses=[A])
case("alias-own", f"@ MX 10 mx\nmx CNAME real\nreal A {A}\n{TLSA}", promise="key",
     detail=SEEN.format("mx.alias-own.example"))
case("alias-both", f"@ MX 10 mx\nmx CNAME real\nreal A {A}\n{TLSA}_25._tcp.real TLSA 3 1 1 {64 * 'd'}\n", promise="key",
     detail="_25._tcp.real.alias-both.example 3 1 1 dddddd...")
case("alias-neither", f"@ MX 10 mx\nmx CNAME real\nreal A {A}\n", promise="none")
case("alias-target-fails", f"@ MX 10 mx\nmx CNAME real\nreal A {A}\n{TLSA}_25._tcp.real TLSA 3 1 1 {KEY}\n", promise="unavailable", detail="TLSA real.",
     faults=fault("alias-target-fails", "TLSA", "servfail", "_25._tcp.real."))
case("alias-out", f"@ MX 10 mx\nmx CNAME real.insecure-out.example.\n{TLSA}", promise="key",
     detail=SEEN.format("mx.alias-out.example"), address_security="insecure", addresses=[A],
     more=[("insecure-out", f"real A {A}\n_25._tcp.real TLSA 3 1 1 {64 * 'd'}\n", dict(signed=False))])
case("alias-out-none", "@ MX 10 mx\nmx CNAME real.insecure-out.example.\n", promise="none")
case("alias-insecure", "@ MX 10 mx.insecure-alias.example.\n", promise="none", address_security="insecure",
     more=[("insecure-alias", f"mx CNAME real.insecure-out.example.\n{TLSA}", dict(signed=False))])
case("tlsa-alias", f"{HOST}_25._tcp.mx CNAME keys\nkeys TLSA 3 1 1 {KEY}\n", promise="key",
     detail=SEEN.format("mx.tlsa-alias.example"))
case("tlsa-alias-out", f"{HOST}_25._tcp.mx CNAME keys.insecure-keys.example.\n", promise="none",
     more=[("insecure-keys", f"keys TLSA 3 1 1 {KEY}\n", dict(signed=False))])
case("domain-alias", "@ MX 10 mx\nmx A 198.51.100.25\nwww CNAME @\n" + TLSA)
CASES.append(dict(name="www.domain-alias", want=dict(mx="found", mx_security="secure", host="mx.domain-alias.example",
                                                     promise="key")))
case("wildcard", f"@ MX 10 mx\nmx A {A}\n*._tcp.mx TLSA 3 1 1 {KEY}\n", promise="key")

# Which records SMTP can use (RFC 7672 section 3.1)

RECORDS = (
        (f"0 0 1 {KEY}", "tls"), (f"1 1 1 {KEY}", "tls"), (f"2 0 1 {KEY}", "key"), (f"3 0 1 {KEY}", "key"),
        (f"2 1 2 {SHA512}", "key"), (f"3 1 2 {SHA512}", "key"), (f"4 1 1 {KEY}", "tls"), (f"255 1 1 {KEY}", "tls"),
        (f"3 2 1 {KEY}", "tls"), (f"3 1 3 {KEY}", "tls"), (f"3 1 1 {KEY[:-2]}", "tls"), (f"3 1 1 {KEY}aa", "tls"),
        (f"3 1 2 {KEY}", "tls"), (f"3 1 0 {SPKI}", "key"), (f"3 1 0 {KEY}", "tls"), (f"3 0 0 {SPKI}", "tls"))
case("records", "".join(f"record-{number} MX 10 mx{number}\nmx{number} A {A}\n_25._tcp.mx{number} TLSA {data}\n"
                        for number, (data, _) in enumerate(RECORDS)), mx="implicit")
for number, (data, promise) in enumerate(RECORDS):
    CASES.append(dict(name=f"record-{number}.records", want=dict(
        mx="found", promise=promise, detail=f"_25._tcp.mx{number}.records.example {data.rsplit(' ', 1)[0]} {data.rsplit(' ', 1)[1][:6]}..." + (" (unusable)" if promise == "tls" else ""))))
case("one-usable", HOST + f"_25._tcp.mx TLSA 1 1 1 {KEY}\n_25._tcp.mx TLSA 0 0 1 {KEY}\n_25._tcp.mx TLSA 2 1 1 {64 * 'e'}\n",
     promise="key", detail="_25._tcp.mx.one-usable.example 2 1 1 eeeeee...")
case("mixed", HOST + f"_25._tcp.mx TLSA 2 0 1 {64 * 'f'}\n" + TLSA, promise="key")

# The MX itself unproven, the host proven

case("insecure-mx", "@ MX 10 mx.dane.example.\n", signed=False, mx_security="insecure", host="mx.dane.example",
     promise="key", address_security="secure", detail=SEEN.format("mx.dane.example"))

# Name servers that misbehave but do answer

case("one-of-two-dead", HOST + TLSA, promise="key", address=[NOBODY, FAULTY_TOO])
case("one-of-two-servfail", HOST + TLSA, promise="key", address=[FAULTY, FAULTY_TOO],
     faults=fault("one-of-two-servfail", "*", "servfail", "*.") + fault("one-of-two-servfail", "*", "servfail"))
case("tcp-only", HOST + TLSA, promise="key", faults=fault("tcp-only", "*", "tcp-only") + fault("tcp-only", "*", "tcp-only", "*."))
case("large", HOST + "".join(f"_25._tcp.mx TLSA 3 1 1 {i:064x}\n" for i in range(60)), promise="key")

# Many hosts

case("order", f"@ MX 30 c\n@ MX 10 a\n@ MX 20 b\n@ MX 5 b\na A {A}\nb A {A}\nc A {A}\n", host="b.order.example")
case("many", "".join(f"@ MX {i} mx{i}\nmx{i} A 198.51.100.{i}\n" for i in range(1, 41)), host="mx1.many.example")
case("case-folded", f"@ MX 10 MX\nMX A {A}\n_25._tcp.mX TLSA 3 1 1 {KEY}\n", host="mx.case-folded.example", promise="key")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    made = DaneLab(tmp_path_factory.mktemp("dane"))
    try:
        for one in CASES:
            if "records" in one:
                made.zone(one["name"] + ".example.", one["records"], **one["zone"])
            for name, records, how in one.get("more", ()):
                made.zone(name + ".example.", records, **how)
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def answers(lab):
    """A crowd takes a while: only whoever hears nothing is not waited for."""
    unheard = [f"{one['name']}.example" for one in CASES if one["name"].endswith("-drop")]
    others = [f"{one['name']}.example" for one in CASES if not one["name"].endswith("-drop")]
    return lab.ask(*unheard, timeout_ms=3000) | lab.ask(*others, "host:mx.dane.example", "host:mx.absent.example",
                                                        "host:mx.tlsa-servfail.example")


@pytest.mark.parametrize("one", CASES, ids=lambda one: one["name"])
def test_destination_promises_what_its_zone_says(one, answers):
    answer = answers[one["name"] + ".example"]
    want = {key: value for key, value in one["want"].items() if value is not None}
    host = answer["hosts"][0] if answer["hosts"] else {}
    for key in ("mx", "mx_security"):
        assert answer[key] == want.get(key, answer[key]), answer
    assert want.get("why", "") in answer["why"], answer
    assert ("why" in want) == bool(answer["why"]), answer
    for key in ("promise", "address_security"):
        assert host.get(key) == want.get(key, host.get(key)), answer
    assert host.get("name") == want.get("host", host.get("name")), answer
    assert want.get("detail", "") in host.get("detail", ""), answer
    if "addresses" in want:
        assert sorted(host["addresses"]) == sorted(want["addresses"]), answer
    if "promise" in want:
        assert host["source"] == ("none" if want["promise"] == "none" else "dane"), answer


def test_what_failed_is_kept_for_seconds_and_what_holds_for_its_ttl(answers):
    assert answers["dane.example"]["ttl"] in range(250, 301)
    for name in ("mx-servfail", "tlsa-drop", "bogus-a", "aaaa-drop"):
        assert answers[name + ".example"]["ttl"] <= 5


def test_hosts_stand_in_order_of_preference_and_each_once(answers):
    hosts = [(host["name"], host["preference"]) for host in answers["order.example"]["hosts"]]
    assert hosts == [("b.order.example", 5), ("a.order.example", 10), ("c.order.example", 30)]


def test_of_too_many_hosts_the_best_preferences_stay(answers):
    answer = answers["many.example"]
    assert answer["truncated"]
    assert [host["preference"] for host in answer["hosts"]] == list(range(1, 33))
    assert not answers["dane.example"]["truncated"]


def test_a_host_is_asked_by_its_own_name(answers):
    answer = answers["mx.dane.example"]
    assert (answer["mx"], answer["hosts"][0]["promise"], answer["hosts"][0]["addresses"]) == ("host", "key", [A])
    assert answers["mx.absent.example"]["hosts"][0]["addresses"] == []
    assert answers["mx.tlsa-servfail.example"]["hosts"][0]["promise"] == "unavailable"
