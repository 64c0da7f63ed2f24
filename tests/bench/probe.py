#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long mail waits for a probe. Needs root, and `make all test-deps`.

    tests/bench/probe.py [DOMAINS]

In the lab's network, where a round trip takes next to nothing but the server's greeting 150 ms, a client sends two letters to
each domain (DANE, usage 3), the second at once behind the first; half of the domains in TLS 1.2, where the key crosses the
wire, half in TLS 1.3, where the guard goes to look at it. Prints of what lies between the client's STARTTLS and the first
reply inside TLS, which is all that waits for a key, the median, the least and the most in ms:

    TLS 1.2 first    look-ups of the promise where they are not there yet, and the verifier
    TLS 1.2 again    what is known
    TLS 1.3 first    the same, and the probe
    TLS 1.3 again    what is known
    without a guard  the last two with nobody between
"""

import os
import ssl
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))

import clients  # noqa: E402
import keys_lab  # noqa: E402

VERSIONS = {"12": ssl.TLSVersion.TLSv1_2, "13": ssl.TLSVersion.TLSv1_3}
PATIENCE_S = 25
# What the guard allows the scout to hear of a DNS answer (50 ms, and a tick) has passed by then, as it has where a round trip
# takes 20 ms.
GREETING_S = 0.15


class TimedClient(clients.OpportunisticClient):
    secured_ms = 0

    def _secure(self, stream, capabilities):
        time.sleep(GREETING_S)
        begin = time.monotonic()
        failure = super()._secure(stream, capabilities)
        self.secured_ms = (time.monotonic() - begin) * 1000
        return failure


def secured_ms(client, domain):
    client.server_name = domain.destination.name
    if not client.send(domain.address, f"you@{domain.name}", b"Subject: a letter\r\n\r\nhello"):
        sys.exit(f"{domain.name} took no letter: {client.replies}")
    return client.secured_ms


def measure(site, count, turns):
    figures = {}
    client = TimedClient(site.world.sender, PATIENCE_S)
    for number in range(count):
        for version, highest in VERSIONS.items():
            client.highest = highest
            for turn in turns:
                figures.setdefault(f"TLS 1.{version[1]} {turn}", []).append(secured_ms(client, site[f"bench{number}-{version}"]))
    return figures


def main(count=20):
    with keys_lab.Keys(()) as site:
        for number in range(count):
            for version in VERSIONS:
                site.promise(f"bench{number}-{version}", "dane-ee", zone={"ttl": 3600})
        site.open()
        site.sink.send_at_once()
        figures = measure(site, count, ("without a guard",))
        site.stand()
        figures |= measure(site, count, ("first", "again"))
        probes = site.guard.status()["counters"]["probes"]
    print(f"{count} domains of each kind, {probes} probes")
    for name, values in sorted(figures.items()):
        print(f"{name:24} {statistics.median(values):6.0f} ms ({min(values):.0f} to {max(values):.0f})")


if __name__ == "__main__":
    if sys.argv[1:2] in (["-h"], ["--help"]):
        print(__doc__)
    else:
        main(*map(int, sys.argv[1:]))
