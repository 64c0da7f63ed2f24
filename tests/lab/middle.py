# SPDX-License-Identifier: GPL-2.0-or-later
"""Men in the middle who grant STARTTLS, each with a certificate that is not the server's or not his."""

import base64
import collections
import os
import socket
import ssl
import struct
import subprocess
import time

import attacks
import servers
import sink

# What one connection said to him inside TLS. came_to_its_end: his handshake with it.
Heard = collections.namedtuple("Heard", "server client octets came_to_its_end")
WAY_S = 0.04
PEEK_S = 5
SESSION_TICKET = 35  # an extension
PROBES_FAREWELL = b"QUIT\r\n"
# What the guard says of each man's key, by the promise: of a server's own key, of an anchor in DNS, and of any authority.
REASONS = {
    "self-signed": {"dane-ee": "key-mismatch", "dane-ta": "key-mismatch", "": "cert-untrusted"},
    "other-name": {"dane-ee": "key-mismatch", "": "name-mismatch"},
}

def without_private_part(directory, key):
    """A file that claims to be that P-256 key and has its public part alone: what it signs is signed by nobody. OpenSSL compares
    public parts only (RFC 5915)."""
    public = subprocess.run([servers.openssl(), "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True,
                            stdout=subprocess.PIPE).stdout[-65:]
    guessed = b"\x01" * 32
    octets = bytes.fromhex("3077020101") + b"\x04\x20" + guessed + bytes.fromhex("a00a06082a8648ce3d030107") + \
        bytes.fromhex("a144034200") + public
    path = os.path.join(directory, "replayed.key")
    with open(path, "w", encoding="ascii") as file:
        file.write(f"-----BEGIN EC PRIVATE KEY-----\n{base64.encodebytes(octets).decode()}-----END EC PRIVATE KEY-----\n")
    return path


class Man(attacks.Attack):
    """He reads what he is told, and passes it on in clear."""

    touches_tls = True
    must_leak = False
    yes = b"220 2.0.0 Ready to start TLS\r\n"

    def __init__(self, name, certificate, key):
        super().__init__(name, ("key-mismatch",))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.sessions = []
        self.went_on = []  # of each handshake that came to its end, whether it was an earlier session's
        self._capabilities = {}

    def begin(self):
        self.sessions.clear()
        self.went_on.clear()
        self._capabilities.clear()

    def ehlo(self, session, command):
        """OpenSMTPD does not want to be greeted twice."""
        if session not in self._capabilities:
            self._capabilities[session] = super().ehlo(session, command)
        return self._capabilities[session]

    def banner(self, reply):
        """A way to go: without any, on a machine that has much to do, a client is there before hopguard has read what led it
        there."""
        time.sleep(WAY_S)
        return reply

    def starttls(self, session, command):
        session.client.send(self.yes)
        session.goes_encrypted()
        self.sessions.append(session)
        session.client.start_tls(self.context, server_side=True)
        self.went_on.append(session.client.sock.session_reused)
        return True

    def hit(self, sink, client):
        return any(session.letters for session in self.sessions)

    def record(self, address=None):
        """[Heard] of all who began a handshake with him, or of those on their way to that address."""
        return [Heard(one.server_address[0], one.client_address, one.client.seen[len(one.clear_from_client):], one.client.is_tls)
                for one in self.sessions if address in (None, one.server_address[0])]

    def heard(self, address):
        """All that was said to him inside TLS on the way to that address, but for a probe's farewell."""
        return b"".join(one.octets for one in self.record(address) if one.octets != PROBES_FAREWELL)


class Nameless(Man):
    """He says yes in other words than the server, and nothing of whose place he takes."""

    def __init__(self, yes, *how):
        super().__init__("nameless", *how)
        self.yes = yes

    def banner(self, reply):
        super().banner(reply)
        return b"220 ESMTP\r\n"

    def capabilities(self, reply):
        return b"250-me\r\n250 STARTTLS\r\n"


class Relay(Man):
    """He takes the first connection to a server for the client's, and lets all later ones meet the true server: the guard's probe
    comes while the client waits."""

    def __init__(self, *how):
        super().__init__("relay", *how)
        self.relayed = 0
        self._met = set()

    def begin(self):
        super().begin()
        self.relayed = 0
        self._met.clear()

    def starttls(self, session, command):
        if session.server_address in self._met:
            self.relayed += 1
            return attacks.Attack.starttls(self, session, command)
        self._met.add(session.server_address)
        return super().starttls(session, command)


class Resumer(Man):
    """He takes the first connection to a server, and any that would go on with a session of his; all others, and so probes, meet
    the true server. TLS 1.2."""

    def __init__(self, *how):
        super().__init__("resumer", *how)
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.relayed = 0
        self._met = set()

    def begin(self):
        """What he met he remembers, and so do the clients."""
        super().begin()
        self.relayed = 0

    def starttls(self, session, command):
        session.client.send(self.yes)
        session.goes_encrypted()
        is_first = session.server_address not in self._met
        self._met.add(session.server_address)
        if not (is_first or has_ticket(peek_record(session.client.sock))):
            self.relayed += 1
            session.ask(command)
            session.splice()
            return False
        self.sessions.append(session)
        session.client.start_tls(self.context, server_side=True)
        self.went_on.append(session.client.sock.session_reused)
        return True


def peek_record(sock):
    """A whole one, which stays to be read."""
    octets = b""
    end = time.monotonic() + PEEK_S
    while time.monotonic() < end and (len(octets) < 5 or len(octets) < 5 + int.from_bytes(octets[3:5], "big")):
        octets = sock.recv(65536, socket.MSG_PEEK)
        time.sleep(0.01)
    return octets


def has_ticket(record):
    """Of a ClientHello: it would go on with a session (RFC 5077)."""
    at = 5 + 4 + 2 + 32
    for length_of_length in (1, 2, 1):  # session, cipher suites, compression methods
        at += length_of_length + int.from_bytes(record[at:at + length_of_length], "big")
    at += 2
    while at + 4 <= len(record):
        kind, length = struct.unpack(">HH", record[at:at + 4])
        if kind == SESSION_TICKET and length > 0:
            return True
        at += 4 + length
    return False


def thief(site):
    """(certificate, key)"""
    return tuple(reversed(sink.make_key(site.world.directory, "thief")))


def reason(man, promise):
    return REASONS[man].get(promise, REASONS[man][""])


def all_three(site):
    """{name: man}, for the lab of keys: its authority gave him a certificate, too, for his own name."""
    directory = site.world.directory
    certificate, key = thief(site)
    return {
        "self-signed": Man("self-signed", certificate, key),
        "other-name": Man("other-name", site.with_chain(site.authority.issue("thief.example", key=key)), key),
        "replayed": Man("replayed", site.chain, without_private_part(directory, site.authority.key)),
    }
