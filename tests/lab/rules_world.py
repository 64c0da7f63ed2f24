# SPDX-License-Identifier: GPL-2.0-or-later
"""Client, gateway and server in a row, the program's rules on the gateway, and a guard that passes everything.

The client's side is 192.0.2.0/24 and 2001:db8:1::/64, the server's 198.51.100.0/24 and 2001:db8:2::/64; the client is
.2, the server .25, the gateway .1 of either.
"""

import contextlib
import re
import signal
import socket
import subprocess
import threading
import time

import namespaces
import servers


BACKENDS = ("iptables", "iptables-legacy")
PORTS = (25, 26, 587)
ADDRESS = {
    4: {"client": "192.0.2.2", "server": "198.51.100.25", "near": "192.0.2.1", "far": "198.51.100.1",
        "loopback": "127.0.0.1"},
    6: {"client": "2001:db8:1::2", "server": "2001:db8:2::25", "near": "2001:db8:1::1", "far": "2001:db8:2::1",
        "loopback": "::1"},
}
FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
CLIENTS = "clients={192.0.2.0/24,2001:db8:1::/64}"
MASK = 0x0F000000
OWN = 0x08000000
VANISH = b"vanish\r\n"  # what the server does when it hears this
DECIDED = b"\x17\x03\x03\0\1x"  # a connection's last that an acceptor needs to see
AT_ONCE = b"\1\0\0\0\0\0\0\0"  # struct linger: closed with a reset


