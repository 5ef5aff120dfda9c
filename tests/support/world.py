"""What the sources ask, imitated: somebody posts, edits and deletes, and a service or a sender shows it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from aiohttp import web

from ingest.base import Context, Ingestor, Streamer

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
#: Who wrote everything; none of these may ever reach the log.
NAMES = ("alice_canary", "bob_canary")
TOKEN = "token-canary"


@dataclass
class Post:
    """What somebody wrote, as it is now. `versions` are the numbers of its edits, and when they were made."""

    number: int
    text: str
    at: datetime
    deleted: bool = False
    versions: tuple[tuple[int, datetime], ...] = ()

    @property
    def stamp(self) -> str:
        return self.at.strftime("%Y-%m-%dT%H:%M:%SZ")


class World(ABC):
    """`edits` and `deletes`: after how many turns, a day apart, they are known; None where the source tells neither.
    `deep`: how many posts between two turns still arrive. `used_up` are the headers of a limit that ends in 5 min."""

    people: ClassVar[bool] = True
    edits: ClassVar[int | None] = 1
    deletes: ClassVar[int | None] = 1
    deep: ClassVar[int] = 100
    used_up: ClassVar[dict[str, str] | None] = None
    #: Whether its stories have words of their own, and whether anybody is asked at all.
    worded: ClassVar[bool] = True
    #: Whom `riskwire forget` is told to forget the author by.
    user: ClassVar[str] = NAMES[0]
    asks: ClassVar[bool] = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.posts: dict[int, Post] = {}
        self.now = NOW
        self.next = 1
        self.asked: list[web.Request] = []

    def write(self, *texts: str) -> list[int]:
        """Somebody posts these, one a second, before `now`."""
        for index, text in enumerate(texts):
            at = self.now - timedelta(seconds=len(texts) - index)
            self.posts[self.next] = Post(self.next, text, at)
            self.next += 1
        return list(self.posts)[-len(texts) :]

    def edit(self, number: int, text: str) -> None:
        post = self.posts[number]
        post.text, post.versions = text, (*post.versions, (self.next, self.now - timedelta(seconds=1)))
        self.next += 1

    def delete(self, number: int) -> None:
        self.posts[number].deleted = True

    @property
    def alive(self) -> list[Post]:
        """What is there, newest first."""
        return sorted((one for one in self.posts.values() if not one.deleted), key=lambda one: -one.number)

    @abstractmethod
    def make(self, base: str, context: Context) -> Ingestor | Streamer:
        """The source, as after a start."""

    @abstractmethod
    def answer(self, request: web.Request) -> web.Response:
        """What the service says."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The same, for one that says it bit by bit."""
        return self.answer(request)

    def begin(self, base: str) -> str | None:
        """The cursor of a first turn."""
        return None

    def reached(self, cursor: str | None) -> bool:
        """Whether a stream has told all there is."""
        return True

    def turn(self) -> None:  # noqa: B027 - most need nothing
        """Before each poll."""
