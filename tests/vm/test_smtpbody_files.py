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


@pytest.mark.parametrize("release, is_built", [("6.1.0-56-amd64", True), ("6.12.117+deb12-cloud-amd64", True), ("7.0.1", True), ("10.2.0", True),
                                               ("5.10.0-35-amd64", False), ("6.0.9", False), ("4.19.0", False), ("2.6.32", False)])
def test_dkms_leaves_kernels_out_that_it_is_not_for(tmp_path, release, is_built):
    """Which is no failure: else an update of the kernel would be one."""
    version = version_of_program()
    shutil.copytree(f"{TOP}/kmod", tmp_path / f"source/xt_smtpbody-{version}")
    headers = tmp_path / "headers"
    headers.mkdir()
    (headers / ".config").write_text("CONFIG_NETFILTER_XTABLES=m\n")
    done = subprocess.run(["bash", f"{TOP}/build/test-servers/dkms/usr/sbin/dkms", "build", f"xt_smtpbody/{version}", "-k", release,
                           "--kernelsourcedir", headers, "--dkmstree", tmp_path, "--sourcetree", tmp_path / "source", "--installtree",
                           tmp_path / "installed"], env={**ENVIRONMENT, "sign_file": "/none"}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert ("BUILD_EXCLUSIVE" in done.stdout) != is_built, done.stdout


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
