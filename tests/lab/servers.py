# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the lab's programs are.

Mail and name servers are the copies that tests/test-deps.sh unpacked into build/test-servers/NAME, never those of the
machine; tools without a service (ldns-*, openssl, swaks, tcpdump) are installed and found on the PATH.
"""

import functools
import os
import re
import shutil

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVERS = os.path.join(REPOSITORY, "build", "test-servers")
PROGRAM = os.environ.get("HOPGUARD") or os.path.join(REPOSITORY, "build", "hopguard")  # another build: the sanitized one
TOOL_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


class MissingProgram(Exception):
    """Says what to do in one line."""


def root_of(name):
    """The unpacked tree of a server: postfix, exim, opensmtpd, nsd, unbound, nginx, tayga."""
    path = os.path.join(SERVERS, name)
    if not os.path.exists(os.path.join(path, ".complete")):
        raise MissingProgram(f"{name} is not unpacked: run `make test-deps` first")
    return path


def program(name, relative):
    path = os.path.join(root_of(name), relative)
    if not os.access(path, os.X_OK):
        raise MissingProgram(f"{path} is missing: remove {root_of(name)} and run `make test-deps`")
    return path


def tool(name):
    """A program that is installed on the machine; sbin is searched whatever the caller's PATH."""
    path = shutil.which(name, path=TOOL_PATH)
    if not path:
        raise MissingProgram(f"{name} is not installed: run `make test-deps` first")
    return path


def nsd():
    return program("nsd", "usr/sbin/nsd")


def nsd_control():
    return program("nsd", "usr/sbin/nsd-control")


def unbound():
    return program("unbound", "usr/sbin/unbound")


def nginx():
    return program("nginx", "usr/sbin/nginx")


def tayga():
    return program("tayga", "usr/sbin/tayga")


def ldns_signzone():
    return tool("ldns-signzone")


def ldns_keygen():
    return tool("ldns-keygen")


def openssl():
    return tool("openssl")


def exim():
    return program("exim", "usr/sbin/exim4")


def hopguard():
    """The program under test."""
    if not os.access(PROGRAM, os.X_OK):
        raise MissingProgram(f"{PROGRAM} is not built: run `make` first")
    return PROGRAM


@functools.cache
def is_sanitized():
    """Whether the program under test is a build with sanitizers."""
    with open(hopguard(), "rb") as file:
        return re.search(rb"\0__[at]san_init\0", file.read()) is not None


def rights(pid):
    """What the kernel says of a process's user, capabilities and filters."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {name: value.strip() for name, value in (line.split(":", 1) for line in file)}


def test_tool(name):
    """A program of tests/tools, of the same build."""
    path = os.path.join(os.path.dirname(PROGRAM), "tests/tools", name)
    if not os.access(path, os.X_OK):
        raise MissingProgram(f"{path} is not built: run `make tools` first")
    return path
