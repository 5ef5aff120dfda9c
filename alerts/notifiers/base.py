"""What a notice says, once for all ways of saying it: plain parts that each notifier escapes in its own way.

Headlines come from outside. Here they become single lines without control characters, and links are http(s) or none.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec

from alerts.dedup import name_of
from alerts.describe import OWN_ANNOTATIONS
from alerts.durations import format_duration
from alerts.rules import SEVERITIES
from riskwire.identity import canonical_link
from riskwire.log import one_line
from riskwire.types import Alert, Evidence, Notification

#: How many alerts a notice shows in full, and how many stories each.
MAX_CARDS = 8
MAX_STORIES = 5
_MAX_HEADLINE = 160


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence as shown."""

    headline: str
    link: str | None
    score: str
    source: str
    when: str


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """One alert as shown: `level` is critical, warning, info or resolved."""

    level: str
    company: str
    rule: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    stories: tuple[Story, ...]
    more_stories: int
    link: str | None


def cards_of(notification: Notification) -> tuple[list[Card], int]:
    """The alerts of a notice, the worst first, and how many more there are."""
    alerts = sorted(notification.alerts, key=_order)
    return [_card(alert, notification) for alert in alerts[:MAX_CARDS]], max(0, len(alerts) - MAX_CARDS)


def subject_of(notification: Notification) -> str:
    """One line that says it all: `[CRITICAL] HWKB: mean sentiment −0.72 (company-sentiment-collapse)`."""
    alerts = sorted(notification.alerts, key=_order)
    first = alerts[0]
    tag = level_of(first).upper()
    if notification.reason == "repeat":
        tag += ", STILL FIRING"
    if notification.reason == "escalated":
        tag += ", ESCALATED"
    if len(alerts) == 1:
        if first.status == "resolved":
            lasted = _lasted(first, notification)
            return short(f"[{tag}] {company_of(first)}: {first.rule} is over after {lasted}", 200)
        reading = first.annotations.get("reading", "")
        measure = first.annotations.get("measure", "")
        return short(f"[{tag}] {company_of(first)}: {measure} {reading} ({first.rule})", 200)
    names = list(dict.fromkeys(company_of(alert) for alert in alerts))
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    firing = sum(alert.status == "firing" for alert in alerts)
    counts = [f"{firing} firing"] if firing else []
    counts += [f"{len(alerts) - firing} resolved"] if len(alerts) > firing else []
    return short(f"[{tag}] {shown}: {', '.join(counts)}", 200)


def level_of(alert: Alert) -> str:
    """critical, warning or info; resolved when it is over."""
    return "resolved" if alert.status == "resolved" else alert.severity


def company_of(alert: Alert) -> str:
    """Whom it is about."""
    return short(alert.annotations.get("company") or alert.labels.get("symbol") or "the market", 80)


def text_of(notification: Notification) -> str:
    """The whole notice as plain text, for a terminal or the text part of an e-mail."""
    cards, more = cards_of(notification)
    blocks = ["\n".join(_lines(card)) for card in cards]
    if more:
        blocks.append(f"… and {more} more alerts.")
    return "\n\n".join(blocks) + "\n"


def idempotency_key(notification: Notification) -> str:
    """The same for a notice that is sent again because nobody knows whether it arrived; another for any other.

    32 hex digits over receiver, group, reason and the alerts' states; a repeat has its minute in it, too.
    """
    names = sorted(f"{name_of(alert)} {alert.status}" for alert in notification.alerts)
    sent_at = notification.sent_at
    minute = sent_at.strftime("%Y%m%d%H%M") if notification.reason == "repeat" and sent_at else ""
    parts = [notification.receiver, notification.group_key, notification.reason, minute, *names]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def short(text: str, limit: int) -> str:
    """One line, without control characters, cut at `limit` code points."""
    text = one_line(" ".join(text.split()))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _card(alert: Alert, notification: Notification) -> Card:
    notes = alert.annotations
    resolved = alert.status == "resolved"
    # What is over is told in short, unless nothing was said before.
    brief = resolved and notification.reason != "first"
    evidence = () if brief else alert.evidence[:MAX_STORIES]
    own = {key: text for key, text in notes.items() if key not in OWN_ANNOTATIONS and key != "summary"}
    remarks = [notes["late"]] if notes.get("late") else []
    remarks += [] if brief else [f"{key.capitalize()}: {text}" for key, text in sorted(own.items())]
    ended = notes.get("ended", "")
    return Card(
        level=level_of(alert),
        company=company_of(alert),
        rule=short(alert.rule, 80),
        summary=short(f"{ended[:1].upper()}{ended[1:]}." if brief and ended else notes.get("summary", ""), 400),
        facts=tuple((name, short(value, 200)) for name, value in _facts(alert, notification)),
        notes=tuple(short(remark, 400) for remark in remarks),
        stories=tuple(_story(one, alert.updated_at) for one in evidence),
        more_stories=0 if brief else max(0, _whole(notes.get("stories", "")) - len(evidence)),
        link=web_link(alert.generator_url),
    )


