# SPDX-License-Identifier: GPL-2.0-or-later
"""The unit as it is installed, run by systemd itself: the first process of a container that sees no units but ours."""

import contextlib
import json
import os
import shlex
import signal
import subprocess

import guard
import namespaces
import pytest
import servers
from test_install import make

pytestmark = pytest.mark.skipif(servers.is_sanitized(), reason="a build with sanitizers is no build to be used")

PREFIX = "/opt/hg"
UNITS = f"{PREFIX}/lib/systemd/system"
SHORT = "[Service]\nWatchdogSec=3\n"
CONFIGURATION = """mode = enforce
on-failure = closed
clients = { "192.0.2.0/24" }
dns { trust-anchor = "/usr/share/dns/root.key" root-hints = "/usr/share/dns/root.hints" }
"""
# What units need by default: nothing here, as the machine's own would tidy the machine.
EMPTY = ("sysinit", "basic", "network-pre", "shutdown", "umount", "multi-user")

# A cgroup of our own, in which the container sees its root.
OUTSIDE = """set -e
mount --make-rprivate /
mount -t cgroup2 none {hierarchy}
mkdir -p {hierarchy}/{name}
echo $$ >{hierarchy}/{name}/cgroup.procs
umount {hierarchy}
exec unshare --cgroup --pid --fork --kill-child --mount --mount-proc sh -c {inside}
"""
INSIDE = """set -e
mount -t cgroup2 none /sys/fs/cgroup
mount --bind /proc/sys /proc/sys
mount -o remount,ro,bind /proc/sys
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=0755 tmpfs /opt
mkdir -p {prefix} /run/units
cp -a {installed}/. {prefix}
for one in {empty}; do printf '[Unit]\\nDefaultDependencies=no\\n' >/run/units/$one.target; done
printf '[Unit]\\nRequires=hopguard.service\\n' >/run/units/multi-user.target
export container=other SYSTEMD_UNIT_PATH=/run/units:{units} SYSTEMD_GENERATOR_PATH=/run/none SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/none
exec /lib/systemd/systemd --system --unit=multi-user.target
"""
FORGET = """set -e
mount -t cgroup2 none {hierarchy}
find {hierarchy}/{name} -depth -type d -exec rmdir {{}} +
umount {hierarchy}
"""


class Container:
    def __init__(self, machine, directory):
        self.host = machine.host
        self.name = f"hopguard-test-{os.getpid()}"
        self.hierarchy = directory / "hierarchy"
        self.hierarchy.mkdir()
        installed = directory / "installed"
        make("install", installed)
        os.makedirs(os.path.join(self.host.etc, "hopguard"), exist_ok=True)
        for name, text in (("hopguard/hopguard.conf", CONFIGURATION), ("machine-id", "0123456789abcdef" * 2 + "\n")):
            with open(os.path.join(self.host.etc, name), "w", encoding="utf-8") as file:
                file.write(text)
        inside = INSIDE.format(installed=f"{installed}{PREFIX}", prefix=PREFIX, units=UNITS, empty=" ".join(EMPTY))
        self.process = self.host.spawn(["sh", "-c", OUTSIDE.format(hierarchy=self.hierarchy, name=self.name, inside=shlex.quote(inside))])
        assert namespaces.wait_until(lambda: self.first() and "running" in self.run("systemctl", "is-system-running"))

    def first(self):
        """Its first process, as we count them."""
        for pid in guard.below(self.process.pid):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as file:
                if file.read() == "systemd\n":
                    return pid
        return None

    def run(self, *words):
        done = subprocess.run(["nsenter", "-t", str(self.first()), "-m", "-u", "-i", "-n", "-p", "-C", "--", *words],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
        return done.stdout

    def property(self, name):
        return self.run("systemctl", "show", "hopguard.service", "--value", "-p", name).strip()

    def rules(self):
        return self.run("iptables-nft-save") + self.run("iptables-legacy-save")

    def said(self):
        return self.run("systemctl", "status", "--no-pager", "hopguard.service")

    def end(self):
        first = self.first()
        if first:
            os.kill(first, signal.SIGKILL)
        self.process.wait(timeout=20)
        self.host.run(["unshare", "--mount", "sh", "-c", FORGET.format(hierarchy=self.hierarchy, name=self.name)])


@pytest.fixture
def container(machine, tmp_path):
    os.chmod(tmp_path, 0o755)
    one = Container(machine, tmp_path)
    yield one
    one.end()


def test_systemd_ends_a_supervisor_that_hangs_and_starts_another(container):
    assert namespaces.wait_until(lambda: container.property("ActiveState") == "active"), container.said()
    assert container.property("WatchdogUSec") == "30s"
    container.run("sh", "-c", f"mkdir /run/units/hopguard.service.d; printf '{SHORT}' >/run/units/hopguard.service.d/short.conf; "
                  "systemctl daemon-reload; systemctl restart hopguard")
    assert container.property("WatchdogUSec") == "3s"
    hung = container.property("MainPID")
    assert container.property("NRestarts") == "0"
    container.run("kill", f"-{int(signal.SIGSTOP)}", hung)
    rules = []

    def is_back():
        rules.append(container.rules())
        return container.property("NRestarts") == "1" and container.property("ActiveState") == "active"
    assert namespaces.wait_until(is_back, timeout_s=30), container.said()
    assert all("HOPGUARD" in text for text in rules), "down means down"
    assert container.property("MainPID") not in ("0", hung)
    assert not os.path.exists(f"/proc/{container.first()}/root/proc/{hung}")
    processes = json.loads(container.run(f"{PREFIX}/sbin/hopguard", "status", "--json"))["processes"]
    assert {one["state"] for one in processes} == {"ready"}, processes
