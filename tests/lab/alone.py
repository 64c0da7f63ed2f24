# SPDX-License-Identifier: GPL-2.0-or-later
"""hopguard on a host without neighbours: for tests of its processes, which need no mail."""

import os
import signal
import subprocess
import types

import guard
import namespaces

# No name server can be reached; the files only have to be there.
NO_DNS = types.SimpleNamespace(trust_anchor="/usr/share/dns/root.key", root_hints="/usr/share/dns/root.hints")

MONITOR = ("mode=monitor", "on-failure=open")


class Alone:
    def __init__(self):
        self.directory = namespaces.make_directory()
        self.host = namespaces.Host(self.directory, "alone").ready()
        self.syslog = guard.Syslog(self.host)
        self.guard = None

    def prepare(self, *settings):
        """One that does not run yet."""
        self.guard = guard.Guard(self.host, self.directory, NO_DNS, ["192.0.2.0/24"], settings)
        return self.guard

    def start(self, *settings, **options):
        return self.prepare(*settings).start(**options)

    def close(self):
        """After each test: whatever became of the guard, nothing of it stays."""
        if self.guard:
            self.guard.stop()
        self.guard = None
        self.syslog.reset()

    def end(self):
        self.close()
        self.host.close()

    # What it says of itself

    def status(self):
        return self.guard.status()

    def processes(self):
        return self.guard.processes()

    def wait_until(self, holds, timeout_s=20):
        """For what comes at once, or in a second or two: patience is for machines that have much to do."""
        return namespaces.wait_until(holds, timeout_s)

    def is_whole(self):
        return self.guard.is_whole()

    # What is done to it

    def kill(self, pid, number=signal.SIGKILL):
        self.host.run(["kill", f"-{int(number)}", str(pid)])

    def lives(self, pid):
        return os.path.exists(f"/proc/{self.host.pid}/root/proc/{pid}/comm") and \
            not self.host.run(["ps", "-o", "stat=", "-p", str(pid)], check=False).startswith("Z")

    def command(self, *words, prefix=(), timeout_s=30, **options):
        """Any hopguard command: exit status, standard output and standard error apart."""
        argv = [*prefix, *self.guard.command(*words)] if self.guard else list(words)
        return subprocess.run(self.host.command(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=timeout_s, **options)

    def ask(self, *words, prefix=()):
        return self.command(*words, "--socket", self.guard.socket, prefix=prefix)

    def rules(self):
        """All rules of the host by every tool, without the counters and dates that change by themselves."""
        texts = [self.host.run(["sh", "-c", f"{tool} 2>/dev/null"], check=False)
                 for tool in ("iptables-save", "ip6tables-save", "iptables-legacy-save", "ip6tables-legacy-save")]
        return [line.split("[")[0] for text in texts for line in text.splitlines()
                if not line.startswith("#") and line.strip()]

    def own_rules(self):
        return [line for line in self.rules() if "hopguard" in line.lower()]
