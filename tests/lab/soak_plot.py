# SPDX-License-Identifier: GPL-2.0-or-later
"""The samples of a soak as a picture: three panels over time, in SVG."""

COLOURS = ("#000000", "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#cc79a7")
WIDTH, HEIGHT, LEFT, TOP, GAP = 900, 220, 80, 30, 60


def _panel(number, title, rows, columns):
    top = TOP + number * (HEIGHT + GAP)
    last = max(row["seconds"] for row in rows) or 1
    most = max([row[name] for row in rows for _, name in columns if row[name] != ""], default=0) or 1
    parts = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{title}</text>',
             f'<rect x="{LEFT}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
             f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most}</text>',
             f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>',
             f'<text x="{LEFT + WIDTH}" y="{top + HEIGHT + 16}" text-anchor="end">{last:.0f} s</text>']
    for place, (label, name) in enumerate(columns):
        points = " ".join(f"{LEFT + WIDTH * row['seconds'] / last:.1f},{top + HEIGHT * (1 - row[name] / most):.1f}"
                          for row in rows if row[name] != "")
        colour = COLOURS[place % len(COLOURS)]
        parts += [f'<polyline points="{points}" fill="none" stroke="{colour}"/>',
                  f'<text x="{LEFT + WIDTH + 10}" y="{top + 14 + 16 * place}" fill="{colour}">{label}</text>']
    return parts


def write(path, rows, roles):
    panels = [("resident memory, KiB", [(role, f"{role} kb") for role in roles]),
              ("open files", [(role, f"{role} files") for role in roles]),
              ("sockets among them", [(role, f"{role} sockets") for role in roles]),
              ("processors of the machine, busy percent", [("busy", "processor")]),
              ("letters", [(name, name) for name in ("sent", "kept", "stripped", "faults")]),
              ("what must not be", [(name, name) for name in ("leaked", "passed", "missing")])]
    height = TOP + len(panels) * (HEIGHT + GAP)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 120}" height="{height}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for number, (title, columns) in enumerate(panels):
        parts += _panel(number, title, rows, columns)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([*parts, "</svg>\n"]))
