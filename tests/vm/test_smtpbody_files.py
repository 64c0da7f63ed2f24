# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel module says of itself, as a file."""

import glob
import os
import re
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
pytestmark = pytest.mark.outside
ENVIRONMENT = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


def read(path):
    with open(f"{TOP}/{path}", encoding="utf-8") as file:
        return file.read()


def modules():
    return glob.glob(f"{TOP}/build/kmod/*/xt_smtpbody.ko")


def said_of(module, field):
    return subprocess.run(["modinfo", "-F", field, module], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True,
                          check=True).stdout.split("\n")[:-1]


def test_a_module_says_whose_it_is_and_by_what_names_it_is_called():
    assert modules()
    for module in modules():
        assert said_of(module, "license") == ["GPL"] and said_of(module, "author") == ["hopguard developers"]
        assert said_of(module, "description")[0] and said_of(module, "depends") in (["x_tables"], [""])  # or built in
        assert set(said_of(module, "alias")) == {"ipt_smtpbody", "ip6t_smtpbody", "net-pf-16-proto-16-family-smtpbody"}
        assert said_of(module, "parm")[0].startswith("flows_max:")
        assert said_of(module, "vermagic")[0].split()[0] == module.split("/")[-2]


def test_module_package_and_program_have_one_version():
    version = re.search(r"^VERSION +:= (\S+)$", read("Makefile"), re.M)[1]
    assert f'PACKAGE_VERSION="{version}"' in read("kmod/dkms.conf")
    for module in modules():
        assert said_of(module, "version") == [version]
