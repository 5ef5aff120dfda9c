"""What is said, why, and in which words."""

from __future__ import annotations

import asyncio
import json
import stat
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from alerts.dedup import Said, name_of, needs_update, said_of
from alerts.groups import Groups, group_key
from alerts.loader import parse_rules
from alerts.notifiers.base import idempotency_key, subject_of, text_of, web_link
from alerts.notifiers.console import ConsoleNotifier
from alerts.notifiers.file import FileNotifier
from alerts.notifiers.slack import escape, payload_of
from alerts.rules import NotifyPolicy
from riskwire import wire
from riskwire.errors import NotifyError, NotifyRetry
from riskwire.ports import NotificationEntry
from riskwire.types import Alert, Evidence, Notification

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOSTILE = "<!channel> <https://evil|AAPL> & \x1b[31m\r\nBcc: x@y \u2028 <script>alert(1)</script>"


def alert(symbol: str = "ACME", start: int = 0, **fields: object) -> Alert:
    values: dict[str, object] = {
        "rule": "fall",
        "labels": {"rule": "fall", "symbol": symbol},
        "annotations": {
            "company": symbol, "measure": "mean sentiment", "reading": "−0.72", "condition": "≤ −0.45", "stories": "9",
            "sources": "4", "summary": f"{symbol} falls.", "worst": "−0.80",
        },
        "severity": "warning",
        "status": "firing",
        "starts_at": T0 + start * MINUTE,
        "updated_at": T0 + start * MINUTE,
        "fingerprint": f"fp-{symbol}",
        "value": -0.72,
        "threshold": -0.45,
        "window": 7200.0,
        "evidence": (
            Evidence(
                id="1", title="It falls", link="https://example.com/1", source="Wire", score=-0.9, event_time=T0
            ),
        ),
        "generator_url": "http://127.0.0.1:8600/?symbol=ACME&since=x",
    }  # fmt: skip
    return Alert(**(values | fields))  # type: ignore[arg-type]


def over(one: Alert, minutes: int = 90) -> Alert:
    end = one.starts_at + minutes * MINUTE
    notes = one.annotations | {"ended": "mean sentiment is back at +0.10"}
    return msgspec.structs.replace(
        one, status="resolved", ends_at=end, updated_at=end, transition=one.transition + 1, annotations=notes
    )


def notice(*alerts: Alert, reason: str = "first", **fields: object) -> Notification:
    values: dict[str, object] = {
        "receiver": "slack", "group_key": "rule=fall,symbol=ACME", "alerts": alerts or (alert(),), "reason": reason,
        "sent_at": T0 + 5 * MINUTE,
    }  # fmt: skip
    return Notification(**(values | fields))  # type: ignore[arg-type]


def entry(firing: tuple[str, ...] = (), resolved: tuple[str, ...] = (), **fields: object) -> NotificationEntry:
    values: dict[str, object] = {"severity": "warning", "reason": "first", "sent_at": T0} | fields
    return NotificationEntry(receiver="r", group_key="g", firing=firing, resolved=resolved, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last", "firing", "resolved", "severity", "minutes", "reason"),
    [
        (None, "a", "", "warning", 0, "first"),
        (None, "", "a", "warning", 0, "first"),  # fired and ended before a word was said
        (None, "", "", "warning", 0, None),
        (entry(("a",)), "a", "", "warning", 239, None),
        (entry(("a",)), "a", "", "warning", 240, "repeat"),
        (entry(("a",)), "ab", "", "warning", 1, "new alerts"),
        (entry(("a",)), "b", "a", "warning", 1, "new alerts"),
        (entry(("a",)), "ab", "", "critical", 1, "escalated"),
        (entry(("a",)), "a", "", "critical", 1, "escalated"),
        (entry(("a",)), "a", "", "info", 1, None),
        (entry(("a",)), "", "a", "warning", 1, "resolved"),
        (entry(("a", "b")), "b", "a", "warning", 1, "resolved"),
        (entry((), ("a",)), "", "a", "warning", 999, None),
        (entry((), ("a",)), "b", "a", "warning", 1, "first"),
        (entry((), ("a",)), "", "ab", "warning", 1, "resolved"),
        (entry((), ("a",)), "", "", "warning", 999, None),
    ],
)
def test_why_something_is_said(
    last: NotificationEntry | None, firing: str, resolved: str, severity: str, minutes: int, reason: str | None
) -> None:
    said = Said(firing=frozenset(firing), resolved=frozenset(resolved), severity=severity)  # type: ignore[arg-type]
    assert needs_update(last, said, NotifyPolicy(), T0 + minutes * MINUTE) == reason


