# SPDX-License-Identifier: GPL-2.0-or-later
"""Ratios to bare forwarding as a picture: a panel for each figure, a bar for each way, in SVG."""

import bench_figures

COLOURS = ("#56b4e9", "#e69f00", "#f0e442", "#009e73", "#0072b2", "#d55e00", "#cc79a7", "#999999")
BAR, GAP, WIDTH, LEFT, TOP = 16, 36, 420, 330, 40
MOST = 2.5  # beyond, a bar is cut


def bar(top, spread, colour, title, scale):
    length = min(spread.middle, MOST) * scale
    least, most = (LEFT + min(value, MOST) * scale for value in (spread.least, spread.most))
    middle = top + BAR / 2 - 1
    return [f'<text x="{LEFT - 8}" y="{top + BAR - 4}" text-anchor="end">{title}</text>',
            f'<rect x="{LEFT}" y="{top}" width="{length:.1f}" height="{BAR - 2}" fill="{colour}"/>',
            f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}" stroke="#000"/>',
            f'<text x="{max(LEFT + length, most) + 6:.1f}" y="{top + BAR - 4}">{spread.middle:.2f}</text>']


def panel(top, words, rows):
    scale = WIDTH / MOST
    parts = [f'<text x="{LEFT}" y="{top - 8}" font-weight="bold">{words}</text>']
    for place, (title, colour, spread) in enumerate(rows):
        parts += bar(top + place * BAR, spread, colour, title, scale)
    one = LEFT + scale
    parts.append(f'<line x1="{one:.1f}" x2="{one:.1f}" y1="{top - 4}" y2="{top + len(rows) * BAR}" stroke="#000" '
                 'stroke-dasharray="3 3"/>')
    return parts


def draw(results, ways, ratios):
    """ratios: (words, part, mode, field, is_inverse)"""
    top, parts = TOP, []
    for words, part, mode, field, is_inverse in ratios:
        rows = []
        for place, (name, title) in enumerate(ways):
            spread = bench_figures.ratio(results, part, mode, name, field, is_inverse=is_inverse)
            if name != "bare" and spread:
                rows.append((title.replace("`", ""), COLOURS[place % len(COLOURS)], spread))
        if rows:
            parts += panel(top, f"{words}, ratio to bare forwarding", rows)
            top += len(rows) * BAR + GAP
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{top}" '
                      'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>',
                      *parts, "</svg>\n"])
