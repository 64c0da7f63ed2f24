# SPDX-License-Identifier: GPL-2.0-or-later
"""A router on the path that answers for both ends of every SMTP connection that it is told to take.

Towards the client it stands at the server's address, towards the server at the client's address and port: neither end
sees anything but the other. What it does in between is an attack (attacks.py). It reads SMTP command by command.
"""

import contextlib
import threading

import lines

TABLE = 100


class Attacker:
    """`towards_clients` is one interface of the router, `towards_servers` are all by which answers come."""

    def __init__(self, host, towards_clients, *towards_servers):
        self.host = host
        self.attack = None
        self.sessions = []
        self._sides = (towards_clients, towards_servers)
        self._taken = None  # addresses of servers
        self._count = threading.Lock()
        # Else the kernel takes what it forwards for a connection of ours that is over, and rests in TIME-WAIT, and drops it.
        host.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_early_demux"])
        for family in ("-4", "-6"):
            host.network_command(["ip", family, "route", "add", "local", "default", "dev", "lo", "table", TABLE])
        self._listener = lines.Listener(host, 25, self._serve, is_transparent=True)

    def close(self):
        self.stop()
        self._listener.close()

    def add_side(self, interface):
        """Servers' answers come by that one, too. While nothing is taken."""
        clients, interfaces = self._sides
        self._sides = (clients, (*interfaces, interface))

    def start(self, attack, servers=("all",)):
        """From now on each connection is the attack's; with `servers`, those to these addresses."""
        self._listener.drop_all()
        self.sessions = []
        self.attack = attack
        if self._taken != servers:
            self._release()
            self._rules("add", servers)
            self._taken = servers

    def stop(self):
        """Connections pass untouched again, as through any router."""
        self._release()
        self._listener.drop_all()
        self.attack = None

    def _release(self):
        if self._taken:
            self._rules("del", self._taken)
            self._taken = None

    def _rules(self, verb, servers):
        clients, interfaces = self._sides
        for family, other in (("-4", ":"), ("-6", ".")):
            rules = []
            for server in servers:
                if other in server:
                    continue
                rules.append(f"rule {verb} pref 100 iif {clients} to {server} ipproto 6 dport 25 lookup {TABLE}")
                rules += [f"rule {verb} pref 101 iif {interface} from {server} ipproto 6 sport 25 lookup {TABLE}"
                          for interface in interfaces]
            self.host.network_command(["ip", family, "-batch", "-"], text="\n".join(rules) + "\n")

    def _serve(self, connection):
        attack = self.attack
        if not attack:
            return
        session = Session(self.host, connection)
        with self._count:
            self.sessions.append(session)
        try:
            attack.run(session)
        finally:
            session.close()

    def heard(self):
        """All that clients said in clear, connection by connection."""
        return [session.clear_from_client for session in list(self.sessions)]

    def letters(self):
        """The messages that passed in clear."""
        return [letter for session in list(self.sessions) for letter in session.letters]


class Session:
    """One connection, seen from the middle."""

    def __init__(self, host, connection):
        self.client = lines.LineSocket(connection)
        connection.setsockopt(6, 1, 1)  # TCP_NODELAY
        self.server_address = connection.getsockname()[:2]
        self.client_address = connection.getpeername()[:2]
        self._host = host
        self._server = None
        self._is_encrypted = False
        self._clear_len = 0
        self.letters = []

    @property
    def server(self):
        """The connection onward, made when it is first wanted."""
        if not self._server:
            self._server = lines.dial(self._host, self.server_address, source=self.client_address)
        return self._server

    @property
    def clear_from_client(self):
        return self.client.seen[:self._clear_len] if self._is_encrypted else self.client.seen

    def close(self):
        self.client.close()
        if self._server:
            self._server.close()

    def reset(self):
        self.client.reset()
        if self._server:
            self._server.reset()

    def goes_encrypted(self):
        """What the client says from here on is TLS."""
        if not self._is_encrypted:
            self._clear_len = len(self.client.seen) - len(self.client.buffer)
            self._is_encrypted = True

    def ask(self, command):
        """A command to the server, its reply back."""
        self.server.send(command)
        return self.server.reply()

    def pass_on(self, command):
        """Does for one command what an honest middle would do. False after QUIT."""
        chunk = b""
        if command[:4].upper() == b"BDAT":
            chunk = self.client.exactly(int(command.split()[1]))
            self.letters.append(chunk)
        reply = self.ask(command + chunk)
        self.client.send(reply)
        if command[:4].upper() == b"DATA" and reply[:3] == b"354":
            text = self.client.body()
            self.letters.append(text)
            self.client.send(self.ask(text))
        return command[:4].upper() != b"QUIT"

    def splice(self):
        """Passes octets both ways until either end has enough."""
        self.goes_encrypted()
        back = threading.Thread(target=_pump, args=(self.server, self.client), daemon=True)
        back.start()
        _pump(self.client, self.server)
        back.join(lines.PATIENCE_S)


def _pump(source, target):
    try:
        while True:
            target.send(source.some())
    except lines.Closed:
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.sock.shutdown(2)