def test_an_end_may_go_unsaid_but_not_an_alert() -> None:
    policy = NotifyPolicy(send_resolved=False)
    assert needs_update(entry(("a",)), Said(resolved=frozenset("a")), policy, T0) is None
    assert needs_update(None, Said(resolved=frozenset("a")), policy, T0) == "first"


def test_a_group_waits_for_company_then_for_its_interval() -> None:
    rules = parse_rules("notify: {group_by: [rule]}\nrules:\n  - {name: fall, kind: threshold, window: 1h, below: 0}")
    groups = Groups(rules)
    a, b = alert("A"), alert("B", 1)
    groups.put([a], T0)
    assert groups.due(T0 + timedelta(seconds=4)) == []
    groups.put([b], T0 + timedelta(seconds=4))
    ((key, _, told),) = groups.due(T0 + timedelta(seconds=5))
    assert (key, told) == ("rule=fall", [a, b])
    groups.put([over(a)], T0 + MINUTE)
    assert groups.due(T0 + 4 * MINUTE) == []
    ((_, _, told),) = groups.due(T0 + timedelta(minutes=5, seconds=5))
    assert [one.status for one in told] == ["firing", "resolved"]
    groups.put([over(b)], T0 + 6 * MINUTE)
    assert len(groups.due(T0 + 60 * MINUTE)) == 1
    assert len(groups) == 0, "over and told: forgotten"


def test_what_gets_worse_does_not_wait() -> None:
    groups = Groups(parse_rules("notify: {group_by: [symbol]}\nrules: []"))
    rules = parse_rules("rules:\n  - {name: fall, kind: threshold, window: 1h, below: 0, notify: {group_by: [symbol]}}")
    groups = Groups(rules)
    groups.put([alert()], T0)
    groups.due(T0 + MINUTE)
    groups.put([alert(severity="critical", fingerprint="other")], T0 + 2 * MINUTE)
    assert len(groups.due(T0 + timedelta(minutes=2, seconds=5))) == 1


def test_older_states_never_replace_newer_ones() -> None:
    groups = Groups(parse_rules("rules: []"))
    groups.put([over(alert()), alert()], T0)
    ((_, _, told),) = groups.due(T0 + MINUTE)
    assert [one.status for one in told] == ["resolved"]


def test_group_keys_and_names() -> None:
    assert group_key(alert(), NotifyPolicy()) == "rule=fall,symbol=ACME"
    assert group_key(alert(), NotifyPolicy(group_by=("severity", "desk"))) == "severity=warning,desk="
    assert name_of(alert()) == "fp-ACME@2026-01-01T12:00:00+00:00"
    assert said_of([alert(), over(alert("B", severity="critical"))]).severity == "warning"


def test_subjects() -> None:
    assert subject_of(notice()) == "[WARNING] ACME: mean sentiment −0.72 (fall)"
    assert subject_of(notice(reason="repeat")) == "[WARNING, STILL FIRING] ACME: mean sentiment −0.72 (fall)"
    assert subject_of(notice(over(alert()), reason="resolved")) == "[RESOLVED] ACME: fall is over after 1h30m"
    many = notice(alert("A"), alert("B", severity="critical"), over(alert("C")))
    assert subject_of(many) == "[CRITICAL] B, A, C: 2 firing, 1 resolved"


def test_the_text_says_what_a_desk_needs() -> None:
    assert text_of(notice()) == (
        "WARNING  ACME  fall\n"
        "ACME falls.\n"
        "  Value:   mean sentiment −0.72 (alert at ≤ −0.45)\n"
        "  Over:    9 stories from 4 sources in 2h\n"
        "  Since:   Thu 01 Jan 12:00 UTC (5m)\n"
        "   −0.90  It falls (Wire, 12:00)\n"
        "          https://example.com/1\n"
        "          … and 8 more\n"
        "  Look:    http://127.0.0.1:8600/?symbol=ACME&since=x\n"
    )
    assert text_of(notice(over(alert()), reason="resolved")) == (
        "RESOLVED  ACME  fall\n"
        "Mean sentiment is back at +0.10.\n"
        "  Lasted:  1h30m\n"
        "  From:    Thu 01 Jan 12:00 UTC to Thu 01 Jan 13:30 UTC\n"
        "  Worst:   mean sentiment −0.80 (alert at ≤ −0.45)\n"
        "  Look:    http://127.0.0.1:8600/?symbol=ACME&since=x\n"
    )


