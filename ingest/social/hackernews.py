"""Hacker News: every item from the last one on, edits by its list of changes; keywords and a least score choose.

- Items are numbered: the walk goes from the number told last to `maxitem`, a bounded piece a poll. An item may be
  `null` for a while after its number is given out: it is asked for again, for a few polls.
- `updates` names what has changed lately: edits, scores that have risen, deletions. What was told is also looked up
  once a day, for changes that fell between two polls; what is `deleted` or `dead` is removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

import msgspec

from ingest.base import Context, Gone, Kind, Polled, SourceConfig, Told
from ingest.cursor import read_cursor, with_cursor
from ingest.dates.read import read_date
from ingest.documents.authors import masked_names, pseudonym
from ingest.documents.cashtags import Wanted
from ingest.documents.make import make_document
from ingest.documents.text import html_to_text
from ingest.net.api import ask
from ingest.social.recheck import Watch
from riskwire.errors import IngestError
from riskwire.identity import document_id
from riskwire.log import get_logger
from riskwire.ports import SourceState
from riskwire.types import Document

API = "https://hacker-news.firebaseio.com"
PLATFORM = "hackernews"
#: Questions at once. No limit is published; this many are polite.
PARALLEL = 5
#: Items a poll: of the walk, of the first poll, of the changes, of the daily look.
MAX_WALK, FIRST, MAX_CHANGES, MAX_LOOKS = 300, 50, 100, 50
#: Polls that an item may be `null` for, and how many are waited for.
TRIES, MAX_RETRIES = 10, 100
_log = get_logger("ingest")


class Front(SourceConfig, frozen=True, kw_only=True):
    """One `[[hackernews]]` table. Taken are stories (and with `comments = true`, comments) with one of the `keywords`,
    or all without any; a story only with at least `min_score` points, which is seen when it has risen to them."""

    table: ClassVar[str] = "hackernews"

    keywords: tuple[str, ...] = ()
    min_score: int = 0
    comments: bool = False
    watch: int = 5_000

    @property
    def address(self) -> str:
        """Its page of new stories."""
        return "https://news.ycombinator.com/newest"

    def check(self) -> None:
        """See SourceConfig."""
        if any(not 1 <= len(word.strip()) <= 100 for word in self.keywords) or len(self.keywords) > 1_000:
            raise ValueError("keywords: at most 1,000, of 1 to 100 characters each")
        if self.min_score < 0:
            raise ValueError("min_score: must be 0 or more")
        if not 0 <= self.watch <= 100_000:
            raise ValueError("watch: must be from 0 to 100000")


class Item(msgspec.Struct, frozen=True):
    """An item; what else there is, is ignored. A deleted one has hardly more than its number."""

    id: int
    type: str = ""
    by: str | None = None
    time: int | None = None
    title: str = ""
    text: str = ""
    score: int | None = None
    descendants: int | None = None
    deleted: bool = False
    dead: bool = False


class _Updates(msgspec.Struct, frozen=True):
    items: list[int]


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """The walk has come to `last`; `retries` are the items that were null, with the polls that they were asked in."""

    last: int = 0
    retries: dict[str, int] = {}
    watch: Watch = Watch()


_item = msgspec.json.Decoder(Item | None)
_maxitem = msgspec.json.Decoder(int)
_updates = msgspec.json.Decoder(_Updates)


class HackerNewsIngestor:
    """The walk over all items."""

    def __init__(self, config: Front, context: Context, *, api: str = API) -> None:
        self._config = config
        self._context = context
        self._api = api
        self._wanted = Wanted(keywords=config.keywords) if config.keywords else None

    @property
    def name(self) -> str:
        """The source's configured name."""
        return self._config.name

    @property
    def url(self) -> str:
        """The API's address."""
        return f"{self._api}/v0/"

    @property
    def interval(self) -> float | None:
        """Seconds between two polls, if the source has its own."""
        return self._config.interval

    async def poll(self, state: SourceState, now: datetime) -> Polled:
        """See Ingestor. Raises FetchError, ParseError: then nothing of this poll counts."""
        cursor = read_cursor(state, Cursor)
        highest = (await ask(self._context.fetcher, f"{self.url}maxitem.json", _maxitem, now)).value
        changed = (await ask(self._context.fetcher, f"{self.url}updates.json", _updates, now)).value.items
        last = cursor.last or max(highest - FIRST, 0)
        walk = range(last + 1, min(highest, last + MAX_WALK) + 1)
        watch = cursor.watch.begin(now)
        looks = [int(one) for one in watch.bite(MAX_LOOKS)]
        retries = [int(one) for one in cursor.retries if one.isdigit()]
        # Changes of what the walk has not come to, it will see itself.
        changes = [one for one in changed[:MAX_CHANGES] if 0 < one <= last]
        asked = list(dict.fromkeys([*walk, *retries, *changes, *looks]))
        items = await self._items(asked, now)
        away = [item.id for item in items if item.deleted or item.dead]
        wanted = sorted((item for item in items if self._takes(item)), key=lambda item: item.id)
        told = await asyncio.to_thread(lambda: tuple(self._told(item, now) for item in wanted))
        told = tuple(one for one in told if one.document.title)
        nulls = set(asked) - {item.id for item in items}
        watch = watch.looked([str(one) for one in looks], [str(one) for one in away])
        watch = watch.add((str(item.id) for item in wanted), self._config.watch)
        kept = Cursor(walk[-1] if walk else last, self._retries(cursor, nulls & {*walk, *retries}), watch)
        return Polled(
            outcome="ok",
            told=told,
            gone=tuple(Gone(document_id=item_id(one)) for one in away),
            entries=len(items),
            state=with_cursor(state, kept, told),
        )

    async def _items(self, numbers: Sequence[int], now: datetime) -> list[Item]:
        """Those that are there. One failure fails all: the poll is made again from where it began."""
        slots = asyncio.Semaphore(PARALLEL)

        async def one(number: int) -> Item | None:
            async with slots:
                found: Item | None = (
                    await ask(self._context.fetcher, f"{self.url}item/{number}.json", _item, now)
                ).value
                return found

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(number)) for number in numbers]
        except BaseExceptionGroup as errors:
            ours, others = errors.split(IngestError)
            if ours is None or others is not None:
                raise
            first: BaseException = ours
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            raise first from None
        return [item for task in tasks if (item := task.result()) is not None]

    def _takes(self, item: Item) -> bool:
        if (
            item.deleted
            or item.dead
            or item.type not in (("story", "job", "comment") if self._config.comments else ("story", "job"))
        ):
            return False
        if item.type == "story" and (item.score or 0) < self._config.min_score:
            return False
        return self._wanted is None or self._wanted.takes(f"{item.title}\n{html_to_text(item.text)}")

    def _retries(self, cursor: Cursor, nulls: Iterable[int]) -> dict[str, int]:
        tries = {str(one): cursor.retries.get(str(one), 0) + 1 for one in sorted(nulls)}
        given_up = [one for one, count in tries.items() if count >= TRIES]
        if given_up or len(tries) - len(given_up) > MAX_RETRIES:
            _log.warning("items_missing", source=self.name, given_up=given_up[:10])
        return dict([(one, count) for one, count in tries.items() if count < TRIES][-MAX_RETRIES:])

    def _told(self, item: Item, now: datetime) -> Told:
        text = masked_names(html_to_text(item.text))
        title = masked_names(html_to_text(item.title)) or text
        document: Document = make_document(
            document_id=item_id(item.id),
            source=self.name,
            publisher=PLATFORM,
            source_type="social",
            run_id=self._context.run_id,
            feed_url=self.url,
            link=f"https://news.ycombinator.com/item?id={item.id}",
            title=title,
            summary=text if text != title else "",
            authors=(pseudonym(self._context.author_key, PLATFORM, item.by),) if item.by else (),
            tags=[item.type],
            published=read_date(_iso(item.time), now),
            seen_at=now,
            engagement={"score": item.score, "comments": item.descendants},
        )
        return Told(document)


def item_id(number: int) -> str:
    """The id of the story that is made of this item."""
    return document_id(PLATFORM, guid=str(number))


def _iso(epoch: int | None) -> str | None:
    try:
        return datetime.fromtimestamp(epoch, UTC).isoformat() if epoch else None
    except (ValueError, OverflowError, OSError):
        return None


def _make(config: Front, context: Context) -> HackerNewsIngestor:
    return HackerNewsIngestor(config, context)


KIND = Kind(Front, _make)
