# SPDX-License-Identifier: GPL-2.0-or-later
"""A policy host as an attacker would run it: a TLS server with a good certificate that misbehaves, by the name it is asked for.

usage: policy_host.py ADDRESS CERTIFICATE KEY
"""

import signal
import socket
import ssl
import sys
import threading
import time

POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: *.example\r\nmax_age: 86400\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def _endless(connection, piece):
    while True:
        connection.sendall(piece)


def _drip(connection, octets):
    for octet in octets * 1000:
        connection.sendall(bytes([octet]))
        time.sleep(0.2)


def _chunked(text):
    return b"%x\r\n%s\r\n" % (len(text), text)


def misbehave(name, connection):
    kind = name.split(".")[1]
    if kind == "endless":
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        _endless(connection, _chunked(b"padding: " + 1000 * b"x" + b"\n"))
    elif kind == "endless-head":
        connection.sendall(HEAD)
        _endless(connection, b"X-Padding: " + 1000 * b"x" + b"\r\n")
    elif kind == "endless-continue":
        _endless(connection, b"HTTP/1.1 100 Continue\r\n\r\n")
    elif kind == "trickle":
        connection.sendall(HEAD + b"Content-Length: 64000\r\n\r\n")
        _drip(connection, POLICY)
    elif kind == "claims-much":
        connection.sendall(HEAD + b"Content-Length: 99999999999\r\n\r\n" + POLICY)
        time.sleep(30)
    elif kind == "cut":
        connection.sendall(HEAD + b"Content-Length: 4000\r\n\r\n" + POLICY)
    elif kind == "cut-without-length":
        # Neither a length nor a close_notify: whoever cuts the connection would decide where the policy ends.
        connection.sendall(HEAD + b"\r\n" + POLICY)
    elif kind == "no-http":
        connection.sendall(b"220 policy.example ESMTP\r\n" + POLICY)
    elif kind == "not-modified":
        connection.sendall(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    elif kind == "compressed":
        connection.sendall(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + 20 * b"\x1f")
    elif kind == "silent-http" or kind.startswith("crowd-"):
        time.sleep(120)


def _one(raw, context):
    names = []
    with raw:
        context.sni_callback = lambda _connection, name, _context: names.append(name)
        try:
            connection = context.wrap_socket(raw, server_side=True)
            connection.recv(65536)
            misbehave(names[0], connection)
        except OSError as error:
            print(error, file=sys.stderr)


def main(address, certificate, key):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 443))
    listener.listen(256)
    # Takes connections, and never says a word in TLS.
    mute = socket.socket(family)
    mute.bind((address, 8443))
    mute.listen(64)
    print("ready", flush=True)
    while True:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        threading.Thread(target=_one, args=(listener.accept()[0], context), daemon=True).start()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    main(*sys.argv[1:])
