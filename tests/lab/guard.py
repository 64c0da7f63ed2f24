# SPDX-License-Identifier: GPL-2.0-or-later
"""hopguard on a host of the lab, and what it says there."""

import contextlib
import json
import os
import socket
import threading
import time

import namespaces
import servers


class Syslog:
    """A host's /dev/log."""

    def __init__(self, host):
        self._lines = []
        self._arrived = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(host.log_socket)
        os.chmod(host.log_socket, 0o666)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            line = self._socket.recv(65536).decode("utf-8", "replace")
            with self._arrived:
                self._lines.append(line)
                self._arrived.notify_all()

    def reset(self):
        with self._arrived:
            self._lines.clear()

    def lines(self, *words):
        """The lines that hold all the words."""
        with self._arrived:
            return [line for line in self._lines if all(word in line for word in words)]

    def wait_for(self, *words, timeout_s=3):
        end = time.monotonic() + timeout_s
        with self._arrived:
            while True:
                found = [line for line in self._lines if all(word in line for word in words)]
                left = end - time.monotonic()
                if found or left <= 0:
                    return found
                self._arrived.wait(left)


def below(pid):
    """That process, as this one's namespace counts it, and all that it started."""
    yield pid
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                for child in file.read().split():
                    yield from below(int(child))


class Guard:
    """One run of the program. `settings` are more words of its configuration, `configuration` the text of its file."""

    def __init__(self, host, directory, dns, clients, settings=(), configuration=""):
        self.host = host
        self.directory = os.path.join(directory, f"guard-{time.monotonic_ns()}")
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o755)
        self.state = os.path.join(self.directory, "state")
        os.makedirs(self.state)
        os.chown(self.state, *namespaces.USERS["hopguard"])
        self.event_path = os.path.join(self.state, "events.json")
        self.socket = os.path.join(self.directory, "control.sock")
        self.output_path = os.path.join(self.directory, "output")
        self._event_start = 0
        # A configuration file of its own, so that the machine's is not read.
        self.configuration = os.path.join(self.directory, "hopguard.conf")
        with open(self.configuration, "w", encoding="utf-8") as file:
            file.write(configuration)
        self.settings = ["mode=enforce", "on-failure=closed", "clients={" + ", ".join(clients) + "}",
                         f"dns.trust-anchor={dns.trust_anchor}", f"dns.root-hints={dns.root_hints}",
                         f"state-directory={self.state}", f"control-socket={self.socket}",
                         f"events.file={self.event_path}", *settings]
        self.process = None
        self.program = [servers.hopguard()]

    def command(self, *words):
        return [*self.program, *words]

    def launch(self):
        words = ["run", "--config", self.configuration]
        for setting in self.settings:
            words += ["--set", setting]
        with open(self.output_path, "ab") as output:
            self.process = self.host.spawn(self.command(*words), stdout=output, stderr=output)

    def start(self, timeout_s=60):
        """One that does not come up is ended, so that those behind it find its place free."""
        self.launch()
        if not self.wait_for(lambda event: event["event"] == "ready", timeout_s):
            self.stop()
            raise namespaces.LabError(f"hopguard was not ready:\n{self.output()}")
        return self

    def stop(self):
        """Asks it to end; gives its exit status. Whatever became of it, no rule of its stays."""
        threaded = self._threaded()
        status = namespaces.stop(self.process, patience_s=10) if self.process else None
        self.process = None
        self.host.run(self.command("rules", "remove", "--config", self.configuration), check=False)
        # A child that a sanitizer ended, or its own filter, was started again: nobody else would notice.
        if any(words in self.output() for words in ("Sanitizer", "runtime error:", "forbidden system call")):
            raise namespaces.LabError(self.output())
        if threaded:
            raise namespaces.LabError(f"more than one thread in {threaded}")
        return status

    def _threaded(self):
        """Those of its processes that have more threads than one. Nothing here is made to be run by two."""
        found = []
        for pid in below(self.process.pid) if self.process else ():
            with contextlib.suppress(OSError):
                if len(os.listdir(f"/proc/{pid}/task")) > 1:
                    with open(f"/proc/{pid}/cmdline", "rb") as file:
                        found.append(file.read().replace(b"\0", b" ").decode("utf-8", "replace"))
        return found

    def output(self):
        with contextlib.suppress(FileNotFoundError), open(self.output_path, encoding="utf-8", errors="replace") as file:
            return file.read()
        return ""

    def ask(self, *words, check=True):
        """A command for the running guard, as hopguard status."""
        return self.host.run(self.command(*words, "--socket", self.socket), check=check)

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def processes(self):
        """Process ids by name, as the host counts them: supervisor, scout, ledger, verifier, guard0."""
        return {f"{one['role']}{one.get('index', '')}": one["pid"]
                for one in self.status()["processes"] if "pid" in one}

    def is_whole(self):
        return {one["state"] for one in self.status()["processes"]} == {"ready"}

    def mark(self):
        """events() gives those after this."""
        with contextlib.suppress(FileNotFoundError):
            self._event_start = os.path.getsize(self.event_path)

    def events(self, from_start=False):
        try:
            with open(self.event_path, "rb") as file:
                file.seek(0 if from_start else self._event_start)
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines[:-1] if line]

    def wait_for(self, holds, timeout_s=3):
        """The first event for which holds(event), or None when the time is over."""
        end = time.monotonic() + timeout_s
        while True:
            found = [event for event in self.events() if holds(event)]
            if found:
                return found[0]
            if time.monotonic() > end or (self.process and self.process.poll() is not None):
                return None
            time.sleep(0.02)
