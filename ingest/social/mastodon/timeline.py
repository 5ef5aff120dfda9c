"""A hashtag's timeline over REST: what is new, what was missed, what was edited, and what is gone.

REST tells nobody what was deleted. So statuses that were told are watched: one that is missing from where it stood in
the newest page is asked for at once, and every one once a day; a server that knows it no more has deleted it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

import msgspec

from ingest.base import Gone, Told
from ingest.net.api import ask
from ingest.net.http import Fetcher
from ingest.social.mastodon.post import PLATFORM, Status, number, status_document, status_link
from ingest.social.recheck import Watch
from riskwire.errors import FetchError
from riskwire.identity import canonical_link

#: Statuses a request: the API's maximum.
PAGE = 40
#: Pages a poll: a gap of days is filled over several polls, and no rate limit used up (300 requests in 5 min).
MAX_PAGES = 10
#: Statuses that are watched, and how many of them are asked for in one poll.
WATCHED, LOOKS = 400, 8
#: Deleted statuses that are remembered: one that a page or a stream brings late stays deleted.
REMEMBERED = 200

_page = msgspec.json.Decoder(list[Status])
_one = msgspec.json.Decoder(Status)


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a timeline was read: the highest id told, `id story` of those that are watched, and ids that are gone."""

    top: int = 0
    watch: Watch = Watch()
    gone: tuple[str, ...] = ()

    def text(self) -> str:
        """As it is kept in `SourceState.cursor`."""
        return msgspec.json.encode(self).decode()

    def story_of(self, identifier: str) -> str | None:
        """The story that was told of a status, if it is watched."""
        every = (*self.watch.due, *self.watch.rest)
        return next((story for one, _, story in (entry.partition(" ") for entry in every) if one == identifier), None)

    def with_gone(self, identifiers: Sequence[str]) -> Place:
        """These are deleted, whether they were known or not."""
        fresh = tuple(one for one in identifiers if one not in self.gone)
        return msgspec.structs.replace(self, gone=(*self.gone, *fresh)[-REMEMBERED:])

    def with_told(self, statuses: Sequence[Status]) -> Place:
        """Watch these, too."""
        watch = self.watch.add((_entry(one) for one in statuses), WATCHED)
        return msgspec.structs.replace(self, watch=watch)


_place = msgspec.json.Decoder(Place)


def read_place(cursor: str | None) -> Place:
    """The kept place; a plain number is one of an earlier version."""
    if cursor is None or cursor.isdigit():
        return Place(top=number(cursor))
    try:
        return _place.decode(cursor)
    except msgspec.MsgspecError:
        return Place()


