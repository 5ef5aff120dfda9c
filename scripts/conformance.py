"""Hold the feed reader against other readers' suites and write docs/conformance.md: counts and reasons, no sentence.

`make conformance` writes the page; `--check` says whether it is fresh; `--json` prints the counts (for the test that
keeps them from falling); `--list CLASS` names the cases of one class of deviation. Without ../shared/data it says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from conformance_deviations import REASONS, classify
from conformance_oracles import (
    Check,
    feedparser_checks,
    feedparser_headers,
    feedrs_checks,
    gofeed_checks,
    plain_checks,
)

from ingest.dates.read import read_date
from ingest.documents.text import html_to_text
from ingest.formats.parsed import ParsedEntry, ParsedFeed
from ingest.formats.reading import read_feed
from riskwire.errors import ParseError

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "feeds"
PAGE = ROOT / "docs" / "conformance.md"
NOW, EVER = datetime(2026, 11, 24, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC)
SLOW = 5.0  # seconds a file may take


class Case(NamedTuple):
    """One file of a suite, its checks (None: nothing of what we keep) and how it was served."""

    suite: str
    name: str
    body: bytes
    checks: list[Check] | None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def cases() -> Iterator[Case]:
    """Every case of every suite."""
    for path in sorted((DATA / "feedparser").rglob("*")):
        if path.suffix in (".xml", ".json"):
            body = path.read_bytes()
            text = _text(body)
            yield Case("feedparser", _name(path), body, feedparser_checks(text), feedparser_headers(text))
    members = {}
    with tarfile.open(DATA / "gofeed" / "cases.tar.gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                members[member.name] = file.read()
    for name, body in sorted(members.items()):
        pair = name.removesuffix(".xml") + ".json"
        if name.endswith(".xml"):
            yield Case("gofeed", name, body, gofeed_checks(_text(members[pair])) if pair in members else None)
    for path in sorted((DATA / "feed-rs").rglob("*.xml")):
        oracle = path.with_suffix(".serde.json")
        checks = feedrs_checks(_text(oracle.read_bytes())) if oracle.exists() else plain_checks(path.read_bytes())
        yield Case("feed-rs", _name(path), path.read_bytes(), checks)
    for suite in (
        "rome",
        "feedjira",
        "reader",
        "sec-edgar",
        "crawinsight-financial",
        "financial-shapes",
        "nasdaqtrader",
    ):
        for path in sorted((DATA / suite).rglob("*")):
            if path.suffix in (".xml", ".rss", ".atom", ".rdf", ".json") and path.is_file():
                own = suite in ("sec-edgar", "nasdaqtrader", "crawinsight-financial")  # titles are made over, by design
                checks = plain_checks(path.read_bytes())
                yield Case(suite, _name(path), path.read_bytes(), checks[:1] if checks and own else checks)


def _name(path: Path) -> str:
    return str(path.relative_to(DATA))


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


class Result(NamedTuple):
    """How a case went: `passed`, `outside` (nothing to check), or a class of deviation."""

    case: Case
    outcome: str
    detail: str = ""


def run(case: Case) -> Result:
    """Read it and check it. Raises what is no ParseError: that would be a fault of ours."""
    url = case.headers.get("content-location", "http://example.com/feed")
    started = time.perf_counter()
    try:
        feed = read_feed(case.body, url, case.headers.get("content-type"))
    except ParseError as error:
        if case.checks is None or all(check.field == "entries" and not check.expected for check in case.checks):
            return Result(case, "outside")
        return Result(case, classify(case.suite, case.name, None, case.checks[0], case.body), str(error))
    finally:
        if time.perf_counter() - started > SLOW:
            raise AssertionError(f"{case.name} took more than {SLOW} s")
    if case.checks is None:
        return Result(case, "outside")
    for check in case.checks:
        got = _got(feed, check)
        if not _equal(check, got):
            return Result(
                case, classify(case.suite, case.name, feed, check, case.body),
                f"{check.index} {check.field}: {check.expected!r} but {got!r}",
            )  # fmt: skip
    return Result(case, "passed")


def _got(feed: ParsedFeed, check: Check) -> Any:
    if check.index is None:
        return len(feed.entries) if check.field == "entries" else getattr(feed, check.field)
    return _field(feed.entries[check.index], check.field) if check.index < len(feed.entries) else None


_FIELDS: dict[str, Callable[[ParsedEntry], Any]] = {
    "author": lambda entry: entry.authors,
    "tag": lambda entry: entry.tags,
    # Kept once where it stands twice, and as the summary where there is no other.
    "content": lambda entry: (entry.content, entry.summary),
    "summary": lambda entry: (entry.summary, entry.content),
    # As `ingest.feeds.rss` reads it: an entry that states only when it was changed was published then.
    "published_at": lambda entry: _instant(entry.published) or _instant(entry.updated),
    "updated_at": lambda entry: _instant(entry.updated),
}


def _field(entry: ParsedEntry, name: str) -> Any:
    return _FIELDS[name](entry) if name in _FIELDS else getattr(entry, name)


def _instant(raw: str | None) -> datetime | None:
    found = read_date(raw, NOW, oldest=EVER)
    return found.at


def _equal(check: Check, got: Any) -> bool:
    expected = check.expected
    if check.field in ("published_at", "updated_at"):
        return bool(got == expected or (got and expected and abs(got - expected).total_seconds() < 1))
    if check.field in ("link", "guid", "published", "updated", "version", "entries", "language"):
        return bool((got or "") == (expected.strip() if isinstance(expected, str) else expected))
    plain = html_to_text(expected) if isinstance(expected, str) else expected
    if isinstance(got, tuple):
        # feedparser writes "Name (e-mail)": the e-mail is not kept.
        return plain in got or (check.field == "author" and bool(got) and str(plain).startswith(f"{got[0]} ("))
    return bool(got == plain or (not got and not plain))


def page(results: list[Result]) -> str:
    """docs/conformance.md."""
    lines = [
        "# Conformance of the feed reader",
        "<!-- made by `make conformance`; do not edit -->",
        "",
        "Every captured feed and every case of other readers' suites is read by `ingest.formats`: none may raise",
        f"anything but ParseError, or take more than {SLOW:g} s. Where a suite states what it expects, that is",
        "held against our normal form: title, link, guid, summary, content, dates, author, tags, source,",
        "language, number of entries. Texts are compared as plain text, for that is all that is kept, and may",
        "stand in summary or content. A case passes when all that it expects of these is met. *Outside* are cases",
        "whose expectation is of something that we don't keep (pictures, sound, places, licences, attributes of",
        "the parser), and what is no feed.",
        "",
        "| suite | files | with an expectation | passed | deviations | outside |",
        "|---|---|---|---|---|---|",
    ]
    for suite, count in counts(results).items():
        checked = count["passed"] + count["deviations"]
        numbers = (count["files"], checked, count["passed"], count["deviations"], count["outside"])
        lines.append(f"| {suite} | {' | '.join(f'{number:,}' for number in numbers)} |")
    lines += [
        "",
        "rome, feedjira, reader and the captured feeds come without expectations: theirs is what a plain reading by",
        "Python's XML parser finds, the number of entries and their titles.",
        "",
        "## Deviations",
        "",
        "| class | cases | suites | why |",
        "|---|---|---|---|",
    ]
    classes: dict[str, Counter[str]] = {}
    for result in results:
        if result.outcome not in ("passed", "outside"):
            classes.setdefault(result.outcome, Counter())[result.case.suite] += 1
    for name, suites in sorted(classes.items(), key=lambda item: (-sum(item[1].values()), item[0])):
        where = ", ".join(f"{suite} {count}" for suite, count in sorted(suites.items()))
        lines.append(f"| {name} | {sum(suites.values())} | {where} | {REASONS.get(name, '')} |")
    return "\n".join(lines) + "\n"


def counts(results: list[Result]) -> dict[str, dict[str, int]]:
    """By suite: files, passed, deviations, outside."""
    table: dict[str, dict[str, int]] = {}
    for result in results:
        row = table.setdefault(result.case.suite, {"files": 0, "passed": 0, "deviations": 0, "outside": 0})
        row["files"] += 1
        row[result.outcome if result.outcome in row else "deviations"] += 1
    return table


def main() -> int:
    """Write the page, or answer one of the flags."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--list", metavar="CLASS", default="")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print(f"conformance: the suites are not here ({DATA}); docs/conformance.md stays as it is")
        return 0
    results = [run(case) for case in cases()]
    unexplained = sorted({one.outcome for one in results} - {"passed", "outside", *REASONS})
    if arguments.list:
        for result in results:
            if result.outcome == arguments.list or (arguments.list == "all" and result.detail):
                print(f"{result.outcome}\t{result.case.name}\t{result.detail[:300]}")
    elif arguments.json:
        print(json.dumps({"counts": counts(results), "unexplained": unexplained}))
    elif arguments.check:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page(results):
            print("stale: conformance.md; run `make conformance`")
            return 1
    else:
        PAGE.write_text(page(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
