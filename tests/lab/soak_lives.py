# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a process grew over the life that a soak spared it for."""

import itertools
import statistics

YOUNG = 0.4            # of a life: caches and tables fill
SLACK = 0.05           # of resident memory: an allocator's habits
SLACK_KB = 2048
SAMPLES_MIN = 9


def of(rows, role):
    """{life_s, kb, files, sockets, is_flat}: the figures in the middle and at the end; None when no life was long enough."""
    spared = [row for row in rows if row[f"{role} pid"] != "" and (row["spared"] == role or row["spared"] and role == "supervisor")]
    lives = itertools.groupby(spared, key=lambda row: row[f"{role} pid"])
    life = max((list(samples) for _, samples in lives), key=lambda one: one[-1]["seconds"] - one[0]["seconds"], default=[])
    grown_up = life[int(len(life) * YOUNG):]
    if len(life) < SAMPLES_MIN:
        return None
    middle, end = grown_up[:len(grown_up) // 2], grown_up[len(grown_up) // 2:]
    figures = {what: [_typical(part, f"{role} {what}") for part in (middle, end)] for what in ("files", "sockets")}
    most = [max(row[f"{role} kb"] for row in part) for part in (middle, end)]
    is_flat = most[1] <= most[0] + max(SLACK_KB, most[0] * SLACK) and all(first == last for first, last in figures.values())
    return {"life_s": round(life[-1]["seconds"] - life[0]["seconds"]), "kb": most, **figures, "is_flat": is_flat}


def _typical(rows, name):
    """What it has when it does nothing special: a scout has sockets for as long as a look-up lasts."""
    return statistics.mode(row[name] for row in rows)
