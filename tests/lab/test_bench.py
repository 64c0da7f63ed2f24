# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmark itself: that it measures what it says, with one tiny round of each way. What it finds is not judged here."""

import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))

import bench_figures  # noqa: E402
import bench_net  # noqa: E402
import bench_page  # noqa: E402
import bench_parts  # noqa: E402

FIELDS = {"sessions", "per_s", "mb_per_s", "p50_us", "p99_us", "cpu_us", "daemon_us", "queued", "daemons_us"}
LETTER, TLS = {"at_a_time": 5}, {"at_a_time": 5, "tls": 13}
SECONDS = 0.2


@pytest.fixture(scope="module")
def site(root):
    return bench_net.Site()


def way_called(site, name):
    way = bench_net.ways()[name]
    way.try_out(site)
    if way.skipped:
        pytest.skip(way.skipped)
    return way


def test_the_time_of_a_process_is_that_of_all_its_threads():
    burn = ("import threading, time\n"
            "def work():\n"
            "    end = time.thread_time() + 0.3\n"
            "    while time.thread_time() < end:\n"
            "        pass\n"
            "    print('burnt', flush=True)\n"
            "    input()\n"
            "threading.Thread(target=work).start()\n")
    with subprocess.Popen([sys.executable, "-S", "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "burnt\n"
        assert bench_net.cpu_s([process.pid]) >= 0.3
        process.communicate("\n")


# The bench takes Suricata, and the kernel's module, where it finds them.
EVERYWHERE = [name for name in bench_net.ways() if name not in ("module", "suricata")]


@pytest.mark.parametrize("name", EVERYWHERE)
def test_each_way_delivers_and_its_daemon_sees_every_packet_of_a_letter(site, name):
    way = way_called(site, name)
    # Where TLS is promised, a letter in clear would be refused.
    figures = bench_parts.measure(site, way, TLS if name == "dane" else LETTER, SECONDS)
    assert set(figures) == FIELDS and figures["sessions"] > 0 and figures["per_s"] > 0
    # There are at least eleven before a connection may be decided.
    assert figures["queued"] >= 11 if way.daemon else figures["queued"] == 0
    assert (figures["daemon_us"] > 0) == way.daemon
    assert 0 < figures["p50_us"] <= figures["p99_us"]


def test_a_decided_flow_is_offloaded_by_the_accept_all_program_as_by_the_guard(site):
    queued = {name: bench_parts.measure(site, way_called(site, name), TLS, SECONDS)["queued"]
              for name in ("accept", "accept-decided", "enforce")}
    assert abs(queued["accept-decided"] - queued["enforce"]) < 2, queued
    assert queued["accept-decided"] < queued["accept"] - 5, queued


def test_a_large_letter_in_clear_comes_whole(site):
    figures = bench_parts.measure(site, way_called(site, "enforce"), {"at_a_time": 1, "size": bench_parts.MESSAGE}, SECONDS)
    assert figures["mb_per_s"] > figures["per_s"] * bench_parts.MESSAGE / 1e6 * 0.99


def test_idle_connections_stand_and_are_counted(site):
    figures = bench_parts.play_idle(site, way_called(site, "enforce"), 200, SECONDS, print)
    assert (figures["standing"], figures["failed"], figures["disturbed"]) == (200, 0, 0)
    assert figures["before"]["sessions"] > 0 and figures["meanwhile"]["sessions"] > 0
    assert figures["driven_out"] == 0
    # Those of before may leave meanwhile.
    assert 100 < figures["flows_more"] <= 200
    assert [figures[f"dropped_{when}"] for when in ("opening", "holding", "closing")] == [0, 0, 0]


def test_connections_that_had_to_make_room_were_not_held(site, monkeypatch):
    monkeypatch.setattr(bench_parts, "counted", lambda net, name: 1)
    with pytest.raises(bench_net.BenchError, match="had to make room"):
        bench_parts.play_idle(site, way_called(site, "enforce"), 20, SECONDS, print)


def test_what_stands_has_room_beside_the_sessions_that_are_measured():
    with open(os.path.join(bench_net.TOP, "daemon/gate.h"), encoding="utf-8") as file:
        room = int(re.search(r"GATE_FLOWS_MAX = (\d+)", file.read())[1])
    assert 50000 + 3 * bench_parts.BESIDE_IDLE + 40 <= room


def known_names(net):
    time.sleep(1.5)  # counters are told once a second
    return net.guard.status()["counters"]["cache_entries"]


def test_loads_that_follow_each_other_go_to_all_names(site):
    with site.net(way_called(site, "enforce")) as net:
        turns = {"at_a_time": 5, "domains": 60, "stride": bench_parts.STRIDE, "domain": "many.lab"}
        net.load(**turns, sessions=1)
        known = known_names(net)  # one of them, and the host
        for first in (30, 0):
            net.load(**turns, sessions=30, first=first)
        assert known_names(net) == known + 59


def test_names_are_measured_new_and_known(site):
    figures = bench_parts.play_names(site, way_called(site, "enforce"), 60, SECONDS, print)
    assert figures["new"]["sessions"] == 60 and figures["kept"] >= 60
    assert all(figures[which]["sessions"] > 0 for which in ("before", "few", "all"))


def test_what_does_not_arrive_is_no_measurement(site):
    class Eats(bench_net.Way):
        """Nothing passes."""

        def start(self, net):
            net.gateway.run(["iptables-legacy", "-A", "FORWARD", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"])

    with pytest.raises(bench_net.BenchError, match="sessions failed"):
        bench_parts.measure(site, Eats("eats", "eats"), LETTER, SECONDS)


# Each looks at more than one number of domains, and has room for all of them.
def test_what_a_cache_of_promises_costs_is_measured_to_its_end():
    done = subprocess.run([bench_net.tool("bench", "promise_bench"), "2000"], stdout=subprocess.PIPE, text=True, check=False)
    said = [line.split()[0] for line in done.stdout.splitlines() if "octets each" in line]
    assert done.returncode == 0 and said == ["10", "1000", "2000"], done.stdout


# The page.


def fake_names(names, before, few, every):
    costs = {"before": before, "few": few, "all": every, "new": 200}
    return {"names": names, "kept": names, "octets_per_name": {"scout": 900, "guard0": 800}} | {
        which: fake_round(1000, 2 * us) | {"daemons_us": {"scout": us}} for which, us in costs.items()}


def test_growth_is_from_ten_known_names_to_most_of_them():
    results = fake_results()
    results["parts"]["names"] = {"names": {"enforce": [fake_names(1000, 100, 100, 101), fake_names(1000000, 100, 110, 120),
                                                       fake_names(20, 1, 1, 9)]}}
    table = bench_page.table(results)
    assert "session to any of 1,000,000 known domains, to that when ten were known | ≤ 1.15 | 1.20 | **missed** |" in table
    assert "| 1,000,000 | 1,000 a second, scout 200 us each | 900, 800 | 100 | 110 | 120 |" in table


def fake_round(per_s, cpu_us):
    return {"sessions": 10, "per_s": per_s, "mb_per_s": per_s, "p50_us": 1e6 / per_s, "p99_us": 2e6 / per_s, "cpu_us": cpu_us,
            "daemon_us": cpu_us / 2, "queued": 20, "daemons_us": {}}


def fake_results():
    return {"commit": "0" * 12, "when": "2026-01-01", "seconds": 1, "skipped": {"another": "not here"},
            "machine": {"cores": 2, "processor": "any", "kernel": "any", "load": 0},
            "titles": {"bare": "bare forwarding", "accept-decided": "accept-all", "enforce": "hopguard"},
            "parts": {"sessions": {"P": {"bare": [fake_round(100, 10), fake_round(200, 10), fake_round(300, 10)],
                                         "accept-decided": [fake_round(90, 11), fake_round(90, 11), fake_round(90, 11)],
                                         "enforce": [fake_round(50, 20), fake_round(100, 20), fake_round(240, 20)]}}}}


def test_ratios_are_of_medians_and_their_spread_is_of_the_rounds():
    ratio = bench_figures.ratio(fake_results(), "sessions", "P", "enforce", "per_s")
    assert (ratio.middle, ratio.least, ratio.most) == (0.5, 0.5, 0.8)
    assert bench_figures.cpu_ratio(fake_results(), "P", "enforce").middle == 0.5
    assert bench_figures.ratio(fake_results(), "bulk", "B", "enforce", "mb_per_s") is None


def test_the_table_says_what_was_met_missed_and_not_measured():
    table = bench_page.table(fake_results())
    assert "the same offload: plaintext | ≥ 0.92 | 1.11 (0.56–2.67) | met |" in table
    assert "CPU ratio to bare: plaintext | ≥ 0.75 | 0.50 (0.50–0.50) | **missed** |" in table
    assert "bulk to bare: plaintext | ≥ 0.97 | – | not measured |" in table
    assert "Not measured: another (not here)." in table
    assert xml.etree.ElementTree.fromstring(bench_page.plot(fake_results())).tag.endswith("svg")


def test_rounds_of_two_commits_are_not_mixed(tmp_path):
    kept = tmp_path / "bench.json"
    kept.write_text(json.dumps(fake_results()), encoding="ascii")
    words = ("--add", "--parts", "decision", "--quick", "--ways", "bare", "--results", kept)
    done = subprocess.run([sys.executable, os.path.join(bench_net.TOP, "tests/bench/bench.py"), *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode and "is of commit 000000000000" in done.stderr, done.stderr
    assert json.loads(kept.read_text(encoding="ascii")) == fake_results()


def test_what_is_recorded_stands_between_the_marks_and_nothing_else_changes(tmp_path):
    (tmp_path / "performance.md").write_text(f"before\n{bench_page.BEGIN}\nstale\n{bench_page.END}\nafter\n", encoding="utf-8")
    bench_page.record(fake_results(), tmp_path)
    page = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert page.startswith(f"before\n{bench_page.BEGIN}\n") and page.endswith(f"{bench_page.END}\nafter\n") and "stale" not in page
    assert json.loads((tmp_path / "bench.json").read_text(encoding="ascii")) == fake_results()


def test_table_and_plot_in_docs_are_those_of_the_figures_beside_them():
    docs = os.path.join(bench_net.TOP, "docs")

    def read(name):
        with open(os.path.join(docs, name), encoding="utf-8") as file:
            return file.read()

    results = json.loads(read("bench.json"))
    between = read("performance.md").split(bench_page.BEGIN)[1].split(bench_page.END)[0]
    assert between.strip() == bench_page.table(results).strip()
    assert read("bench.svg") == bench_page.plot(results)
