"""What a backfill did, and how far it has come."""

from __future__ import annotations

from typing import Protocol

import msgspec

#: How many bad rows are named in a summary; all are in the dead letters.
NAMED_ERRORS = 20


class BackfillSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one file's rows: `rows` = `new` + `duplicates` + `bad`. `unscored` and `undated` are among the new.

    `errors` names the first bad rows as `path:line: what is wrong`.
    """

    rows: int = 0
    new: int = 0
    duplicates: int = 0
    bad: int = 0
    unscored: int = 0
    undated: int = 0
    errors: tuple[str, ...] = ()

    def plus(self, other: BackfillSummary) -> BackfillSummary:
        """Both together."""
        return BackfillSummary(
            rows=self.rows + other.rows,
            new=self.new + other.new,
            duplicates=self.duplicates + other.duplicates,
            bad=self.bad + other.bad,
            unscored=self.unscored + other.unscored,
            undated=self.undated + other.undated,
            errors=(self.errors + other.errors)[:NAMED_ERRORS],
        )


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Everything up to and including this line of the file is in the index or the dead letters."""

    line: int
    summary: BackfillSummary


class Checkpoints(Protocol):
    """Where the checkpoints of unfinished backfills are kept."""

    def load(self, run: str) -> Checkpoint | None:
        """What was saved last; None for one that was never begun, or was finished."""
        ...

    def save(self, run: str, checkpoint: Checkpoint) -> None:
        """Durable. Saved after the rows before it are in the index, never before."""
        ...

    def finish(self, run: str) -> None:
        """Forget it: the next time the file is read from its start, and adds nothing that is there."""
        ...
