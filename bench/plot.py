"""growth.csv as an SVG: small charts with logarithmic axes, one for each curve.

    plot.py growth.csv growth.svg

Readable on light and on dark ground: colours follow the reader's preference.
"""

import csv
import html
import math
import sys

WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 150, 52, 34, 26
COLUMNS = 3
STYLE = """
.g { stroke: #8886; stroke-width: 1 } .l { stroke: #0969da; stroke-width: 2; fill: none }
.d { fill: #0969da } .p { stroke: #8888; stroke-width: 1; stroke-dasharray: 4 3; fill: none }
text { font: 11px sans-serif; fill: #1f2328 } .t { font-weight: bold; font-size: 12px } .a { fill: #59636e }
@media (prefers-color-scheme: dark) {
  .l { stroke: #58a6ff } .d { fill: #58a6ff } text { fill: #e6edf3 } .a { fill: #9198a1 } }
"""


def short(value):
    """A number as people write it on an axis."""
    if value >= 1e6:
        return f"{value / 1e6:g}M"
    if value >= 1e3:
        return f"{value / 1e3:g}k"
    return f"{value:g}"


def decades(low, high):
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return first, max(last, first + 1)


def chart(title, unit, points, left, top):
    xs, ys = [p[0] for p in points], [max(p[1], 1e-9) for p in points]
    x0, x1 = decades(min(xs), max(xs))
    y0, y1 = decades(min(ys), max(ys))

    def at(x, y):
        return (left + LEFT + (math.log10(x) - x0) / (x1 - x0) * (WIDTH - LEFT),
                top + TOP + HEIGHT - (math.log10(y) - y0) / (y1 - y0) * HEIGHT)

    out = [f'<text class="t" x="{left + 4}" y="{top + 16}">{html.escape(title)}</text>']
    for exponent in range(x0, x1 + 1):
        x, y = at(10**exponent, 10**y0)
        out.append(f'<line class="g" x1="{x:.1f}" y1="{top + TOP}" x2="{x:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text class="a" x="{x:.1f}" y="{y + 14:.1f}" text-anchor="middle">{short(10.0**exponent)}</text>')
    for exponent in range(y0, y1 + 1):
        x, y = at(10**x0, 10**exponent)
        out.append(f'<line class="g" x1="{x:.1f}" y1="{y:.1f}" x2="{left + WIDTH}" y2="{y:.1f}"/>')
        out.append(f'<text class="a" x="{x - 5:.1f}" y="{y + 4:.1f}" text-anchor="end">{short(10.0**exponent)} {unit}</text>')
    # what growing in proportion would look like, through the last point
    slope = []
    for exponent in range(x0 * 4, x1 * 4 + 1):
        x = 10 ** (exponent / 4)
        y = ys[-1] * x / xs[-1]
        if 10**y0 <= y <= 10**y1:
            slope.append("{:.1f},{:.1f}".format(*at(x, y)))
    if len(slope) > 1:
        out.append(f'<polyline class="p" points="{" ".join(slope)}"/>')
    places = [at(x, y) for x, y in zip(xs, ys)]
    out.append('<polyline class="l" points="{}"/>'.format(" ".join(f"{x:.1f},{y:.1f}" for x, y in places)))
    out += [f'<circle class="d" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places]
    return out


def main(source, target):
    curves = {}
    with open(source) as file:
        for row in csv.DictReader(file):
            curves.setdefault((row["curve"], row["unit"]), []).append((float(row["x"]), float(row["y"])))
    width = COLUMNS * (WIDTH + GAP) + GAP
    height = math.ceil(len(curves) / COLUMNS) * (TOP + HEIGHT + GAP + 10) + GAP
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
           ' aria-label="how cost grows">', f"<style>{STYLE}</style>"]
    for i, ((title, unit), points) in enumerate(curves.items()):
        out += chart(title, unit, sorted(points), GAP + i % COLUMNS * (WIDTH + GAP),
                     i // COLUMNS * (TOP + HEIGHT + GAP + 10))
    out.append("</svg>")
    with open(target, "w") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
