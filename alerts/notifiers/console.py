"""Notices on the terminal (stderr)."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.text import Text

from alerts.notifiers.base import text_of
from riskwire.errors import NotifyError
from riskwire.types import Notification

_STYLES = {"CRITICAL": "bold red", "WARNING": "bold yellow", "INFO": "bold blue", "RESOLVED": "bold green"}


class ConsoleNotifier:
    """Prints notices. Colours only where the stream is a terminal; control characters never reach it."""

    name = "console"

    def __init__(self, file: TextIO) -> None:
        self._console = Console(file=file, soft_wrap=True, highlight=False, markup=False, emoji=False)

    async def notify(self, notification: Notification) -> None:
        """See Notifier.notify."""
        text = Text()
        for line in text_of(notification).splitlines():
            style = _STYLES.get(line.split("  ", 1)[0], "") if line and not line.startswith(" ") else ""
            text.append(line + "\n", style=style)
        try:
            self._console.print(text)
        except (OSError, ValueError) as error:  # closed, or a pipe that nobody reads
            raise NotifyError("can't be written to", about="console") from error
