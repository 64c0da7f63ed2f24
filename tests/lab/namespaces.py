# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts of the lab: a network of their own, files of their own, processes of their own.

A host is one process that holds network, mount, host name, IPC and process namespaces and waits on a pipe from us.
When the pipe breaks, however we end, the kernel kills everything in the host and takes the interfaces with it: nothing
has a name outside, nothing can be left over but a directory, and sweep() removes those of the dead.
"""

import atexit
import contextlib
import ctypes
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import servers

CLONE_NEWNET = 0x40000000
DIRECTORY_PREFIX = "hopguard-lab-"
_libc = ctypes.CDLL(None, use_errno=True)

# Users that the servers and the guard want and that the machine need not have.
USERS = {
    "postfix": (61001, 61001), "postdrop": (None, 61002), "Debian-exim": (61003, 61003),
    "opensmtpd": (61004, 61004), "opensmtpq": (61005, 61005), "hopguard": (61006, 61006),
    "mail": (8, 8), "vmail": (61007, 61007),
}

# Directories that are shown with additions: what the packages of the unpacked servers would have put there.
ADDITIONS = ("usr/lib", "usr/libexec", "usr/sbin")


class LabError(Exception):
    pass


def wait_until(holds, timeout_s=20):
    """True as soon as holds() is; exceptions of an answer that cannot be had count as not yet."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            if holds():
                return True
        except (LabError, ValueError, KeyError):
            pass
        time.sleep(0.05)
    return False


