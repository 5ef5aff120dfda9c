"""The Faust app of a worker, and how each of its known faults is met.

1  commits every 2.8 s what Faust flushed    nothing goes through Faust's producer; scored topic and index first
2  an exception acknowledges the event       `acks=False`; infrastructure is waited for, poison is a dead letter
3  commits past a message in flight          our own ledger; a hole in the offsets ends the process
4  web server on 0.0.0.0, replication 1      `web_enabled=False`; topics are made by `riskwire topics init` alone
5  a password in the banner                  none in the broker's URL
–  tables, changelogs, exactly_once          not used
–  consumers that die slowly                 `stream.worker.watchdog`
–  blocked event loop                        threads for all that blocks, and `riskwire_loop_lag_seconds`
–  pickle                                    raw bytes, read by `riskwire.wire`
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from typing import Any, NoReturn

import faust
from faust.worker import Worker as FaustWorker

from riskwire.settings import Settings
from stream.kafka.connection import faust_options
from stream.topics import topics
from stream.worker import health
from stream.worker.pipeline import Pipeline
from stream.worker.taking import Taking
from stream.worker.watchdog import Watchdog

#: Messages that Faust keeps ready; measured: more brings nothing, and each may be 1 MiB.
_BUFFER = 512
#: The largest answer to a fetch, a partition. A single larger message still comes, and is a dead letter.
_FETCH_BYTES = 2 * 1024 * 1024


#: New objects between two collections: some batches' worth, a few MB.
_GC_OBJECTS = 50_000


class QuietWorker(FaustWorker):
    """Faust's worker, which leaves our logging, our stdout and the name of our process alone."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options |= {"override_logging": False, "redirect_stdouts": False}
        super().__init__(*args, **options)
        self.spinner = None

    def _setproctitle(self, info: str, **_: Any) -> None:
        """No: `ps` and the supervisor know us by our command."""

    def install_signal_handlers(self) -> None:
        """Its own, of which the debugger and the cheats on SIGUSR1 and SIGUSR2 are no part."""
        self.loop.add_signal_handler(2, self._on_sigint)
        self.loop.add_signal_handler(15, self._on_sigterm)


def run_worker(app: faust.App) -> NoReturn:
    """Run until a signal comes (exit status 0) or something fails (1)."""
    # What is there now stays: no collection need walk through it again. And a batch makes thousands of objects, none in
    # a circle: at the usual threshold looking for circles among them cost a sixteenth of the throughput.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_OBJECTS)
    QuietWorker(app, loglevel="error", loop=asyncio.new_event_loop()).execute_from_commandline()


def new_app(settings: Settings) -> faust.App:
    """An app that knows Kafka and nothing of us yet."""
    # Faust wants a folder, for tables that we have not; and makes it only below one that is there.
    folder = settings.folder / "faust"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    logging.getLogger("faust").setLevel(logging.ERROR)
    logging.getLogger("mode").setLevel(logging.ERROR)
    return faust.App(
        topics(settings.kafka).workers,
        **faust_options(settings.kafka),
        Worker=QuietWorker,
        autodiscover=False,
        broker_client_id=f"{settings.kafka.prefix}-worker",
        broker_heartbeat_interval=min(3.0, settings.kafka.session_timeout / 3),
        broker_max_poll_interval=86_400.0,  # a storage that is away for hours must not cost us the partitions
        broker_rebalance_timeout=max(30.0, settings.kafka.session_timeout),
        broker_request_timeout=max(30.0, settings.kafka.session_timeout + 5),
        broker_session_timeout=settings.kafka.session_timeout,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCH_BYTES,
        cython_optimizations=True,
        datadir=str(folder),
        key_serializer="raw",
        processing_guarantee="at_least_once",
        producer_acks=-1,
        store="memory://",
        stream_buffer_maxsize=_BUFFER,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        value_serializer="raw",
        web_enabled=False,
    )


def attach(
    app: faust.App, settings: Settings, taking: Taking, pipeline: Pipeline, watchdog: Callable[[Any], Watchdog]
) -> None:
    """Give the app its one agent, and the tasks around it."""
    name = topics(settings.kafka).documents.name
    # acks=False: Faust keeps no account of this topic and commits nothing.
    topic = app.topic(name, key_type=bytes, value_type=bytes, acks=False)
    running: list[asyncio.Task[None]] = []

    @app.agent(topic, concurrency=1, name="documents")  # type: ignore[untyped-decorator, unused-ignore]
    async def documents(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                await taking.take(event.message)
            except Exception as error:
                # Faust would start the agent anew and go on behind the message. The process must end instead.
                await app.crash(error)
                raise

    @app.task  # type: ignore[untyped-decorator, unused-ignore]
    async def work() -> None:
        # Faust's own figures of each message, which nobody reads: 3 % of a worker's time.
        app.sensors.remove(app.monitor)
        running.append(asyncio.ensure_future(pipeline.run()))
        await asyncio.shield(running[0])
        if not taking.stopping:
            raise RuntimeError("the pipeline ended by itself")

    @app.task  # type: ignore[untyped-decorator, unused-ignore]
    async def commits() -> None:
        await taking.commit_often()

    @app.task  # type: ignore[untyped-decorator, unused-ignore]
    async def looks_after_itself() -> None:
        dog = watchdog(app)
        dog.start()
        server = None
        if settings.stream.health_port is not None:
            server = await health.serve(settings.stream.health_port, lambda: _health(pipeline, taking))
        try:
            await health.measure_lag()
        finally:
            dog.stop()
            if server is not None:
                server.close()

    @app.on_partitions_assigned.connect(weak=False)  # type: ignore[untyped-decorator, unused-ignore]
    def assigned(_: Any, places: Any, **__: Any) -> None:
        taking.assigned(places)

    @app.on_partitions_revoked.connect(weak=False)  # type: ignore[untyped-decorator, unused-ignore]
    async def revoked(_: Any, places: Any, **__: Any) -> None:
        await taking.revoked(places)

    @app.on_before_shutdown.connect(weak=False)  # type: ignore[untyped-decorator, unused-ignore]
    async def drain(_: Any, **__: Any) -> None:
        await taking.drain(running[0] if running else None)


def _health(pipeline: Pipeline, taking: Taking) -> tuple[bool, dict[str, str]]:
    storage = pipeline.last_error
    return storage is None and not taking.stopping, {
        "storage": "well" if storage is None else str(storage),
        "partitions": ", ".join(map(str, taking.partitions())) or "none",
        "pid": str(os.getpid()),
    }
