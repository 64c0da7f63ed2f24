# SPDX-License-Identifier: GPL-2.0-or-later
"""A stranger's name server beyond the gateway, which says what it likes, whether it was asked for that or not."""

import socket
import struct
import threading
import time

import dns.message
import dns.rrset
from meanwhile import Meanwhile

PORT = 53
BURST = 64


def answer(name, kind, data, number):
    """What a question of that number would be answered with."""
    question = dns.message.make_query(name, kind)
    question.id = number
    made = dns.message.make_response(question)
    made.answer.append(dns.rrset.from_text(f"{name}.", 300, "IN", kind, data))
    return made.to_wire()


class Stranger:
    """To each question it gives the true answers of `said` to that name and type, then all that is in `unasked`."""

    def __init__(self, host, address):
        self.address = address
        self.said = {}      # (name, type) → data
        self.unasked = ()   # of (name, type, data)
        self._datagrams = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._listener = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for one in (self._datagrams, self._listener):
            one.bind((address, PORT))
        self._listener.listen()
        threading.Thread(target=self._serve_datagrams, daemon=True).start()
        threading.Thread(target=self._serve_streams, daemon=True).start()

    def _answers(self, octets):
        question = dns.message.from_wire(octets)
        asked = (question.question[0].name.to_text().rstrip(".").lower(),
                 dns.rdatatype.to_text(question.question[0].rdtype))
        own = [(*asked, self.said[asked])] if asked in self.said else []
        return [answer(*one, question.id) for one in (*own, *self.unasked)]

    def _serve_datagrams(self):
        while True:
            octets, client = self._datagrams.recvfrom(4096)
            if octets.startswith(b"FL"):
                self._datagrams.sendto(_reflected(octets), client)
                continue
            for one in self._answers(octets):
                self._datagrams.sendto(one, client)

    def _serve_streams(self):
        while True:
            stream, _ = self._listener.accept()
            with stream:
                length = struct.unpack("!H", stream.recv(2, socket.MSG_WAITALL))[0]
                for one in self._answers(stream.recv(length, socket.MSG_WAITALL)):
                    stream.sendall(struct.pack("!H", len(one)) + one)
                stream.shutdown(socket.SHUT_WR)
                while stream.recv(4096):
                    pass


def _reflected(question):
    """The question with an MX record at its end, without much ado."""
    record = b"\xc0\x0c" + struct.pack("!HHIHH", 15, 1, 300, 7, 10) + b"\x02mx\xc0\x0c"
    return question[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + question[12:] + record


def ask(host, server, name, kind, tcp=False, patience_s=0.3):
    """Asks, and takes all that comes within a moment; without patience nothing is waited for."""
    question = dns.message.make_query(name, kind).to_wire()
    with host.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as asking:
        asking.settimeout(3)
        asking.connect((server, PORT))
        asking.send((struct.pack("!H", len(question)) if tcp else b"") + question)
        if not patience_s:
            return []
        came = [asking.recv(65535)]
        asking.settimeout(patience_s)
        try:
            while came[-1]:
                came.append(asking.recv(65535))
        except TimeoutError:
            pass
    return came


class Flood(Meanwhile):
    """A client that asks the stranger for one mail domain after the other, and is answered."""

    def __init__(self, host, server, per_second):
        super().__init__()
        self._socket = host.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect((server, PORT))
        self._socket.setblocking(False)
        self._per_second = per_second
        self.answered = 0

    def __exit__(self, *_):
        super().__exit__()
        self._socket.close()

    def _run(self):
        number, due = 0, time.monotonic()
        while not self._is_over.is_set():
            for _ in range(BURST):
                label = b"d%07d" % number
                number += 1
                self._socket.send(b"FL\x01\0\0\x01\0\0\0\0\0\0" + bytes([len(label)]) + label + b"\x05flood\x03lab\0\0\x0f\0\x01")
            due = max(due + BURST / self._per_second, time.monotonic() - 0.1)
            self._drain()
            while (left := due - time.monotonic()) > 0:
                time.sleep(min(left, 0.002))
                self._drain()

    def _drain(self):
        try:
            while self._socket.recv(4096):
                self.answered += 1
        except BlockingIOError:
            pass
