"""The worker, wired: `faust -A stream.app worker` and `riskwire stream` are the same.

The settings are those of every command (`RISKWIRE_…`, riskwire.toml). `app` is made when it is asked for, so that
importing this module loads no model.
"""

from __future__ import annotations

import atexit
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

import faust

from riskwire import log
from riskwire.clock import Clock, SystemClock
from riskwire.errors import ConfigError
from riskwire.ports import Index, Linker, Scorer
from riskwire.settings import Settings, load
from stream.kafka.admin import Cluster
from stream.kafka.dead_letters import DeadLetters
from stream.kafka.producer import Publisher
from stream.kafka.scored import KafkaScoredStream
from stream.topics import topics
from stream.worker.faust_app import attach, new_app
from stream.worker.ledger import Ledger
from stream.worker.pipeline import Pipeline
from stream.worker.taking import Taking
from stream.worker.watchdog import Watchdog

#: A storage that was asked within so many seconds is known to be away; then standing still is no fault.
_EXCUSED_SECONDS = 60.0


def create_app(
    settings: Settings,
    *,
    index: Index | None = None,
    scorer: Scorer | None = None,
    linker: Linker | None = None,
    clock: Clock | None = None,
) -> faust.App:
    """The worker of these settings; tests bring their own index and scorer.

    Raises ConfigError outside the cluster setting, StorageError, ModelError.
    """
    if not settings.kafka.bootstrap_servers:
        raise ConfigError(
            "is empty, and a worker needs Kafka and Elasticsearch",
            about="kafka.bootstrap_servers",
            hint="On one machine `riskwire up` does it all.",
        )
    if scorer is None or linker is None:
        scorer, linker = _model(settings)
    index = index or _index(settings)
    cluster = Cluster(settings.kafka)
    publisher = Publisher(settings.kafka, "worker")
    documents = topics(settings.kafka).documents.name
    ledger = Ledger()
    app = new_app(settings)
    pipeline = Pipeline(
        ledger=ledger,
        index=index,
        scored=KafkaScoredStream(settings.kafka, publisher),
        letters=DeadLetters(settings.kafka, publisher),
        scorer=scorer,
        linker=linker,
        clock=clock or SystemClock(),
        settings=settings.stream,
        batch_tokens=settings.model.batch_tokens,
        languages=settings.model.languages,
    )
    taking = Taking(app, documents, ledger, pipeline, lambda place, offset: cluster.first_behind(*place, offset))

    def watchdog(app: Any) -> Watchdog:
        return Watchdog(
            lags=partial(cluster.lags, documents, app.conf.id),
            mine=lambda: set(taking.partitions()),
            excused=lambda: pipeline.last_error is not None and time.monotonic() - pipeline.last_try < _EXCUSED_SECONDS,
            stuck_after=settings.stream.stuck_after,
        )

    attach(app, settings, taking, pipeline, watchdog)
    return app


def _model(settings: Settings) -> tuple[Scorer, Linker]:
    # Here, not above: the model's libraries take a while, and a test that brings its own scorer needs none of them.
    from models.opening import watch_model

    opened = ExitStack()
    atexit.register(opened.close)  # a worker is a process: it follows promotions to its end
    return opened.enter_context(watch_model(settings.model))


def _index(settings: Settings) -> Index:
    from stream.elastic.storage import ElasticStorage

    return ElasticStorage(settings.elasticsearch).index


def __getattr__(name: str) -> Any:
    """`app`, once, for `faust -A stream.app`."""
    if name != "app":
        raise AttributeError(name)
    settings = load()
    log.hide(settings.secrets())
    log.configure(settings.log.level, settings.log.format)
    globals()["app"] = create_app(settings)
    return globals()["app"]
