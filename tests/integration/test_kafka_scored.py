"""The scored topic with several partitions: one number for many places, the same way back after a restart."""

import time
from datetime import UTC, datetime, timedelta

from kafka import TopicPartition

from kafka_backend import KafkaBackend
from riskwire.testing import a_document, a_story
from stream.kafka.admin import reader
from stream.topics import topics

START = datetime(2026, 3, 1, tzinfo=UTC)


def read_all(stream, after, until=None):
    entries = []
    while until is None or after < until:
        limit = 128 if until is None else min(128, until - after)
        got = stream.read(after, limit)
        if not got:
            break
        entries += got
        after = got[-1].offset
    return entries


def test_a_consumer_goes_on_where_it_was_and_rebuilds_what_lies_before(kafka, own_name, tmp_path):
    made = KafkaBackend(kafka.bootstrap_servers, own_name, tmp_path, partitions=4)
    try:
        stories = [a_story(n, seen_at=START + timedelta(minutes=n)) for n in range(1_000)]
        made.scored.publish(stories)
        entries = read_all(made.scored, 0)
        assert [one.document.id for one in entries] == [one.id for one in stories]  # in the order of time
        assert [one.offset for one in entries] == list(range(1, 1_001))
        made.offsets.commit("alerts", entries[599].offset)
        made.offsets.commit("alerts", entries[499].offset)  # never back
        made.reopen()

        committed = made.offsets.committed("alerts")
        assert committed == 600
        newest = made.scored.read(committed - 1, 1)
        assert len(newest) == 1
        after = made.scored.offset_before(START + timedelta(minutes=300))
        rebuilt = read_all(made.scored, after, committed)
        assert {one.document.id for one in rebuilt} == {one.id for one in stories[300:600]}
        assert rebuilt[-1].offset == committed
        rest = read_all(made.scored, committed)
        assert {one.document.id for one in rest} == {one.id for one in stories[600:]}
        assert rest[-1].offset == made.scored.end()
    finally:
        made.close()


def test_two_readers_of_one_stream_see_the_same_way(kafka, own_name, tmp_path):
    made = KafkaBackend(kafka.bootstrap_servers, own_name, tmp_path, partitions=3)
    try:
        made.scored.publish([a_story(n, seen_at=START + timedelta(minutes=n % 7)) for n in range(200)])
        first = read_all(made.scored, 0)
        made.scored.publish([a_story(n, seen_at=START) for n in range(200, 260)])
        again = read_all(made.scored, 0)
        assert again[:200] == first
        assert len(again) == 260
    finally:
        made.close()


def test_the_end_is_a_place_to_begin(kafka, own_name, tmp_path):
    made = KafkaBackend(kafka.bootstrap_servers, own_name, tmp_path, partitions=3)
    try:
        made.scored.publish([a_story(n) for n in range(50)])
        end = made.scored.end()
        made.scored.publish([a_story(n) for n in range(50, 60)])
        assert {one.document.id for one in read_all(made.scored, end)} == {a_story(n).id for n in range(50, 60)}
    finally:
        made.close()


def test_retention_counts_from_when_kafka_got_a_message(kafka, own_name, tmp_path):
    # A spool may hold a story for longer than the retention; the cleaner must not take it before a worker has.
    made = KafkaBackend(kafka.bootstrap_servers, own_name, tmp_path)
    try:
        began = time.time() - 60
        made.log.append([a_document(1, seen_at=START)])
        made.scored.publish([a_story(1, seen_at=START)])
        for topic in (topics(made.settings).documents, topics(made.settings).scored):
            with reader(made.settings, "test") as consumer:
                place = TopicPartition(topic.name, 0)
                consumer.assign([place])
                consumer.seek_to_beginning(place)
                (record,) = consumer.poll(timeout_ms=10_000)[place]
                assert record.timestamp / 1000 > began
    finally:
        made.close()
