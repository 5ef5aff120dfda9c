"""Templates, indices and aliases: making them, and saying what is there.

Everybody reads and writes aliases; behind each is one concrete index of one mapping version. Plain indices, not data
streams and not rolled over: an `_id` is unique only inside one index, and that is what makes a repetition harmless.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec
from elasticsearch import BadRequestError, Elasticsearch

from riskwire.errors import StorageError
from riskwire.settings import ElasticsearchSettings
from stream.elastic.client import asked
from stream.elastic.mapping import KINDS, Kind


class IndexState(msgspec.Struct, frozen=True, kw_only=True):
    """What is behind one alias. `index` is None when nothing is; `version` is its mapping's."""

    alias: str
    index: str | None
    version: int | None
    wanted: int
    documents: int = 0
    bytes: int = 0
    health: str = ""
    blocked: bool = False

    @property
    def problem(self) -> str:
        """What is to be done; empty when all is well."""
        if self.index is None:
            return "missing: riskwire index init"
        if self.version is None or self.version < self.wanted:
            return f"mapping version {self.version or '?'}, wanted {self.wanted}: riskwire index migrate"
        if self.version > self.wanted:
            return f"made by a newer Riskwire (mapping version {self.version}): update this one"
        if self.blocked:
            return "takes no writes (a migration was cut off): riskwire index migrate"
        return "" if self.health != "red" else "shards are missing: see Elasticsearch"


def settings_of(settings: ElasticsearchSettings) -> dict[str, Any]:
    """The settings of an index that is made."""
    return {
        "number_of_shards": settings.shards,
        # A copy as soon as there is a second node to hold it; none on a single one, which would be yellow for ever.
        "auto_expand_replicas": "0-1",
        # Set, not left to the default: by that, a shard that nobody searches is not refreshed at all.
        "refresh_interval": f"{round(settings.refresh * 1000)}ms",
        # What is acknowledged is on the disk.
        "translog.durability": "request",
    }


def init(client: Elasticsearch, settings: ElasticsearchSettings) -> list[str]:
    """Make what is missing; the names of what was made. What is there stays as it is, templates are renewed.

    Raises StorageError.
    """
    made = []
    for kind in KINDS:
        alias = kind.alias(settings.prefix)
        put_template(client, kind, settings)
        found = behind(client, alias)
        if found is None:
            index = kind.index(settings.prefix)
            if not create(client, kind, settings, index, alias):  # made without its alias, or by another at this moment
                asked(partial(client.indices.put_alias, index=index, name=alias, is_write_index=True))
            made.append(index)
    return made


def put_template(client: Elasticsearch, kind: Kind, settings: ElasticsearchSettings) -> None:
    """The template, so that an index that somebody restores or makes by hand is no other."""
    asked(
        lambda: client.indices.put_index_template(
            name=kind.alias(settings.prefix),
            index_patterns=[f"{kind.alias(settings.prefix)}-v*"],
            priority=500,
            version=kind.version,
            template={"settings": settings_of(settings), "mappings": kind.mapping},
        )
    )


def create(
    client: Elasticsearch, kind: Kind, settings: ElasticsearchSettings, index: str, alias: str | None = None
) -> bool:
    """Make a concrete index of this version, with its alias in the same step. False when it was there."""
    aliases = {alias: {"is_write_index": True}} if alias else {}

    def made() -> bool:
        try:
            client.indices.create(index=index, settings=settings_of(settings), mappings=kind.mapping, aliases=aliases)
        except BadRequestError as error:
            if error.error != "resource_already_exists_exception":
                raise
            return False
        return True

    return asked(made)


def behind(client: Elasticsearch, alias: str) -> str | None:
    """The concrete index behind an alias. Raises StorageError when there are several, or an index has that name."""
    answer = asked(lambda: client.indices.get(index=alias, ignore_unavailable=True, features="aliases"))
    names = sorted(answer)
    if alias in names:
        raise StorageError(
            "is an index, where an alias is wanted",
            about=alias,
            hint="Something wrote before `riskwire index init`. Move what it holds away and delete it.",
        )
    if len(names) > 1:
        raise StorageError(f"is an alias of several indices ({', '.join(names)})", about=alias, hint="Leave it one.")
    return names[0] if names else None


def version_of(client: Elasticsearch, index: str) -> int | None:
    """The mapping version of a concrete index; None when it is not one of ours."""
    answer = asked(lambda: client.indices.get_mapping(index=index))
    meta = answer[index]["mappings"].get("_meta", {}).get("riskwire", {})
    version = meta.get("version")
    return version if isinstance(version, int) else None


def status(client: Elasticsearch, prefix: str) -> list[IndexState]:
    """What is behind each alias. Raises StorageError."""
    return [_state(client, kind, kind.alias(prefix)) for kind in KINDS]


def _state(client: Elasticsearch, kind: Kind, alias: str) -> IndexState:
    index = behind(client, alias)
    if index is None:
        return IndexState(alias=alias, index=None, version=None, wanted=kind.version)
    stats = asked(lambda: client.indices.stats(index=index, metric=["docs", "store"]))["indices"][index]
    health = asked(lambda: client.cluster.health(index=index))["status"]
    found = asked(lambda: client.indices.get_settings(index=index, flat_settings=True))[index]["settings"]
    # Nested rows are documents of their own to Lucene: what a user counts is asked by a search.
    counted = asked(lambda: client.count(index=index))["count"]
    return IndexState(
        alias=alias,
        index=index,
        version=version_of(client, index),
        wanted=kind.version,
        documents=counted,
        bytes=stats["primaries"]["store"]["size_in_bytes"],
        health=str(health),
        blocked=str(found.get("index.blocks.write", "false")) == "true",
    )
