"""A Scorer that follows the registry: a promotion is picked up without a restart, and without dropping a story.

A thread of its own looks at `production.json`. A new model is verified and warmed before it takes the old one's place,
in one assignment; one that fails keeps the old. Whoever scores takes `current()` once a batch: that scorer stays the
same to the batch's end, and goes when nobody holds it any more.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from models.artefact import Artefact
from models.inference import OnnxScorer
from models.registry.production import Entry
from models.registry.store import Registry
from riskwire.closing import Closing
from riskwire.errors import ModelError, RiskwireError
from riskwire.log import get_logger
from riskwire.ports import Scorer
from riskwire.types import ModelRef, TextScore

_log = get_logger("model")

#: Seconds until a model that could not be used is tried again: a shared disk may just be behind.
RETRY: Final = 60.0
Key = tuple[str | None, str | None] | None
"""Path and sha256 of an entry; None where `production.json` could not be read."""
_WARM: Final = (
    "Profit rises at the mill.",
    "Boeing sues Airbus over subsidies\nShares of both fell on Monday, and analysts cut their outlook.",
    "A word, and another one. " * 60,
)


class FollowingScorer(Closing):
    """Scores with what is in production. Close it, or use it in a `with`."""

    def __init__(
        self,
        registry: Registry,
        make: Callable[[Artefact], OnnxScorer],
        *,
        interval: float,
        on_change: Callable[[OnnxScorer | None, str], None] = lambda _scorer, _error: None,
    ) -> None:
        """Starts with the newest of production, its history and the packaged model that can be used.

        `interval`: seconds between two looks. `on_change(scorer, last_error)` when a model takes over, `on_change(None,
        why)` when one can't; called in the thread that looks. Raises ModelError: not even the packaged one can score.
        """
        self._registry, self._make, self._interval, self._on_change = registry, make, interval, on_change
        self.last_error = ""  #: why what is in production does not score; empty when it does
        self._wanted: Key = None  # what was last tried
        self._tried_ago = 0.0
        self._stop = threading.Event()
        self._now = self._first()
        self._thread = threading.Thread(target=self._follow, name="riskwire-registry", daemon=True)
        self._thread.start()

    @property
    def model(self) -> ModelRef:
        """The model of this moment."""
        return self._now.model

    @property
    def provider(self) -> str:
        """The execution provider in use."""
        return self._now.provider

    def current(self) -> Scorer:
        """The model of this moment, for one batch: it stays the same, whatever is promoted meanwhile."""
        return self._now

    def score(self, texts: Sequence[str]) -> list[TextScore]:
        """See Scorer.score."""
        return self._now.score(texts)

    def look(self) -> None:
        """Look at the registry now; take over what is new and sound. Never raises."""
        try:
            entry: Entry = self._registry.production()
        except RiskwireError as error:
            self._fail(None, error)
            return
        if _key(entry) == self._wanted and (not self.last_error or self._tried_ago < RETRY):
            return
        try:
            scorer = self._open(entry)
        except RiskwireError as error:
            self._fail(entry, error)
        else:
            self._wanted, self.last_error = _key(entry), ""
            if scorer.model != self._now.model:
                _log.info("another model scores from now on", model=str(scorer.model), before=str(self._now.model))
            self._now = scorer
            self._on_change(scorer, "")

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._stop.wait(self._interval):
            self._tried_ago += self._interval
            self.look()

    def _first(self) -> OnnxScorer:
        for entry in self._choices():
            try:
                scorer = self._open(entry)
            except RiskwireError as error:
                if entry.path is None:
                    raise
                if not self.last_error:
                    self._fail(entry, error)
            else:
                if not self.last_error:
                    self._wanted = _key(entry)
                self._on_change(scorer, self.last_error)
                return scorer
        raise AssertionError("the packaged model is always a choice")

    def _choices(self) -> Iterator[Entry]:
        try:
            production = self._registry.production()
        except ModelError as error:
            self._fail(None, error)
        else:
            yield production
            yield from (entry for entry in reversed(production.history) if entry.path is not None)
        yield Entry()

    def _open(self, entry: Entry) -> OnnxScorer:
        try:
            return warmed(self._make(self._registry.load(entry)))
        except RiskwireError:
            raise
        except Exception as error:  # a full memory, a disk that went: the old model goes on all the same
            raise ModelError("can't be loaded", about=str(self._registry.path_of(entry))) from error

    def _fail(self, entry: Entry | None, error: RiskwireError) -> None:
        self._tried_ago = 0.0
        if (_key(entry), str(error)) == (self._wanted, self.last_error):
            return  # said before
        self._wanted, self.last_error = _key(entry), str(error)
        _log.error("what is in production can't be used; the model before goes on", error=str(error))
        self._on_change(None, str(error))


def warmed(scorer: OnnxScorer) -> OnnxScorer:
    """`scorer`, after it has scored short and long texts. Raises ModelError where its answers are no numbers."""
    for answer in scorer.score(_WARM):
        if not math.isfinite(answer.sentiment.score):
            raise ModelError("the model answers no numbers", about=scorer.model.name, hint="Train it again")
    return scorer


def _key(entry: Entry | None) -> Key:
    return None if entry is None else (entry.path, entry.sha256)
