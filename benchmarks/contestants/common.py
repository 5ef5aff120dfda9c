"""What the contestants of bench_worker.py share: one constant score, one bulk body: only the engines differ.

No import of riskwire: the quixstreams contestant runs in an environment of its own.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

SENTIMENT = {
    "label": "positive",
    "confidence": 0.9,
    "probabilities": {"positive": 0.9, "neutral": 0.05, "negative": 0.05},
    "score": 0.85,
}


class Contest:
    """Counts documents and time: from the first document in hand to the last one indexed; then prints and leaves."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._done = wanted, 0
        self._start: tuple[float, float] | None = None
        self.more: Callable[[], dict[str, float]] = dict

    def begin(self) -> None:
        """A document is in hand."""
        if self._start is None:
            self._start = (time.monotonic(), time.process_time())

    def count(self, how_many: int) -> bool:
        """So many more are indexed. True at the end, when the result has been printed."""
        self._done += how_many
        if self._done < self._wanted or self._start is None:
            return False
        wall, cpu = time.monotonic() - self._start[0], time.process_time() - self._start[1]
        print(json.dumps({"stories": self._done, "seconds": wall, "cpu": cpu, **self.more()}))
        sys.stdout.flush()
        return True


def scored(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the constant score."""
    text = "\n".join(part for part in (document["title"], document["summary"]) if part)
    entity = {
        "entity_group": "ORG", "text": text[:5], "start": 0, "end": 5, "confidence": 0.9, "symbol": "ACME",
        "relevance": 1.0, "sentiment": SENTIMENT,
    }  # fmt: skip
    return {
        **document,
        "text": text,
        "sentiment": SENTIMENT,
        "entities": [entity],
        "symbols": ["ACME"],
        "status": "scored",
    }


class Bulk:
    """Plain bulk requests on one connection: no look at the items, no retry."""

    def __init__(self, url: str, index: str) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(address.hostname or "", address.port)
        self._index = index

    def write(self, documents: list[dict[str, Any]]) -> None:
        """Send all of them."""
        lines = []
        for one in documents:
            action = {"index": {"_id": one["id"], "version": one["revision"], "version_type": "external"}}
            lines += [json.dumps(action), json.dumps(one)]
        body = ("\n".join(lines) + "\n").encode()
        self._connection.request(
            "POST", f"/{self._index}/_bulk?filter_path=errors", body, {"Content-Type": "application/x-ndjson"}
        )
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"bulk: {answer.status} {said[:300]!r}")
