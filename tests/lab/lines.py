# SPDX-License-Identifier: GPL-2.0-or-later
"""A socket read by lines, that can turn to TLS with or without forgetting what was already read."""

import contextlib
import socket
import ssl
import struct
import threading

PATIENCE_S = 30


class Closed(Exception):
    """The other end is gone."""


class LineSocket:
    def __init__(self, sock, patience_s=PATIENCE_S):
        self.sock = sock
        self.buffer = b""
        self.seen = b""  # every octet that came, decrypted where it was encrypted
        self.is_tls = False
        sock.settimeout(patience_s)

    def _fill(self):
        try:
            octets = self.sock.recv(65536)
        except (OSError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        if not octets:
            raise Closed("closed")
        self.seen += octets
        self.buffer += octets

    def line(self):
        """One line with its end."""
        while b"\n" not in self.buffer:
            self._fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        return line + b"\n"

    def some(self):
        """What is there, at least one octet."""
        if not self.buffer:
            self._fill()
        octets, self.buffer = self.buffer, b""
        return octets

    def exactly(self, length):
        while len(self.buffer) < length:
            self._fill()
        octets, self.buffer = self.buffer[:length], self.buffer[length:]
        return octets

    def body(self):
        """A message as after DATA, its closing dot included."""
        octets, looked = bytearray(b"\n"), 0
        while (end := octets.find(b"\n.\r\n", looked)) < 0:
            looked = max(0, len(octets) - 3)
            octets += self.some()
        self.buffer = bytes(octets[end + 4:])
        return bytes(octets[1:end + 4])

    def reply(self):
        """One SMTP reply, all its lines."""
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        return b"".join(lines)

    def send(self, octets):
        try:
            self.sock.sendall(octets)
        except (OSError, ssl.SSLError) as error:
            raise Closed(str(error)) from error

    def start_tls(self, context, forgets=True, **options):
        """`forgets`: what was read before the handshake is thrown away, as RFC 3207 section 5 wants."""
        kept = b"" if forgets else self.buffer
        try:
            self.sock = context.wrap_socket(self.sock, **options)
        except (OSError, ssl.SSLError) as error:
            raise Closed(str(error)) from error
        self.buffer = kept
        self.is_tls = True

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


class Listener:
    """Accepts on one port of a host, IPv4 and IPv6, and gives each connection a thread of its own."""

    def __init__(self, host, port, serve, is_transparent=False):
        self._serve = serve
        self._sockets = []
        self._open = set()
        for family in (socket.AF_INET, socket.AF_INET6):
            sock = host.socket(family)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if is_transparent:
                make_transparent(sock)
            sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
            sock.listen(64)
            self._sockets.append(sock)
            threading.Thread(target=self._accept, args=(sock,), daemon=True).start()

    def send_at_once(self):
        """From now on no reply of a connection waits until what was said before it is acknowledged."""
        for sock in self._sockets:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _accept(self, sock):
        while True:
            try:
                connection, _ = sock.accept()
            except OSError:
                return
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        self._open.add(connection)
        try:
            self._serve(connection)
        except (Closed, OSError):
            pass
        finally:
            self._open.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def drop_all(self):
        """Ends the connections that are still open."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self.drop_all()


IPV6_TRANSPARENT = 75  # <linux/in6.h>; the socket module does not name it
IP_TRANSPARENT = 19


def make_transparent(sock):
    """The socket may stand for addresses that are not this host's."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)


def dial(host, address, source=None, patience_s=PATIENCE_S, sends_at_once=True, segment_max=None):
    """A connection from a host; with `source` from an address that need not be its own."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = host.socket(family)
    sock.settimeout(patience_s)
    if sends_at_once:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if segment_max:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment_max)
    if source:
        make_transparent(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(source)
    try:
        sock.connect(address)
    except OSError as error:
        sock.close()
        raise Closed(str(error)) from error
    return LineSocket(sock, patience_s)


def say_recipient(host, address, recipient, patience_s=20):
    """What a client that asks for no TLS is told: the first reply that is no success, or that to RCPT."""
    stream = dial(host, (address, 25), patience_s=patience_s)
    reply = stream.reply()
    for line in ("EHLO client.lab", "MAIL FROM:<>", f"RCPT TO:<{recipient}>"):
        if reply[:1] != b"2":
            break
        stream.send(line.encode() + b"\r\n")
        reply = stream.reply()
    stream.sock.close()
    return reply
