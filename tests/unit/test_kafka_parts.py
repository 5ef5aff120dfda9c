"""Kafka's side without a broker: the table of topics, the ways to connect, the spool's order."""

import asyncio
import io
from contextlib import redirect_stdout

import pytest
from pydantic import SecretStr, ValidationError

from riskwire.clock import SystemClock
from riskwire.errors import StorageBusy, StorageError
from riskwire.ports import KnownStory
from riskwire.settings import ElasticsearchSettings, KafkaSettings, Settings
from riskwire.testing import MemoryLog, a_document
from stream.kafka.connection import client_options, faust_options
from stream.kafka.spool import BoundedSpool, Forwarder, KnownAnywhere
from stream.topics import topics


def test_the_table_of_topics():
    table = topics(KafkaSettings(partitions=8, replication=3, retention_days=2))
    assert [topic.name for topic in table.all()] == [
        "riskwire.documents",
        "riskwire.scored",
        "riskwire.alerts",
        "riskwire.dead-letter",
    ]
    assert [topic.partitions for topic in table.all()] == [8, 8, 1, 1]
    assert [topic.max_bytes for topic in table.all()] == [2**20, 2**20, 2**20, 2**21]
    for topic in table.all():
        assert topic.configuration()["cleanup.policy"] == "delete"
        assert topic.configuration()["min.insync.replicas"] == "2"
    assert table.documents.configuration()["retention.ms"] == str(2 * 24 * 3600 * 1000)


@pytest.mark.parametrize("servers", ["kafka://host:9092", "user:pass@host:9092", "host", "host:port", "a:1;b:2"])
def test_servers_are_host_and_port_alone(servers):
    with pytest.raises(ValidationError, match="host:port"):
        KafkaSettings(bootstrap_servers=servers)


@pytest.mark.parametrize(
    ("servers", "well"), [("127.0.0.1:9092,localhost:9093", True), ("kafka.example.org:9092", False)]
)
def test_a_password_travels_in_clear_on_the_loopback_alone(servers, well):
    login = {"security_protocol": "SASL_PLAINTEXT", "username": "riskwire", "password": SecretStr("s3cret-s3cret")}
    if well:
        KafkaSettings(bootstrap_servers=servers, **login)
    else:
        with pytest.raises(ValidationError, match="in clear to kafka"):
            KafkaSettings(bootstrap_servers=servers, **login)
    KafkaSettings(bootstrap_servers=servers, **{**login, "security_protocol": "SASL_SSL"})


def test_a_login_is_whole():
    with pytest.raises(ValidationError, match="needs username and password"):
        KafkaSettings(bootstrap_servers="h:1", security_protocol="SASL_SSL", username="riskwire")


def test_both_clients_get_the_login_and_no_url_holds_it():
    settings = KafkaSettings(
        bootstrap_servers="a.example:1,b.example:2",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-256",
        username="riskwire",
        password=SecretStr("s3cret-s3cret"),
    )
    options = client_options(settings, "test")
    assert options["sasl_plain_password"] == "s3cret-s3cret"
    assert options["sasl_mechanism"] == "SCRAM-SHA-256"
    assert options["ssl_context"].check_hostname
    faust = faust_options(settings)
    assert faust["broker"] == "kafka://a.example:1;kafka://b.example:2"
    assert faust["broker_credentials"].ssl_context.check_hostname
    assert "s3cret" not in repr(faust)


def test_the_app_acknowledges_nothing_by_itself_opens_no_port_and_prints_no_password(tmp_path):
    from faust.cli.worker import worker as worker_command

    from stream.worker.faust_app import QuietWorker, new_app

    settings = Settings(
        data=tmp_path,
        kafka=KafkaSettings(
            bootstrap_servers="127.0.0.1:1",
            security_protocol="SASL_PLAINTEXT",
            username="riskwire",
            password=SecretStr("s3cret-s3cret"),
        ),
        elasticsearch=ElasticsearchSettings(url="http://127.0.0.1:1"),
    )
    app = new_app(settings)
    assert not app.conf.web_enabled
    assert not app.conf.topic_allow_declare
    assert app.conf.topic_disable_leader
    assert (app.conf.key_serializer, app.conf.value_serializer) == ("raw", "raw")  # never pickle
    assert app.conf.Worker is QuietWorker
    topic = app.topic(topics(settings.kafka).documents.name, key_type=bytes, value_type=bytes, acks=False)
    assert topic.acks is False
    out = io.StringIO()
    with redirect_stdout(out):
        print(app.conf.broker, app.conf.broker_credentials, worker_command)
    assert "s3cret" not in out.getvalue()


