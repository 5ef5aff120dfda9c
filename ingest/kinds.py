"""The kinds of sources: which `[[table]]` of a feeds file is read by which module. A source joins here, by one line.

Its module is one file, or a folder's `source.py`, that offers `KIND`:

    class Config(SourceConfig, frozen=True, kw_only=True):
        '''One `[[hackernews]]` table. …'''

        table: ClassVar[str] = "hackernews"
        stories: int = 30

        def check(self) -> None: …                        # ValueError("stories: must be …")
        def off(self, settings) -> str | None: …          # "set ingest.…: …", where credentials are missing

    def make(config: Config, context: Context) -> Ingestor | Streamer: …

    KIND = Kind(Config, make)

All else follows from that: the table's keys are checked by name and line, `riskwire feeds` lists and edits it, the loop
polls it or keeps its stream. Credentials are settings of `[ingest]`, read by `context.secret("reddit_client_secret")`.

- **Asked** (`Ingestor.poll`): one call is one turn: no sleeping, no retries, bounded pages. Raise FetchError with
  `status` and `retry_after`; give a rate limit that is used up as `Polled.wait`. The cursor is `state.cursor`.
- **Told** (`Streamer.run`): one call is one connection; see there. The loop reconnects and watches for silence.
- **Edited**: tell the story again, with the same id: another `content_hash` makes it a revision.
- **Deleted**: `Polled.gone` with `Gone(document_id=…)`, or `Gone(author=pseudonym(…))` for a whole account. Ids are
  made as when it was told (`riskwire.identity.document_id`). What is known goes on the log as a `removed` revision
  without text, and reaches the index as `status: removed`, its earlier revisions purged; also when it was never scored.
- Poll, decide, append, and only then save the state: a crash between them makes the source tell the same again.

Modules are imported when their table is first met: who polls only feeds loads no client library of anything else.
"""

from __future__ import annotations

import importlib
from functools import cache

from ingest.base import Context, Ingestor, Kind, SourceConfig, Streamer

#: Table of a feeds file → the module that offers its KIND.
MODULES = {
    "feeds": "ingest.feeds.feed",
    "mastodon": "ingest.social.mastodon.source",
    "bluesky": "ingest.social.bluesky.source",
    "reddit": "ingest.social.reddit.source",
    "twitter": "ingest.social.twitter.source",
    "stocktwits": "ingest.social.stocktwits",
    "hackernews": "ingest.social.hackernews",
    "edgar": "ingest.edgar.source",
    "folder": "ingest.inbox.folder",
}


@cache
def kind(table: str) -> Kind:
    """What reads this table. Raises KeyError for one that nobody reads."""
    found = importlib.import_module(MODULES[table]).KIND
    assert isinstance(found, Kind), f"{MODULES[table]}.KIND is no Kind"
    return found


def build(config: SourceConfig, context: Context) -> Ingestor | Streamer:
    """The source that a table describes."""
    return kind(config.table).make(config, context)
