"""The running program: ingest, processor, alert engine and page in one event loop."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console

import ingest.demo
from alerts.build import build_notifiers
from alerts.engine import CONSUMER, AlertEngine
from alerts.loader import load_rules
from dashboards.web.app import Health, create_app
from dashboards.web.security import check_bind
from ingest.feeds.list import Sources, active, load_sources
from riskwire.cli.inlet import Inlet
from riskwire.cli.page import bind, model_in_words, web_part
from riskwire.cli.supervise import Part, supervise
from riskwire.cli.wiring import open_local, watch_model
from riskwire.clock import Clock, ReplayClock, SystemClock
from riskwire.log import get_logger
from riskwire.ports import SourceState, SourceStates
from riskwire.settings import AlertSettings, Settings
from stream.local import Processor
from stream.sqlite.lock import only_one

log = get_logger("up")

#: Real seconds in which the demo's three days pass.
DEMO_SECONDS = 15.0


def serve(settings: Settings, *, demo: bool) -> None:
    """Run until SIGINT or SIGTERM. What keeps it from starting is raised before anything was started."""
    check_bind(settings.web)
    rules = load_rules(settings.alerts.rules)
    sources = Sources() if demo else load_sources(settings.feeds_file)
    end = datetime.now(UTC) + timedelta(seconds=DEMO_SECONDS)
    replay_clock = ReplayClock(end - ingest.demo.SPAN)
    clock: Clock = replay_clock if demo else SystemClock()

    with ExitStack() as stack:
        stack.enter_context(only_one(settings.folder))
        listener = stack.enter_context(bind(settings.web.host, settings.web.port))
        store = stack.enter_context(open_local(settings, kind="demo" if demo else "live", clock=clock))
        model_settings = settings.model
        if demo:
            # Each start plays it anew, so that its three days end now; nothing but the demo is in its folder.
            store.database.reset()
            companies = Path(ingest.demo.__file__).with_name("symbols.csv")
            model_settings = model_settings.model_copy(update={"symbols": (*model_settings.symbols, companies)})
        scorer, linker = stack.enter_context(watch_model(model_settings))
        processor = stack.enter_context(
            Processor(
                store.log,
                store.index,
                store.scored,
                scorer,
                linker,
                clock,
                settings.stream,
                languages=settings.model.languages,
            )
        )
        url = f"http://{settings.web.host}:{listener.getsockname()[1]}"
        engine = AlertEngine(
            rules=rules,
            scored=store.scored,
            store=store.alerts,
            offsets=store.offsets,
            notices=store.notifications,
            # An invented crisis must not wake anyone: the demo speaks to the console alone.
            notifiers=build_notifiers(AlertSettings(console=settings.alerts.console) if demo else settings.alerts),
            clock=clock,
            settings=settings.alerts,
            demo=demo,
            base_url=settings.web.public_url or url,
            names=linker.names,
            healths=store.sources,
            sources=active(sources, settings.ingest).names,
        )
        inlet = Inlet(settings, store, clock)

        def health() -> Health:
            storage = processor.last_error
            return Health(
                ready=storage is None,
                parts={
                    "model": model_in_words(scorer),
                    "storage": "well" if storage is None else str(storage),
                    "waiting": str(store.log.depth()),
                },
            )

        app = create_app(
            index=store.index,
            scored=store.scored,
            alerts=store.alerts,
            sources=CurrentSources(store.sources, active(sources, settings.ingest)),
            settings=settings.web,
            health=health,
            scorer=scorer,
            extra_routes=[inlet.webhook()],
            demo=demo,
        )
        parts: dict[str, Part] = {
            "processor": processor.run,
            "alerts": engine.run,
            "page": web_part(app, settings.web, listener),
        }
        if demo:

            async def play(stop: asyncio.Event) -> None:
                def settled() -> bool:
                    # The simulated clock runs hours ahead in a second: it waits for the model and the alerts.
                    processor.notify()
                    return not store.log.depth() and store.offsets.committed(CONSUMER) >= store.scored.end()

                stories = ingest.demo.demo_stories(end)
                await ingest.demo.replay(stories, store.log, replay_clock, DEMO_SECONDS, end=end, settled=settled)
                replay_clock.release()
                log.info("the demo has been played", stories=len(stories))
                await stop.wait()

            parts["demo"] = play
        else:
            parts["ingest"] = inlet.loop(sources).run
        _greet(settings, url, sources=sources, demo=demo)
        asyncio.run(supervise(parts, asyncio.Event()))
        log.info("stopped", data=str(settings.folder))


class CurrentSources:
    """SourceStates as the page shows them: those of the feeds that are polled, not of those removed since."""

    def __init__(self, states: SourceStates, sources: Sources) -> None:
        self._states = states
        self._names = sources.names
        self.load, self.save, self.save_all = states.load, states.save, states.save_all

    def all(self) -> list[SourceState]:
        """See SourceStates."""
        return [state for state in self._states.all() if state.name in self._names]


def _greet(settings: Settings, url: str, *, sources: Sources, demo: bool) -> None:
    on = active(sources, settings.ingest)
    what = f"replaying the demo's three days in {DEMO_SECONDS:.0f} s" if demo else f"polling {len(on.rows)} sources"
    where = f" --data {settings.data}" if demo and "data" not in settings.model_fields_set else ""
    console = Console(stderr=True)
    console.print(f"[bold]Riskwire[/] is {what}.\n  page    {url}", highlight=False)
    console.print(f"  data    {settings.folder}\n  look    riskwire search{where}", markup=False, highlight=False)
    console.print(f"          riskwire alerts list{where}\n  stop    Ctrl-C", markup=False, highlight=False)
