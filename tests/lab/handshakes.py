# SPDX-License-Identifier: GPL-2.0-or-later
"""Real TLS handshakes on loopback, recorded octet by octet between `openssl s_client` and `openssl s_server`."""

import collections
import re
import select
import socket
import subprocess
import threading
import time

import servers

PATIENCE_S = 10
QUIET_S = 0.15    # TLS 1.3 tickets come behind everything else
LOOPBACK = "127.0.0.1"

# chunks: [(is_client, octets)]; said: what s_client printed.
Recording = collections.namedtuple("Recording", "chunks said")


def as_text(recording, head=()):
    """As tests/handshakes/recording.h reads it."""
    lines = [*head] + [f"{'C' if is_client else 'S'} {octets.hex()}" for is_client, octets in recording.chunks]
    return "\n".join(lines) + "\n"


def direction(recording, is_client):
    return b"".join(octets for side, octets in recording.chunks if side == is_client)


def messages(octets):
    """(type, body) of the handshake messages of one direction that are in clear: up to ChangeCipherSpec behind a
    ServerHello of TLS 1.2, or to application data. A reading of its own, to compare with the program's."""
    clear = b""
    while len(octets) >= 5:
        kind, length = octets[0], int.from_bytes(octets[3:5], "big")
        if kind == 23:
            break
        if kind == 22:
            clear += octets[5:5 + length]
        octets = octets[5 + length:]
    found = []
    while len(clear) >= 4:
        length = int.from_bytes(clear[1:4], "big")
        if len(clear) < 4 + length:
            break   # encrypted, so that its length means nothing
        found.append((clear[0], clear[4:4 + length]))
        clear = clear[4 + length:]
    return found


def certificate(directory, name, *options):
    """(certificate, key) files; options are those of `openssl req`."""
    paths = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run([servers.openssl(), "req", "-x509", "-nodes", "-days", "30", "-subj", f"/CN={name}",
                    "-out", paths[0], "-keyout", paths[1], *options], check=True, capture_output=True)
    return paths


def der(path):
    return subprocess.run([servers.openssl(), "x509", "-in", path, "-outform", "DER"], check=True,
                          stdout=subprocess.PIPE).stdout


def _free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


class Server:
    """s_server, for as many connections as are wanted."""

    def __init__(self, *options):
        self.port = _free_port()
        self._process = subprocess.Popen(
            [servers.openssl(), "s_server", "-accept", f"{LOOPBACK}:{self.port}", "-quiet", *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE_S
        while self._process.poll() is None and time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex((LOOPBACK, self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"s_server {options} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()


class Recorder:
    """A relay in front of a port, for one connection."""

    def __init__(self, port):
        self._listener = socket.create_server((LOOPBACK, 0))
        self._port = port
        self.port = self._listener.getsockname()[1]
        self.chunks = []
        self._thread = threading.Thread(target=self._relay)
        self._thread.start()

    def _relay(self):
        self._listener.settimeout(PATIENCE_S)
        with self._listener:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                return
        with client, socket.create_connection((LOOPBACK, self._port)) as server:
            other = {client: server, server: client}
            while True:
                ready, _, _ = select.select(list(other), [], [], PATIENCE_S)
                if not ready:
                    return
                for side in ready:
                    try:
                        octets = side.recv(65536)
                        if octets:
                            self.chunks.append((side is client, octets))
                            other[side].sendall(octets)
                            continue
                    except OSError:
                        pass
                    return

    def wait(self):
        self._thread.join()


def record(server, *options, client=None):
    """One handshake. client: a command instead of s_client, which gets the port as its last word."""
    recorder = Recorder(server.port)
    command = client + [str(recorder.port)] if client else [
        servers.openssl(), "s_client", "-connect", f"{LOOPBACK}:{recorder.port}", *map(str, options)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        process.stdin.write(b"a line\n")
        process.stdin.flush()
        time.sleep(QUIET_S)
        said, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    recorder.wait()
    return Recording(recorder.chunks, said.decode(errors="replace"))


def session_of(recording):
    """(protocol, cipher) by s_client's own words, or None where no handshake came to its end."""
    found = re.search(r"^(?:New|Reused), (\S+), Cipher is (\S+)", recording.said, re.M)
    protocol = re.search(r"^ *Protocol *: *(\S+)", recording.said, re.M)
    if not found or found[2] == "(NONE)":
        return None
    return (protocol[1] if protocol else found[1]), found[2]
