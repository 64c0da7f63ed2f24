# SPDX-License-Identifier: GPL-2.0-or-later
"""From the rounds that bench.py measured to ratios, and from ratios to goals."""

import statistics


class Spread:
    """A middle, the least and the most."""

    def __init__(self, middle, least, most):
        self.middle, self.least, self.most = middle, least, most

    def __str__(self):
        return f"{self.middle:.2f} ({self.least:.2f}–{self.most:.2f})"


def rounds_of(results, part, mode, way):
    return results["parts"].get(part, {}).get(mode, {}).get(way, [])


def median(results, part, mode, way, field):
    """None: not measured."""
    values = [one[field] for one in rounds_of(results, part, mode, way)]
    return statistics.median(values) if values else None


def ratio(results, part, mode, way, field, to="bare", is_inverse=False):
    """Of medians; least and most of the rounds, each by itself. is_inverse: to / way. None: one of both was not measured."""
    ours = [one[field] for one in rounds_of(results, part, mode, way)]
    theirs = [one[field] for one in rounds_of(results, part, mode, to)]
    if not ours or not theirs or not all(ours) or not all(theirs):
        return None
    if is_inverse:
        ours, theirs = theirs, ours
    each = [mine / other for mine, other in zip(ours, theirs)]
    return Spread(statistics.median(ours) / statistics.median(theirs), min(each), max(each))


def cpu_ratio(results, mode, way):
    return ratio(results, "sessions", mode, way, "cpu_us", is_inverse=True)


class Goal:
    def __init__(self, what, wanted, is_least, found):
        self.what, self.wanted, self.is_least, self.found = what, wanted, is_least, found

    def row(self):
        if self.found is None:
            return f"| {self.what} | {self.sign()} {self.wanted} | – | not measured |"
        value = self.found.middle if isinstance(self.found, Spread) else self.found
        is_met = value >= self.wanted if self.is_least else value <= self.wanted
        shown = self.found if isinstance(self.found, Spread) else f"{value:,.2f}".removesuffix(".00")
        return f"| {self.what} | {self.sign()} {self.wanted} | {shown} | {'met' if is_met else '**missed**'} |"

    def sign(self):
        return "≥" if self.is_least else "≤"


def best_way(results, part, mode):
    """What a user gets who says nothing: the best that this machine has to pass bodies."""
    present = results["parts"].get(part, {}).get(mode, {})
    return next((name for name in ("module", "ebpf", "enforce") if name in present), "enforce")


def session_goals(results):
    pairs = (("P", 0.92, "plaintext"), ("T12", 0.95, "STARTTLS 1.2"), ("T13", 0.95, "STARTTLS 1.3"))
    for mode, wanted, words in pairs:
        yield Goal(f"sessions a second ÷ accept-all program with the same offload: {words}", wanted, True,
                   ratio(results, "sessions", mode, best_way(results, "sessions", mode), "per_s", to="accept-decided"))
    for (mode, _, words), wanted in zip(pairs, (0.75, 0.90, 0.90)):
        yield Goal(f"CPU ratio to bare: {words}", wanted, True, cpu_ratio(results, mode, best_way(results, "sessions", mode)))


def other_goals(results):
    for mode, words in (("B", "plaintext"), ("BT", "STARTTLS")):
        yield Goal(f"bulk to bare: {words}", 0.97, True, ratio(results, "bulk", mode, best_way(results, "bulk", mode), "mb_per_s"))
    for mode, wanted, words in (("P1", 1.8, "plaintext"), ("T12-1", 1.15, "STARTTLS 1.2"), ("T13-1", 1.15, "STARTTLS 1.3")):
        yield Goal(f"one at a time, time of a session to bare: {words}", wanted, False,
                   ratio(results, "latency", mode, best_way(results, "latency", mode), "p50_us"))
    yield Goal("sessions a second ÷ Suricata: plaintext", 2.2, True,
               ratio(results, "sessions", "P", best_way(results, "sessions", "P"), "per_s", to="suricata"))
    for mode, wanted, words in (("P", 0.20, "plaintext"), ("T12", 0.40, "STARTTLS 1.2")):
        yield Goal(f"daemon's time of a session ÷ Suricata: {words}", wanted, False,
                   ratio(results, "sessions", mode, best_way(results, "sessions", mode), "daemon_us", to="suricata"))


def idle_goals(results):
    idle = rounds_of(results, "idle", "idle", "enforce")
    one = idle[-1] if idle else None
    flows = f"{one['flows']:,}" if one else "50,000"
    for key, words in (("dropped_opening", "opening"), ("dropped_holding", "holding"), ("dropped_closing", "closing all at once")):
        yield Goal(f"{flows} idle connections, packets dropped {words}", 0, False, one and one[key])
    yield Goal(f"{flows} idle connections, octets of the guard for each", 512, False, one and one["octets_per_flow"]["guard0"])
    yield Goal(f"{flows} idle connections, daemon's time of a session beside them to without", 1.15, False,
               one and one["meanwhile"]["daemon_us"] / one["before"]["daemon_us"])
    decisions = rounds_of(results, "decision", "decision", "gate")
    yield Goal("decision with the promise cached, p99 of the dearest kind, us of the guard's CPU", 20, False,
               decisions and max(value for name, value in decisions[-1].items() if name.endswith("p99_us")) or None)
    grown = rounds_of(results, "growth", "growth", "gate")
    yield Goal("guard's own CPU of a session beside 1 to 50,000 connections that stand: most to least", 1.15, False,
               grown and most_to_least(grown[-1]["flows"]) or None)
    yield Goal("guard's own CPU of a session, 10 to 1,000,000 known domains: most to least", 1.15, False,
               grown and most_to_least(grown[-1]["domains"]) or None)
    names = max(rounds_of(results, "names", "names", "enforce"), key=lambda one: one["names"], default=None)
    known = f"{names['names'] if names else 1000000:,}"
    yield Goal(f"daemons' time of a session to any of {known} known domains, to that when ten were known", 1.15, False,
               names and names["all"]["daemon_us"] / names["before"]["daemon_us"])


def most_to_least(costs):
    values = [one["us"] for one in costs]
    return max(values) / min(values)


def goals(results):
    return [*session_goals(results), *other_goals(results), *idle_goals(results)]
