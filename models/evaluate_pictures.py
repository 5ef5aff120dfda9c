"""Confusion matrices and reliability diagrams as SVG, for a report that any browser shows."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from models.labels import SENTIMENTS

_CELL, _LEFT, _TOP = 92, 96, 64
_SIDE, _EDGE = 300, 48
_STYLE: Final = 'xmlns="http://www.w3.org/2000/svg" font-family="system-ui, sans-serif" font-size="13"'

Bins = Sequence[tuple[int, float, float]]


def confusion_svg(counts: Sequence[Sequence[int]], title: str) -> str:
    """A row a label as it is, a column a label as it was called; the darker, the larger the share of its row."""
    width, height = _LEFT + 3 * _CELL + 16, _TOP + 3 * _CELL + 40
    parts = [_open(width, height, title), _text(width / 2, 22, title, anchor="middle", bold=True)]
    for place, name in enumerate(SENTIMENTS):
        middle = place * _CELL + _CELL / 2
        parts.append(_text(_LEFT + middle, _TOP - 10, name, anchor="middle"))
        parts.append(_text(_LEFT - 10, _TOP + middle + 4, name, anchor="end"))
    for row, values in enumerate(counts):
        total = max(1, sum(values))
        for column, count in enumerate(values):
            share, x, y = count / total, _LEFT + column * _CELL, _TOP + row * _CELL
            ink = "#fff" if share > 0.55 else "#111"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{_CELL - 2}" height="{_CELL - 2}" '
                f'fill="#1f4e79" fill-opacity="{0.04 + 0.96 * share:.3f}" stroke="#9aa5b1" stroke-width="0.5"/>'
            )
            parts.append(_text(x + _CELL / 2, y + _CELL / 2 - 2, str(count), anchor="middle", ink=ink))
            parts.append(_text(x + _CELL / 2, y + _CELL / 2 + 16, f"{share:.0%}", anchor="middle", ink=ink))
    parts.append(_text(_LEFT + 1.5 * _CELL, height - 12, "called (rows: as it is)", anchor="middle"))
    return "\n".join([*parts, "</svg>", ""])


def reliability_svg(before: Bins, after: Bins, title: str) -> str:
    """Share right over confidence, a dot a bin, its area by the texts in it; on the line a number can be trusted."""
    width, height = _SIDE + 2 * _EDGE, _SIDE + 2 * _EDGE + 24
    parts = [_open(width, height, title), _text(width / 2, 22, title, anchor="middle", bold=True)]
    left, bottom = _EDGE, _EDGE + _SIDE
    parts.append(
        f'<path d="M{left} {_EDGE}V{bottom}H{left + _SIDE}M{left} {bottom}L{left + _SIDE} {_EDGE}" '
        'fill="none" stroke="#9aa5b1"/>'
    )
    for tick in (0.0, 0.5, 1.0):
        parts.append(_text(left + tick * _SIDE, bottom + 18, f"{tick:g}", anchor="middle"))
        parts.append(_text(left - 8, bottom - tick * _SIDE + 4, f"{tick:g}", anchor="end"))
    for name, colour, bins in (("before", "#b45309", before), ("after", "#1f4e79", after)):
        total = max(1, sum(count for count, _, _ in bins))
        for count, mean, share in bins:
            if count:
                size = 3 + 12 * (count / total) ** 0.5
                parts.append(
                    f'<circle cx="{left + mean * _SIDE:.1f}" cy="{bottom - share * _SIDE:.1f}" r="{size:.1f}" '
                    f'fill="{colour}" fill-opacity="0.55"><title>{name}: {count} texts, confidence {mean:.2f}, '
                    f"right {share:.2f}</title></circle>"
                )
    for place, (name, colour) in enumerate((("before", "#b45309"), ("after", "#1f4e79"))):
        parts.append(f'<circle cx="{left + 14}" cy="{_EDGE + 14 + 18 * place}" r="5" fill="{colour}"/>')
        parts.append(_text(left + 26, _EDGE + 18 + 18 * place, f"{name} temperature scaling"))
    parts.append(_text(width / 2, height - 14, "confidence; up: share right", anchor="middle"))
    return "\n".join([*parts, "</svg>", ""])


def _open(width: float, height: float, title: str) -> str:
    return (
        f'<svg {_STYLE} viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">'
        f'<title>{escape(title)}</title><rect width="100%" height="100%" fill="#fff"/>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", ink: str = "#111", bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{ink}"{weight}>{escape(text)}</text>'
