# SPDX-License-Identifier: GPL-2.0-or-later
"""The results of bench.py as tables for docs/performance.md, between marks, and as a plot."""

import json

import bench_figures
import bench_plot

BEGIN = "<!-- written by tests/bench/bench.py -->"
END = "<!-- end -->"
RATIOS = (
    ("P sessions/s", "sessions", "P", "per_s", False), ("P CPU", "sessions", "P", "cpu_us", True),
    ("T 1.2 sessions/s", "sessions", "T12", "per_s", False), ("T 1.2 CPU", "sessions", "T12", "cpu_us", True),
    ("T 1.3 sessions/s", "sessions", "T13", "per_s", False), ("T 1.3 CPU", "sessions", "T13", "cpu_us", True),
    ("B MB/s", "bulk", "B", "mb_per_s", False), ("B in TLS MB/s", "bulk", "BT", "mb_per_s", False),
    ("P latency", "latency", "P1", "p50_us", False), ("T 1.2 latency", "latency", "T12-1", "p50_us", False),
    ("T 1.3 latency", "latency", "T13-1", "p50_us", False))
FIGURES = (
    ("P sessions/s", "sessions", "P", "per_s"), ("T 1.2", "sessions", "T12", "per_s"), ("T 1.3", "sessions", "T13", "per_s"),
    ("daemon us a session: P", "sessions", "P", "daemon_us"), ("T 1.2", "sessions", "T12", "daemon_us"),
    ("T 1.3", "sessions", "T13", "daemon_us"), ("queued packets: P", "sessions", "P", "queued"),
    ("T 1.2", "sessions", "T12", "queued"), ("T 1.3", "sessions", "T13", "queued"),
    ("B MB/s", "bulk", "B", "mb_per_s"), ("in TLS", "bulk", "BT", "mb_per_s"))
LATENCIES = (("P", "P1"), ("T 1.2", "T12-1"), ("T 1.3", "T13-1"))


def ways_of(results):
    """In the order of the program, those with figures."""
    measured = {way for part in ("sessions", "latency", "bulk") for of_ways in results["parts"].get(part, {}).values()
                for way in of_ways}
    return [(name, title) for name, title in results["titles"].items() if name in measured]


def markdown(head, rows):
    return "\n".join([f"| {' | '.join(head)} |", "|" + "---|" * len(head), *rows, ""])


def ratio_table(results):
    rows = []
    for name, title in ways_of(results):
        cells = [bench_figures.ratio(results, part, mode, name, field, is_inverse=is_inverse)
                 for _, part, mode, field, is_inverse in RATIOS]
        if name != "bare" and any(cells):
            rows.append(f"| {title} | {' | '.join('–' if cell is None else str(cell) for cell in cells)} |")
    return markdown(["ratio to bare forwarding", *(column[0] for column in RATIOS)], rows)


def figure_table(results):
    def cell(name, part, mode, field):
        value = bench_figures.median(results, part, mode, name, field)
        return "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
    rows = [f"| {title} | {' | '.join(cell(name, *column[1:]) for column in FIGURES)} |" for name, title in ways_of(results)]
    return markdown(["medians", *(column[0] for column in FIGURES)], rows)


def latency_table(results):
    rows = []
    for name, title in ways_of(results):
        cells = []
        for _, mode in LATENCIES:
            for field in ("p50_us", "p99_us"):
                value = bench_figures.median(results, "latency", mode, name, field)
                bare = bench_figures.median(results, "latency", mode, "bare", field)
                cells.append("–" if value is None or bare is None else f"{value / 1000:.2f} ({(value - bare) / 1000:+.2f})")
        rows.append(f"| {title} | {' | '.join(cells)} |")
    head = [f"{words} {share}" for words, _ in LATENCIES for share in ("p50", "p99")]
    return markdown(["ms a session, one at a time (added)", *head], rows)


def idle_table(results):
    rows = []
    for way, rounds in results["parts"].get("idle", {}).get("idle", {}).items():
        one = rounds[-1]
        octets = one["octets_per_flow"].get("guard0", one["octets_per_flow"].get("accept", 0))
        rows.append(f"| {results['titles'][way]} | {one['standing']:,} in {one['open_s']:.1f} s, {one['failed']} failed | "
                    f"{one['dropped_opening']}, {one['dropped_holding']}, {one['dropped_closing']} | {octets:.0f} | "
                    f"{one['before']['daemon_us']:.0f} → {one['meanwhile']['daemon_us']:.0f} us |")
    return markdown(["idle connections", "opened", "packets dropped opening, holding, closing all at once",
                     "octets of the daemon for each", "daemon's time of a session without → beside them"], rows) if rows else ""


def growth_table(results):
    grown = bench_figures.rounds_of(results, "growth", "growth", "gate")
    if not grown:
        return ""
    rows = [f"| {what} | {', '.join(format(one['count'], ',') for one in grown[-1][key])} | "
            f"{', '.join(format(one['us'], '.2f') for one in grown[-1][key])} |"
            for key, what in (("flows", "connections that stand meanwhile"), ("domains", "domains that are known"))]
    return markdown(["the guard's CPU of a session in clear, without the kernel", "number", "us a session"], rows)


def names_table(results):
    rows = []
    for one in bench_figures.rounds_of(results, "names", "names", "enforce"):
        new, octets = one["new"], one["octets_per_name"]
        costs = " | ".join(f"{one[key]['daemon_us']:,.0f}" for key in ("before", "few", "all"))
        rows.append(f"| {one['names']:,} | {new['per_s']:,.0f} a second, scout {new['daemons_us']['scout']:,.0f} us each | "
                    f"{octets['scout']:,.0f}, {octets['guard0']:,.0f} | {costs} |")
    return markdown(["domains that nobody had asked for", "a letter to each, 100 at a time", "octets of the scout, of the guard for each",
                     "daemons' us of a session before, to ten", "now that all are known, to ten", "to all in turn"], rows) if rows else ""


def table(results):
    there = results["machine"]
    rounds = max((len(one) for part in ("sessions", "latency", "bulk") for mode in results["parts"].get(part, {}).values()
                  for one in mode.values()), default=0)
    head = (f"Commit {results['commit']}, {results['when']}; {there['cores']} cores, {there['processor']}, Linux "
            f"{there['kernel']}, load {there['load']:.1f} when it began; {rounds} rounds of {results['seconds']} s.\n")
    skipped = "".join(f"Not measured: {title} ({why}).\n" for title, why in results["skipped"].items())
    goals = markdown(["goal", "wanted", "found", ""], [one.row() for one in bench_figures.goals(results)])
    parts = [head, goals, ratio_table(results), figure_table(results), latency_table(results), idle_table(results),
             growth_table(results), names_table(results), skipped]
    return "\n".join(part for part in parts if part)


def plot(results):
    return bench_plot.draw(results, ways_of(results), RATIOS)


def record(results, docs):
    page = docs / "performance.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n\n{table(results)}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")
    (docs / "bench.json").write_text(json.dumps(results, separators=(",", ":")) + "\n", encoding="ascii")
    (docs / "bench.svg").write_text(plot(results), encoding="utf-8")
