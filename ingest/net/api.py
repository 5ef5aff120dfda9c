"""One question to a JSON API: what is not JSON is never data, and who has used up the rate limit is told how long."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from ingest.net.http import Fetcher
from ingest.net.ratelimit import used_up
from riskwire.errors import ParseError

T = TypeVar("T")


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """`wait`: seconds until the next question is welcome, when the rate limit is used up."""

    value: T
    wait: float | None


async def ask(
    fetcher: Fetcher,
    url: str,
    decoder: msgspec.json.Decoder[T],
    now: datetime,
    *,
    headers: Mapping[str, str] | None = None,
    about: str = "",
) -> Answer[T]:
    """Get and decode. `about` stands for the URL in errors. Raises FetchError, or ParseError for another answer."""
    found = await fetcher.get(url, accept="application/json", headers=headers)
    return Answer(decode(found.body, found.content_type, decoder, about or url), used_up(found.headers, now))


def decode(body: bytes, content_type: str | None, decoder: msgspec.json.Decoder[T], about: str) -> T:
    """The value in an answer. Raises ParseError; its words never quote the answer."""
    kind = (content_type or "").partition(";")[0].strip().lower()
    if not (kind.endswith(("/json", "+json")) or kind == "text/javascript"):
        shown = kind if kind and len(kind) < 60 and kind.isprintable() else "without a type"
        raise ParseError(f"answers with something else than JSON ({shown})", about=about)
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise ParseError("answers with JSON of another kind", about=about) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ParseError("answers with broken JSON", about=about) from None
