# SPDX-License-Identifier: GPL-2.0-or-later
"""`hopguard check` and the DNS of those who keep somebody else's mail: each name server of each zone is asked by itself."""

import os
import shutil

from check_cases import Cases, played
from check_lab import ADDRESS, FAULTY, FAULTY_TOO
from dnsworld import Faulty, Server, World

CASES = Cases()
case = CASES.add

LAGGING, OLD_PORT = "192.0.2.57", 5301
TWO = {"address": [FAULTY, FAULTY_TOO]}  # the first of them has the faults


def guest(name, operator, kinds=(), where="", **how):
    """A domain whose mail another domain keeps."""
    case(name, kinds, where=where, policy=None, build=lambda lab, domain: f"@ MX 10 mx.{operator}.example.\n", **how)


# The operator's name servers

case("op-sound", policy=None, **TWO)
guest("of-sound", "op-sound")
case("op-fails", {"nameserver-wrong"}, where="SERVFAIL", policy=None, faults=[("TLSA", "_25._tcp.mx.", "servfail")], **TWO)
guest("of-fails", "op-fails", {"nameserver-wrong"}, where="ns.op-fails.example 192.0.2.54: of op-fails.example: asked for TLSA")
case("op-silent", {"nameserver-wrong"}, where="does not answer", policy=None, faults=[("TLSA", "_25._tcp.mx.", "drop")], **TWO)
guest("of-silent", "op-silent", {"nameserver-wrong"}, where="does not answer within")
case("op-strips", {"nameserver-wrong"}, where="signatures are missing", policy=None, faults=[("TLSA", "_25._tcp.mx.", "strip")], **TWO)
guest("of-strips", "op-strips", {"nameserver-wrong"}, where="signatures are missing")
case("op-denies", {"nameserver-wrong"}, where="TLSA", policy=None, faults=[("TLSA", "_25._tcp.mx.", "nodata")], **TWO)
guest("of-denies", "op-denies", {"nameserver-wrong"}, where="192.0.2.54")
case("op-lame", {"nameserver-wrong", "no-promise"}, where="REFUSED", policy=None, signed=False, faults=[("A", "mx.", "refused")],
     build=lambda lab, domain: lab.sound_host(domain, record=False), **TWO)
guest("of-lame", "op-lame", {"nameserver-wrong", "no-promise"}, where="REFUSED: it does not serve the zone")

case("op-long", policy=None, faults=[("TLSA", "_25._tcp.mx.", "tcp-only"), ("MX", "", "tcp-only")], **TWO)
guest("of-long", "op-long")
case("op-long-strips", {"nameserver-wrong"}, where="signatures are missing", policy=None,
     faults=[("TLSA", "_25._tcp.mx.", "tcp-only"), ("MX", "", "tcp-strip")], **TWO)
case("op-no-tcp", {"nameserver-wrong"}, where="is cut, and by TCP there is none: ", policy=None,
     faults=[("TLSA", "_25._tcp.mx.", "no-tcp")], **TWO)

# A large provider: its zone is not signed, its servers fail at questions for keys, and nobody asks them such

case("op-unsigned", {"no-promise"}, policy=None, signed=False, faults=[("TLSA", "_25._tcp.mx.", "servfail")],
     build=lambda lab, domain: lab.sound_host(domain, record=False), **TWO)
guest("of-unsigned", "op-unsigned", {"no-promise"})

# One that has an old copy of the zone, valid as it is

NEXT = f"3 1 1 {64 * 'a'}"  # the key that is to come, of which it has not heard
case("lagging", {"nameserver-wrong"}, where="its TLSA records at _25._tcp.mx.lagging.example are not those of", policy=None,
     address=[FAULTY_TOO, LAGGING], build=lambda lab, domain: lab.sound_host(domain) + f"_25._tcp.mx TLSA {NEXT}\n")
guest("of-lagging", "lagging", {"nameserver-wrong"}, where="its TLSA records at _25._tcp.mx.lagging.example are not those of")

# MX records

case("null-too", {"mx-null-too"}, policy=None, build=lambda lab, domain: "@ MX 0 .\n" + lab.sound_host(domain))
case("nowhere", {"mx-nowhere"}, policy=None, reports="", build=lambda lab, domain: "www A 198.51.100.1\n")
case("address-as-mx", {"mx-address"}, where="198.51.100.1: preference 10", policy=None,
     build=lambda lab, domain: "@ MX 10 198.51.100.1.\n")
case("empty-host", {"mx-dangling"}, where="it has no address", policy=None,
     build=lambda lab, domain: lab.sound_host(domain) + "@ MX 20 empty\nempty TXT x\n")
case("forty", notes={"mx-too-many"}, policy=None, reports="",
     build=lambda lab, domain: "".join(lab.sound_host(domain, f"mx{i}", i) for i in range(40)))

# Zones

case("parent", policy=None, build=lambda lab, domain: "@ MX 10 mx.child\n")
case("costly", {"denial-costly"}, where="100 additional iterations", iterations=100)
case("cheap", nsec3=True)
case("keys-dropped", {"tlsa-unknown", "nameserver-wrong"}, where="TLSA", policy=None, faults=[("TLSA", "_25._tcp.mx.", "drop")])


def serve_old(lab):
    """The zone as it was before its last change, signed by the same key."""
    old = World(os.path.join(lab.directory, "old"), ADDRESS)
    current = lab.world.zones["lagging.example."]
    zone = old.zone("lagging.example.", current.records.replace(f"_25._tcp.mx TLSA {NEXT}\n", ""), address=current.addresses)
    for name in os.listdir(lab.world.directory):
        if name.startswith(current.keys[0]):
            shutil.copy(os.path.join(lab.world.directory, name), old.directory)
    zone.keys = current.keys
    old.configurations = lambda: {"old": old.configuration("old", [zone], OLD_PORT)}
    lab.running += [Server(old, lab.prefix), Faulty(old, LAGGING, [], lab.prefix, upstream_port=OLD_PORT)]


def more_domains(lab):
    lab.domain("child.parent", lab.sound_host("child.parent.example"), policy=None, reports="", address=FAULTY)
    lab.addresses.append(LAGGING)


lab, answers, test_a_domain_is_found_to_have_its_mistake_and_no_other = played(CASES, before=more_domains, after=serve_old)


def test_the_servers_of_every_zone_are_counted(lab, answers):
    assert {(server["zone"], server["state"]) for server in answers["of-fails.example"]["nameservers"]} == {
        ("of-fails.example", "good"), ("op-fails.example", "wrong"), ("op-fails.example", "good")}
    assert "servers  1 of 1 of of-fails.example, 1 of 2 of op-fails.example answer well" in lab.run("of-fails.example").stdout