def test_a_long_notice_is_cut_and_says_so() -> None:
    many = notice(*(alert(f"S{n}") for n in range(20)))
    assert "… and 12 more alerts." in text_of(many)
    assert len(payload_of(many)["blocks"]) <= 50


def test_the_console_gets_no_control_characters() -> None:
    out = StringIO()
    hostile = alert(evidence=(Evidence(id="1", title=HOSTILE, source=HOSTILE, link="javascript:alert(1)"),))
    asyncio.run(ConsoleNotifier(out).notify(notice(hostile)))
    assert all(c.isprintable() or c == "\n" for c in out.getvalue())
    assert "\\x1b[31m" in out.getvalue()
    assert "\nBcc" not in out.getvalue()
    assert "javascript:" not in out.getvalue()


def test_a_closed_console_is_given_up() -> None:
    out = StringIO()
    out.close()
    with pytest.raises(NotifyError) as caught:
        asyncio.run(ConsoleNotifier(out).notify(notice()))
    assert not isinstance(caught.value, NotifyRetry)


def test_the_file_has_one_notice_a_line_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "notices.jsonl"
    notifier = FileNotifier(path)
    for _ in range(2):
        asyncio.run(notifier.notify(notice()))
    lines = path.read_bytes().splitlines()
    assert [wire.decode(line, Notification) for line in lines] == [notice(), notice()]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(path.read_bytes() + b'{"cut sho')
    asyncio.run(notifier.notify(notice()))
    assert json.loads(path.read_bytes().splitlines()[-1])["receiver"] == "slack"


def test_a_file_that_cannot_be_written_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(NotifyRetry, match="can't be written"):
        asyncio.run(FileNotifier(tmp_path / "none" / "notices.jsonl").notify(notice()))


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.com/a?b=c&d", True), ("http://example.com", True), ("javascript:alert(1)", False),
        ("data:text/html,x", False), ("https://e.com/a b", False), ("https://e.com/\n", False), (None, False),
        ("https://e.com/" + "x" * 3000, False), ("//e.com", False),
    ],
)  # fmt: skip
def test_links(link: str | None, kept: bool) -> None:
    assert web_link(link) == (link if kept else None)


def test_the_idempotency_key_is_of_what_is_said() -> None:
    again = notice(sent_at=T0 + 9 * MINUTE)
    assert idempotency_key(again) == idempotency_key(notice())
    others = [notice(over(alert()), reason="resolved"), notice(alert(start=1)), notice(receiver="b")]
    repeats = [notice(reason="repeat"), notice(reason="repeat", sent_at=T0 + 300 * MINUTE)]
    assert len({idempotency_key(one) for one in [notice(), *others, *repeats]}) == 6


def test_slack_escapes_three_characters_everywhere() -> None:
    hostile = alert(
        annotations=alert().annotations | {"summary": HOSTILE, "company": "AT&T <x>", "note": HOSTILE},
        evidence=(Evidence(id="1", title=HOSTILE, source=HOSTILE, link="https://e.com/?a=<b>&c=|d", score=-0.5),),
    )
    payload = payload_of(notice(hostile))
    body = json.dumps(payload, ensure_ascii=False)
    assert "<!channel>" not in body
    assert "&lt;!channel&gt;" in payload["text"]
    assert "<https://evil" not in body
    assert "<https://e.com/?a=%3Cb%3E&amp;c=%7Cd|&lt;!channel&gt; &lt;https://evil¦AAPL&gt; &amp; " in body
    assert "AT&amp;T &lt;x&gt;" in body
    assert escape("a & b < c > d ' \"") == "a &amp; b &lt; c &gt; d ' \""
    texts = [block["text"] for block in payload["blocks"] if block["type"] == "section"]
    assert all(text["verbatim"] for text in texts)
    assert all(len(text["text"]) <= 3000 for text in texts)


def test_slack_cuts_long_texts_at_a_line() -> None:
    evidence = tuple(
        Evidence(id=str(n), title="&" * 500, link="https://e.com/" + "x" * 480, score=-0.5) for n in range(10)
    )
    for block in payload_of(notice(alert(evidence=evidence)))["blocks"]:
        text = block["text"]["text"] if block["type"] == "section" else ""
        assert len(text) <= 3000
        assert text.count("<") == text.count(">")
