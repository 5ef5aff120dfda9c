"""One POST, with the limits that all HTTP receivers share, and which answers are worth another try.

Errors name the receiver and the status, never the URL: with webhooks the URL is the password.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import aiohttp
import msgspec

from riskwire import __version__
from riskwire.errors import ConfigError, NotifyError, NotifyRetry
from riskwire.net import AddressGuard

_MAX_ANSWER = 2_048
#: Statuses after which the same request may succeed later; so may any 5xx.
RETRY_STATUSES = frozenset({408, 425, 429})


class Answer(msgspec.Struct, frozen=True):
    """What a receiver answered: the status, the beginning of the body, and Retry-After in seconds."""

    status: int
    text: str
    retry_after: float | None


def check_receiver_url(url: str, key: str, *, https_only: bool) -> str:
    """The URL of a setting. Raises ConfigError that names the setting, not the URL."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        fine = fine and (parts.port is None or parts.port > 0) and all(c.isprintable() and c != " " for c in url)
    except ValueError:
        fine = False
    if not fine:
        raise ConfigError("is no http(s) address", about=key, hint="Give a full URL without a user name.")
    if https_only and parts.scheme != "https":
        raise ConfigError(
            "is not https, so that anyone on the way could read its secret",
            about=key,
            hint="Use the https:// address; plain http only goes with allow_private_addresses.",
        )
    return url


async def post(
    url: str, body: bytes, headers: Mapping[str, str], *, receiver: str, seconds: float, allow_private: bool
) -> Answer:
    """POST, no redirects. Raises NotifyRetry (nothing came back) or NotifyError (the address is refused)."""
    guard = AddressGuard(allow_private=allow_private)
    try:
        async with (
            aiohttp.ClientSession(
                connector=guard.connector(),
                timeout=aiohttp.ClientTimeout(total=seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,  # a proxy of the environment would connect where nobody looks
                headers={"User-Agent": f"Riskwire/{__version__}"},
            ) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            text = (await response.content.read(_MAX_ANSWER)).decode("utf-8", "replace")
            return Answer(response.status, text, _retry_after(response.headers.get("Retry-After")))
    except aiohttp.InvalidURL:
        raise NotifyError("has an address that is no URL", about=receiver) from None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError):
        raise NotifyError("has no certificate that can be trusted", about=receiver, hint="Nothing was sent.") from None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        if guard.refused is not None:
            raise NotifyError(
                "leads to a private or local address",
                about=receiver,
                hint=f"Allow it with alerts.{receiver}.allow_private_addresses.",
            ) from None
        if isinstance(error, TimeoutError):
            raise NotifyRetry(f"did not answer within {seconds:g} s", about=receiver) from None
        # The library's own text names the address.
        raise NotifyRetry(f"could not be reached ({type(error).__name__})", about=receiver) from None


def raise_for(answer: Answer, receiver: str, reason: str = "", hint: str = "") -> None:
    """Nothing for a 2xx; NotifyRetry or NotifyError for the rest."""
    if 200 <= answer.status < 300:
        return
    said = f"answered {answer.status}" + (f" ({reason})" if reason else "")
    if answer.status in RETRY_STATUSES or answer.status >= 500:
        raise NotifyRetry(said, about=receiver, retry_after=answer.retry_after)
    raise NotifyError(said, about=receiver, hint=hint)


def to_json(value: object) -> bytes:
    """Compact JSON, ASCII, so that no line separator or bidirectional mark goes out raw."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _retry_after(value: str | None) -> float | None:
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        then = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())
