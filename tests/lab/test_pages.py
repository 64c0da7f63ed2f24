# SPDX-License-Identifier: GPL-2.0-or-later
"""What writes the tables of docs/ has every cell from a run, or writes none: made-up results, sound ones, then with one fault each."""

import glob
import json
import os
import subprocess
import sys
import xml.sax.saxutils

import evasion_rows
import fault_rows
import pytest
import soak_site

HERE = os.path.dirname(os.path.abspath(__file__))
LAB_FILES = {os.path.basename(path).removesuffix(".py") for path in glob.glob(os.path.join(HERE, "test_*.py"))}
TABLES = {"faults.py": fault_rows.ROWS, "evasions.py": evasion_rows.ROWS}


def write_page(program, *paths):
    return subprocess.run([sys.executable, os.path.join(HERE, program), *map(str, paths)], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8", check=False)


# Two tables, of what tests said


def case(file, name, words, inner=""):
    properties = "".join(f"<property name={xml.sax.saxutils.quoteattr(key)} value={xml.sax.saxutils.quoteattr(value)}/>"
                         for key, value in words.items())
    return f'<testcase classname="tests.lab.{file}" name="{name}"><properties>{properties}</properties>{inner}</testcase>'


def measured():
    """A test each that wrote something down for a cell: its name, and what."""
    for row in fault_rows.ROWS:
        for stance in ("closed", "open"):
            yield f"test_fault[{row.fault}-{row.where}-{stance}]", {"fault": f"{row.fault}; {row.where}; {stance}; 11; 2; 9; 0"}
    for trick in dict.fromkeys(trick for row in evasion_rows.ROWS for trick in row.tricks):
        for way in ("without", "guarded"):
            yield f"test_trick[{way}-{trick}]", {"evasion": f"{way} {trick} 4", "outcome": "the true one"}


def write_results(folder, without=None, inner="", sound="ok"):
    """What every row wants: a report, and outputs of unit programs; but of the cell or test `without` nothing, `inner`, or no "ok"."""
    cases = [case("test_measured", name, words, inner if name == without else "") for name, words in measured()
             if name != without or inner]
    units = {}
    for number, test in enumerate(dict.fromkeys(test for rows in TABLES.values() for row in rows for test in row.tests), 1):
        file, name = test.split(": ")
        if test == without and not inner and sound == "ok":
            continue
        if file in LAB_FILES:
            cases.append(case(file, name, {}, inner if test == without else ""))
        else:
            units.setdefault(file, []).append(f"{sound if test == without else 'ok'} {number} - {name}\n")
    paths = [folder / "lab-1.xml", *(folder / f"unit-{file}.tap" for file in units)]
    paths[0].write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>", encoding="utf-8")
    for path, lines in zip(paths[1:], units.values()):
        path.write_text("".join(lines), encoding="utf-8")
    return paths


@pytest.mark.parametrize("program", TABLES)
def test_each_row_has_every_cell(tmp_path, program):
    done = write_page(program, *write_results(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")][1:]
    assert len(lines) == len(TABLES[program])
    assert all(cell.strip() for line in lines for cell in line.strip("|").split(" | ")), lines


FAULT, TRICK = (next(name for name, _ in measured() if name.startswith(kind)) for kind in ("test_fault", "test_trick"))
LAB_TEST, UNIT_TEST = (next(test for row in fault_rows.ROWS for test in row.tests if (test.split(": ")[0] in LAB_FILES) == is_lab)
                       for is_lab in (True, False))


@pytest.mark.parametrize("inner", ["", "<failure/>", "<error/>", "<skipped/>"])
@pytest.mark.parametrize("program, without", [("faults.py", FAULT), ("evasions.py", TRICK), ("faults.py", LAB_TEST)])
def test_without_a_test_that_passed_there_is_no_table(tmp_path, program, without, inner):
    done = write_page(program, *write_results(tmp_path, without, inner))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no table" in done.stderr


@pytest.mark.parametrize("sound", ["ok", "not ok"])
def test_without_a_unit_test_that_passed_there_is_no_table(tmp_path, sound):
    done = write_page("faults.py", *write_results(tmp_path, UNIT_TEST, sound=sound))
    assert (done.returncode, done.stdout) == (1, "")
    assert UNIT_TEST in done.stderr


# The page of the long runs

GOOD = {"is_good": True, "error": "", "version": "0123abc", "seed": 1, "workers": 48, "seconds": 600, "sent": 5000, "kept": 7,
        "stripped": 4000, "passed": 0, "leaked": 0, "missing": 0, "lost": 0, "faults": {"kill": 1000}, "deaths": {"guard0": 1000},
        "why": {"undecided": 7}, "lives": {}}
LIFE = {"life_s": 470, "kb": [9000, 9001], "files": [9, 9], "sockets": [5, 5], "is_flat": True}
SOAK = {"seconds": 3603, "faults": {"kill": 900, "slow disk": 100}, "lives": dict.fromkeys(soak_site.ROLES, LIFE)}


def write_soak(folder, kills=None, soak=None):
    paths = folder / "kills.json", folder / "soak.json"
    for path, words in zip(paths, ({**GOOD, **(kills or {})}, {**GOOD, **SOAK, **(soak or {})})):
        path.write_text(json.dumps(words), encoding="ascii")
    return paths


def test_two_good_runs_make_the_page(tmp_path):
    done = write_page("soak_page.py", *write_soak(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "| faults | 1000, one every 0.6 s | 1000, one every 3.6 s |" in done.stdout
    assert all(f"| {role} | 470 | 9000 → 9001 | 9 → 9 | 5 → 5 |" in done.stdout for role in soak_site.ROLES)


@pytest.mark.parametrize("words", [{"is_good": False}, {"leaked": 1}, {"passed": 1}, {"lost": 1}, {"version": "0123abc-dirty"},
                                   {"faults": {"kill": 2000, "a fault without words": 1}}])
@pytest.mark.parametrize("run", ["kills", "soak"])
def test_a_run_that_is_not_good_makes_no_page(tmp_path, run, words):
    done = write_page("soak_page.py", *write_soak(tmp_path, **{run: words}))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{run}: " in done.stderr


@pytest.mark.parametrize("kills, soak", [({"faults": {"kill": 999}}, {}), ({"faults": {"kill": 999, "crash": 1}}, {}),
                                         ({}, {"seconds": 3599}), ({}, {"lives": {}}),
                                         ({}, {"lives": {**SOAK["lives"], "scout": None}})])
def test_a_run_that_is_shorter_than_the_page_says_makes_none(tmp_path, kills, soak):
    done = write_page("soak_page.py", *write_soak(tmp_path, kills, soak))
    assert (done.returncode, done.stdout) == (1, "")


def test_how_busy_the_machine_was_is_what_was_measured(tmp_path):
    done = write_page("soak_page.py", *write_soak(tmp_path, {"processors": 2, "processor": 71}, {"processors": 2, "processor": 93}))
    assert done.returncode == 0 and "busy for 71 % of the time of the kills, and for 93 % of that of the soak" in done.stdout
    assert "both cores" not in done.stdout


def test_a_run_that_did_not_measure_how_busy_it_was_keeps_its_page(tmp_path):
    done = write_page("soak_page.py", *write_soak(tmp_path, {"processors": 2, "processor": 71}))
    assert done.returncode == 0 and "both cores of the machine\nbusy" in done.stdout


def test_the_two_runs_are_not_taken_for_each_other(tmp_path):
    done = write_page("soak_page.py", *reversed(write_soak(tmp_path)))
    assert (done.returncode, done.stdout) == (1, "")
