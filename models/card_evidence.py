"""The model card's sections on what other runs showed: the spread over seeds, and what each part is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.tables import figure, table_head, table_row


def evidence_sections(evidence: Mapping[str, Any], *, averaged: bool) -> list[str]:
    """Markdown; nothing where nothing was measured. `evidence`: as `models.evidence` writes it; `averaged`: is the
    artefact's student the mean of several?"""
    return [*_seeds(evidence.get("seeds", {}), averaged=averaged), *_ablations(evidence.get("ablations", []))]


def _seeds(rows: Mapping[str, Any], *, averaged: bool) -> list[str]:
    if not rows:
        return []
    runs = max(len(row["values"]) for row in rows.values())
    told = "is the mean of such students" if averaged else "is the first"
    return [
        "## Spread over seeds",
        "",
        f"The student trained {runs} times, on the same teacher's labels; this artefact {told}.",
        "Test side.",
        "",
        *table_head("", "this", "mean", "sd", "all"),
        *(
            table_row(
                name,
                figure(row["this"]),
                figure(row["mean"]),
                figure(row["sd"]),
                ", ".join(map(figure, row["values"])),
            )
            for name, row in rows.items()
        ),
        "",
    ]


def _ablations(entries: list[Mapping[str, Any]]) -> list[str]:
    if not entries:
        return []
    measures = [gap["measure"] for gap in entries[0]["differences"]]
    rows = [
        table_row(
            entry["name"],
            *(
                f"{gap['one'] - gap['other']:+.3f} ({gap['low']:+.3f} … {gap['high']:+.3f})"
                for gap in entry["differences"]
            ),
            f"{entry['pairs'][0]:.3f} − {entry['pairs'][1]:.3f}",
        )
        for entry in entries
    ]
    return [
        "## What each part is worth",
        "",
        "One seed each, the exact graphs on the dev side: the difference, and where it lies in 95 of 100 paired",
        "resamplings. An interval that holds 0 says nothing. Last column: minimal pairs with the part, and without.",
        "",
        *table_head("", *measures, "minimal pairs"),
        *rows,
        "",
    ]
