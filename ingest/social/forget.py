"""Which accounts a user name means, as the sources name them: what pseudonyms are made of. Pure, but for a look-up.

mastodon     name@host, @name@host, https://host/@name; a bare name is looked for on the configured instances
bluesky      did:plc:…; a handle is looked up for its DID, which is all that the stream names
twitter      the number of the account: names are never kept, nor told
others       the name, with or without u/ or @
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import msgspec

from ingest.net.api import ask
from ingest.net.http import Fetcher
from riskwire.errors import IngestError, UsageError

PLATFORMS = ("mastodon", "bluesky", "reddit", "twitter", "stocktwits", "hackernews")
#: Answers which DID a handle stands for, to anyone.
DIRECTORY = "https://public.api.bsky.app"
_HANDLE = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}", re.IGNORECASE)
_DID = re.compile(r"did:(?:plc|web):[A-Za-z0-9._:%-]{1,200}")
_PROFILE = re.compile(r"/(?:profile/|users/|user/|u/)?@?([^/?#]+)")
_HOSTS = {
    "bsky.app": "bluesky",
    "reddit.com": "reddit",
    "old.reddit.com": "reddit",
    "stocktwits.com": "stocktwits",
    "news.ycombinator.com": "hackernews",
}


class Account(msgspec.Struct, frozen=True):
    """One account as its platform's source names it."""

    platform: str
    name: str


class _Resolved(msgspec.Struct, frozen=True):
    did: str


_resolved = msgspec.json.Decoder(_Resolved)


def accounts_of(
    user: str, platform: str | None = None, *, instances: Iterable[str] = (), sources: Iterable[str] = ()
) -> list[Account]:
    """Every account that may be meant. A handle of Bluesky is left as it is: see `with_did`.

    `instances` are the hosts of the configured Mastodon servers, `sources` the names of those who send social stories
    by webhook or file. Raises UsageError when the name can be nobody's on that platform.
    """
    name, host = _name_in(user)
    if not name or len(name) > 300 or not name.isprintable() or any(c.isspace() for c in name):
        raise UsageError("is no user name", about="USER", hint="For example jo@social.example, did:plc:…, u/jo.")
    wanted = [platform] if platform else _platforms(name, host)
    found: list[Account] = []
    for one in wanted:
        names = _named_on(one, name, host, instances)
        if platform and not names:
            raise UsageError(f"is no account of {platform}", about="USER", hint=_HINTS.get(platform, ""))
        found += [Account(one, each) for each in names]
    if platform is None and len(wanted) > 1:  # nothing but a name: anybody's
        found += [Account(source, name.lstrip("@")) for source in sources if source not in PLATFORMS]
    if not found:
        raise UsageError("is no account of any platform", about="USER", hint="Name one: --platform.")
    return list(dict.fromkeys(found))


async def with_did(accounts: Sequence[Account], fetcher: Fetcher, directory: str = DIRECTORY) -> list[Account]:
    """The same, a Bluesky handle replaced by its DID. Raises IngestError when nobody can say which it is."""
    result: list[Account] = []
    for account in accounts:
        if account.platform != "bluesky" or account.name.startswith("did:"):
            result.append(account)
            continue
        url = f"{directory}/xrpc/com.atproto.identity.resolveHandle?handle={quote(account.name)}"
        try:
            answer = await ask(fetcher, url, _resolved, datetime.now(UTC), about=f"{directory}: the DID of this handle")
        except IngestError as error:
            raise IngestError(
                "could not be told", about="the DID of this handle", hint="Give the DID itself: did:plc:…"
            ) from error
        if not _DID.fullmatch(answer.value.did):
            raise IngestError("is none", about="the DID of this handle", hint="Give the DID itself: did:plc:…")
        result.append(Account("bluesky", answer.value.did))
    return result


_HINTS = {
    "mastodon": "Give name@host.",
    "bluesky": "Give the DID (did:plc:…) or the handle (name.bsky.social).",
    "twitter": "Give the number of the account: names are not kept.",
}


def _name_in(user: str) -> tuple[str, str | None]:
    """The name, and the host when it is a profile's address."""
    user = user.strip()
    if "://" not in user:
        return user, None
    try:
        parts = urlsplit(user)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return "", None
    if host == "news.ycombinator.com" and parts.query.startswith("id="):
        return parts.query.removeprefix("id="), host
    match = _PROFILE.match(parts.path)
    return (match.group(1) if match else ""), host


def _platforms(name: str, host: str | None) -> list[str]:
    if host is not None:
        return [_HOSTS.get(host, "mastodon")]
    if name.startswith("did:"):
        return ["bluesky"]
    if "@" in name.lstrip("@"):
        return ["mastodon"]
    if name.startswith(("u/", "/u/")):
        return ["reddit"]
    if _HANDLE.fullmatch(name.lstrip("@")):
        return ["bluesky"]
    return [one for one in PLATFORMS if one != "bluesky"]


def _named_on(platform: str, name: str, host: str | None, instances: Iterable[str]) -> list[str]:
    bare = name.lstrip("@").removeprefix("/u/").removeprefix("u/")
    match platform:
        case "mastodon":
            if host is not None:
                return [bare if "@" in bare else f"{bare}@{host}"]
            return [bare] if "@" in bare else [f"{bare}@{one}" for one in instances]
        case "bluesky":
            return [bare] if _DID.fullmatch(bare) or _HANDLE.fullmatch(bare) else []
        case "twitter":
            return [bare] if bare.isascii() and bare.isdigit() else []
    return [bare] if bare and "@" not in bare else []