class FakePublisher:
    """Fails until it is told to work."""

    def __init__(self, log):
        self.works, self.sent, self._log = False, [], log

    def send(self, topic, events):
        if not self.works:
            raise StorageError("away", about="kafka")
        assert self._log.depth() > 0, "the spool forgot before Kafka had it"
        self.sent += events


def test_the_spool_keeps_everything_until_kafka_has_it():
    spool = MemoryLog()
    publisher = FakePublisher(spool)
    forwarder = Forwarder(spool, publisher, "documents", SystemClock())
    spool.append([a_document(n) for n in range(1_200)])
    with pytest.raises(StorageError):
        forwarder.move()
    assert spool.depth() == 1_200
    publisher.works = True
    while forwarder.move():
        pass
    assert spool.depth() == 0
    assert [one.key.decode() for one in publisher.sent] == [a_document(n).id for n in range(1_200)]


def test_a_spool_that_is_full_takes_no_more_until_there_is_room(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("stream.kafka.spool.time.monotonic", lambda: now[0])
    log = MemoryLog()
    spool = BoundedSpool(log, 2)
    spool.append([a_document(n) for n in range(2)])
    now[0] += 1
    with pytest.raises(StorageBusy, match="ingest waits"):
        spool.append([a_document(2)])
    assert spool.depth() == log.depth() == 2
    spool.ack(spool.read(1)[-1].offset)
    now[0] += 1
    spool.append([a_document(2)])
    assert spool.depth() == 2


def test_the_forwarder_waits_for_kafka_and_empties_the_spool_before_it_stops():
    spool = MemoryLog()
    publisher = FakePublisher(spool)
    forwarder = Forwarder(spool, publisher, "documents", SystemClock())

    async def go():
        stop = asyncio.Event()
        running = asyncio.create_task(forwarder.run(stop))
        spool.append([a_document(1)])
        while forwarder.last_error is None:
            await asyncio.sleep(0.01)
        publisher.works = True
        while spool.depth():
            await asyncio.sleep(0.01)
        spool.append([a_document(2)])
        stop.set()
        await running

    asyncio.run(asyncio.wait_for(go(), 30))
    assert len(publisher.sent) == 2
    assert forwarder.last_error is None


def test_what_spoils_the_spool_is_put_aside_and_the_rest_goes_on():
    spool = MemoryLog()
    publisher = FakePublisher(spool)
    publisher.works = True
    spool.append_raw("bad", b"{")
    spool.append([a_document(1)])
    assert Forwarder(spool, publisher, "documents", SystemClock()).move() == 2
    assert len(publisher.sent) == 1
    assert [one.stage for one in spool.dead_letters] == ["ingest"]


def test_a_new_folder_goes_on_with_the_revisions_of_the_index():
    memory, index = MemoryLog(), MemoryLog()
    index.append([a_document(1, revision=4, content_hash="of the index"), a_document(2)])
    memory.append([a_document(2, revision=3, content_hash="own")])
    known = KnownAnywhere(memory, index).by_id([a_document(n).id for n in (1, 2, 3)])
    assert {story.id: (story.revision, story.content_hash) for story in known.values()} == {
        a_document(1).id: (4, "of the index"),
        a_document(2).id: (3, "own"),
    }


def test_an_index_that_is_away_is_no_reason_to_take_a_correction_for_news():
    class Away:
        def by_id(self, ids):
            raise StorageError("away")

        by_link = by_id

    memory = MemoryLog()
    memory.append([a_document(1)])
    assert isinstance(KnownAnywhere(memory, Away()).by_id([a_document(1).id])[a_document(1).id], KnownStory)
    with pytest.raises(StorageError):
        KnownAnywhere(memory, Away()).by_id([a_document(2).id])
