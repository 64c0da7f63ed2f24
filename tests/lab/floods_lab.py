# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab for floods: one domain that promises TLS, one that promises nothing, one whose name servers never answer, a mail server
of whoever leads clients on (session_storm), and beside the honest client another one that is led."""

import contextlib
import itertools
import json
import re
import socket
import subprocess

import attacker
import attacks
import capture
import clients
import dnsworld
import guard
import namespaces
import servers
import sink
import world

PROTECTED, PLAIN = 10, 20            # numbers of hosts, see world.far_address
SILENT = range(200, 210)             # of name servers
LED = "192.0.2.3"                    # the other client
STORM_PORT = 2525
PATIENCE_S = 25


class Floods:
    def __init__(self):
        self.world = world.World(senders=())
        try:
            self._furnish()
        except BaseException:
            self.world.close()
            raise

    def _furnish(self):
        key, certificate = sink.make_key(self.world.directory, "mx")
        self.world.sender.ip(f"addr add {LED}/25 dev out0")
        self.sink = sink.Sink(self.world.far, key, certificate)
        self.dns = dnsworld.World(self.world.directory, world.NAMESERVER)
        for name, number, more in (("dane", PROTECTED, f"_25._tcp.mx TLSA {dnsworld.tlsa(certificate)}\n"), ("plain", PLAIN, "")):
            self.dns.zone(f"{name}.lab.", f"@ MX 10 mx\nmx A {world.far_address(number, 4)}\n{more}")
        self.dns.zone("silent.lab.", signed=False, address=[world.far_address(number, 4) for number in SILENT])
        self.dns.serve(self.world.far.command([]))
        self._deaf = [self.world.far.socket(kind=socket.SOCK_DGRAM) for _ in SILENT]
        for one, number in zip(self._deaf, SILENT):
            one.bind((world.far_address(number, 4), 53))
        self.attacker = attacker.Attacker(self.world.outside, "in0", "out0")
        self.guard = None
        self._storm = None
        self._serial = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.world.close()

    def stand(self, *settings):
        """A new guard."""
        self.stop()
        self.guard = guard.Guard(self.world.gateway, self.world.directory, self.dns, world.CLIENTS,
                                 (f"ports={{25, {STORM_PORT}}}", "queues=1", *settings)).start()
        return self.guard

    def stop(self):
        if self._storm:
            namespaces.stop(self._storm)
        if self.guard:
            self.guard.stop()
        self._storm, self.guard = None, None

    def counters(self):
        return self.guard.status()["counters"]

    def resident_kib(self):
        """By process."""
        return {name: int(re.search(r"VmRSS:\s*(\d+)", self.guard.host.run(["cat", f"/proc/{pid}/status"]))[1])
                for name, pid in self.guard.processes().items()}

    # Those who flood

    def packets(self, what, source, source_count, destination, destination_count, count, per_second):
        """packet_flood, at the client's side or, what is not a SYN, at the far one; ends by itself."""
        host = self.world.sender if what == "syn" else self.world.far
        return host.spawn([servers.test_tool("packet_flood"), what, source, source_count, destination, destination_count, count,
                           per_second], stdout=subprocess.PIPE, text=True)

    def serve_storm(self, kind):
        if self._storm:
            namespaces.stop(self._storm)
        self._storm = self.world.far.spawn([servers.test_tool("session_storm"), "server", kind, STORM_PORT],
                                           stdout=subprocess.PIPE, text=True)
        assert self._storm.stdout.readline() == "ready\n"

    def sessions(self, count, at_a_time, zone="plain.lab", places=100):
        """session_storm, as the led client."""
        return self.world.sender.spawn([servers.test_tool("session_storm"), "client", LED, world.far_address(100, 4), places,
                                        STORM_PORT, count, at_a_time, zone], stdout=subprocess.PIPE, text=True)

    # Who is honest

    def send(self, stripped=False):
        """One letter to the domain that promises TLS. The client, and the recipient."""
        recipient = f"you{next(self._serial)}@dane.lab"
        if stripped:
            self.attacker.start(attacks.ATTACKS["strip"])
        else:
            self.attacker.stop()
        client = clients.OpportunisticClient(self.world.sender, patience_s=PATIENCE_S)
        client.send(world.far_address(PROTECTED, 4), recipient, b"a letter")
        self.attacker.stop()
        return client, recipient

    @contextlib.contextmanager
    def wire(self):
        """What leaves the gateway meanwhile; a flood would be too much for it."""
        one = capture.Capture(self.world.outside, "in0")
        try:
            yield one
        finally:
            one.close()

    def letters_while(self, process, at_least=2):
        """Honest letters until the process has ended: (arrived in TLS, all), and what it printed."""
        sent = []
        while process.poll() is None or len(sent) < at_least:
            client, recipient = self.send()
            sent.append([letter.is_tls for letter in self.sink.find(recipient)] == [True])
            if not sent[-1]:
                print("lost:", client.replies, json.dumps(self.counters()))
        printed = process.communicate()[0]
        assert process.returncode == 0, "whoever floods did not come to its end"
        return (sum(sent), len(sent)), printed

    def stands(self):
        """A connection in which the server has greeted; later it is asked on."""
        return Standing(self)


class Standing:
    """A session that says nothing for a while."""

    def __init__(self, net):
        self._stream = net.world.sender.socket()
        self._stream.settimeout(PATIENCE_S)
        self._stream.connect((world.far_address(PLAIN, 4), 25))
        self._file = self._stream.makefile("rwb", buffering=0)
        assert self._file.readline().startswith(b"220")

    def goes_on(self):
        """Whether it is served as if nothing had been."""
        replies = []
        for command in (b"EHLO sender.lab", b"MAIL FROM:<a@sender.lab>", b"RCPT TO:<b@plain.lab>", b"QUIT"):
            self._file.write(command + b"\r\n")
            replies.append(self._file.readline())
            while replies[-1][3:4] == b"-":
                replies[-1] = self._file.readline()
        self._stream.close()
        return [reply[:3] for reply in replies] == [b"250", b"250", b"250", b"221"], replies
