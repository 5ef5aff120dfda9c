"""Posts the saved objects to a Kibana, once it is up. The same again changes nothing: ids are fixed.

Kibana answers 200 even when nothing was imported, so the answer's `success` decides.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

from riskwire.errors import StorageError, UsageError
from riskwire.log import get_logger
from riskwire.net import is_loopback

log = get_logger("kibana")

_PAUSE = 2.0
_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=5)


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Where Kibana is and who we are to it: an API key, a user with a password, or nobody (security switched off)."""

    url: str
    api_key: str = ""
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    space: str = ""

    def __repr__(self) -> str:
        return f"Access(url={self.url!r}, username={self.username!r}, space={self.space!r})"


class Failure(msgspec.Struct, frozen=True):
    """One object that was not imported."""

    type: str = ""
    id: str = ""
    error: dict[str, object] = {}


class Answer(msgspec.Struct, frozen=True):
    """What the import said."""

    success: bool
    successCount: int = 0  # noqa: N815 - Kibana's name
    errors: list[Failure] = []


def check_access(access: Access) -> None:
    """Raises UsageError for an address that is none, and where a secret would go over the network in the clear."""
    parts = urlsplit(access.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("is no http(s) address", about="Kibana's address")
    if parts.username or parts.password:
        raise UsageError("must not hold a password", about="Kibana's address", hint="Use KIBANA_PASSWORD.")
    if parts.scheme == "http" and not is_loopback(parts.hostname) and (access.api_key or access.password):
        raise UsageError(
            "a password would go over the network in the clear",
            about=f"{parts.hostname}",
            hint="Use https, or run this where Kibana is on the loopback.",
        )


async def install(access: Access, lines: bytes, *, wait: float) -> int:
    """Import these saved objects as soon as Kibana answers, at the latest after `wait` seconds.

    Returns how many were imported. Raises StorageError when Kibana stays away, refuses us or leaves anything out.
    """
    check_access(access)
    headers = {"kbn-xsrf": "true"}
    if access.api_key:
        headers["Authorization"] = f"ApiKey {access.api_key}"
    elif access.username:
        login = b64encode(f"{access.username}:{access.password}".encode()).decode()
        headers["Authorization"] = f"Basic {login}"
    context = ssl.create_default_context(cafile=str(access.ca_file) if access.ca_file else None)
    base = access.url.rstrip("/") + (f"/s/{access.space}" if access.space else "")
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(headers=headers, connector=connector, timeout=_TIMEOUT) as session:
        deadline = asyncio.get_running_loop().time() + wait
        while (refused := await _tried(session, base, lines)) is None or isinstance(refused, str):
            if asyncio.get_running_loop().time() + _PAUSE > deadline:
                raise StorageError(f"not ready after {wait:.0f} s ({refused})", about="Kibana", hint="See its log.")
            log.info("Kibana is not ready", why=refused)
            await asyncio.sleep(_PAUSE)
        return refused.successCount


async def _tried(session: aiohttp.ClientSession, base: str, lines: bytes) -> Answer | str:
    """The answer of the import, or why it is to be tried again."""
    try:
        async with session.get(f"{base}/api/status", allow_redirects=False) as reply:
            if reply.status != 200:
                _refused(reply.status)
                return f"status {reply.status}"
        form = aiohttp.FormData()
        form.add_field("file", lines, filename="riskwire.ndjson", content_type="application/ndjson")
        target = f"{base}/api/saved_objects/_import?overwrite=true"
        async with session.post(target, data=form, allow_redirects=False) as reply:
            body = await reply.read()
            if reply.status in {429, 502, 503, 504}:
                return f"status {reply.status}"
            _refused(reply.status)
            if reply.status != 200:
                raise StorageError(
                    f"refused the file with status {reply.status}: {body[:300].decode('utf-8', 'replace')}",
                    about="Kibana",
                )
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as error:
        raise StorageError("its certificate is not trusted", about="Kibana", hint="Set KIBANA_CA_FILE.") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    return _read(body)


def _refused(status: int) -> None:
    if status in {401, 403}:
        raise StorageError(
            f"status {status}: this user may not import saved objects",
            about="Kibana",
            hint="The user needs the role kibana_admin, or an equivalent.",
        )


def _read(body: bytes) -> Answer:
    try:
        answer = msgspec.json.decode(body, type=Answer)
    except msgspec.MsgspecError as error:
        raise StorageError("answered something that is no import's answer", about="Kibana") from error
    if not answer.success:
        left_out = ", ".join(f"{one.type}:{one.id} ({one.error.get('type', '?')})" for one in answer.errors[:5])
        raise StorageError(f"imported not everything: {left_out or 'no reason given'}", about="Kibana")
    return answer
