"""Lines of a Markdown table, for the model card and the report."""

from __future__ import annotations


def table_head(*titles: str) -> list[str]:
    """The row of titles, and the line below it."""
    return [table_row(*titles), "|" + "---|" * len(titles)]


def table_row(*cells: object) -> str:
    """One row."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def figure(value: float | None) -> str:
    """A figure with three decimals; empty where there is none."""
    return "" if value is None else f"{value:.3f}"
