"""The same job in quixstreams: constant score, scored topic, bulk sink; at least once, as it comes.

`python quix.py BOOTSTRAP TOPIC SCORED ELASTICSEARCH INDEX HOW_MANY`
"""

from __future__ import annotations

import logging
import os
import sys
import uuid
from typing import Any

from common import Bulk, Contest, scored
from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch


class BulkSink(BatchingSink):  # type: ignore[misc, unused-ignore]
    """Writes what a checkpoint brings."""

    def __init__(self, bulk: Bulk, contest: Contest) -> None:
        super().__init__()
        self._bulk, self._contest = bulk, contest

    def write(self, batch: SinkBatch) -> None:
        """See BatchingSink."""
        documents = [item.value for item in batch]
        for start in range(0, len(documents), 512):
            self._bulk.write(documents[start : start + 512])
        if self._contest.count(len(documents)):
            os._exit(0)


def main(bootstrap: str, topic: str, target: str, url: str, index: str, wanted: int) -> None:
    """Run until all are indexed."""
    logging.disable(logging.INFO)
    contest = Contest(wanted)
    app = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        commit_every=512,
        loglevel="ERROR",
        producer_extra_config={"enable.idempotence": True, "acks": "all"},
    )

    def score(document: dict[str, Any]) -> dict[str, Any]:
        contest.begin()
        return scored(document)

    frame = app.dataframe(app.topic(topic, value_deserializer="json")).apply(score)
    frame = frame.to_topic(app.topic(target, value_serializer="json"))
    frame.sink(BulkSink(Bulk(url, index), contest))
    app.run()


if __name__ == "__main__":
    main(*sys.argv[1:6], int(sys.argv[6]))
