"""What the page is looked at with: the demo's stories in a MemoryIndex, a few alerts, feeds well and ill."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from riskwire.ports import SourceState
from riskwire.testing import MemoryIndex, MemoryLog, sentiment_of
from riskwire.types import Alert, EntityMention, Evidence, ModelRef, ScoredDocument, Sentiment

DEMO = Path(__file__).parents[2] / "ingest" / "demo"
MODEL = ModelRef(
    name="keywords", version="1", sha256="5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
)
_GOOD = "rise|rose|gain|beat|record|strong|surge|upgrade|win|lift|rally|boost|approve|higher|growth"
_BAD = (
    "fall|fell|drop|loss|miss|plunge|probe|sue|warn|weak|cut|crash|fraud|default|slip|halt|run on|withdraw|lower"
    "|shut|recall|fear|investig|resign|downgrad"
)


def _sentiment(text: str) -> Sentiment:
    score = len(re.findall(_GOOD, text.lower())) - len(re.findall(_BAD, text.lower()))
    if not score:
        return Sentiment(
            label="neutral",
            confidence=0.62,
            probabilities={"positive": 0.2, "neutral": 0.62, "negative": 0.18},
            score=0.02,
        )
    p = min(0.55 + 0.14 * abs(score), 0.97)
    label, other = ("positive", "negative") if score > 0 else ("negative", "positive")
    rest = (1 - p) / 3
    return Sentiment(
        label=label,
        confidence=p,
        probabilities={label: p, "neutral": 2 * rest, other: rest},
        score=(p - rest) * (1 if score > 0 else -1),
    )


def _mentions(text: str, names: dict[str, str]) -> tuple[EntityMention, ...]:
    found: list[EntityMention] = []
    for name, symbol in names.items():
        for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
            if any(one.start < match.end() and match.start() < one.end for one in found):
                continue
            around = text[max(0, match.start() - 60) : match.end() + 60]
            found.append(
                EntityMention(
                    entity_group="ORG",
                    text=match.group(),
                    start=match.start(),
                    end=match.end(),
                    confidence=0.93,
                    symbol=symbol,
                    relevance=1.0 if match.start() < 40 else 0.5,
                    sentiment=_sentiment(around),
                )
            )
    return tuple(sorted(found, key=lambda one: one.start))


def stories(until: datetime | None = None) -> list[ScoredDocument]:
    """All of the demo, its last story at `until`. One is not scored, and one comes again corrected."""
    until = until or datetime.now(UTC)
    names: dict[str, str] = {}
    with (DEMO / "symbols.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            for name in (row["name"], *row["aliases"].split("|"), f"${row['symbol']}"):
                if name:
                    names[name] = row["symbol"]
    names = dict(sorted(names.items(), key=lambda item: -len(item[0])))
    rows = [json.loads(line) for line in (DEMO / "stories.jsonl").read_text(encoding="utf-8").splitlines() if line]
    end = max(row["at"] for row in rows)
    made = []
    for number, row in enumerate(rows):
        then = until - timedelta(minutes=end - row["at"])
        text = "\n".join(filter(None, (row["title"], row.get("summary", ""))))
        mentions = _mentions(text, names)
        unscored = number % 41 == 40
        made.append(
            ScoredDocument(
                id=f"{number + 1:032x}",
                source=row["source"],
                source_type=row.get("source_type", "news"),
                origin="demo",
                link=row.get("link"),
                title=row["title"],
                summary=row.get("summary", ""),
                tags=tuple(row.get("tags", ())),
                published_at=then,
                published_quality="stated",
                seen_at=then + timedelta(seconds=9),
                event_time=then,
                text="" if unscored else text,
                sentiment=None if unscored else _sentiment(text),
                entities=() if unscored else mentions,
                symbols=() if unscored else tuple(dict.fromkeys(one.symbol for one in mentions if one.symbol)),
                model=None if unscored else MODEL,
                scored_at=None if unscored else then + timedelta(seconds=9.2),
                status="unscored" if unscored else "scored",
                unscored_reason="unsupported_language" if unscored else None,
            )
        )
    return made


def fill(index: MemoryIndex, until: datetime | None = None) -> list[ScoredDocument]:
    """Put them into the index and on the stream; the newest but two is corrected once."""
    made = stories(until)
    made[-3] = _again(made[-3], index)
    index.put(made)
    index.publish(made)
    return made


def _again(story: ScoredDocument, index: MemoryIndex) -> ScoredDocument:
    import msgspec

    first = msgspec.structs.replace(story, title=f"{story.title} (first version)", sentiment=sentiment_of(0))
    index.put([first])
    return msgspec.structs.replace(story, revision=2, updated_at=story.seen_at)


def alert_examples(made: list[ScoredDocument]) -> list[Alert]:
    """A critical one that fires, a pending one, two that are over."""
    now = datetime.now(UTC)

    def alert(symbol: str, status: str, severity: str, minutes: int, value: float) -> Alert:
        behind = [one for one in made if symbol in one.symbols and one.sentiment and one.sentiment.score < 0][-5:]
        started = now - timedelta(minutes=minutes)
        return Alert(
            rule="negative-turn" if severity == "critical" else "negative-share",
            labels={"symbol": symbol},
            annotations={"summary": f"Stories about {symbol} have turned negative"},
            severity=severity,  # type: ignore[arg-type]
            status=status,  # type: ignore[arg-type]
            starts_at=started,
            ends_at=started + timedelta(minutes=55) if status == "resolved" else None,
            updated_at=started,
            fingerprint=f"{abs(hash((symbol, severity))):016x}"[:16],
            value=value,
            threshold=-0.3,
            window=7200,
            evidence=tuple(
                Evidence(
                    id=one.id,
                    title=one.title,
                    link=one.link,
                    source=one.source,
                    score=one.sentiment.score if one.sentiment else None,
                    event_time=one.event_time,
                )
                for one in behind
            ),
        )

    return [
        alert("HWKB", "firing", "critical", 38, -0.62),
        alert("CDMR", "pending", "warning", 4, -0.34),
        alert("VYTA", "resolved", "warning", 900, -0.41),
        alert("HWKB", "resolved", "warning", 2000, -0.55),
    ]


def sources(log: MemoryLog) -> None:
    """Feeds: most answer, one fails, one was refused, one answers and brings nothing any more."""
    now = datetime.now(UTC)
    for name in ("Northgate Wire", "Ledger Street Journal", "Market Courier", "Harbor Filings", "TickerPond"):
        log.save(
            SourceState(
                name=name,
                url=f"https://demo.example/{name.lower().replace(' ', '-')}/feed?key=secret-part",
                last_outcome="ok",
                last_polled_at=now - timedelta(minutes=2),
                last_success_at=now - timedelta(minutes=2),
                next_poll_at=now + timedelta(minutes=3),
                entries=40,
                new=3,
            )
        )
    log.save(
        SourceState(
            name="Frozen Times",
            last_outcome="not_modified",
            status="silent",
            last_success_at=now - timedelta(minutes=1),
            last_new_at=now - timedelta(days=6),
            usual_quiet=2 * 86400.0,
        )
    )
    log.save(
        SourceState(
            name="Quiet Bulletin",
            url="https://quiet.example/rss",
            last_outcome="failed",
            last_error="quiet.example: the name has no address",
            failures=7,
            last_polled_at=now - timedelta(minutes=9),
            last_success_at=now - timedelta(hours=5),
            next_poll_at=now + timedelta(minutes=31),
        )
    )
    log.save(
        SourceState(
            name="Inside Net",
            url="http://10.0.0.7/feed",
            last_outcome="refused",
            last_error="10.0.0.7 is a private address. Allow it with --allow-private-addresses",
            failures=2,
            last_polled_at=now - timedelta(minutes=4),
            next_poll_at=now + timedelta(minutes=56),
        )
    )