class Row:
    def __init__(self):
        self.directory = namespaces.make_directory()
        self.client, self.gateway, self.server = (
            namespaces.Host(self.directory, name) for name in ("client", "gateway", "server"))
        for host in self.hosts:
            host.ready()
        self._wire(self.client, "192.0.2", "2001:db8:1:", "2")
        self._wire(self.server, "198.51.100", "2001:db8:2:", "25")
        for name in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            self.gateway.network_command(["sh", "-c", f"echo 1 >/proc/sys/net/{name}"])
        namespaces.wait_until(self._has_its_routes)
        self._listeners = [listener for host in self.hosts for listener in self._listen(host)]
        self.answered = {}
        self._standing = None

    @property
    def hosts(self):
        return self.client, self.gateway, self.server

    def _has_its_routes(self):
        """The kernel adds the last of them by itself, a while after a cable is in."""
        routes = self.gateway.network_command(["ip", "-6", "route", "show", "table", "local"]).splitlines()
        return all(any(route.startswith(kind) and f"dev {near} " in f"{route} " for route in routes)
                   for near in ("toclient", "toserver") for kind in ("local fe80:", "anycast fe80:", "multicast ff00:"))

    def _wire(self, host, prefix4, prefix6, number):
        near = f"to{host.name}"
        host.ip(f"link add name out type veth peer name {near} netns {self.gateway.pid}",
                f"addr add {prefix4}.{number}/24 dev out", f"addr add {prefix6}:{number}/64 dev out nodad",
                "link set out up")
        self.gateway.ip(f"addr add {prefix4}.1/24 dev {near}", f"addr add {prefix6}:1/64 dev {near} nodad",
                        f"link set {near} up")
        host.ip(f"route add default via {prefix4}.1", f"route add default via {prefix6}:1")

    def _listen(self, host):
        for port in PORTS:
            for family in (4, 6):
                listener = host.socket(FAMILY[family])
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                if family == 6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(("", port))
                listener.listen(16)
                threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
                yield listener

    def _serve(self, listener):
        with contextlib.suppress(OSError):
            while True:
                connection, peer = listener.accept()
                threading.Thread(target=self._answer, args=(connection, peer), daemon=True).start()

    def _answer(self, connection, peer):
        self.answered[peer[1]] = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        with connection, contextlib.suppress(OSError):
            while data := connection.recv(65536):
                if data == VANISH:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
                    return
                connection.sendall(data)

    def close(self):
        for listener in self._listeners:
            listener.close()
        for host in self.hosts:
            host.close()

    @contextlib.contextmanager
    def keeping_ends_secret(self, backend, family):
        """No FIN and no RST of client and server leaves."""
        rules = [("OUTPUT", "-p", "tcp", "--tcp-flags", flag, flag, "-j", "DROP") for flag in ("FIN", "RST")]
        for host in (self.client, self.server):
            for rule in rules:
                self.tables(backend, "-I", *rule, family=family, host=host)
        try:
            yield
        finally:
            for host in (self.client, self.server):
                for rule in rules:
                    self.tables(backend, "-D", *rule, family=family, host=host)

    def talk(self, host, address, port=25, *, source_port=0, mark=0, lines=2, timeout_s=3, vanishes=False):
        """Says `lines` lines and hears each come back. The local port, None when the time was over."""
        with host.socket(FAMILY[6 if ":" in address else 4]) as connection:
            connection.settimeout(timeout_s)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if mark:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
            if source_port:
                connection.bind(("", source_port))
            try:
                connection.connect((address, port))
                local = connection.getsockname()[1]
                for number in range(lines):
                    line = b"line %d\r\n" % number
                    connection.sendall(line)
                    heard = b""
                    while len(heard) < len(line):
                        heard += connection.recv(100)
            except TimeoutError:
                return None
            if vanishes:
                connection.sendall(VANISH)
                time.sleep(0.2)
            if source_port:  # to be used again at once
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            return local

    def from_port(self, port, address):
        """A connection of the client's, which ends at once when it is closed."""
        connection = self.client.socket(FAMILY[6 if ":" in address else 4])
        connection.settimeout(3)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        connection.bind(("", port))
        connection.connect((address, 25))
        return connection

    # The program

    def rules(self, verb, backend, *settings, check=True):
        words = [word for setting in (CLIENTS, "queues=2", *settings) for word in ("--set", setting)]
        return self.gateway.network_command([servers.hopguard(), "rules", verb, "--backend", backend, *words], check=check)

    def save(self, backend, family=4):
        kind = "legacy" if backend == "iptables-legacy" else "nft"
        # Its warnings would come in the middle of a line.
        program = f"ip{'6' if family == 6 else ''}tables-{kind}-save"
        text = self.gateway.network_command(["sh", "-c", f"exec {program} 2>/dev/null"])
        return "\n".join(line for line in re.sub(r"\[\d+:\d+\]", "[0:0]", text).splitlines()
                         if not line.startswith("#"))

    def tables(self, backend, *arguments, family=4, host=None):
        kind = "legacy" if backend == "iptables-legacy" else "nft"
        return (host or self.gateway).network_command([f"ip{'6' if family == 6 else ''}tables-{kind}", *arguments])

    def ruled(self, backend, *settings, anew=False):
        """Sees to it that these rules stand; they stay until others are wanted."""
        if anew or self._standing != (backend, settings):
            self._standing = None
            self.rules("apply", backend, *settings)
            self._standing = (backend, settings)

    def flush(self):
        empty = "".join(f"*{table}\nCOMMIT\n" for table in ("raw", "mangle", "nat", "filter"))
        for kind in ("legacy", "nft"):
            for family in ("", "6"):
                self.gateway.network_command([f"ip{family}tables-{kind}-restore"], text=empty)
        self.gateway.network_command(["nft", "destroy table inet hopguard"], check=False)
        for family in (4, 6):
            for what in ("rule flush protocol 25", "route flush table 2525"):
                self.gateway.network_command(["ip", f"-{family}", *what.split()], check=False)
        self._standing = None

    @contextlib.contextmanager
    def accepting(self, count=2, *words):
        acceptor = Acceptor(self.gateway, count, words)
        try:
            yield acceptor
        finally:
            acceptor.close()


class Acceptor:
    """The program tests/tools/queue_accept and what it saw."""

    def __init__(self, host, count, words):
        self._seen = []
        self._process = subprocess.Popen(
            ["nsenter", "-t", str(host.pid), "-n", "--", servers.test_tool("queue_accept"), "2500", str(count), hex(MASK), *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "ready\n":
            raise namespaces.LabError("queue_accept did not start")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._seen.append(line.split())

    def close(self):
        self._process.stdin.close()
        self._process.wait(5)
        self._reader.join(5)

    @contextlib.contextmanager
    def stopped(self):
        """All waits in the queues."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def of(self, port):
        """What came with that port on either side: (queue, hook, source port, destination port, length)."""
        time.sleep(0.1)
        found = []
        for queue, hook, source, destination, *length in self._seen:
            ports = [int(end.rsplit(":", 1)[1]) for end in (source, destination)]
            if port in ports:
                found.append((int(queue), hook, *ports, int(length[0])))
        return found

    def sources(self):
        """The addresses that anything came from."""
        time.sleep(0.1)
        return {source.rsplit(":", 1)[0].strip("[]") for _, _, source, *_ in self._seen}
