# SPDX-License-Identifier: GPL-2.0-or-later
"""A receiving mail server that keeps everything it is told, for all addresses of its host at once."""

import collections
import contextlib
import os
import ssl
import subprocess
import threading
import time

import lines
import servers

Letter = collections.namedtuple("Letter", "sender recipients text is_tls server client")


def make_key(directory, name):
    """An ECDSA key and a self-signed certificate for a name: (key file, certificate file)."""
    key, certificate = (os.path.join(directory, f"{name}.{kind}") for kind in ("key", "crt"))
    subprocess.run([servers.openssl(), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", key, "-out", certificate, "-days", "3650", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, stderr=subprocess.DEVNULL)
    os.chmod(key, 0o644)  # each server under test runs as a user of its own
    return key, certificate


class Sink:
    def __init__(self, host, key, certificate, port=25, name="mx.lab"):
        self.letters = []
        self.named = []                # each recipient that a client asked for
        self._name = name.encode()
        self.without_starttls = set()  # addresses of servers that never heard of TLS
        self.is_careless = False       # keeps what was read before the handshake (CVE-2011-0411)
        self.later_visits = {}         # address → what becomes of the second connection to it: a function of the stream
        self._visits = collections.Counter()
        self._arrived = threading.Condition()
        self._context = _context_of(key, certificate)
        self._made = [self._context]
        self.contexts = {}             # address → function that gives the TLS context of a connection to it
        self._listener = lines.Listener(host, port, self._serve)

    def show(self, certificate, key):
        """From now on another certificate, or one of another kind beside the one there is."""
        self._context.load_cert_chain(certificate, key)

    def send_at_once(self):
        self._listener.send_at_once()

    def close(self):
        self._listener.close()

    def reset(self):
        self._listener.drop_all()
        self.letters.clear()
        self.named.clear()
        self.without_starttls.clear()
        self.is_careless = False
        self.later_visits.clear()
        self._visits.clear()

    def show_at(self, address, key, certificate):
        """The host at that address has them from now on."""
        context = _context_of(key, certificate)
        self._made.append(context)
        self.contexts[address] = lambda: context

    @contextlib.contextmanager
    def speaking_only(self, version):
        """No newer TLS than that."""
        for context in self._made:
            context.maximum_version = version
        try:
            yield
        finally:
            for context in self._made:
                context.maximum_version = ssl.TLSVersion.MAXIMUM_SUPPORTED

    def find(self, recipient):
        return [letter for letter in list(self.letters) if recipient in letter.recipients]

    def wait_for(self, recipient, timeout_s):
        """The first letter to a recipient, or None when the time is over."""
        end = time.monotonic() + timeout_s
        with self._arrived:
            while not self.find(recipient):
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self._arrived.wait(left)
        return self.find(recipient)[0]

    def _keep(self, letter):
        with self._arrived:
            self.letters.append(letter)
            self._arrived.notify_all()

    def _serve(self, connection):
        server, client = connection.getsockname(), connection.getpeername()
        stream = lines.LineSocket(connection)
        self._visits[server[0]] += 1
        try:
            if self._visits[server[0]] == 2 and server[0] in self.later_visits:
                self.later_visits[server[0]](stream)
            stream.send(b"220 %s ESMTP ready\r\n" % self._name)
            self._converse(stream, server, client)
        finally:
            stream.close()

    def _converse(self, stream, server, client):
        sender, recipients = "", []
        while True:
            line = stream.line()
            verb = line[:4].upper()
            if verb == b"EHLO":
                stream.send(self._capabilities(stream, server))
            elif verb == b"MAIL":
                sender, recipients = _address(line), []
                stream.send(b"250 2.1.0 Ok\r\n")
            elif verb == b"RCPT":
                recipients.append(_address(line))
                self.named.append(recipients[-1])
                stream.send(b"250 2.1.5 Ok\r\n")
            elif verb == b"DATA" and recipients:
                stream.send(b"354 go on\r\n")
                text = stream.body()
                self._keep(Letter(sender, recipients, text, stream.is_tls, server, client))
                stream.send(b"250 2.0.0 Ok: kept\r\n")
                recipients = []
            elif line.strip().upper() == b"STARTTLS" and not stream.is_tls and server[0] not in self.without_starttls:
                stream.send(b"220 2.0.0 Ready to start TLS\r\n")
                context = self.contexts.get(server[0], lambda: self._context)()
                stream.start_tls(context, forgets=not self.is_careless, server_side=True)
            elif verb == b"QUIT":
                stream.send(b"221 2.0.0 Bye\r\n")
                return
            elif verb in (b"HELO", b"RSET", b"NOOP"):
                stream.send(b"250 %s\r\n" % self._name)
            else:
                stream.send(b"500 5.5.2 What?\r\n")

    def _capabilities(self, stream, server):
        words = [self._name, b"PIPELINING", b"SIZE 10240000", b"8BITMIME"]
        if not stream.is_tls and server[0] not in self.without_starttls:
            words.insert(3, b"STARTTLS")
        replies = [b"250-" + word for word in words[:-1]] + [b"250 " + words[-1]]
        return b"\r\n".join(replies) + b"\r\n"


def _context_of(key, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def _address(line):
    return line.split(b"<", 1)[-1].split(b">", 1)[0].decode("ascii", "replace")
