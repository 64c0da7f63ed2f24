# SPDX-License-Identifier: GPL-2.0-or-later
"""A router on the path that answers DNS questions in the name servers' place.

Each question by UDP that comes by is asked of the server that it was meant for, and the answer is what `forge` makes of
it: forge(answer) changes it, or gives another. TCP passes.
"""

import contextlib
import socket
import struct
import threading

import dns.message
import dns.query
import namespaces

TABLE = 101
IP_PKTINFO, IP_TRANSPARENT = 8, 19


class DnsAttacker:
    def __init__(self, host, towards_resolvers):
        self.host = host
        self.forge = None
        self.forged = 0
        self._rule = f"pref 110 iif {towards_resolvers} ipproto 17 dport 53 lookup {TABLE}"
        host.network_command(["ip", "route", "add", "local", "default", "dev", "lo", "table", TABLE])
        self._socket = self._make_socket(("0.0.0.0", 53))
        self._socket.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        threading.Thread(target=self._serve, daemon=True).start()

    def _make_socket(self, place):
        made = self.host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        return made

    @contextlib.contextmanager
    def forging(self, forge, victims=None):
        """victims: whose questions it takes, a network; those of others pass."""
        rule = self._rule + (f" from {victims}" if victims else "")
        self.forge = forge
        self.forged = 0
        self.host.network_command(["ip", "rule", "add", *rule.split()])
        try:
            yield self
        finally:
            with contextlib.suppress(namespaces.LabError):
                self.host.network_command(["ip", "rule", "del", *rule.split()])
            self.forge = None

    def _serve(self):
        while True:
            octets, ancillary, _, client = self._socket.recvmsg(65535, 256)
            server = next(socket.inet_ntoa(struct.unpack("=I4s4s", data)[2]) for level, kind, data in ancillary
                          if (level, kind) == (socket.IPPROTO_IP, IP_PKTINFO))
            threading.Thread(target=self._answer, args=(octets, server, client), daemon=True).start()

    def _answer(self, octets, server, client):
        question = dns.message.from_wire(octets)
        with self.host.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            answer = dns.query.udp(question, server, timeout=2, sock=asking)
        forge = self.forge
        before = answer.to_wire()
        if forge:
            answer = forge(answer) or answer
        wire = answer.to_wire()
        self.forged += wire != before
        with self._make_socket((server, 53)) as answering:
            answering.sendto(wire, client)
