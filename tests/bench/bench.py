#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What hopguard costs, side by side with a gateway that only forwards and with others. Needs root; `make bench` builds and runs it.

usage: tests/bench/bench.py [--quick] [--parts PART,...] [--ways WAY,...] [--rounds N] [--seconds S] [--flows N] [--names N]
                            [--results FILE] [--add] [--record]

Parts: sessions latency bulk idle names decision growth. Results go to build/bench/bench.json, a table and a plot beside it.
--add: more rounds for what is there already, of the same commit. --record: also into docs/performance.md, docs/bench.json and
docs/bench.svg; without --parts only writes what is in the results.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import bench_net
import bench_page
import bench_parts

TOP = pathlib.Path(bench_net.TOP)
PARTS = ("sessions", "latency", "bulk", "idle", "names", "decision", "growth")
IDLE_WAYS = ("accept", "enforce")
NAMES_KEPT = 131072  # unless dns.names-max says otherwise


def say(line):
    print(line, flush=True)


def git(*words):
    done = subprocess.run(["git", "-C", TOP, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip()


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return {"cores": os.cpu_count(), "processor": model, "kernel": platform.release(), "load": os.getloadavg()[0]}


def read_options():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1], add_help=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", default=None)
    parser.add_argument("--ways", default=None)
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--flows", type=int, default=None)
    parser.add_argument("--names", type=int, default=None)
    parser.add_argument("--results", type=pathlib.Path, default=TOP / "build/bench/bench.json")
    parser.add_argument("--add", action="store_true")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    options.is_page_only = options.record and options.parts is None and options.add
    options.parts = PARTS if options.parts is None else options.parts.split(",")
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.5 if options.quick else 1.5)
    options.flows = options.flows or (5000 if options.quick else 50000)
    options.names = options.names or (500 if options.quick else 20000)
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"what is {' '.join(unknown)}?")
    return options


def choose_ways(options, results, site):
    """Those to be had here; the others are said, and noted for the page."""
    everything = bench_net.ways()
    wanted = options.ways.split(",") if options.ways else list(everything)
    for name in wanted:
        if name not in everything:
            sys.exit(f"bench: what is {name}?")
        everything[name].try_out(site)
        if everything[name].skipped:
            say(f"skipped: {everything[name].title}: {everything[name].skipped}")
            results["skipped"][everything[name].title] = everything[name].skipped
    results["titles"] = {name: one.title for name, one in everything.items()}
    return {name: everything[name] for name in wanted if not everything[name].skipped}


def merge(results, part, found):
    """Adds the rounds of {mode: {way: [figures]}}."""
    for mode, of_ways in found.items():
        for way, rounds in of_ways.items():
            results["parts"].setdefault(part, {}).setdefault(mode, {}).setdefault(way, []).extend(rounds)


def program(name, *words):
    """A benchmark that says all in JSON."""
    done = subprocess.run([bench_net.tool("bench", name), *words], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def keeping(way, names):
    """The same, with room for what DNS says of all of them."""
    if names <= NAMES_KEPT:
        return way
    return bench_net.Hopguard(way.name, way.title, *way.settings, f"dns.names-max={names * 65 // 64}")


def play(part, options, site, ways, results):
    if part in bench_parts.MODES:
        results["seconds"] = options.seconds
        merge(results, part, bench_parts.play(site, ways, part, options.rounds, options.seconds, say))
    elif part == "idle":
        found = {name: [bench_parts.play_idle(site, ways[name], options.flows, options.seconds, say)]
                 for name in IDLE_WAYS if name in ways}
        merge(results, part, {"idle": found})
    elif part == "names" and "enforce" in ways:
        found = bench_parts.play_names(site, keeping(ways["enforce"], options.names), options.names, options.seconds, say)
        merge(results, part, {"names": {"enforce": [found]}})
    elif part in ("decision", "growth"):
        found = program(f"{part}_bench", *(["quick"] if options.quick else []))
        say(f"{part}: {found}")
        merge(results, part, {part: {"gate": [found]}})


def begin(options):
    commit = git("log", "-1", "--format=%h", "--abbrev=12", "--", "daemon", "kmod")  # what is measured
    if options.add and options.results.exists():
        results = json.loads(options.results.read_text(encoding="ascii"))
        if results["commit"] != commit and not options.is_page_only:
            sys.exit(f"bench: what is there is of commit {results['commit']}, this is {commit}: say other --results")
        return results
    return {"commit": commit, "when": datetime.date.today().isoformat(), "machine": machine(), "seconds": options.seconds,
            "skipped": {}, "titles": {}, "parts": {}}


def main():
    options = read_options()
    results = begin(options)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    if not options.is_page_only:
        if os.geteuid() != 0:
            sys.exit("bench: needs root, for network namespaces")
        site = bench_net.Site()
        ways = choose_ways(options, results, site)
        for part in options.parts:
            play(part, options, site, ways, results)
            options.results.write_text(json.dumps(results, indent=1) + "\n", encoding="ascii")
    text = bench_page.table(results)
    options.results.with_suffix(".md").write_text(text, encoding="utf-8")
    options.results.with_suffix(".svg").write_text(bench_page.plot(results), encoding="utf-8")
    print(text)
    if options.record:
        bench_page.record(results, TOP / "docs")


if __name__ == "__main__":
    main()
