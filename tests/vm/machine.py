# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine under emulation with Debian's kernel, this machine's programs, and the tests of this folder to run."""

import glob
import json
import os
import re
import subprocess
import sysconfig
import tempfile

import initrd
import systemd_tree

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
SERVERS = os.path.join(REPOSITORY, "build/test-servers")
BUILD = os.path.dirname(os.environ.get("HOPGUARD") or os.path.join(REPOSITORY, "build/hopguard"))
INSIDE = "/hopguard"  # where the repository is in there

# Seconds from the first instruction to the last, since a busy machine is slow; MiB of memory; processors. A kernel that looks
# at itself needs more of each.
USUAL, OTHERS = (720, 768, 1), {"kasan": (3600, 2560, 2)}
# No KVM, which few machines under test have; no vector units, which are slow to emulate; a source of random numbers.
QEMU = ("qemu-system-x86_64", "-accel", "tcg", "-cpu", "Nehalem,+rdrand", "-nodefaults",
        "-display", "none", "-no-reboot", "-net", "none", "-device", "isa-debug-exit,iobase=0x501,iosize=2")
# Without random places in memory QEMU translates a program once, not each time that it starts: a third of the time.
# Warnings are shown; those that the machine is slow are none.
KERNEL_WORDS = ("console=ttyS0", "loglevel=5", "panic=-1", "oops=panic", "mitigations=off", "nokaslr", "norandmaps", "no_timer_check",
                "nowatchdog", "rcupdate.rcu_cpu_stall_suppress=1", "rcupdate.rcu_expedited=1")
# Modules that are wanted by name or, with a slash, all of a directory; what they depend on comes with them.
MODULES = ("net/netfilter/", "net/ipv4/netfilter/", "net/ipv6/netfilter/", "net/bridge/", "veth", "crc32c_generic")

PROGRAMS = """sh cat chmod chown cp cut dash dd env grep hostname id insmod ip kill kmod ln ls mkdir modprobe mount nft nsenter
    openssl ps rm rmmod sed sleep sort ss stat stty tail touch umount unshare setpriv ldns-keygen ldns-signzone""".split()
PROGRAM_PATH = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
TOOLS = ("body_fuzz", "queue_accept", "smtpbody_streams", "vm_exit")
# Of the standard library these stay out, for size; of the other modules only pytest and what it needs go in.
PYTHON_WITHOUT = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "distutils", "pydoc_data",
                  "dist-packages", "sqlite3", "dbm", "curses", sysconfig.get_config_var("LIBPL").rsplit("/", 1)[-1])
PYTEST = ("_pytest", "pytest", "pluggy", "iniconfig", "packaging", "py", "attr", "attrs")


class MachineError(Exception):
    pass


class Machine:
    """Runs once. `cases` are tests by their node ids; results are by node id what conftest.py said of them inside.

    Its first process is `sh`, or `systemd` with hopguard installed.
    """

    def __init__(self, cases, kernel="6.1", first="sh"):
        self._kernel = f"{SERVERS}/kernel-{kernel}"
        self._patience_s, self._memory, self._processors = OTHERS.get(kernel, USUAL)
        self.results = {}
        self.end = None       # what the last line of the results says
        self.status = None    # QEMU's exit status; None: it had to be killed
        self.console = ""
        with tempfile.TemporaryDirectory(prefix="hopguard-vm-") as directory:
            archive = os.path.join(directory, "initrd")
            tree = contents(cases, self._kernel)
            if first == "systemd":
                systemd_tree.add(tree, os.path.abspath(BUILD), program)
            tree.write(archive)
            self._run(archive, directory)

    def _run(self, archive, directory):
        console, results = (os.path.join(directory, name) for name in ("console", "results"))
        command = [*QEMU, "-m", str(self._memory), "-smp", str(self._processors), "-append", " ".join(KERNEL_WORDS),
                   "-kernel", only(f"{self._kernel}/boot/vmlinuz-*"), "-initrd", archive,
                   "-serial", f"file:{console}", "-serial", f"file:{results}"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, check=False, timeout=self._patience_s)
            self.status, said = done.returncode, done.stdout
        except subprocess.TimeoutExpired:
            said = f"not done after {self._patience_s} s\n"
        self.console = said + read(console)
        for line in read(results).splitlines():
            self._note(line)

    def _note(self, line):
        try:
            said = json.loads(line)
        except ValueError:
            return  # cut short when the machine died
        if "case" in said:
            self.results[said["case"]] = said
        else:
            self.end = said


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def only(pattern):
    found = glob.glob(pattern)
    if len(found) != 1:
        raise MachineError(f"{pattern}: {len(found)} of them: run `make test-deps`")
    return found[0]


