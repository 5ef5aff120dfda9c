"""`riskwire forget`: a person's posts, and what stands for the person, are gone."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import msgspec
import typer

from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, settings_from
from riskwire.cli.output import field, write_rows
from riskwire.errors import StorageBusy, StorageError
from riskwire.ports import Forgotten, Index
from riskwire.settings import Settings

if TYPE_CHECKING:
    from stream.sqlite.storage import Storage

HELP = """Remove a person: every post becomes a removed story without text, author or link, everywhere it is kept.

Only the ids of the posts stay, so that they do not come back. It can't be undone. USER is what the platform calls the
person: name@host of Mastodon, a DID or handle of Bluesky, u/name of Reddit, the account's number of X, a name of
StockTwits or Hacker News, or the address of the profile. Without --platform every account that this may be is
forgotten. Notices that were sent, and the files and inboxes they went to, are beyond it. It may run beside
`riskwire up`. In the cluster run it on the data folder of `riskwire ingest`, beside running workers, which remove the
stories; what is on Kafka's topics stays until their retention has passed.

Example: riskwire forget jo@social.example

Example: riskwire forget did:plc:ewvi7nxzyoun6zhxrhs64oiz --dry-run

Example: riskwire forget u/jo --platform reddit --format jsonl
"""

COLUMNS = tuple(
    (name, field(name)) for name in ("stories", "revisions", "waiting", "scored", "dead_letters", "alerts", "scrubbed")
)
_ON_TOPICS = "Kafka's topics keep what was sent for {:g} days, the dead letters for 30; snapshots keep what they hold."
#: Passes beside a running `riskwire up`, which may have had a story in hand, and seconds between two.
_PASSES, _BETWEEN = 7, 2.0


def forget(
    user: Annotated[str, typer.Argument(metavar="USER", help="The person, as the platform names them.")],
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform",
            help="mastodon, bluesky, reddit, twitter, stocktwits, hackernews, or the source of a webhook's stories.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what there is, and change nothing.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:
    """Print what was found and is gone."""
    from riskwire.cli.wiring import open_local
    from riskwire.wire import to_builtins

    settings = settings_from(config, data)
    if not settings.database.exists():
        raise StorageError("holds nothing yet", about=str(settings.folder))
    if settings.kafka.bootstrap_servers:
        found = _in_cluster(settings, user, platform, dry_run)
    else:
        with open_local(settings) as store:
            authors = _pseudonyms(settings, user, platform, store.index)
            found = store.people.traces(authors) if dry_run else _forget(settings, store, authors)
    if not dry_run and found.stories:
        from models.fresh import forget_texts

        if forget_texts(settings.folder / "refresh"):
            typer.echo("an unfinished `riskwire model refresh` held texts: removed; it starts anew", err=True)
    write_rows([to_builtins(found)], style, table=COLUMNS, csv_columns=COLUMNS, empty="nothing")
    if not found.scrubbed:
        raise StorageBusy(
            "the stories are gone, but the file could not be cleaned of their bytes: another process reads it",
            about=str(settings.database),
            hint="Stop riskwire up, and run this again.",
        )


def _in_cluster(settings: Settings, user: str, platform: str | None, dry_run: bool) -> Forgotten:
    from riskwire.cli.cluster import ClusterStore
    from riskwire.clock import SystemClock

    with ClusterStore(settings, "forget") as store:
        authors = _pseudonyms(settings, user, platform, store.index)
        people = store.people(SystemClock())
        found = people.traces(authors) if dry_run else people.forget(authors, datetime.now(UTC))
    typer.echo(_ON_TOPICS.format(settings.kafka.retention_days), err=True)
    return found


def _pseudonyms(settings: Settings, user: str, platform: str | None, index: Index) -> list[str]:
    from ingest.documents.authors import FILE, author_key, pseudonym
    from ingest.net.http import Fetcher
    from ingest.social.forget import accounts_of, with_did
    from riskwire.ports import SearchQuery

    given = settings.ingest.author_key.get_secret_value() if settings.ingest.author_key else None
    if not given and not (settings.folder / FILE).exists():
        # A new key would find nobody.
        raise StorageError("the key of the authors' names is not there", about=str(settings.folder / FILE))
    social = SearchQuery(source_type="social", limit=1)
    senders = {one.source for one in index.sources()} if index.count(social) else set()
    accounts = accounts_of(user, platform, instances=_instances(settings), sources=senders)

    async def resolved() -> list[str]:
        async with Fetcher(settings.ingest) as fetcher:
            named = await with_did(accounts, fetcher)
        return [pseudonym(key, account.platform, account.name) for account in named]

    key = author_key(settings.folder, given)
    return asyncio.run(resolved())


def _instances(settings: Settings) -> list[str]:
    from ingest.feeds.list import load_sources
    from ingest.social.mastodon.source import Hashtag

    rows = load_sources(settings.feeds_file).rows
    return sorted({urlsplit(row.base).hostname or "" for row in rows if isinstance(row, Hashtag)})


def _forget(settings: Settings, store: Storage, authors: list[str]) -> Forgotten:
    from stream.sqlite.lock import only_one

    try:
        with only_one(settings.folder):
            return store.people.forget(authors, datetime.now(UTC))
    except StorageBusy:
        if not _is_running(settings):
            raise
    # Beside a running `up`: what it had in hand may reach the scored stream or an alert after the first pass.
    first = found = store.people.forget(authors, datetime.now(UTC))
    clean = 0
    for _ in range(_PASSES):
        time.sleep(_BETWEEN)
        left = store.people.traces(authors, first.ids)
        if found.scrubbed and not (left.stories or left.scored or left.dead_letters or left.alerts):
            clean += 1
            if clean == 2:  # once may be too early to see what was still on its way
                break
            continue
        clean = 0
        found = store.people.forget(authors, datetime.now(UTC), first.ids)
    return msgspec.structs.replace(first, scrubbed=found.scrubbed)


def _is_running(settings: Settings) -> bool:
    from stream.sqlite.lock import only_one

    try:
        with only_one(settings.folder):
            return False
    except StorageBusy:
        return True
