# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine needs beside the tests so that systemd is its first process, and hopguard is installed by `make install`."""

import glob
import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
UNITS = "/usr/lib/systemd/system"
PROGRAMS = ("chroot", "journalctl", "systemctl", "systemd-sysusers", "systemd-tmpfiles")
# Of systemd's own services only two run (init says which): what else wants them is linked by nobody here.
DAEMONS = ("systemd", "systemd-journald")
CONFIGURATION = "mode = enforce\non-failure = closed\nqueues = 1\n"
TESTS = """[Unit]
Description=The tests of this machine
After=hopguard.service

[Service]
ExecStart=/hopguard/tests/vm/inside
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
"""


def add(tree, build, program):
    """`program` finds programs by name."""
    for name in PROGRAMS:
        tree.program(program(name))
    for name in DAEMONS:
        tree.program(f"/usr/lib/systemd/{name}")
    for kind in ("target", "slice", "socket", "service", "mount"):
        for path in glob.glob(f"{UNITS}/*.{kind}"):
            tree.file(os.path.realpath(path), path)
    tree.file("/etc/ssl/certs/ca-certificates.crt")
    tree.directory("/var/log")
    tree.directory("/etc/systemd/system")
    tree.directory("/machine")  # where the first process gets a root that can be left
    tree.text(f"{UNITS}/tests.service", TESTS)
    with tempfile.TemporaryDirectory(prefix="hopguard-install-") as directory:
        install(tree, build, directory)
    tree.text("/etc/hopguard/hopguard.conf", CONFIGURATION)


def install(tree, build, directory):
    """What lies in `directory` is gone when the archive is written, so what the files hold goes in."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "-s", "-o", "all", "install", f"DESTDIR={directory}", "PREFIX=/usr", "SYSCONFDIR=/etc",
                    f"BUILD={build}"], cwd=TOP, env=environment, stdin=subprocess.DEVNULL, check=True)
    for folder in ("usr/lib/systemd/system", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d"):
        for name in os.listdir(f"{directory}/{folder}"):
            with open(f"{directory}/{folder}/{name}", encoding="utf-8") as file:
                tree.text(f"/{folder}/{name}", file.read())
    tree.program(f"{build}/hopguard", "/usr/sbin/hopguard")
