"""The tables, and how an older file becomes the newest. Times are microseconds since 1970 in UTC: exact, and in order.

A change is a new entry of MIGRATIONS, never an edit of an old one: files out there have run those already.
"""

from __future__ import annotations

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- AUTOINCREMENT: an offset is never given twice, also after everything before it was pruned.
CREATE TABLE log (offset INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, value BLOB NOT NULL);

CREATE TABLE known_stories (
    id TEXT PRIMARY KEY, revision INTEGER NOT NULL, content_hash TEXT NOT NULL, publisher TEXT NOT NULL, link TEXT
) WITHOUT ROWID;
CREATE INDEX known_by_link ON known_stories (publisher, link) WHERE link IS NOT NULL;

CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, stage TEXT NOT NULL, key TEXT NOT NULL, value_sha256 TEXT NOT NULL,
    body BLOB NOT NULL, UNIQUE (stage, key, value_sha256)
);

CREATE TABLE stories (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL,
    event_time INTEGER NOT NULL, source TEXT NOT NULL, source_type TEXT NOT NULL, status TEXT NOT NULL,
    label TEXT, score REAL, body BLOB NOT NULL
);
-- Covering: filters are tried on the index, newest first, and only what passes is read from the table.
CREATE INDEX stories_by_time ON stories (event_time, id, source_type, status, label, score);
CREATE INDEX stories_by_source ON stories (source, event_time, id, source_type, status, label);

CREATE TABLE revisions (
    id TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (id, revision)
);

-- One row a company a story: riskwire.companies.
CREATE TABLE companies (
    symbol TEXT NOT NULL, event_time INTEGER NOT NULL, id TEXT NOT NULL, story INTEGER NOT NULL,
    score REAL NOT NULL, confidence REAL NOT NULL, label TEXT NOT NULL,
    PRIMARY KEY (symbol, event_time, id)
) WITHOUT ROWID;
CREATE INDEX companies_by_story ON companies (story);
CREATE INDEX companies_by_time ON companies (event_time, symbol, score);

-- Contentless: the text itself is in stories.body. Deleting takes the old text, which is read from there.
CREATE VIRTUAL TABLE words USING fts5 (
    title, summary, content, content = '', tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE scored (
    offset INTEGER PRIMARY KEY AUTOINCREMENT, seen_at INTEGER NOT NULL, published_at INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX scored_by_seen ON scored (seen_at, offset);
CREATE TABLE consumer_offsets (consumer TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;

CREATE TABLE alerts (
    fingerprint TEXT NOT NULL, starts_at INTEGER NOT NULL, transition INTEGER NOT NULL, status TEXT NOT NULL,
    updated_at INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (fingerprint, starts_at)
);
CREATE INDEX alerts_by_time ON alerts (updated_at, starts_at, fingerprint);
CREATE TABLE alert_states (
    fingerprint TEXT NOT NULL, starts_at INTEGER NOT NULL, transition INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (fingerprint, starts_at, transition)
);
CREATE TABLE notifications (
    number INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, group_key TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX notifications_by_group ON notifications (receiver, group_key, number);

CREATE TABLE source_states (name TEXT PRIMARY KEY, body BLOB NOT NULL);

-- How far a backfill has come.
CREATE TABLE backfills (run TEXT PRIMARY KEY, body BLOB NOT NULL);
"""

# To honour the deletion of an account: whose a social story is (a pseudonym).
_AUTHORS = """
ALTER TABLE known_stories ADD COLUMN author TEXT;
UPDATE known_stories SET author = (
    SELECT json_extract(CAST(body AS TEXT), '$.authors[0]') FROM stories
    WHERE stories.id = known_stories.id AND source_type = 'social'
);
CREATE INDEX known_by_author ON known_stories (author) WHERE author IS NOT NULL;
"""

# Changes of the sources' health, for rules to watch.
_HEALTH = """
CREATE TABLE source_health (offset INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX source_health_by_name ON source_health (name, offset);
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _AUTHORS, _HEALTH)

#: What `PRAGMA user_version` says of a file that this program has brought up to date.
VERSION = len(MIGRATIONS)
