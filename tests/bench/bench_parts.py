# SPDX-License-Identifier: GPL-2.0-or-later
"""What is measured, part by part. Each part is played in rounds, each round once with every way, one after the other, so that what
else the machine does meets all of them."""

import contextlib
import json
import time

import bench_net
import namespaces

MESSAGE = 20_000_000
OPENING = 500       # connections of the idle ones that are opening at a time
NAMES_LOADS = 5     # to ten names and to all, in turn
NEW_NAMES_AT_A_TIME, NAMES_A_SECOND_LEAST = 100, 200
STRIDE = 2654435761  # a prime: all names get their turn
BESIDE_IDLE = 5000  # sessions of a load: those that ended lately keep their place among the 65,536 that a guard knows
IDLE_PROCESSES = 5  # sinks and clients: a process may have 20,000 descriptors on some machines
PLAIN_WAYS = ("bare", "tracked", "accept", "accept-decided", "monitor", "enforce", "ebpf", "module", "suricata")
TLS_WAYS = (*PLAIN_WAYS, "dane")
BODY_WAYS = ("bare", "tracked", "accept", "accept-decided", "monitor", "enforce", "ebpf", "module", "suricata")

# Part → its modes: what a load client is told, and the ways that it makes sense for.
MODES = {
    "sessions": {
        "P": (PLAIN_WAYS, {"at_a_time": 20}),
        "T12": (TLS_WAYS, {"at_a_time": 20, "tls": 12}),
        "T13": (TLS_WAYS, {"at_a_time": 20, "tls": 13}),
    },
    "latency": {
        "P1": (PLAIN_WAYS, {"at_a_time": 1}),
        "T12-1": (TLS_WAYS, {"at_a_time": 1, "tls": 12}),
        "T13-1": (TLS_WAYS, {"at_a_time": 1, "tls": 13}),
    },
    "bulk": {
        "B": (BODY_WAYS, {"at_a_time": 1, "size": MESSAGE}),
        "BT": (BODY_WAYS, {"at_a_time": 1, "size": MESSAGE, "tls": 13}),
    },
}


def measure(site, way, options, seconds):
    """One measurement: figures of one load, after the caches of DNS and certificates are warm."""
    is_bulk = options.get("size", 0) >= MESSAGE
    with site.net(way) as net:
        net.load(**options | {"domain": way.domain, "sessions": 1 if is_bulk else 40})
        before = 1 if is_bulk else 40
        figures = net.measured(**options, domain=way.domain, seconds=seconds)
        letters = net.stop_sinks()
    wanted = figures["sessions"] + before
    if letters["letters"] != wanted or (options.get("tls") and letters["tls_letters"] != wanted):
        raise bench_net.BenchError(f"{way.name}: {wanted} letters were sent, {letters} came")
    if way.daemon and not figures["queued"]:
        raise bench_net.BenchError(f"{way.name}: nothing went through the queue")
    return derived(figures)


def derived(figures):
    sessions = figures["sessions"]
    cpu_s = figures["cpu_s"] + figures["sink_cpu_s"] + figures["daemon_cpu_s"]
    return {
        "sessions": sessions,
        "per_s": sessions / figures["seconds"],
        "mb_per_s": figures["octets"] / figures["seconds"] / 1e6,
        "p50_us": figures["p50_us"],
        "p99_us": figures["p99_us"],
        "cpu_us": cpu_s / sessions * 1e6,
        "daemon_us": figures["daemon_cpu_s"] / sessions * 1e6,
        "queued": figures["queued"] / sessions,
        "daemons_us": {name: value / sessions * 1e6 for name, value in figures["daemons_cpu_s"].items()},
    }


def play(site, ways, part, rounds, seconds, say):
    """{mode: {way: [figures of each round]}}"""
    found = {}
    for number in range(rounds):
        for mode, (names, options) in MODES[part].items():
            here = [name for name in names if name in ways]
            for name in here[number % len(here):] + here[:number % len(here)]:
                figures = measure(site, ways[name], options, seconds)
                found.setdefault(mode, {}).setdefault(name, []).append(figures)
                say(f"{part} {number + 1}/{rounds} {mode:6} {name:15} {figures['per_s']:8.1f}/s {figures['mb_per_s']:7.1f} MB/s "
                    f"p50 {figures['p50_us']:9.1f} us, cpu {figures['cpu_us']:9.1f} us, daemon {figures['daemon_us']:8.1f} us, "
                    f"{figures['queued']:.1f} queued")
    return found


def resident(net):
    """Octets, by daemon."""
    found = {}
    for name, pid in net.daemons.items():
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            found[name] = int(file.read().split()[1]) * 4096
    return found