def _facts(alert: Alert, notification: Notification) -> list[tuple[str, str]]:
    notes = alert.annotations
    window = format_duration(timedelta(seconds=alert.window)) if alert.window else ""
    condition = f"alert at {notes.get('condition', '')}"
    if alert.status == "resolved":
        return [
            ("Lasted", _lasted(alert, notification)),
            ("From", f"{_time(alert.starts_at)} to {_time(alert.ends_at or alert.updated_at)}"),
            ("Worst", f"{notes.get('measure', 'value')} {notes.get('worst', '?')} ({condition})"),
        ]
    facts = [("Value", f"{notes.get('measure', 'value')} {notes.get('reading', '')} ({condition})")]
    if window:
        counts = f"{notes.get('stories', '?')} stories from {notes.get('sources', '?')} sources in {window}"
        facts.append(("Over", counts))
    facts += [(name, notes[key]) for name, key in (("Error", "error"), ("Worked", "last_success")) if notes.get(key)]
    return [*facts, ("Since", f"{_time(alert.starts_at)} ({_lasted(alert, notification)})")]


def _story(evidence: Evidence, now: datetime) -> Story:
    score = "" if evidence.score is None else f"{evidence.score:+.2f}".replace("-", "\N{MINUS SIGN}")
    return Story(
        headline=short(evidence.title, _MAX_HEADLINE) or "(no headline)",
        link=web_link(evidence.link),
        score=score,
        source=short(evidence.source, 60),
        when=_when(evidence.event_time, now),
    )


def web_link(link: str | None) -> str | None:
    """The link if it is a http(s) one of sane length without spaces or control characters."""
    if not link or len(link) > 2_000 or canonical_link(link) is None:
        return None
    return link if all(c.isprintable() and not c.isspace() for c in link) else None


def _lines(card: Card) -> list[str]:
    lines = [f"{card.level.upper()}  {card.company}  {card.rule}"]
    if card.summary:
        lines.append(card.summary)
    lines += [f"  {name + ':':<8} {value}" for name, value in card.facts]
    lines += [f"  {note}" for note in card.notes]
    for story in card.stories:
        lines.append(f"  {story.score:>6}  {story.headline} ({', '.join(filter(None, (story.source, story.when)))})")
        if story.link:
            lines.append(f"          {story.link}")
    if card.more_stories:
        lines.append(f"          … and {card.more_stories} more")
    if card.link:
        lines.append(f"  {'Look:':<8} {card.link}")
    return lines


def _lasted(alert: Alert, notification: Notification) -> str:
    end = alert.ends_at or max(alert.updated_at, notification.sent_at or alert.updated_at)
    return format_duration(end - alert.starts_at)


def _when(then: datetime | None, now: datetime) -> str:
    if then is None:
        return ""
    return f"{then:%H:%M}" if then.date() == now.date() else f"{then:%d %b %H:%M}"


def _time(then: datetime) -> str:
    return f"{then:%a %d %b %H:%M} UTC"


def _order(alert: Alert) -> tuple[bool, int, datetime, str]:
    return alert.status == "resolved", -SEVERITIES.index(alert.severity), alert.starts_at, alert.fingerprint


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() else 0
