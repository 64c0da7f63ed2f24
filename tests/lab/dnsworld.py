# SPDX-License-Identifier: GPL-2.0-or-later
"""A DNS of our own: signed root, signed top-level domains, zones that are sound or broken on purpose, served by NSD.

    world = World(directory, address="192.0.2.53")
    world.zone("dane.example.", "@ MX 10 mx\nmx A 198.51.100.25\n_25._tcp.mx TLSA 3 1 1 " + 64 * "a")
    world.zone("plain.example.", "@ MX 10 mx\nmx A 198.51.100.26", signed=False)
    world.zone("old.example.", "@ A 198.51.100.27", broken="expired")
    server = world.serve(["ip", "netns", "exec", "lab-dns"])
    ... world.trust_anchor and world.root_hints are files for the resolver under test ...
    world.zone("dane.example.", "@ MX 10 other\nother A 198.51.100.28")     # replaces it
    server.reload()
    server.stop()

Names end in a dot; a zone's parent is the closest zone of the world above it, its top-level domain is made when missing.
What a zone's nameserver does wrong, rather than its data, is for Faulty, which answers at another address; a zone with an
address that is not the world's is answered by nobody else.

    world.zone("slow.example.", "...", address="192.0.2.54")
    faulty = Faulty(world, "192.0.2.54", [("TLSA", "_25._tcp.mx.slow.example.", "drop")], prefix)
"""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

try:
    import servers
except ImportError:  # run by itself, as Faulty does
    servers = None

# Signatures are valid whatever a machine's clock may think that it is.
INCEPTION, EXPIRATION = "20200101000000", "20370101000000"
WINDOWS = {"expired": ("20200101000000", "20210101000000"), "future": ("20360101000000", EXPIRATION)}
ALGORITHM = "ECDSAP256SHA256"
BACK_PORT = 5300
START_PATIENCE_S = 60  # on a machine that has much to do

BROKEN = {
    "expired": "all signatures are of the past",
    "future": "no signature is valid yet",
    "ds-mismatch": "the parent's DS names a key that the zone has not",
    "unsigned": "the parent has a DS, the zone no signatures: what stripping DNSSEC gives",
    "unknown-algorithm": "the parent's DS has an algorithm that nobody knows: insecure, not bogus (RFC 4035 section 5.2)",
    "no-denial": "NSEC and NSEC3 records are missing: what is absent cannot be proven absent",
    "signature": "the RRSIGs given as broken='signature:NAME TYPE' do not verify",
}


class WorldError(Exception):
    pass


def _tool(name):
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not path:
        raise WorldError(f"{name} is not installed: run `make test-deps`")
    return path


def _nsd():
    if servers:
        try:
            return servers.nsd()
        except servers.MissingProgram:
            pass
    return _tool("nsd")