class Standing:
    """Many connections that say EHLO and then nothing."""

    def __init__(self, net, count):
        self.net = net
        self.each = count // IDLE_PROCESSES
        self.clients = [net.start_load(idle=OPENING // IDLE_PROCESSES, at_a_time=self.each, sessions=self.each, servers=3,
                                       server=f"198.51.100.{10 + number}") for number in range(IDLE_PROCESSES)]

    def opened(self):
        """(standing, failed) when all have been tried."""
        said = [json.loads(one.stdout.readline()) for one in self.clients]
        return sum(one["standing"] for one in said), sum(one["failed"] for one in said)

    def close(self):
        """All at once; how many had been disturbed."""
        for one in self.clients:
            one.stdin.write("close\n")
            one.stdin.flush()
        disturbed = 0
        for one in self.clients:
            disturbed += json.loads(one.stdout.readline())["failed"]
            one.communicate()
        return disturbed


def median_session(net, seconds, **options):
    """Of three loads the one with the middle cost for the daemon."""
    return middle([derived(net.measured(at_a_time=20, seconds=seconds, **options)) for _ in range(3)])


def counted(net, name):
    """By the guard, which tells its counters once a second."""
    if not net.guard:
        return 0
    time.sleep(1.5)
    return net.guard.status()["counters"][name]


def flows_known(net):
    return counted(net, "flows_now")


def play_idle(site, way, count, seconds, say):
    """Opening, holding and closing `count` connections at once; meanwhile what a session costs."""
    figures = {"flows": count}
    with site.net(way, sinks=IDLE_PROCESSES) as net:
        net.load(at_a_time=20, sessions=40)
        figures["before"] = median_session(net, seconds, sessions=BESIDE_IDLE)
    # By daemons of their own: what ended lately is known for a while, and would leave its room to those that come.
    with site.net(way, sinks=IDLE_PROCESSES) as net:
        net.load(at_a_time=20, sessions=40)
        memory, known = resident(net), flows_known(net)
        start, dropped = time.monotonic(), net.queue_counts()["dropped"]
        standing = Standing(net, count)
        figures["standing"], figures["failed"] = standing.opened()
        figures["open_s"] = time.monotonic() - start
        figures["dropped_opening"] = net.queue_counts()["dropped"] - dropped
        figures["flows_more"] = max(1, flows_known(net) - known) if net.guard else count
        figures["octets_per_flow"] = {name: (value - memory[name]) / figures["flows_more"] for name, value in resident(net).items()}
        time.sleep(seconds)
        figures["meanwhile"] = median_session(net, seconds, sessions=BESIDE_IDLE)
        figures["driven_out"] = counted(net, "flows_driven_out")
        dropped += figures["dropped_opening"]
        figures["dropped_holding"] = net.queue_counts()["dropped"] - dropped
        start = time.monotonic()
        figures["disturbed"] = standing.close()
        figures["close_s"] = time.monotonic() - start
        with contextlib.suppress(namespaces.LabError):
            namespaces.wait_until(lambda: net.queue_counts()["waiting"] == 0, 30)
        time.sleep(1)
        figures["dropped_closing"] = net.queue_counts()["dropped"] - dropped - figures["dropped_holding"]
        if net.guard:
            figures["flows_after"] = flows_known(net)
    say(f"idle {way.name}: {figures}")
    if figures["driven_out"]:
        raise bench_net.BenchError(f"{way.name}: {figures['driven_out']} of {count} that stood had to make room for others")
    return figures


def play_names(site, way, names, seconds, say):
    """Letters to as many domains that nobody has asked for yet; then to ten of them, and to all: more than a guard keeps have to
    be asked of the scout again. Each load to all goes on where the last one ended, in no order that a cache could follow."""
    with site.net(way) as net:
        net.load(at_a_time=20, sessions=40)
        ten = {"at_a_time": 20, "seconds": seconds, "domain": "many.lab", "domains": 10}
        before = [derived(net.measured(**ten)) for _ in range(NAMES_LOADS)]
        memory = resident(net)
        new = derived(net.measured(at_a_time=NEW_NAMES_AT_A_TIME, sessions=names, domains=names, domain="many.lab",
                                   patience_s=bench_net.LOAD_PATIENCE_S + names / NAMES_A_SECOND_LEAST))
        octets = {name: (value - memory[name]) / names for name, value in resident(net).items()}
        say(f"names {way.name}: {new['per_s']:.0f} a second, scout {new['daemons_us'].get('scout', 0):.0f} us each; then {octets}")
        few, all_of_them, done = [], [], 0
        for _ in range(NAMES_LOADS):
            few.append(derived(net.measured(**ten)))
            all_of_them.append(derived(net.measured(**ten | {"domains": names, "first": done, "stride": STRIDE})))
            done += all_of_them[-1]["sessions"]
        found = {"names": names, "new": new, "octets_per_name": octets, "kept": net.guard.status()["counters"].get("answers_kept"),
                 "before": middle(before), "few": middle(few), "all": middle(all_of_them)}
    say(f"names {way.name}: {found}")
    return found


def middle(loads):
    """The one with the middle cost for the daemons."""
    return sorted(loads, key=lambda one: one["daemon_us"])[len(loads) // 2]