class Caught(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at the timeline brought. `filled`: there is no gap left up to the newest page."""

    told: tuple[Told, ...]
    gone: tuple[Gone, ...]
    place: Place
    entries: int
    filled: bool
    wait: float | None


class Timeline:
    """One hashtag on one server."""

    def __init__(
        self, name: str, base: str, hashtag: str, fetcher: Fetcher, key: bytes, run_id: str, token: str | None = None
    ) -> None:
        self.name = name
        self.base = base
        self.url = f"{base}/api/v1/timelines/tag/{quote(hashtag)}"
        self._fetcher = fetcher
        self._key = key
        self._run_id = run_id
        self._headers = {"Authorization": f"Bearer {token}"} if token else None

    async def catch_up(self, place: Place, now: datetime) -> Caught:
        """Everything since the place, and the newest page again, in which edits show. Raises FetchError, ParseError.

        The gap is filled upwards from the place (`min_id`), so that what does not fit is next in line at the next
        look. Without a place only the newest page is taken.
        """
        newest, wait = await self._ask_page(now)
        statuses = {status.id: status for status in newest}
        # A page that does not reach back to the place leaves a gap behind it.
        oldest = min((status.number for status in newest), default=0)
        reached, filled = place.top, not (place.top and oldest > place.top)
        for _ in range(MAX_PAGES):
            if filled or wait:
                break
            page, wait = await self._ask_page(now, min_id=reached)
            for status in page:
                statuses.setdefault(status.id, status)
            reached = max([reached, *(status.number for status in page)])
            filled = not page or reached >= oldest
        # Where the gap could not be filled, the newest page is taken up again when it is reached from below.
        top = max([place.top, *(status.number for status in statuses.values())]) if filled else reached
        away, watch, wait = await self._missing(place, newest, now, wait)
        after = msgspec.structs.replace(place, top=top, watch=watch).with_gone(away)
        shown = [one for one in statuses.values() if one.shown and one.id not in after.gone]
        shown.sort(key=lambda status: status.number)
        told = await asyncio.to_thread(lambda: [self.tell(status, now) for status in shown])
        return Caught(
            told=tuple(one for one in told if one.document.title),
            gone=tuple(self.gone(one, place) for one in away),
            place=after.with_told(shown),
            entries=len(statuses),
            filled=filled,
            wait=wait,
        )

    def tell(self, status: Status, now: datetime) -> Told:
        """The story of a status; without a title where it has no text."""
        return Told(
            status_document(
                status,
                source=self.name,
                base=self.base,
                feed_url=self.url,
                key=self._key,
                run_id=self._run_id,
                now=now,
            )
        )

    def gone(self, identifier: str, place: Place) -> Gone:
        """The deletion of a status. Of one that is no longer watched only the number is known, which its link holds."""
        link = canonical_link(status_link(self.base, identifier))
        return Gone(document_id=place.story_of(identifier), publisher=PLATFORM, link=link)

    async def _ask_page(self, now: datetime, min_id: int | None = None) -> tuple[list[Status], float | None]:
        query = f"?limit={PAGE}" + (f"&min_id={min_id}" if min_id else "")
        answer = await ask(self._fetcher, self.url + query, _page, now, headers=self._headers, about=self.url)
        return answer.value, answer.wait

    async def _missing(
        self, place: Place, newest: Sequence[Status], now: datetime, wait: float | None
    ) -> tuple[list[str], Watch, float | None]:
        """The ids of watched statuses that are gone, the watch afterwards, and how long to wait."""
        watch = place.watch.begin(now)
        present = {status.id for status in newest}
        oldest = min((status.number for status in newest), default=None)
        every = [entry for entry in (*watch.due, *watch.rest) if entry.partition(" ")[0] not in place.gone]
        absent = [
            one
            for one in every
            if oldest is not None and _number(one) > oldest and one.partition(" ")[0] not in present
        ]
        looked: list[str] = []
        away: list[str] = []
        for entry in dict.fromkeys([*absent[-LOOKS:], *watch.bite(LOOKS // 2)]):
            if wait:
                break
            there, wait = await self._is_there(entry.partition(" ")[0], now)
            looked.append(entry)
            if there is False:
                away.append(entry)
        if away and newest and not (await self._is_there(newest[0].id, now))[0]:
            # It does not even show one that it has just listed: its "not found" says nothing.
            return [], place.watch.begin(now), wait
        rest = tuple(one for one in watch.rest if one not in away)
        watch = msgspec.structs.replace(watch, rest=rest).looked([one for one in looked if one in watch.due], away)
        return [one.partition(" ")[0] for one in away], watch, wait

    async def _is_there(self, identifier: str, now: datetime) -> tuple[bool | None, float | None]:
        """Whether the server shows a status; None when it does not say."""
        url = f"{self.base}/api/v1/statuses/{quote(identifier)}"
        try:
            answer = await ask(self._fetcher, url, _one, now, headers=self._headers)
        except FetchError as error:
            return (False if error.status in (404, 410) else None), error.retry_after
        return answer.value.id == identifier, answer.wait


def _entry(status: Status) -> str:
    return f"{status.id} {status.document_id}"


def _number(entry: str) -> int:
    return number(entry.partition(" ")[0])
