"""EDGAR's feeds (getcurrent, a company's, XBRL) as plain feeds: one filing is one story, named by its accession number.

The SEC lists a filing once for each company and person in it, under one accession number, and each of its feeds words
it differently. A filing never changes (an amendment has a number of its own), so the first telling stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ingest.formats.parsed import ParsedEntry

ACCESSION = re.compile(r"\b\d{10}-\d{2}-\d{6}\b")
_URN = "urn:tag:sec.gov,2008:accession-number="
#: "8-K - ACME CORP (0001234567) (Filer)", and of the XBRL feed the same without the form.
_TITLE = re.compile(r"(?:(?P<form>\S[^()]{0,24}?) - )?(?P<name>.+?) \((?P<cik>\d{10})\) \((?P<role>[A-Za-z ]+)\)")
#: "Filed: 2025-01-24 AccNo: 0001213900-25-006497 Size: 302 KB": says nothing of the company.
_BOOKKEEPING = re.compile(r"^\s*Filed: \S+ AccNo: \S+(?: Size: [\d.]+ \w+)?\s*")
#: "S-1/A [Amend] - General form for registration …": a company's own feed does not name it again.
_DESCRIBED = re.compile(r"^\S+(?: \[Amend\])?\s+- ")
_ITEM = re.compile(r"\bItem (\d{1,2}(?:\.\d{2})?):")
#: Whose entry speaks for the filing, best first: the company it is about, not the person or fund that reports.
_ROLES = ("Issuer", "Subject", "Filer", "Reporting", "Filed by")


def filing_guid(accession: str) -> str:
    """The guid of a filing, as EDGAR's Atom writes it."""
    return _URN + accession


def filing_tags(form: str, ciks: Iterable[str], items: Iterable[str] = ()) -> tuple[str, ...]:
    """The tags of a filing: its form (`8-K`), each company (`CIK0001234567`), each item of an 8-K (`Item 2.02`)."""
    tags = [form, *(f"CIK{cik:0>10}" for cik in ciks if cik), *(f"Item {item}" for item in items)]
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def is_filing(raw: Mapping[str, Any], entry: ParsedEntry) -> bool:
    """Whether this entry is one of EDGAR's."""
    return bool((entry.guid or "").startswith(_URN) or raw.get("edgar_accessionnumber"))


def read_filing(raw: Mapping[str, Any], entry: ParsedEntry, feed: Mapping[str, Any]) -> ParsedEntry:
    """The same entry as a filing: identity, tags and a title that names form and company."""
    accession = ACCESSION.search(str(raw.get("edgar_accessionnumber") or entry.guid or ""))
    if accession is None:
        return entry
    title = _TITLE.fullmatch(entry.title)
    form = _form(raw) or (title["form"] if title and title["form"] else "")
    # A company's own feed names it once, above all entries.
    name, cik = (title["name"], title["cik"]) if title else (_plain(feed, "conformed-name"), _plain(feed, "cik"))
    cik = _plain(raw, "edgar_ciknumber") or cik
    summary = _BOOKKEEPING.sub("", entry.summary)
    items = _ITEM.findall(summary)
    headline = entry.title
    if title is None and name:
        headline = f"{form} - {name} ({cik:0>10}) (Filer)"
        described = _DESCRIBED.sub("", entry.title)
        summary = f"{described}. {summary}".strip() if described != form else summary
    elif title is not None and not title["form"] and form:
        headline = f"{form} - {entry.title}"
        summary = "" if summary == form else summary
    guid = filing_guid(accession[0])
    return msgspec.structs.replace(
        entry,
        guid=guid,
        title=headline,
        summary=summary,
        tags=tuple(dict.fromkeys((*filing_tags(form, [cik], items), *entry.tags))),
        record=True,
        version=guid,
        source_type="filing",
    )


def merge_filings(entries: Sequence[ParsedEntry]) -> list[ParsedEntry]:
    """Each filing once, where its first entry stood: told by the company it is about, with every company's tag."""
    groups: dict[str, list[ParsedEntry]] = {}
    for entry in entries:
        if _is_read(entry):
            groups.setdefault(entry.version, []).append(entry)
    merged: list[ParsedEntry] = []
    for entry in entries:
        if not _is_read(entry):
            merged.append(entry)
        elif group := groups.pop(entry.version, None):
            best = min(group, key=_rank)
            tags = dict.fromkeys(tag for one in (best, *group) for tag in one.tags)
            merged.append(msgspec.structs.replace(best, tags=tuple(tags)))
    return merged


def _is_read(entry: ParsedEntry) -> bool:
    return entry.record and entry.source_type == "filing"


def _rank(entry: ParsedEntry) -> tuple[int, str]:
    title = _TITLE.fullmatch(entry.title)
    role = title["role"] if title else "Filer"
    return (_ROLES.index(role) if role in _ROLES else len(_ROLES), entry.title)


def _form(raw: Mapping[str, Any]) -> str:
    labelled = (str(tag.get("term") or "") for tag in raw.get("tags") or () if tag.get("label") == "form type")
    return _plain(raw, "edgar_formtype") or _plain(raw, "filing-type") or next(labelled, "").strip()


def _plain(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return " ".join(value.split()) if isinstance(value, str) else ""
