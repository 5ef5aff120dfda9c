"""What can't be processed is in the dead letters with its reason, the rest is indexed; `dead-letter` works on it."""

import json

import pytest
from kafka import KafkaAdminClient

from riskwire import wire
from riskwire.testing import a_document
from riskwire.types import Document
from workers import bench

GOOD = wire.encode(a_document(999, title="Acme profit rises"))
POISON = {
    "not-json": (b"{not json", "can't be read"),
    "nul-byte": (GOOD.replace(b"Acme", b"Ac\x00me"), "can't be read"),
    "nul-escape": (GOOD.replace(b"Acme", b"Ac\\u0000me"), "NUL"),
    "surrogate": (GOOD.replace(b"Acme", b"Ac\\ud800me"), "can't be read"),
    "schema": (GOOD.replace(b'"schema_version":1', b'"schema_version":99'), "schema version 99"),
    "type": (GOOD.replace(b'"revision":1', b'"revision":"one"'), "revision"),
    "large": (GOOD.replace(b"Acme", b"x" * 5_000_000), "at most 1048576"),
}


def raise_limit(made):
    """What an operator may have done: the topic takes 8 MB."""
    admin = KafkaAdminClient(bootstrap_servers=made.settings.kafka.bootstrap_servers)
    from kafka.admin import ConfigResource, ConfigResourceType

    admin.alter_configs(
        [ConfigResource(ConfigResourceType.TOPIC, made.topics.documents.name, {"max.message.bytes": str(8 * 2**20)})]
    )
    admin.close()


def cli(made, *arguments):
    return made.command(*arguments)


@pytest.mark.timeout(240)
def test_poison_is_put_aside_and_can_be_tried_again(kafka, elasticsearch, own_name, tmp_path):
    with bench(kafka, elasticsearch, own_name, tmp_path) as made:
        raise_limit(made)
        good = [a_document(n, title=f"Acme{n} profit rises") for n in range(60)]
        made.put(good[:30])
        for key, (value, _) in POISON.items():
            made.put_raw(key, value)
        made.put(good[30:])
        worker = made.start()
        made.done(90, worker)
        letters = {one.message.key: one for one in made.letters()}
        assert letters.keys() == POISON.keys()
        for key, (value, reason) in POISON.items():
            message = letters[key].message
            assert reason in message.error_message
            assert message.stage == "decode"
            assert (message.value, message.value_size) == (value[: 64 * 1024], len(value))
        assert made.indexed() == len(good)

        listed = [
            json.loads(line) for line in cli(made, "dead-letter", "list", "--format", "jsonl").stdout.splitlines()
        ]
        assert {row["key"]: row["error_message"] for row in listed} == {
            key: one.message.error_message for key, one in letters.items()
        }
        shown = cli(made, "dead-letter", "show", letters["nul-escape"].place)
        assert shown.stdout.encode() == POISON["nul-escape"][0]
        # Tried again it fails again, and is no second letter; what is not whole is left out, and said so.
        again = cli(made, "dead-letter", "retry", "--all")
        assert again.returncode == 1
        assert "1 left out" in again.stderr
        made.done(60, worker)
        assert len(made.letters()) == len(POISON)
        assert cli(made, "dead-letter", "retry", "9:9").returncode == 2
        status = [json.loads(line) for line in cli(made, "topics", "status", "--format", "jsonl").stdout.splitlines()]
        assert {row["name"].rpartition(".")[2]: row["lag"] for row in status}["documents"] == 0
        assert worker.stop() == 0


@pytest.mark.timeout(120)
def test_a_letter_whose_reason_has_gone_is_indexed_by_a_retry(kafka, elasticsearch, own_name, tmp_path):
    from datetime import UTC, datetime

    from stream.dead_letters import dead_letter
    from stream.kafka.dead_letters import DeadLetters

    with bench(kafka, elasticsearch, own_name, tmp_path) as made:
        document = a_document(1, title="Acme profit rises")
        letter = dead_letter(
            wire.encode(document), key=document.id, stage="index", error=ValueError("no"), failed_at=datetime.now(UTC)
        )
        DeadLetters(made.settings.kafka, made.publisher).keep([letter])
        worker = made.start()
        assert cli(made, "dead-letter", "retry", "--all", "--stage", "decode").returncode == 0
        assert made.lag() == 0
        assert cli(made, "dead-letter", "retry", "--all", "--stage", "index").returncode == 0
        made.done(60, worker)
        found = made.index.get(document.id)
        assert found is not None
        assert found.title == document.title
        assert isinstance(found, Document)
