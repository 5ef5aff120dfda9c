"""People of social posts: only a keyed HMAC of an account is kept, and names in the text are masked."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from riskwire.errors import StorageError

#: The key's file in the data folder.
FILE = "author.key"
# @name and @name@host, also at the end of a profile's address. An e-mail address goes as a whole.
# Both begin where a word begins and have an end, so that no text takes long.
_EMAIL = re.compile(r"(?<![\w.+-])@?[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_MENTION = re.compile(r"(?<!\w)@\w[\w.-]{0,200}(?:@[\w.-]{0,200}\w)?")
_PROFILE = re.compile(r"(/(?:users|u|user|profile)/)[\w.%:-]+")
# Platforms where a profile's address is a bare name behind the host (a post's has more behind it: it stays readable).
_HOSTED = re.compile(
    r"(?i)(?<![\w.-])((?:www\.|mobile\.)?(?:twitter\.com|x\.com|stocktwits\.com|threads\.net)/)"
    r"(?!(?:i|search|hashtag|home|intent|symbol|share|explore)(?:[/?#]|\b(?![\w-])))\w{1,50}"
)
# Reddit's u/name, and Bluesky's ids and handles wherever they stand.
_BARE = re.compile(r"(?<![\w/])u/[\w-]{3,30}")
_DID = re.compile(r"\bdid:(?:plc|web):[\w.%-]{1,200}")
_HANDLE = re.compile(r"(?i)(?<![\w.-])[\w-]{1,63}\.bsky\.social\b")


def pseudonym(key: bytes, platform: str, account: str) -> str:
    """32 hex digits that stand for an account: the same for the same key, and not to be guessed without it."""
    return hmac.new(key, f"{platform}:{account.lower()}".encode(), hashlib.sha256).hexdigest()[:32]


def masked_names(text: str, names: Iterable[str] = ()) -> str:
    """The text with @mentions, profile addresses and e-mail addresses replaced by `@user`.

    `names` are those of the accounts that the post says it mentions; they go wherever they follow an @.
    """
    text = _EMAIL.sub("@user", text)
    for name in sorted({name for name in names if name}, key=len, reverse=True):
        text = re.sub(rf"@{re.escape(name)}(?!\w)", "@user", text, flags=re.IGNORECASE)
    text = _MENTION.sub("@user", text)
    text = _PROFILE.sub(r"\1user", text)
    text = _HOSTED.sub(r"\1user", text)
    text = _DID.sub("@user", text)
    text = _HANDLE.sub("@user", text)
    return _BARE.sub("u/user", text)


def author_key(folder: Path, given: str | None = None) -> bytes:
    """The key: the one given, else the one kept in the data folder, made there (mode 600) when it is missing.

    Raises StorageError when it can't be kept: with another key at every start nobody could be found again.
    """
    if given:
        return given.encode()
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass  # another process was first
            else:
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_hex(32))
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError("the key for author names can't be kept", about=str(path)) from error
    if len(key) < 32:
        raise StorageError("holds no key", about=str(path), hint="Remove it, or set ingest.author_key.")
    return key.encode()