def contents(cases, kernel):
    tree = initrd.Tree()
    for name in PROGRAMS:
        tree.program(program(name))
    for path in glob.glob("/usr/sbin/*tables*"):
        tree.program(path)
    for path in glob.glob("/usr/lib/*/xtables/*.so"):
        tree.file(path)  # linked with nothing that iptables is not
    add_python(tree)
    add_modules(tree, kernel)
    for path in ("/etc/passwd", "/etc/group", "/etc/ssl/openssl.cnf", "/usr/share/dns/root.key",
                 "/usr/share/dns/root.hints"):
        tree.file(path)
    tree.link("/usr/lib/ssl/openssl.cnf", "/etc/ssl/openssl.cnf")
    for path in ("/proc", "/sys", "/dev", "/tmp", "/run", "/root", "/var/tmp", "/var/lib"):
        tree.directory(path)
    add_repository(tree, cases)
    return tree


def program(name):
    for directory in PROGRAM_PATH:
        path = os.path.join(directory, name)
        if os.access(path, os.X_OK):
            return path
    raise MachineError(f"there is no {name}: run `make test-deps`")


def add_python(tree):
    tree.program("/usr/bin/python3")
    library = os.path.dirname(os.__file__)
    tree.files(library, without=PYTHON_WITHOUT)
    for path in glob.glob(f"{library}/lib-dynload/*.so"):
        tree.program(path)
    for name in PYTEST:
        tree.files(f"/usr/lib/python3/dist-packages/{name}")


def add_modules(tree, kernel):
    modules = only(f"{kernel}/lib/modules/*")
    place = f"/lib/modules/{os.path.basename(modules)}"
    needs = {}
    for line in read(f"{modules}/modules.dep").splitlines():
        module, needed = line.split(":")
        needs[module] = needed.split()
    wanted = [module for module in needs if any(
        module.startswith(f"kernel/{name}") if "/" in name else re.search(rf"/{name}\.ko", module) for name in MODULES)]
    for module in {one for module in wanted for one in (module, *needs[module])}:
        tree.file(f"{modules}/{module}", initrd.resolve(f"{place}/{module}"))
    for path in glob.glob(f"{modules}/modules.*"):
        tree.file(path, initrd.resolve(f"{place}/{os.path.basename(path)}"))
    ours = f"build/kmod/{os.path.basename(modules)}/xt_smtpbody.ko"
    tree.file(f"{REPOSITORY}/{ours}", f"{INSIDE}/{ours}")
    tree.file(f"{REPOSITORY}/build/kmod/libxt_smtpbody.so", f"{xtables()}/libxt_smtpbody.so")


def xtables():
    """Where iptables looks for its extensions."""
    return os.path.dirname(only("/usr/lib/*/xtables/libxt_standard.so"))


def add_repository(tree, cases):
    tree.program(f"{BUILD}/hopguard", f"{INSIDE}/build/hopguard")
    for name in TOOLS:
        tree.program(f"{BUILD}/tests/tools/{name}", f"{INSIDE}/build/tests/tools/{name}")
    nsd = f"{REPOSITORY}/build/test-servers/nsd"
    tree.program(f"{nsd}/usr/sbin/nsd", f"{INSIDE}/build/test-servers/nsd/usr/sbin/nsd")
    tree.file(f"{nsd}/.complete", f"{INSIDE}/build/test-servers/nsd/.complete")
    for folder in ("lab", "vm"):
        tree.files(f"{REPOSITORY}/tests/{folder}", f"{INSIDE}/tests/{folder}", without=("__pycache__",))
    tree.files(f"{REPOSITORY}/systemd", f"{INSIDE}/systemd")
    tree.text(f"{INSIDE}/cases", "\n".join(cases) + "\n")
    tree.file(f"{HERE}/init", "/init")