def make_directory():
    """A directory that tells whose it is; removed at exit, or by the next run."""
    sweep()
    path = tempfile.mkdtemp(prefix=f"{DIRECTORY_PREFIX}{os.getpid()}-")
    os.chmod(path, 0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def sweep():
    """Removes directories of runs that were killed. Their namespaces died with them."""
    for name in os.listdir(tempfile.gettempdir()):
        if not name.startswith(DIRECTORY_PREFIX):
            continue
        owner = name[len(DIRECTORY_PREFIX):].split("-")[0]
        if owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


def _farm(path, original, replaced):
    """Fills path with links into `original`, where the true directory will be bound, except for the replaced names."""
    os.makedirs(path)
    shown = "/" + original.split("/original/", 1)[1]
    for name in os.listdir(shown):
        if name not in replaced:
            os.symlink(os.path.join(original, name), os.path.join(path, name))


def _write(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, mode)


class Host:
    """One host. `files` are texts by name below /etc; `unpacked` names servers whose packages it shows as installed."""

    def __init__(self, directory, name, unpacked=(), files=None):
        self.name = name
        self.directory = os.path.join(directory, name)
        self.original = os.path.join(self.directory, "original")
        os.makedirs(self.original)
        self._mounts = []
        self._show_etc(files or {})
        self._show_unpacked(unpacked)
        self._show_var()
        self._show_dev()
        self._start()

    # What the host sees

    def _path(self, *parts):
        return os.path.join(self.directory, *parts)

    def _replace(self, shown, replaced):
        """Plans to show a farm in place of a directory; gives the farm's path."""
        farm = self._path("shown", shown)
        original = os.path.join(self.original, shown)
        os.makedirs(original)
        _farm(farm, original, replaced)
        self._mounts += [f"mount --rbind /{shown} {original}", f"mount --rbind {farm} /{shown}"]
        return farm

    def _show_etc(self, files):
        texts = dict(files)
        with open("/etc/passwd", encoding="utf-8") as passwd, open("/etc/group", encoding="utf-8") as group:
            users = [line for line in passwd if line.split(":")[0] not in USERS]
            groups = [line for line in group if line.split(":")[0] not in USERS]
        for user, (uid, gid) in USERS.items():
            groups.append(f"{user}:x:{gid}:\n")
            if uid is not None:
                users.append(f"{user}:x:{uid}:{gid}::/nonexistent:/usr/sbin/nologin\n")
        texts["passwd"] = "".join(users)
        texts["group"] = "".join(groups)
        texts["hostname"] = f"{self.name}\n"
        texts["mailname"] = f"{self.name}.lab\n"
        texts["nsswitch.conf"] = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
        texts.setdefault("hosts", f"127.0.0.1 localhost {self.name}\n::1 localhost\n")
        texts.setdefault("resolv.conf", "")
        farm = self._replace("etc", {name.split("/")[0] for name in texts} | {"postfix", "exim4", "smtpd.conf"})
        for name in ("postfix", "exim4"):
            os.makedirs(os.path.join(farm, name))
        for name, text in texts.items():
            os.makedirs(os.path.dirname(os.path.join(farm, name)), exist_ok=True)
            _write(os.path.join(farm, name), text)
        self.etc = farm

    def _show_unpacked(self, unpacked):
        for server in unpacked:
            # Mounted, since users of the host may not be able to look into the folder that this repository lies in.
            os.makedirs(self._path("unpacked", server))
            self._mounts.append(f"mount --bind {shlex.quote(servers.root_of(server))} {self._path('unpacked', server)}")
        for shown in ADDITIONS:
            extra = {}
            for server in unpacked:
                tree = os.path.join(servers.root_of(server), shown)
                for name in os.listdir(tree) if os.path.isdir(tree) else ():
                    extra.setdefault(name, os.path.join(self._path("unpacked", server), shown, name))
            if not extra or not os.path.isdir("/" + shown):
                continue
            farm = self._replace(shown, extra)
            for name, target in extra.items():
                os.symlink(target, os.path.join(farm, name))

    def _show_var(self):
        farm = self._replace("var", {"spool", "log", "mail", "run", "lib"})
        for name in ("spool", "log", "mail", "lib"):
            os.makedirs(os.path.join(farm, name))
        os.makedirs(os.path.join(farm, "lib/opensmtpd/empty"))
        os.symlink("/run", os.path.join(farm, "run"))
        self.var = farm

    def _show_dev(self):
        farm = self._replace("dev", {"log"})
        os.symlink(self._path("log"), os.path.join(farm, "log"))
        self.log_socket = self._path("log")

    # Life

    def _start(self):
        # The last command waits on the pipe; with SIGCHLD ignored, what outlives its parent is reaped without us.
        script = "\n".join(["set -e", *self._mounts,
                            "mount -t tmpfs -o mode=0755 tmpfs /run", "mkdir /run/lock",
                            f"hostname {self.name}", "ip link set lo up",
                            "for f in all default; do echo 0 >/proc/sys/net/ipv6/conf/$f/accept_ra",
                            "echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad",
                            "echo 0 >/proc/sys/net/ipv6/conf/$f/dad_transmits",
                            "echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter",
                            "echo 0 >/proc/sys/net/ipv4/conf/$f/send_redirects",
                            "echo 0 >/proc/sys/net/ipv4/conf/$f/accept_redirects; done",
                            "echo ready", "exec env --ignore-signal=CHLD cat >/dev/null"])
        self._holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        atexit.register(self.close)
        self.pid = None

    def ready(self):
        """Waits until the host stands. Apart from the constructor, so that several hosts start side by side."""
        if self._holder.stdout.readline() != b"ready\n":
            raise LabError(f"host {self.name}: {self._holder.stderr.read().decode().strip()}")
        children = f"/proc/{self._holder.pid}/task/{self._holder.pid}/children"
        with open(children, encoding="ascii") as file:
            self.pid = int(file.read().split()[0])
        self.network = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return self

    def close(self):
        if not self._holder:
            return
        self._holder.kill()
        self._holder.wait()
        self._holder = None
        atexit.unregister(self.close)
        if self.pid:
            os.close(self.network)

    # Work

    def command(self, argv):
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "--", *map(str, argv)]

    def spawn(self, argv, **options):
        """Starts a program in the host; the object returned is nsenter's, inner_pid() the program's."""
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.command(argv), start_new_session=True, **options)

    def run(self, argv, check=True, timeout=60, **options):
        """Runs a program to its end and gives what it printed, both streams together."""
        options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
        if "input" in options:
            options.pop("stdin")
        done = subprocess.run(self.command(argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=timeout, errors="replace", **options)
        if check and done.returncode:
            raise LabError(f"{self.name}: {' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    def network_command(self, argv, text=None, check=True):
        """Runs a program of the machine in the host's network only: quicker, and process ids mean ours."""
        done = subprocess.run(["nsenter", "-t", str(self.pid), "-n", "--", *map(str, argv)], input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
        if check and done.returncode:
            raise LabError(f"{self.name}: {' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{text or ''}")
        return done.stdout

    def ip(self, *lines):
        """Commands for ip(8), one a line."""
        return self.network_command(["ip", "-batch", "-"], text="\n".join(lines) + "\n")

    @contextlib.contextmanager
    def inside(self):
        """This thread's sockets are made in the host's network; those made before stay where they were made."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            _setns(self.network)
            yield self
        finally:
            _setns(home)
            os.close(home)

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, protocol=0):
        with self.inside():
            return socket.socket(family, kind, protocol)


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def inner_pid(process):
    """The process id, as we see it, of a program started by Host.spawn."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as file:
        children = file.read().split()
    return int(children[0]) if children else None


def stop(process, patience_s=5):
    """Ends a program started by Host.spawn: asks, then kills."""
    pid = inner_pid(process) if process.poll() is None else None
    for number in (signal.SIGTERM, signal.SIGKILL):
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        try:
            return process.wait(patience_s)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.wait()


def link(left, left_name, right, right_name):
    """A cable between two hosts."""
    left.ip(f"link add {left_name} type veth peer name {right_name} netns {right.pid}",
            f"link set {left_name} up")
    right.ip(f"link set {right_name} up")
