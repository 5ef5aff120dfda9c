"""Every record survives the way to bytes and back, and nothing else is taken for one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riskwire.errors import WireError
from riskwire.types import Alert, Document, EntityMention, Evidence, FailedMessage, ModelRef, ScoredDocument, Sentiment
from riskwire.wire import WIRE_TYPES, decode, encode, from_builtins, to_builtins

text = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60)
times = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
probability = st.floats(0, 1)
labels = st.sampled_from(["positive", "neutral", "negative"])
sentiments = st.builds(
    Sentiment,
    label=labels,
    confidence=probability,
    probabilities=st.fixed_dictionaries(dict.fromkeys(("positive", "neutral", "negative"), probability)),
    score=st.floats(-1, 1),
)
mentions = st.builds(
    EntityMention,
    entity_group=st.sampled_from(["ORG", "PER", "LOC", "ASSET"]),
    text=text,
    start=st.integers(0, 999),
    end=st.integers(1, 1000),
    confidence=probability,
    symbol=st.none() | text,
    unlinked_reason=st.none() | text,
    relevance=probability,
    sentiment=sentiments,
)
document_fields: dict[str, Any] = {
    "id": text,
    "revision": st.integers(1, 2**31),
    "source": text,
    "title": text,
    "summary": text,
    "content": text,
    "link": st.none() | text,
    "tags": st.lists(text, max_size=3).map(tuple),
    "published_at": st.none() | times,
    "seen_at": times,
    "event_time": times,
    "truncated": st.booleans(),
}
documents = st.builds(Document, **document_fields)
scored = st.builds(
    ScoredDocument,
    **document_fields,
    text=text,
    sentiment=st.none() | sentiments,
    entities=st.lists(mentions, max_size=3).map(tuple),
    symbols=st.lists(text, max_size=3).map(tuple),
    model=st.none() | st.builds(ModelRef, name=text, version=text, sha256=text),
    scored_at=st.none() | times,
    status=st.sampled_from(["scored", "unscored", "removed"]),
)
alerts = st.builds(
    Alert,
    rule=text,
    labels=st.dictionaries(text, text, max_size=3),
    status=st.sampled_from(["pending", "firing", "resolved"]),
    starts_at=times,
    updated_at=times,
    fingerprint=text,
    evidence=st.lists(st.builds(Evidence, id=text, title=text, score=st.none() | st.floats(-1, 1)), max_size=3).map(
        tuple
    ),
)
failed = st.builds(
    FailedMessage, value=st.binary(max_size=60), stage=text, error_type=text, error_message=text, failed_at=times
)
records = documents | scored | alerts | failed


@given(records)
def test_round_trip(record: msgspec.Struct) -> None:
    assert decode(encode(record), type(record)) == record
    assert from_builtins(to_builtins(record), type(record)) == record


@given(documents)
def test_unknown_fields_are_ignored(document: Document) -> None:
    row = msgspec.json.decode(encode(document))
    row["a_field_of_tomorrow"] = {"deep": [1]}
    assert decode(msgspec.json.encode(row), Document) == document


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_and_never_crash(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data, Document)


def _document(**changes: Any) -> Document:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Document(**({"id": "a", "source": "s", "seen_at": now, "event_time": now} | changes))


def test_the_schema_version_is_first_and_a_newer_one_is_refused() -> None:
    data = encode(_document())
    assert data.startswith(b'{"schema_version":1,"id":"a"')
    with pytest.raises(WireError, match="schema version 9"):
        decode(data.replace(b'"schema_version":1', b'"schema_version":9'), Document)


def test_times_are_utc_with_a_z() -> None:
    assert b'"seen_at":"2026-01-02T03:04:05Z"' in encode(_document())
    assert decode(encode(_document()), Document).seen_at.utcoffset() == timedelta(0)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(WireError, match=r"riskwire\.document"):
        encode(_document(title="\ud800"))


def test_no_python_path_travels() -> None:
    for record in WIRE_TYPES:
        assert record.__module__ not in WIRE_TYPES[record][0]
    assert b"__" not in encode(_document())
