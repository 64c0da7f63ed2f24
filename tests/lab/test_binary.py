# SPDX-License-Identifier: GPL-2.0-or-later
"""The built program as a file: that it is hardened, by what binutils see of it, and has nothing of the place and day of its making."""

import os
import pathlib
import re
import subprocess

import pytest

import servers

TOP = pathlib.Path(__file__).resolve().parents[2]
MACHINE = os.uname().machine
pytestmark = pytest.mark.skipif(servers.is_sanitized(), reason="a build with sanitizers is no build to be used")


def shown(*command):
    return subprocess.run([*command, servers.hopguard()], env={**os.environ, "LC_ALL": "C"}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=True).stdout


@pytest.fixture(scope="module")
def segments():
    """Type and rights of each: ("LOAD", "R E")."""
    return re.findall(r"^  (\S+) +0x\S+ 0x\S+ 0x\S+ 0x\S+ 0x\S+ ([R ][W ][E ])", shown("readelf", "-lW"), re.M)


@pytest.fixture(scope="module")
def dynamic():
    return dict(re.findall(r"^ 0x\S+ \((\w+)\) +(.*)$", shown("readelf", "-dW"), re.M))


@pytest.fixture(scope="module")
def imported():
    """Functions of the C library and others."""
    return set(re.findall(r" UND (\w+)@", shown("readelf", "--dyn-syms", "-W")))


@pytest.fixture(scope="module")
def units():
    """How each source was compiled, by its name, as its debug information says."""
    found = {}
    for unit in shown("readelf", "--debug-dump=info", "--dwarf-depth=1", "-W").split("Compilation Unit @")[1:]:
        said = dict(re.findall(r"DW_AT_(producer|name|comp_dir) +: (?:\(.*\): )?(.*)", unit))
        found[said["name"]] = said["producer"], said["comp_dir"]
    return found


def test_it_can_lie_anywhere_in_memory(dynamic):
    assert "PIE" in dynamic.get("FLAGS_1", "").split()
    assert "Type:                              DYN" in shown("readelf", "-hW")
    assert "TEXTREL" not in dynamic and "TEXTREL" not in dynamic.get("FLAGS", "")


def test_what_the_loader_writes_is_read_only_before_the_program_begins(segments, dynamic):
    assert ("GNU_RELRO", "R  ") in segments
    assert "BIND_NOW" in dynamic.get("FLAGS", "").split() and "NOW" in dynamic.get("FLAGS_1", "").split()


def test_no_memory_is_written_and_executed(segments):
    assert ("GNU_STACK", "RW ") in segments
    assert not [one for one in segments if "W" in one[1] and "E" in one[1]]
    code, = [rights for kind, rights in segments if kind == "LOAD" and "E" in rights]
    assert code == "R E"
    assert segments.count(("LOAD", "R  ")) >= 2, "constants lie beside the code, not in it"


def test_libraries_come_from_where_the_system_has_them(dynamic):
    assert not {"RPATH", "RUNPATH"} & set(dynamic)


def test_buffers_on_the_stack_are_guarded(imported):
    assert "__stack_chk_fail" in imported


def test_the_c_library_checks_lengths(imported):
    assert {"__memcpy_chk", "__memset_chk", "__snprintf_chk", "__vsnprintf_chk", "__strcpy_chk"} <= imported
    assert not {"strcat", "sprintf", "vsprintf", "gets"} & imported


@pytest.mark.skipif(MACHINE != "x86_64", reason="of x86-64")
def test_calls_and_returns_can_be_checked_by_the_processor():
    assert "SHSTK" in re.search(r"x86 feature: (.*)", shown("readelf", "-nW"))[1]
    main, = re.findall(r"^0*([0-9a-f]+) T main$", shown("nm"), re.M)
    first = shown("objdump", "-d", f"--start-address=0x{main}", f"--stop-address={int(main, 16) + 4:#x}")
    assert "endbr64" in first


def test_every_source_was_compiled_so(units):
    sources = {str(path.relative_to(TOP)) for path in TOP.joinpath("daemon").rglob("*.c")}
    assert set(units) == sources, "debug information is there, or CFLAGS are not those of the Makefile"
    wanted = ["-fPIE", "-fstack-protector-strong", "-fstack-clash-protection"]
    if MACHINE == "x86_64":
        wanted.append("-fcf-protection=full")
    for name, (producer, _) in units.items():
        if producer.startswith("GNU"):
            assert set(wanted) <= set(producer.split()), name


def test_it_does_not_say_where_and_when_it_was_made(units):
    octets = pathlib.Path(servers.hopguard()).read_bytes()
    assert str(TOP).encode() not in octets
    assert {directory for _, directory in units.values()} == {"."}
    assert not re.search(rb"\0(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d 20\d\d\0", octets), "__DATE__"
    assert not re.search(rb"\0[012]\d:[0-5]\d:[0-5]\d\0", octets), "__TIME__"


def test_what_is_built_twice_and_compared_has_all_that_is_compiled():
    """tests/reproducible.sh takes these folders with it, and nothing else of the tree."""
    taken = re.search('^SOURCES="(.*)"$', TOP.joinpath("tests/reproducible.sh").read_text(encoding="utf-8"), re.M)[1].split()
    build = pathlib.Path(servers.hopguard()).parent
    read = {word for folder in ("daemon", "kmod") for rules in build.joinpath(folder).rglob("*.d")
            for word in rules.read_text(encoding="utf-8").replace("\\\n", " ").split() if word.endswith((".c", ".h"))}
    ours = {path.split("/")[0] for path in read if not path.startswith("/")}
    assert "daemon" in ours and ours <= set(taken), ours
