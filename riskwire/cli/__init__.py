"""The command line: one module a group of verbs. The only place that wires the rooms to each other.

Data goes to stdout; progress, logs and errors to stderr. Exit codes: 0 done, 1 failed, 2 used wrongly, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

from riskwire.errors import RiskwireError

__all__ = ["main"]


def main() -> None:
    """Entry point of `riskwire`. An error is one clear message on stderr, never a traceback."""
    try:
        from riskwire.cli.app import build_app

        build_app()(standalone_mode=True)
    except RiskwireError as error:
        fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`riskwire search | head`): that is its right.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        fail("interrupted; what was done is kept, the same command goes on from there", 130)
    except OSError as error:
        fail(f"{error.filename or 'system'}: {error.strerror or error}", 1)
    except Exception as error:  # noqa: BLE001 - the last resort; the log has the traceback at level debug
        from riskwire.log import get_logger

        get_logger("cli").debug("internal error", exc_info=error)
        fail(
            f"internal error: {type(error).__name__}: {error}. RISKWIRE_LOG__LEVEL=debug shows where; please report it",
            1,
        )


def fail(message: str, code: int) -> None:
    """One line on stderr, secrets masked, control characters escaped; then leave with `code`."""
    from riskwire.log import masked, one_line

    print(f"riskwire: {one_line(masked(message))}", file=sys.stderr)
    sys.exit(code)
