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
    d.hear()
    d.say(b"250 mx.lab\r\n")
    d.rest()


def refusing_name(d):
    d.greet(b"550 5.7.1 your name is on a list\r\n")
    while d.hear() != b"QUIT":
        d.say(b"550 5.7.1 your name is on a list\r\n")


def closing_door(d):
    d.say(b"421 4.3.2 too many connections from you\r\n")


def busy_later(d):
    d.greet(b"451 4.7.1 greylisted, come back in five minutes\r\n")
    d.rest()


def slow_lines(d):
    """Slower than a step may take, in its reply to EHLO."""
    d.say(BANNER)
    d.hear()
    for _ in range(20):
        d.say(b"250-X-WAIT\r\n")
        time.sleep(1)


def ftp(d):
    """A banner that names another protocol, as an attacker writes it to mislead who watches."""
    d.say(b"220 FTP server ready\r\n")
    d.hear()
    d.say(OFFER)
    d.answer(b"220 ready\r\n")
    d.tls()


def quiet_banner(d):
    d.say(b"220 smtp.mx.lab ready\r\n")
    d.hear()
    d.say(OFFER)
    d.answer(b"220 ready\r\n")
    d.tls()


def masked_ehlo(d):
    d.greet(b"250-******\r\n250 8BITMIME\r\n")
    d.rest()


def masked_all(d):
    d.greet(b"250-mx.lab\r\n250-SIZE\r\n250 XXXXXXXX\r\n")
    d.rest()


def masked_works(d):
    d.greet(b"250-mx.lab\r\n250 XXXXXXXA\r\n")
    d.answer(b"220 ready\r\n")
    d.tls()


def odd_answer(d):
    d.greet(OFFER)
    d.answer(b"354 go on\r\n")
    d.rest()


def swallowed(d):
    """STARTTLS does not reach the server; what comes next is answered."""
    d.greet(OFFER)
    d.hear()
    d.rest()


def closing_starttls(d):
    d.greet(OFFER)
    d.hear()


def silent_hello(d):
    d.greet(OFFER)
    d.answer(b"220 ready\r\n")
    time.sleep(60)


def closing_hello(d):
    d.greet(OFFER)
    d.answer(b"220 ready\r\n")
    d.connection.recv(2048)


def alert_hello(d):
    d.greet(OFFER)
    d.answer(b"220 ready\r\n")
    d.connection.recv(2048)
    d.say(b"\x15\x03\x03\x00\x02\x02\x28")


def injected_open(d):
    """Without a line's end."""
    d.greet(OFFER)
    d.answer(b"220 ready\r\n250 forg")


def late_text(d):
    d.greet(OFFER)
    d.answer(b"220 ready\r\n")
    time.sleep(0.2)
    d.say(b"250 2.1.0 forged\r\n")
    d.connection.recv(2048)


def late_noise(d):
    d.greet(OFFER)
    d.answer(b"220 ready\r\n")
    time.sleep(0.2)
    d.say(bytes(range(128, 168)))
    d.connection.recv(2048)


def endless(d):
    d.say(BANNER)
    d.hear()
    while True:
        d.say(b"250-X\r\n" * 100)


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


KINDS = {f.__name__: f for f in (
    masked, masked_banner, stripped, hidden, refused, greylisting, rejecting, tarpit, silent, ssh, helo_only, injected, reset_hello,
    closing, refusing_name, closing_door, busy_later, slow_lines, ftp, masked_all, masked_works, odd_answer, swallowed,
    closing_starttls, silent_hello, closing_hello, alert_hello, injected_open, late_text, late_noise, quiet_banner,
    masked_ehlo,
    endless)}


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
