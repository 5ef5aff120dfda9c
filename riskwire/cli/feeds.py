"""`riskwire feeds`"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from riskwire.cli.feeds_ask import findings_of, title_of
from riskwire.cli.options import ConfigOption, DataOption, Format, FormatOption, LimitOption, settings_from
from riskwire.cli.output import field, short, stderr_console, when, write_rows
from riskwire.errors import FeedsFileError, UsageError
from riskwire.log import one_line
from riskwire.settings import Settings

if TYPE_CHECKING:
    from ingest.base import SourceConfig
    from ingest.feeds.list import Sources

app = typer.Typer(no_args_is_help=True, help="List, edit and check the sources.")

FileOption = Annotated[
    Path | None, typer.Option("--feeds", metavar="FILE", help="The feeds file, if not the configuration's.")
]
PrivateOption = Annotated[
    bool | None,
    typer.Option("--allow-private-addresses", help="Fetch from local and private addresses, too.", show_default=False),
]
LocalOption = Annotated[
    bool | None, typer.Option("--allow-local-files", help="Read file: feeds, too.", show_default=False)
]

LIST_HELP = """Every source of the feeds file, and whether it is polled.

Example: riskwire feeds list

Example: riskwire feeds list --format jsonl --limit 10
"""
ADD_HELP = """Add a feed to the feeds file; comments and all else in it stay.

It is fetched first, for its title and to see that it is one.

Without a feeds file the default list is copied to feeds.toml in the data folder first.

Example: riskwire feeds add https://example.org/rss --name Example --zone Europe/London
"""
REMOVE_HELP = """Remove a source from the feeds file; comments and all else in it stay. What it brought is kept.

Example: riskwire feeds remove Example
"""
CHECK_HELP = """Fetch a feed (by URL, or by its name in the feeds file) and explain it.

Robots, type, items, dates, language, caching, and whether its stories can be known again. Another source (by name) is
asked once, or listened to for a moment: what keeps it off, and what it brings. Exit code 1 when something is broken.

Example: riskwire feeds check https://example.org/rss
"""
IMPORT_HELP = """Add every feed of an OPML list to the feeds file; those whose address is there already are left out.

Example: riskwire feeds import subscriptions.opml
"""
EXPORT_HELP = """Write the feeds as OPML on stdout, for any feed reader.

Example: riskwire feeds export > feeds.opml
"""
STATS_HELP = """How each source is, those first that are not well.

Its status, last success, lateness, undated and duplicate shares, and its silence against its own rhythm.

Example: riskwire feeds stats

