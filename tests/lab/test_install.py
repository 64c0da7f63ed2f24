# SPDX-License-Identifier: GPL-2.0-or-later
"""What `make install` puts where, and whether systemd takes it."""

import os
import pathlib
import re
import subprocess

import pytest
import servers

TOP = pathlib.Path(__file__).resolve().parents[2]
WANTED = {
    "opt/hg/sbin/hopguard", "opt/hg/share/man/man8/hopguard.8", "opt/hg/share/man/man5/hopguard.conf.5",
    "opt/hg/lib/systemd/system/hopguard.service", "opt/hg/lib/systemd/system/hopguard-rules.service",
    "opt/hg/lib/sysusers.d/hopguard.conf", "opt/hg/lib/tmpfiles.d/hopguard.conf",
    "opt/hg/share/hopguard/hopguard.conf.example", "opt/hg/share/hopguard/rules/hopguard.nft",
    "opt/hg/share/hopguard/rules/hopguard.iptables", "opt/hg/share/hopguard/rules/hopguard.ip6tables",
    "srv/etc/hopguard/hopguard.conf",
}


def make(target, directory):
    """With the program as it is: `-o all` builds nothing anew."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "-s", "-o", "all", target, f"DESTDIR={directory}", "PREFIX=/opt/hg", "SYSCONFDIR=/srv/etc",
                    f"BUILD={pathlib.Path(servers.hopguard()).parent}"],
                   cwd=TOP, env=environment, stdin=subprocess.DEVNULL, check=True)


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def installed(tmp_path):
    make("install", tmp_path)
    return tmp_path


def test_everything_is_put_below_prefix_and_taken_away_but_the_configuration(installed):
    assert files(installed) == WANTED
    configuration = installed / "srv/etc/hopguard/hopguard.conf"
    configuration.write_text("mode = enforce\n", encoding="utf-8")
    make("install", installed)
    assert configuration.read_text(encoding="utf-8") == "mode = enforce\n", "what somebody wrote stays"
    make("uninstall", installed)
    assert files(installed) == {"srv/etc/hopguard/hopguard.conf"}


def test_no_place_in_a_unit_is_left_open(installed):
    for unit in (installed / "opt/hg/lib/systemd/system").iterdir():
        text = unit.read_text(encoding="utf-8")
        assert "/opt/hg/sbin/hopguard" in text and not re.search("@[A-Z]+@", text)


def test_systemd_takes_the_units_and_finds_the_guard_little_exposed(installed):
    units = installed / "opt/hg/lib/systemd/system"
    for unit in units.iterdir():  # the program has to be where the unit says; nobody has the manual pages yet
        text = unit.read_text(encoding="utf-8").replace("/opt/hg/sbin", str(installed / "opt/hg/sbin"))
        unit.write_text(re.sub("^Documentation=.*\n", "", text, flags=re.M), encoding="utf-8")
    verified = subprocess.run(["systemd-analyze", "verify", *units.glob("hopguard*.service")], check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert not [line for line in verified.stdout.splitlines() if "hopguard" in line], verified.stdout
    for unit in ("hopguard.service", "hopguard-rules.service"):
        judged = subprocess.run(["systemd-analyze", "security", "--offline=true", units / unit], check=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout
        assert float(re.search(rf"exposure level for {unit}: ([0-9.]+)", judged).group(1)) <= 2.0, judged
