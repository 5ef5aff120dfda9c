"""Nasdaq's trading halts (`ndaq:`): one halt is one story, named by symbol and second; its resumption is a revision.

The feed itself fills the resumption into the same item, and a desk wants one halt with its state, not two stories to
join. `pubDate` is only the day; the halt's own date and time are New York's clock, written without a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ingest.formats.parsed import ParsedEntry

_NEW_YORK = ZoneInfo("America/New_York")
#: What Nasdaq's codes mean, in words that a reader (and a model) understands.
REASONS = {
    "T1": "news pending", "T2": "news released", "T3": "news and resumption times", "T5": "single stock trading pause",
    "T6": "extraordinary market activity", "T7": "single stock trading pause, quotation only", "T8": "fund halt",
    "T12": "additional information requested", "H4": "non-compliance with listing requirements",
    "H9": "filings not current", "H10": "trading suspended by the SEC", "H11": "regulatory concern",
    "O1": "operations halt", "IPO1": "new issue not yet trading", "IPOQ": "new issue released for quotation",
    "IPOE": "new issue, positioning window extended", "M": "volatility trading pause",
    "M1": "corporate action", "M2": "quotation not available", "D": "security deleted from the exchange",
    "LUDP": "volatility trading pause", "LUDS": "volatility trading pause, straddle condition",
    "MWC0": "market-wide circuit breaker, carried over", "MWC1": "market-wide circuit breaker, level 1",
    "MWC2": "market-wide circuit breaker, level 2", "MWC3": "market-wide circuit breaker, level 3",
    "MWCQ": "market-wide circuit breaker, resumption", "R1": "new issue available", "R2": "issue available",
    "R4": "qualifications issues resolved", "R9": "filing requirements satisfied", "C3": "issuer news not forthcoming",
    "C4": "qualifications halt ended", "C9": "qualifications halt concluded", "C11": "trade halt concluded by another",
}  # fmt: skip


def is_halt(raw: Mapping[str, Any]) -> bool:
    """Whether this entry is a trading halt."""
    return bool(_value(raw, "issuesymbol") and _value(raw, "haltdate"))


def read_halt(raw: Mapping[str, Any], entry: ParsedEntry) -> ParsedEntry:
    """The same entry as a halt; as it is where its date or time can't be read."""
    symbol, code = _value(raw, "issuesymbol"), _value(raw, "reasoncode")
    at = _moment(_value(raw, "haltdate"), _value(raw, "halttime"))
    if at is None:
        return entry
    reason = REASONS.get(code, "")
    name, market = _value(raw, "issuename"), _value(raw, "market")
    resumed = _resumption(raw)
    why = f"{reason} ({code})" if reason else f"reason {code or 'not given'}"
    summary = f"Halted {at:%Y-%m-%d %H:%M:%S} ET{f' on {market}' if market else ''}: {why}.{resumed}"
    trading = _moment(_value(raw, "resumptiondate"), _value(raw, "resumptiontradetime"))
    return msgspec.structs.replace(
        entry,
        guid=f"halt:{symbol}:{at:%Y-%m-%dT%H:%M:%S}",
        title=f"Trading halt: {name or symbol} ({symbol}), {reason or code or 'no reason given'}",
        summary=summary,
        content="",
        tags=tuple(dict.fromkeys(tag for tag in ("trading halt", code, market, *entry.tags) if tag)),
        symbols=(symbol,),
        published=at.isoformat(),
        updated=trading.isoformat() if trading else None,
        record=True,
        version=f"{summary}",
    )


def _resumption(raw: Mapping[str, Any]) -> str:
    date = _value(raw, "resumptiondate")
    parts = []
    for key, word in (("resumptionquotetime", "Quotation"), ("resumptiontradetime", "Trading")):
        at = _moment(date, _value(raw, key))
        if at is not None:
            parts.append(f" {word} resumes {at:%Y-%m-%d %H:%M:%S} ET.")
    return "".join(parts)


def _moment(date: str, time: str) -> datetime | None:
    for shape in ("%m/%d/%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M"):
        try:
            return datetime.strptime(f"{date} {time}", shape).replace(tzinfo=_NEW_YORK)
        except ValueError:
            continue
    return None


def _value(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(f"ndaq_{name}")
    return " ".join(value.split())[:200] if isinstance(value, str) else ""