Example: riskwire feeds stats --format jsonl
"""


@app.command("list", help=LIST_HELP)
def list_(
    feeds: FileOption = None, limit: LimitOption = None, data: DataOption = None, config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:  # fmt: skip
    """Print a row a source."""
    from ingest.feeds.list import switched_off

    settings = _settings(config, data, feeds)
    sources = _load(settings)
    off = {one.name: one.reason for one in switched_off(sources, settings.ingest)}
    rows = [
        {
            "name": one.name,
            "kind": one.table,
            "address": one.address,
            "interval": one.interval,
            "off": off.get(one.name),
        }
        for one in sources.rows
    ]
    columns = [(name, field(name)) for name in ("name", "kind", "address", "interval", "off")]
    write_rows(rows[:limit], style, table=columns, csv_columns=columns, empty="no source")


@app.command("add", help=ADD_HELP)
def add(
    url: Annotated[str, typer.Argument(metavar="URL")],
    name: Annotated[str | None, typer.Option("--name", help="Its name; without, the feed's title.")] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="What its dates mean that name no zone (IANA).")] = None,
    interval: Annotated[float | None, typer.Option("--interval", help="Seconds between two polls.")] = None,
    source_type: Annotated[str | None, typer.Option("--source-type", help="news, social or filing.")] = None,
    ignore_robots: Annotated[
        bool, typer.Option("--ignore-robots", help="Its publisher offers it to programs, whatever robots.txt says.")
    ] = False,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Fetch it first.")] = True,
    feeds: FileOption = None, allow_private_addresses: PrivateOption = None, allow_local_files: LocalOption = None,
    data: DataOption = None, config: ConfigOption = None,
) -> None:  # fmt: skip
    """Edit the file."""
    from ingest.feeds.feed import Feed
    from ingest.feeds.file import with_table
    from ingest.feeds.list import check_source

    settings = _settings(config, data, feeds, allow_private_addresses, allow_local_files)
    sources = _load(settings)
    if url in {one.address for one in sources.rows}:
        raise UsageError("is there already", about=url)
    title = title_of(settings, Feed(name="new", url=url, zone=zone, ignore_robots=ignore_robots)) if check else ""
    name = name or _free_name(title or url, sources)
    if name in sources.names:
        raise UsageError("is the name of another source", about=name, hint="Give another one: --name NAME.")
    values: dict[str, Any] = {"name": name, "url": url, "zone": zone, "interval": interval, "source_type": source_type}
    values["ignore_robots"] = ignore_robots or None
    try:
        import msgspec

        check_source(msgspec.convert({key: value for key, value in values.items() if value is not None}, Feed))
    except (ValueError, msgspec.ValidationError) as error:
        raise UsageError(str(error)) from None
    path = _own_file(settings)
    _write(path, with_table(path.read_text(encoding="utf-8"), "feeds", values, str(path)))
    stderr_console().print(one_line(f"added {name} to {path}"), markup=False, highlight=False)


@app.command("remove", help=REMOVE_HELP)
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or a feed's URL.")],
    feeds: FileOption = None, data: DataOption = None, config: ConfigOption = None,
) -> None:  # fmt: skip
    """Edit the file."""
    from ingest.feeds.file import without_table

    settings = _settings(config, data, feeds)
    found = _named(_load(settings), name)
    path = _own_file(settings)
    _write(path, without_table(path.read_text(encoding="utf-8"), found.table, found.name, str(path)))
    stderr_console().print(one_line(f"removed {found.name} from {path}"), markup=False, highlight=False)


@app.command("check", help=CHECK_HELP)
def check(
    what: Annotated[str, typer.Argument(metavar="URL|NAME")],
    feeds: FileOption = None, allow_private_addresses: PrivateOption = None, allow_local_files: LocalOption = None,
    data: DataOption = None, config: ConfigOption = None, style: FormatOption = Format.table,
) -> None:  # fmt: skip
    """Print a row a finding."""
    from ingest.feeds.feed import Feed

    settings = _settings(config, data, feeds, allow_private_addresses, allow_local_files)
    if "://" in what:
        known = [one for one in _load(settings).feeds if one.url == what]
        found: SourceConfig = known[0] if known else Feed(name="new", url=what)
    else:
        found = _named(_load(settings), what)
    findings = findings_of(settings, found)
    rows = [{"check": one.check, "status": one.status, "found": one.found, "do": one.do} for one in findings]
    columns = [(name, field(name)) for name in ("check", "status", "found", "do")]
    write_rows(rows, style, table=columns, csv_columns=columns)
    if any(one.status == "broken" for one in findings):
        raise typer.Exit(1)


@app.command("import", help=IMPORT_HELP)
def import_(
    file: Annotated[Path, typer.Argument(metavar="OPML")],
    feeds: FileOption = None, data: DataOption = None, config: ConfigOption = None,
) -> None:  # fmt: skip
    """Edit the file."""
    from ingest.feeds.file import with_table
    from ingest.feeds.list import load_sources

    settings = _settings(config, data, feeds)
    sources = _load(settings)
    listed = load_sources(file).feeds
    there, names = {one.address for one in sources.rows}, set(sources.names)
    path = _own_file(settings)
    text = path.read_text(encoding="utf-8")
    added = 0
    for feed in listed:
        if feed.url not in there:
            name = _free(feed.name, names)
            names.add(name)
            text = with_table(text, "feeds", {"name": name, "url": feed.url}, str(path))
            added += 1
    _write(path, text)
    stderr_console().print(
        one_line(f"added {added} of {len(listed)} feeds to {path}; the others are there already"),
        markup=False, highlight=False,
    )  # fmt: skip


@app.command("export", help=EXPORT_HELP)
def export(feeds: FileOption = None, data: DataOption = None, config: ConfigOption = None) -> None:
    """Print OPML."""
    from ingest.feeds.opml import write_opml

    listed = _load(_settings(config, data, feeds)).feeds
    typer.echo(write_opml((feed.name, feed.url) for feed in listed), nl=False)


@app.command("stats", help=STATS_HELP)
def stats(
    feeds: FileOption = None, limit: LimitOption = None, data: DataOption = None, config: ConfigOption = None,
    style: FormatOption = Format.table,
) -> None:  # fmt: skip
    """Print a row a source."""
    from ingest.feeds.list import active
    from ingest.polling.health import health_of
    from riskwire.cli.wiring import open_store
    from riskwire.ports import SourceState
    from riskwire.wire import to_builtins

    settings = _settings(config, data, feeds)
    names = active(_load(settings), settings.ingest).names
    states: list[SourceState] = []
    if settings.kafka.bootstrap_servers or settings.database.exists():
        with open_store(settings) as store:
            states = [state for state in store.sources.all() if state.name in names]
    states += [SourceState(name=name) for name in sorted(names - {state.name for state in states})]
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    for state in states:
        row = to_builtins(health_of(state, now))
        row |= {key: to_builtins(state).get(key) for key in ("moved_to", "next_poll_at", "pace")}
        rows.append(row)
    rows.sort(key=lambda row: (row["status"] in ("ok", "new"), row["status"], row["name"].casefold()))
    table = (
        ("source", field("name")),
        ("status", field("status")),
        ("last success", lambda row: when(row["last_success_at"])),
        ("items", field("items")),
        ("late", lambda row: span(row["lateness"])),
        ("undated", lambda row: _share(row["undated"])),
        ("doubled", lambda row: _share(row["duplicates"])),
        ("quiet", lambda row: span(row["quiet"])),
        ("usual", lambda row: span(row["usual_quiet"])),
        ("next poll", lambda row: when(row["next_poll_at"])),
        ("error", lambda row: short(row["error"] or (f"moved to {row['moved_to']}" if row["moved_to"] else ""), 80)),
    )
    names_of = ("name", "status", "since", "last_success_at", "failures", "items", "lateness", "undated", "duplicates")
    exact = [(name, field(name)) for name in (*names_of, "quiet", "usual_quiet", "pace", "next_poll_at", "moved_to")]
    write_rows(rows[:limit], style, table=table, csv_columns=[*exact, ("error", field("error"))], empty="no source")


def span(seconds: float | None) -> str:
    """`3 min`, `5 h`, `2 d`."""
    if seconds is None:
        return ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _settings(
    config: Path | None, data: Path | None, feeds: Path | None, private: bool | None = None, local: bool | None = None
) -> Settings:
    return settings_from(
        config,
        data,
        ingest={"feeds": feeds, "allow_private_addresses": private or None, "allow_local_files": local or None},
    )


def _load(settings: Settings) -> Sources:
    from ingest.feeds.list import load_sources

    return load_sources(settings.feeds_file)


def _named(sources: Sources, name: str) -> SourceConfig:
    for one in sources.rows:
        if name in (one.name, one.address):
            return one
    raise UsageError("is the name of no source", about=name, hint="`riskwire feeds list` names them.")


def _own_file(settings: Settings) -> Path:
    """The file to edit; a copy of the default list where there is none. Raises FeedsFileError for OPML."""
    path = settings.feeds_file
    if path is None:
        path = settings.folder / "feeds.toml"
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, (resources.files("ingest") / "feeds.toml").read_text(encoding="utf-8"))
        stderr_console().print(one_line(f"copied the default list to {path}"), markup=False, highlight=False)
    path = path.expanduser()
    if path.suffix.lower() != ".toml":
        raise FeedsFileError(
            "is no TOML file, and only those are edited", about=str(path), hint="`riskwire feeds import` reads OPML."
        )
    return path


def _write(path: Path, text: str) -> None:
    """All of it or nothing: a full disk must not cost the list."""
    path = path.resolve()  # a link stays a link
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _free_name(title: str, sources: Sources) -> str:
    return _free("".join(c for c in title if c.isprintable()).strip()[:90] or "feed", set(sources.names))


def _free(name: str, taken: set[str]) -> str:
    free, count = name, 2
    while free in taken:
        free, count = f"{name} ({count})", count + 1
    return free