def _run(arguments, cwd):
    done = subprocess.run(arguments, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WorldError(f"{' '.join(arguments)}: {done.stderr or done.stdout}")
    return done.stdout


def tlsa(certificate, usage=3, selector=1, matching=1):
    """TLSA rdata for a certificate in a PEM file."""
    with open(certificate, encoding="ascii") as file:
        pem = file.read().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
    data = base64.b64decode(pem)
    if selector == 1:
        pem = _run([_tool("openssl"), "x509", "-in", certificate, "-noout", "-pubkey"], None)
        data = base64.b64decode("".join(pem.split("-----")[2].split()))
    digest = {0: lambda d: d, 1: lambda d: hashlib.sha256(d).digest(), 2: lambda d: hashlib.sha512(d).digest()}
    return f"{usage} {selector} {matching} {digest[matching](data).hex()}"


class Zone:
    def __init__(self, name, records, signed, broken, nsec3, address, ttl, iterations=0):
        self.name = name
        self.records = records
        self.signed = signed
        self.broken = broken
        self.nsec3 = nsec3 or iterations > 0
        self.iterations = iterations
        self.addresses = [address] if isinstance(address, str) else list(address)
        self.ttl = ttl
        self.keys = []
        self.ds = ""
        self.children = []
        self.built_from = None

    @property
    def server_name(self):
        return "ns." if self.name == "." else "ns." + self.name

    def servers(self):
        """NS and address records, as they stand on both sides of the cut."""
        text = ""
        for i, address in enumerate(self.addresses):
            name = (f"n{i}" if i else "") + self.server_name
            kind = "AAAA" if ":" in address else "A"
            text += f"{self.name} {self.ttl} NS {name}\n{name} {self.ttl} {kind} {address}\n"
        return text

    @property
    def file(self):
        return "root.zone" if self.name == "." else self.name + "zone"

    def delegation(self):
        """What stands in the parent: NS, glue, and DS for a signed zone."""
        return self.servers() + self.ds


class World:
    def __init__(self, directory, address="192.0.2.53", more_addresses=()):
        """address is where all zones are served, unless a zone names another; NSD listens on more_addresses, too."""
        self.directory = os.path.join(directory, "dns")
        os.makedirs(self.directory, exist_ok=True)
        os.chmod(self.directory, 0o755)
        self.address = address
        self.addresses = [address, *more_addresses]
        self.zones = {}
        self.trust_anchor = os.path.join(self.directory, "trust-anchor")
        self.root_hints = os.path.join(self.directory, "root-hints")
        self._serial = 1
        self.zone(".", "")

    def zone(self, name, records="", signed=True, broken=None, nsec3=False, address=None, ttl=300, iterations=0):
        """Adds or replaces a zone. `records` are lines of a master file, relative to it, without SOA and NS; `address`
        is where its name server is, or a list where it has several; iterations: of NSEC3, beyond the first."""
        if not name.endswith("."):
            raise WorldError(f"{name} does not end in a dot")
        if broken and broken.split(":")[0] not in BROKEN:
            raise WorldError(f"broken={broken!r} is none of {', '.join(BROKEN)}")
        before = self.zones.get(name)
        self.zones[name] = zone = Zone(name, records, signed, broken, nsec3, address or self.address, ttl, iterations)
        if before:
            zone.keys, zone.ds = before.keys, before.ds
        top = name.rstrip(".").rsplit(".", 1)[-1] + "."
        if top not in (".", *self.zones):
            self.zone(top)
        return zone

    def remove(self, name):
        del self.zones[name]

    def _parent(self, zone):
        labels = zone.name.rstrip(".").split(".")
        for i in range(1, len(labels)):
            above = ".".join(labels[i:]) + "."
            if above in self.zones:
                return self.zones[above]
        return self.zones["."]

    def build(self):
        """Writes and signs what changed. serve() and reload() call it."""
        for zone in self.zones.values():
            self._make_keys(zone)
            zone.children = [z for z in self.zones.values() if z.name != "." and self._parent(z) is zone]
        for zone in self.zones.values():
            self._make_ds(zone)
        for zone in self.zones.values():
            self._write_zone(zone)
        root = self.zones["."]
        self._write(self.trust_anchor, root.ds)
        self._write(self.root_hints, root.delegation().replace(root.ds, ""))

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _write(self, path, text):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def _read(self, name):
        with open(self._path(name), encoding="utf-8") as file:
            return file.read()

    def _make_keys(self, zone):
        if not zone.signed or zone.keys:
            return
        command = [_tool("ldns-keygen"), "-r", "/dev/urandom", "-a", ALGORITHM]
        # Two keys as the real root and registries have, one as most others have: that is faster, too.
        for kind in (["-k"], []) if zone.name.count(".") == 1 else (["-k"],):
            zone.keys.append(_run([*command, *kind, zone.name], self.directory).strip())

    def _make_ds(self, zone):
        zone.ds = ""
        if not zone.signed:
            return
        fields = self._read(zone.keys[0] + ".ds").split()
        at = fields.index("DS") + 1
        tag, algorithm, kind, digest = fields[at], fields[at + 1], fields[at + 2], "".join(fields[at + 3:])
        if zone.broken == "ds-mismatch":
            digest = digest[:-8] + "deadbeef"
        if zone.broken == "unknown-algorithm":
            algorithm = "200"
        zone.ds = f"{zone.name} {zone.ttl} IN DS {tag} {algorithm} {kind} {digest}\n"

    def _write_zone(self, zone):
        text = zone.servers() + "".join(child.delegation() for child in zone.children) + zone.records
        if zone.built_from == text:
            return
        self._serial += 1
        lines = [line for line in text.split("\n") if line.strip()]
        soa = f"@ SOA {zone.server_name} hostmaster.{zone.server_name} {self._serial} 3600 600 86400 {zone.ttl}"
        self._write(self._path(zone.file), f"$ORIGIN {zone.name}\n$TTL {zone.ttl}\n{soa}\n" +
                    "\n".join(lines) + "\n")
        if zone.signed and zone.broken != "unsigned":
            self._sign(zone)
        zone.built_from = text

    def _sign(self, zone):
        inception, expiration = WINDOWS.get(zone.broken, (INCEPTION, EXPIRATION))
        nsec3 = ["-n", "-t", str(zone.iterations)] if zone.nsec3 else []
        _run([_tool("ldns-signzone"), *nsec3, "-i", inception, "-e", expiration, "-o", zone.name,
              "-f", zone.file + ".signed", zone.file, *zone.keys], self.directory)
        lines = self._read(zone.file + ".signed").split("\n")
        if zone.broken == "no-denial":
            lines = [line for line in lines if not re.search(r"\sIN\s+NSEC3?\s", line)]
        if zone.broken and zone.broken.startswith("signature:"):
            lines = self._break_signature(lines, *zone.broken.split(":", 1)[1].split())
        self._write(self._path(zone.file), "\n".join(lines) + "\n")

    @staticmethod
    def _break_signature(lines, name, rrtype):
        broken = []
        count = 0
        for line in lines:
            fields = line.split()
            if len(fields) > 12 and fields[0] == name and fields[3:5] == ["RRSIG", rrtype]:
                signature = "".join(fields[12:])
                first = "A" if signature[0] != "A" else "B"
                line = " ".join(fields[:12]) + " " + first + signature[1:]
                count += 1
            broken.append(line)
        if count == 0:
            raise WorldError(f"{name} {rrtype} has no signature to break")
        return broken

    def configuration(self, name, zones, port):
        text = "server:\n" + "".join(f"\tip-address: {address}\n" for address in self.addresses)
        text += (f"\tport: {port}\n\tusername: \"\"\n\tchroot: \"\"\n\tdatabase: \"\"\n\tserver-count: 1\n"
                 "\tip-freebind: yes\n\trrl-ratelimit: 0\n\tverbosity: 1\n"
                 f"\tzonesdir: \"{self.directory}\"\n\tpidfile: \"{self._path(name + '.pid')}\"\n"
                 f"\txfrdfile: \"{self._path(name + '.xfrd')}\"\n\txfrdir: \"{self.directory}\"\n"
                 f"\tzonelistfile: \"{self._path(name + '.list')}\"\n"
                 "remote-control:\n\tcontrol-enable: no\n")
        for zone in zones:
            text += f"zone:\n\tname: \"{zone.name}\"\n\tzonefile: \"{zone.file}\"\n"
        return text

    def configurations(self):
        """By name: one for the zones served here, one on BACK_PORT for those that a Faulty answers for. A server
        that has parent and child answers for the child itself, and nobody would ask the other address."""
        here, elsewhere = [], []
        for zone in self.zones.values():
            (here if set(zone.addresses) <= set(self.addresses) else elsewhere).append(zone)
        made = {"nsd": self.configuration("nsd", here, 53)}
        if elsewhere:
            made["back"] = self.configuration("back", elsewhere, BACK_PORT)
        return made

    def serve(self, prefix=()):
        """Starts NSD. `prefix` is what runs a command on the name server's host: ["ip", "netns", "exec", NAME]."""
        return Server(self, list(prefix))


class Server:
    def __init__(self, world, prefix):
        self.world = world
        self.prefix = prefix
        self.processes = []
        self.start()

    def start(self):
        self.world.build()
        for name, text in self.world.configurations().items():
            self._start_nsd(os.path.join(self.world.directory, name), text)

    def _start_nsd(self, path, text):
        log = path + ".log"
        with open(path + ".conf", "w", encoding="utf-8") as file:
            file.write(text)
        with open(log, "w", encoding="utf-8") as output:
            process = subprocess.Popen([*self.prefix, _nsd(), "-d", "-c", path + ".conf"],
                                       stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        deadline = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < deadline and process.poll() is None:
            with open(log, encoding="utf-8") as file:
                if "nsd started" in file.read():
                    return
            time.sleep(0.02)
        self.stop()
        with open(log, encoding="utf-8") as file:
            raise WorldError("nsd did not start:\n" + file.read())

    def reload(self):
        """Serves what the world is now."""
        self.stop()
        self.start()

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Faulty:
    """A name server that passes questions on to the world's own, except where a rule says otherwise.

    A rule is (type, name, fault); type or name may be "*", a name may begin with "*." for all below. Faults: "drop"
    (no answer), "servfail", "refused", "nxdomain", "nodata" (both without any proof), "strip" (the answer without
    DNSSEC records), "tcp-only" (truncated over UDP), "no-tcp" (the same, and nothing over TCP), "tcp-strip" (the same,
    without DNSSEC records over TCP), "slow" (the answer after half a second), "late:30" (after so many
    milliseconds). upstream_port: another than the world's own for such zones, as of a resolver.
    """

    def __init__(self, world, address, rules, prefix=(), upstream_port=BACK_PORT):
        arguments = [sys.executable, os.path.abspath(__file__), address, world.address, str(upstream_port),
                     json.dumps(rules)]
        self.process = subprocess.Popen([*prefix, *arguments], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        if self.process.stdout.readline() != b"ready\n":
            self.stop()
            raise WorldError("the faulty name server did not start")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
        if self.process:
            self.process.stdout.close()
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


# The faulty name server itself.


def _matches(rule, name, rrtype):
    rule_type, rule_name, _ = rule
    name = name.lower()
    return rule_type in ("*", rrtype) and (
        rule_name == "*" or rule_name == name or
        (rule_name.startswith("*.") and name.endswith(rule_name[1:])))


def _question(wire):
    """Name and type (RFC 1035 section 4.1.2), by hand: a message taken apart costs more than all else here."""
    import dns.rdatatype
    name, at = "", 12
    while wire[at]:
        name += wire[at + 1:at + 1 + wire[at]].decode("latin-1") + "."
        at += 1 + wire[at]
    return name or ".", dns.rdatatype.to_text(struct.unpack("!H", wire[at + 1:at + 3])[0])


def _ask_upstream(wire, upstream, over_tcp):
    family = socket.AF_INET6 if ":" in upstream[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if over_tcp else socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(upstream)
        if not over_tcp:
            sock.send(wire)
            return sock.recv(65535)
        sock.sendall(struct.pack("!H", len(wire)) + wire)
        with sock.makefile("rb") as stream:
            return stream.read(struct.unpack("!H", stream.read(2))[0])


def _made_up(wire, fault):
    """A reply that says nothing but an error, that it is cut, or that there is no such record."""
    import dns.flags
    import dns.message
    import dns.rcode
    reply = dns.message.make_response(dns.message.from_wire(wire))
    reply.flags |= dns.flags.AA
    if fault in ("servfail", "refused", "nxdomain"):
        reply.set_rcode(dns.rcode.from_text(fault))
    elif fault != "nodata":
        reply.flags |= dns.flags.TC
    return reply.to_wire()


def _stripped(wire):
    import dns.message
    import dns.rdatatype
    reply = dns.message.from_wire(wire)
    dnssec = (dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3, dns.rdatatype.DS, dns.rdatatype.DNSKEY)
    for section in (reply.answer, reply.authority, reply.additional):
        section[:] = [rrset for rrset in section if rrset.rdtype not in dnssec]
    return reply.to_wire()


def _answer(wire, upstream, rules, over_tcp):
    """The reply to one question, or None for none."""
    name, rrtype = _question(wire)
    fault = next((rule[2] for rule in rules if _matches(rule, name, rrtype)), "")
    if fault == "drop" or (fault == "no-tcp" and over_tcp):
        return None
    if fault in ("servfail", "refused", "nxdomain", "nodata") or (fault in ("tcp-only", "no-tcp", "tcp-strip") and not over_tcp):
        return _made_up(wire, fault)
    reply = _ask_upstream(wire, upstream, over_tcp)
    if fault == "slow":
        time.sleep(0.5)
    if fault.startswith("late:"):
        time.sleep(int(fault[5:]) / 1000)
    return _stripped(reply) if fault in ("strip", "tcp-strip") else reply


def _serve_udp(sock, upstream, rules):
    import threading

    def one(wire, client):
        try:
            reply = _answer(wire, upstream, rules, False)
        except Exception as error:  # a question that we cannot read gets no answer
            print(error, file=sys.stderr)
            return
        if reply:
            sock.sendto(reply, client)

    while True:
        wire, client = sock.recvfrom(65535)
        threading.Thread(target=one, args=(wire, client), daemon=True).start()


def _serve_tcp(sock, upstream, rules):
    import threading

    def one(connection):
        with connection, connection.makefile("rb") as stream:
            while length := stream.read(2):
                reply = _answer(stream.read(struct.unpack("!H", length)[0]), upstream, rules, True)
                if reply:
                    connection.sendall(struct.pack("!H", len(reply)) + reply)

    while True:
        threading.Thread(target=one, args=(sock.accept()[0],), daemon=True).start()


def _main(address, upstream, rules):
    import threading
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    udp = socket.socket(family, socket.SOCK_DGRAM)
    tcp = socket.socket(family, socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    udp.bind((address, 53))
    tcp.bind((address, 53))
    tcp.listen(64)
    threading.Thread(target=_serve_tcp, args=(tcp, upstream, rules), daemon=True).start()
    print("ready", flush=True)
    _serve_udp(udp, upstream, rules)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _main(sys.argv[1], (sys.argv[2], int(sys.argv[3])), json.loads(sys.argv[4]))
