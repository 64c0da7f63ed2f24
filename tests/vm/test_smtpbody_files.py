# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel module says of itself, as a file."""

import glob
import os
import re
import shutil
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
pytestmark = pytest.mark.outside
ENVIRONMENT = {**{name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")},
               "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


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


def version_of_program():
    return re.search(r"^VERSION +:= (\S+)$", read("Makefile"), re.M)[1]


def test_module_package_and_program_have_one_version():
    version = version_of_program()
    assert f'PACKAGE_VERSION="{version}"' in read("kmod/dkms.conf")
    for module in modules():
        assert said_of(module, "version") == [version]


def test_dkms_builds_it_for_every_kernel_from_the_folder_as_it_is(tmp_path):
    version = version_of_program()
    shutil.copytree(f"{TOP}/kmod", tmp_path / f"source/xt_smtpbody-{version}")
    kernels = glob.glob(f"{TOP}/build/test-servers/kernel-[0-9]*/usr/src/linux-headers-*-amd64")
    assert kernels
    for headers in kernels:
        release = os.path.basename(headers).removeprefix("linux-headers-")
        words = ("-k", release, "--kernelsourcedir", headers, "--dkmstree", tmp_path, "--sourcetree", tmp_path / "source",
                 "--installtree", tmp_path / "installed")
        # Nothing is signed, for which it would make this machine a key.
        done = subprocess.run(["bash", f"{TOP}/build/test-servers/dkms/usr/sbin/dkms", "build", f"xt_smtpbody/{version}", *words],
                              env={**ENVIRONMENT, "sign_file": "/none"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        built = glob.glob(f"{tmp_path}/xt_smtpbody/{version}/{release}/*/module/xt_smtpbody.ko*")
        assert done.returncode == 0 and len(built) == 1, done.stdout
        assert said_of(built[0], "version") == [version] and said_of(built[0], "vermagic")[0].split()[0] == release
