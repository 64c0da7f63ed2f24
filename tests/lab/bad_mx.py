# SPDX-License-Identifier: GPL-2.0-or-later
"""Mail servers as an attacker, a firewall or a broken box makes them, each at an address of its own.

usage: bad_mx.py CERTIFICATE KEY ADDRESS=KIND...
"""

import contextlib
import signal
import socket
import ssl
import struct
import sys
import threading
import time

BANNER = b"220 mx.lab ESMTP\r\n"
PLAIN = b"250-mx.lab\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
OFFER = b"250-mx.lab\r\n250-STARTTLS\r\n250 8BITMIME\r\n"


class Dialogue:
    def __init__(self, connection, certificate, key):
        self.connection = connection
        self.certificate, self.key = certificate, key
        self.lines = connection.makefile("rb")

    def say(self, octets):
        self.connection.sendall(octets)

    def hear(self):
        line = self.lines.readline(1024)
        if not line:
            raise ConnectionError
        return line.strip().upper().split(b" ")[0]

    def greet(self, reply, banner=BANNER):
        self.say(banner)
        self.hear()
        self.say(reply)

    def answer(self, starttls):
        """Whatever else is said."""
        while (verb := self.hear()) != b"STARTTLS":
            self.say(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        self.say(starttls)

    def tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        with context.wrap_socket(self.connection, server_side=True) as session:
            session.recv(1024)

    def rest(self):
        while self.hear():
            self.say(b"502 what?\r\n")


def masked(d):
    d.greet(b"250-mx.lab\r\n250-XXXXXXXA\r\n250 8BITMIME\r\n")
    d.rest()


def masked_banner(d):
    d.greet(PLAIN, b"220 ****************************\r\n")
    d.rest()


def stripped(d):
    d.greet(PLAIN)
    d.rest()


def hidden(d):
    d.greet(PLAIN)
    d.answer(b"220 ready\r\n")
    d.tls()


def refused(d):
    d.greet(OFFER)
    d.answer(b"454 4.7.0 TLS not available due to local problem\r\n")
    d.rest()


def greylisting(d):
    d.say(b"450 4.2.0 greylisted, come back in five minutes\r\n")


def rejecting(d):
    d.say(b"554 5.7.1 your address is on a list\r\n")


def tarpit(d):
    for octet in b"220-" + 1000 * b"wait ":
        d.say(bytes([octet]))
        time.sleep(1)


def silent(_):
    time.sleep(60)


def ssh(d):
    d.say(b"SSH-2.0-OpenSSH_9.2p1\r\n")


def helo_only(d):
    d.greet(b"502 5.5.2 what is EHLO?\r\n")


def injected(d):
    d.greet(OFFER)
    d.answer(b"220 ready\r\n250 forged\r\n")


def reset_hello(d):
    d.greet(OFFER)
    d.answer(b"220 ready\r\n")
    d.connection.recv(100)
    d.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closing(d):
    d.say(BANNER)
    d.hear()


KINDS = {f.__name__: f for f in (masked, masked_banner, stripped, hidden, refused, greylisting, rejecting, tarpit, silent, ssh,
                                 helo_only, injected, reset_hello, closing)}


def _one(connection, kind, certificate, key):
    with connection, contextlib.suppress(OSError):
        kind(Dialogue(connection, certificate, key))


def _serve(listener, kind, certificate, key):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_one, args=(connection, kind, certificate, key), daemon=True).start()


def main(certificate, key, *places):
    for place in places:
        address, kind = place.split("=")
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, 25))
        listener.listen(64)
        threading.Thread(target=_serve, args=(listener, KINDS[kind], certificate, key), daemon=True).start()
    print("ready", flush=True)
    signal.pause()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    main(*sys.argv[1:])
