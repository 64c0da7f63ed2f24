# SPDX-License-Identifier: GPL-2.0-or-later
"""The domains of the lab, and what each promises.

A cell gets a domain and an address that no cell before it used for a long while: what senders and the guard remember
of a destination then never crosses from one cell into the next.
"""

import collections

import dnsworld
import world

# domain: where mail goes. name: its (first) MX host. addresses: of its hosts, by preference.
Destination = collections.namedtuple("Destination", "kind domain name family addresses")

SINGLE = range(10, 160)   # numbers of addresses, see world.far_address
PAIRS = range(160, 220, 2)
# Domains of which no answer can be had, however one asks: signatures that are no more valid; a name server that is not there.
BOGUS, MUTE = "bogus.lab", "mute.lab"
NOBODY = "198.51.100.9"
KINDS = {"unprotected": range(220, 228), "unsigned": range(228, 236), "unsigned-tlsa": range(236, 244)}


class Destinations:
    """`tlsa` is the record's data for the key of the server that receives. `receivers` are names of
    kinds of their own, each at the one number that world.MX_NUMBERS gives it, with the record's data for its key."""

    def __init__(self, directory, tlsa, receivers=None):
        self.dns = dnsworld.World(directory, world.NAMESERVER)
        self._turns = collections.Counter()
        self._pools = collections.defaultdict(list)
        self._records = collections.defaultdict(list)
        for family in (4, 6):
            for number in SINGLE:
                self._add("protected", "dane.lab.", family, (number,), (tlsa,))
            for number in PAIRS:
                self._add("two-hosts", "dane.lab.", family, (number, number + 1), (tlsa, None))
            for kind, numbers in KINDS.items():
                for number in numbers:
                    self._add(kind, f"{kind}.lab.", family, (number,), (tlsa if "tlsa" in kind else None,))
        self._add_receivers(receivers or {})
        for zone, records in self._records.items():
            self.dns.zone(zone, "\n".join(records), signed=not zone.startswith("unsigned"), ttl=3600)
        elsewhere = f"@ MX 10 mx\nmx A {world.far_address(250, 4)}\nmx AAAA {world.far_address(250, 6)}\n"
        self.dns.zone(f"{BOGUS}.", elsewhere, broken="expired")
        self.dns.zone(f"{MUTE}.", elsewhere, address=NOBODY)

    def _add(self, kind, zone, family, numbers, tlsas):
        label = f"d{numbers[0]}-{family}"
        records = self._records[zone]
        addresses = []
        for place, (number, tlsa) in enumerate(zip(numbers, tlsas), 1):
            host = f"mx{place}.{label}"
            addresses.append(world.far_address(number, family))
            records.append(f"{label} MX {place * 10} {host}")
            records.append(f"{host} {'A' if family == 4 else 'AAAA'} {addresses[-1]}")
            if tlsa:
                records.append(f"_25._tcp.{host} TLSA {tlsa}")
        domain = f"{label}.{zone.rstrip('.')}"
        self._pools[kind, family].append(Destination(kind, domain, f"mx1.{domain}", family, tuple(addresses)))

    def _add_receivers(self, receivers):
        for name, tlsa in receivers.items():
            for family in (4, 6):
                self._add(name, "dane.lab.", family, (world.MX_NUMBERS[name],), (tlsa,))

    def next(self, kind, family):
        pool = self._pools[kind, family]
        self._turns[kind, family] += 1
        return pool[self._turns[kind, family] % len(pool)]
