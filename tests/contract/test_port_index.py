"""Index: each story once, in its newest revision; searches that equal a loop over everything."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from riskwire.errors import UsageError, WireError
from riskwire.ports import SearchQuery
from riskwire.testing import a_story, sentiment_of
from riskwire.types import EntityMention

START = datetime(2026, 1, 1, tzinfo=UTC)


def mention(symbol, sign, confidence=0.9):
    return EntityMention(
        entity_group="ORG",
        text=symbol.title(),
        start=0,
        end=len(symbol),
        confidence=confidence,
        symbol=symbol,
        sentiment=sentiment_of(sign),
    )


def story(number, *mentions, sign=0, **fields):
    return a_story(
        number,
        **{
            "sentiment": sentiment_of(sign),
            "entities": mentions,
            "symbols": tuple(sorted({one.symbol for one in mentions})),
            **fields,
        },
    )


def found(backend, **query):
    return [int(document.id, 16) for document in backend.index.search(SearchQuery(**query)).documents]


def test_what_was_put_is_there_as_it_was_also_after_reopening(backend):
    stories = [story(1, mention("TSLA", -1), summary="Zürich 😀\u2028"), a_story(2, status="unscored", sentiment=None)]
    result = backend.index.put(stories)
    assert (result.indexed, result.superseded) == (2, 0)
    backend.reopen()
    assert backend.index.get(stories[0].id) == stories[0]
    assert backend.index.search(SearchQuery()).documents == stories[::-1]
    assert backend.index.get("nobody") is None
    assert backend.index.revisions("nobody") == []


def test_the_same_or_an_older_revision_is_superseded(backend):
    backend.index.put([a_story(1, revision=2, title="Second")])
    result = backend.index.put([a_story(1, revision=2, title="Again"), a_story(1, title="First")])
    assert (result.indexed, result.superseded) == (0, 2)
    assert backend.index.get(a_story(1).id).title == "Second"
    assert len(backend.index.revisions(a_story(1).id)) == 1


def test_a_newer_revision_replaces_and_the_old_one_is_kept(backend):
    backend.index.put([a_story(1, title="Alpha"), a_story(1, revision=2, title="Beta")])
    backend.index.put([a_story(1, revision=5, title="Gamma")])
    backend.reopen()
    assert [one.title for one in backend.index.revisions(a_story(1).id)] == ["Alpha", "Beta", "Gamma"]
    assert backend.index.count(SearchQuery()) == 1
    assert found(backend, text="gamma") == [1]
    assert found(backend, text="alpha") == found(backend, text="beta") == []


def test_a_revision_moves_the_story_to_its_new_time_source_and_companies(backend):
    backend.index.put([story(1, mention("TSLA", -1), sign=-1, source="a"), story(2)])
    later = story(1, mention("F", 1), sign=1, revision=2, source="b", event_time=START + timedelta(days=1))
    backend.index.put([later])
    assert found(backend) == [1, 2]
    assert found(backend, symbol="TSLA") == []
    assert found(backend, symbol="F") == found(backend, source="b") == found(backend, label="positive") == [1]
    assert backend.index.sentiment_timeline(START, START + timedelta(hours=1), 3600, "TSLA") == []


def test_a_removed_story_is_emptied_with_all_its_past(backend):
    backend.index.put([story(1, mention("TSLA", -1), title="Secret words"), a_story(1, revision=2, title="Secret too")])
    backend.index.put([a_story(1, revision=3, title="Secret still", status="removed")])
    backend.reopen()
    (only,) = backend.index.revisions(a_story(1).id)
    assert (only.status, only.title, only.text, only.sentiment, only.entities) == ("removed", "", "", None, ())
    assert found(backend, text="secret") == found(backend, symbol="TSLA") == []
    assert found(backend, status="removed") == [1]
    assert backend.index.put([a_story(1, revision=2)]).superseded == 1
    backend.index.put([a_story(1, revision=4, title="Back again")])
    assert found(backend, text="back") == [1]


def test_held_tells_the_revisions_that_are_here(backend):
    backend.index.put([a_story(1), a_story(2, revision=7)])
    assert backend.index.held([a_story(1).id, a_story(2).id, "nobody"]) == {a_story(1).id: 1, a_story(2).id: 7}
    assert backend.index.held([]) == {}


def test_a_story_that_can_not_be_written_leaves_nothing_of_its_call(backend):
    with pytest.raises(WireError):
        backend.index.put([a_story(1), a_story(2, title="\ud800")])
    assert backend.index.count(SearchQuery()) == 0


def test_stories_come_newest_first_and_ties_by_id(backend):
    same = START + timedelta(days=1)
    backend.index.put([a_story(3, event_time=same), a_story(1, event_time=same), a_story(2), a_story(9)])
    assert found(backend) == [3, 1, 9, 2]


def test_a_microsecond_decides(backend):
    backend.index.put([a_story(n, event_time=START + timedelta(microseconds=3 - n)) for n in range(1, 4)])
    assert found(backend) == [1, 2, 3]
    assert found(backend, since=START + timedelta(microseconds=1)) == [1, 2]
    assert found(backend, until=START + timedelta(microseconds=1)) == [3]


def test_old_and_far_times_are_kept(backend):
    times = [datetime(1931, 5, 5, 1, 2, 3, 4, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)]
    backend.index.put([a_story(n, event_time=then) for n, then in enumerate(times)])
    assert found(backend) == [1, 0]
    assert backend.index.get(a_story(0).id).event_time == times[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tesla", [3, 1]),
        ("TESLA recall", [1]),
        ("recall tesla", [1]),
        ('"tesla recall"', []),
        ('"recalls tesla"', []),
        ("rec*", [2, 1]),
        ("zurich", [2]),
        ("brk.b", [3]),
        ("at&t", [4]),
        ("body", [4]),
        ("nothing", []),
        ('""', []),
        ("*", []),
        ("!?", []),
        ("   ", [4, 3, 2, 1]),
    ],
)
def test_full_text(backend, text, expected):
    backend.index.put(
        [
            a_story(1, title="Tesla announces a recall"),
            a_story(2, title="A record year", summary="in Zürich"),
            a_story(3, title="BRK.B sells", summary="… to Tesla"),
            a_story(4, title="AT&T", content="The body of it"),
        ]
    )
    assert found(backend, text=text) == expected
    assert backend.index.count(SearchQuery(text=text)) == len(expected)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '"unclosed',
        "AND",
        "a AND",
        "NOT x",
        "NEAR(a b)",
        "title:x",
        "-x",
        "x^2",
        "(",
        "a*b",
        "col : x",
        "'; DROP",
        "{a}",
    ],
)
def test_what_a_user_types_is_never_syntax(backend, text):
    backend.index.put([a_story(1, title="and not near title x")])
    assert isinstance(backend.index.search(SearchQuery(text=text)).documents, list)


def test_every_filter_narrows(backend):
    backend.index.put(
        [
            story(1, mention("TSLA", 1), sign=1, source="a"),
            story(2, mention("TSLA", -1), mention("F", 1), sign=-1, source="b", source_type="social"),
            a_story(3, source="a", status="unscored", sentiment=None, unscored_reason="empty"),
        ]
    )
    assert found(backend, symbol="TSLA") == [2, 1]
    assert found(backend, symbol="TSLA", label="negative") == [2]
    assert found(backend, symbol="TSLA", text="number", source="a") == [1]
    assert found(backend, source="a") == [3, 1]
    assert found(backend, source="a", status="scored") == [1]
    assert found(backend, source_type="social") == [2]
    assert found(backend, status="unscored") == [3]
    assert found(backend, label="neutral") == []
    assert found(backend, symbol="F", since=START + timedelta(minutes=2), until=START + timedelta(minutes=3)) == [2]
    assert found(backend, symbol="F", until=START + timedelta(minutes=2)) == []


def test_pages_join_to_the_whole_while_newer_stories_come_in(backend):
    same = START + timedelta(hours=1)
    backend.index.put([a_story(n, event_time=same if n % 2 else START) for n in range(1, 24)])
    whole = found(backend, limit=100)
    seen, after, pages = [], None, 0
    while True:
        page = backend.index.search(SearchQuery(limit=5, after=after))
        seen += [int(document.id, 16) for document in page.documents]
        backend.index.put([a_story(100 + pages, event_time=same + timedelta(days=1))])
        pages, after = pages + 1, page.next
        if after is None:
            break
    assert seen == whole
    assert pages == 5
    assert backend.index.count(SearchQuery(after=after)) == 23 + pages


def test_the_last_page_says_so_also_when_it_is_full(backend):
    backend.index.put([a_story(n) for n in range(4)])
    page = backend.index.search(SearchQuery(limit=2))
    assert page.next is not None
    assert backend.index.search(SearchQuery(limit=2, after=page.next)).next is None
    assert backend.index.search(SearchQuery(limit=0)).documents == []


@pytest.mark.parametrize("after", ["x", "", "AAAA", "é", "MTIz", "-" * 2000])
def test_a_token_that_is_none_of_ours_is_refused(backend, after):
    backend.index.put([a_story(1)])
    with pytest.raises(UsageError):
        backend.index.search(SearchQuery(after=after))


def test_the_timeline_means_what_lies_in_each_bucket(backend):
    hour = timedelta(hours=1)
    backend.index.put(
        [
            story(1, mention("TSLA", 1), sign=-1, event_time=START),
            story(2, mention("TSLA", -1), sign=-1, event_time=START + hour - timedelta(microseconds=1)),
            story(3, mention("F", 1), sign=1, event_time=START + hour),
            a_story(4, status="unscored", sentiment=None, event_time=START),
            story(5, sign=1, event_time=START + 3 * hour),
        ]
    )
    rows = backend.index.sentiment_timeline(START, START + 3 * hour, 3600)
    assert [(row.t, row.symbol, row.n, row.positive, row.neutral, row.negative) for row in rows] == [
        (START, "", 2, 0, 0, 2),
        (START + hour, "", 1, 1, 0, 0),
    ]
    assert rows[0].score == pytest.approx(-0.85)
    (row,) = backend.index.sentiment_timeline(START, START + 3 * hour, 3600, "TSLA")
    assert (row.symbol, row.n, row.positive, row.negative) == ("TSLA", 2, 1, 1)
    assert row.score == pytest.approx(0)
    assert backend.index.sentiment_timeline(START, START, 3600) == []


def test_buckets_begin_at_multiples_of_their_length_also_before_1970(backend):
    then = datetime(1969, 12, 31, 23, 30, tzinfo=UTC)
    backend.index.put([story(1, event_time=then)])
    (row,) = backend.index.sentiment_timeline(then - timedelta(days=1), then + timedelta(days=1), 3600)
    assert row.t == datetime(1969, 12, 31, 23, tzinfo=UTC)


def test_a_company_named_twice_counts_once_weighted_by_confidence(backend):
    backend.index.put([story(1, mention("TSLA", 1, 0.9), mention("TSLA", -1, 0.3), event_time=START)])
    (row,) = backend.index.sentiment_timeline(START, START + timedelta(hours=1), 3600, "TSLA")
    assert row.n == 1
    assert row.score == pytest.approx(0.85 * (0.9 - 0.3) / 1.2)
    assert (row.positive, row.negative) == (1, 0)


def test_movers_are_ordered_by_the_size_of_their_change(backend):
    day = timedelta(days=1)
    stories = []
    for symbol, before, now in [
        ("UP", [-1], [1, 1, 1]),
        ("DOWN", [1, 1], [-1, 0, 0]),
        ("NEW", [], [1, 1, 1]),
        ("FEW", [1], [0]),
    ]:
        for signs, at in [(before, START - day), (now, START)]:
            stories += [story(len(stories) + n, mention(symbol, sign), event_time=at) for n, sign in enumerate(signs)]
    backend.index.put(stories)
    rows = backend.index.movers(START, START + day)
    assert [(row.symbol, row.n, row.previous_n) for row in rows] == [("UP", 3, 1), ("DOWN", 3, 2), ("NEW", 3, 0)]
    assert rows[0].change == pytest.approx(1.7)
    assert rows[1].change == pytest.approx(-0.85 / 3 - 0.85)
    assert (rows[2].previous_score, rows[2].change) == (None, None)
    assert [row.symbol for row in backend.index.movers(START, START + day, limit=1)] == ["UP"]
    assert len(backend.index.movers(START, START + day, minimum=1)) == 4


def test_sources_are_counted_with_their_newest_story(backend):
    backend.index.put([a_story(1, source="a"), a_story(2, source="b"), a_story(3, source="b")])
    rows = backend.index.sources()
    assert [(row.source, row.n) for row in rows] == [("b", 2), ("a", 1)]
    assert rows[0].newest == a_story(3).event_time


def test_an_empty_index_answers(backend):
    assert backend.index.search(SearchQuery(text="x")).documents == []
    assert backend.index.count(SearchQuery()) == 0
    assert backend.index.sources() == []
    assert backend.index.movers(START, START + timedelta(days=1)) == []


def test_fields_that_later_versions_fill_survive(backend):
    full = msgspec.structs.replace(a_story(1), events=("recall",), novelty=0.5, chain_id="c", duplicate_of="d")
    backend.index.put([full])
    assert backend.index.get(full.id) == full
