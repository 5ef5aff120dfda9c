"""What may be spent a day (UTC) on a source that costs money. Kept in its state; all of one account share it."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache

import msgspec


class Spent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one source has spent on `day`."""

    day: date | None = None
    posts: int = 0

    def on(self, now: datetime) -> Spent:
        """The same, or nothing on a new day."""
        return self if self.day == now.date() else Spent(now.date())

    def plus(self, posts: int) -> Spent:
        """So many more."""
        return msgspec.structs.replace(self, posts=self.posts + posts)


class Budget:
    """The limit of one account, in posts and in dollars, and who of its sources has spent what today."""

    def __init__(self, posts: int, dollars: float, price: float) -> None:
        """Dollars a day and `price`, the dollars of one post."""
        self.dollars, self.price = dollars, price
        self.posts = posts
        self.most = min(posts, int(dollars / price + 1e-9)) if price else posts
        self._spent: dict[str, Spent] = {}

    def note(self, name: str, spent: Spent) -> None:
        """This source has spent so much: as its state says, or more, where a state was not saved."""
        known = self._spent.get(name)
        if known is None or known.day != spent.day or known.posts < spent.posts:
            self._spent[name] = spent

    def left(self, now: datetime) -> int:
        """How many posts may still be read today, by all sources together."""
        return max(self.most - sum(one.posts for one in self._spent.values() if one.day == now.date()), 0)

    @property
    def words(self) -> str:
        """The limit in words."""
        return f"{self.most:,} posts, ${self.most * self.price:,.2f}"


@cache
def budget_of(_token: str, posts: int, dollars: float, price: float) -> Budget:
    """One for all sources of a token."""
    return Budget(posts, dollars, price)


def until_tomorrow(now: datetime) -> float:
    """Seconds until the next UTC day."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(), now.tzinfo)
    return (tomorrow - now).total_seconds()
