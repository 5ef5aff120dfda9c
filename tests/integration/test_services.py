"""The servers that `make services` starts are real, survive a crash with what they held, and leave nothing behind."""

import urllib.error
import urllib.request

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic


def test_kafka_keeps_what_it_acknowledged_through_a_crash(services, own_name):
    server = services.kafka.bootstrap_servers
    admin = KafkaAdminClient(bootstrap_servers=server)
    admin.create_topics([NewTopic(own_name, 1, 1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=server, acks="all")
    producer.send(own_name, b"kept").get(30)
    producer.close()
    services.kafka.restart(kill=True)
    consumer = KafkaConsumer(
        own_name, bootstrap_servers=server, auto_offset_reset="earliest", consumer_timeout_ms=20_000
    )
    assert next(iter(consumer)).value == b"kept"
    consumer.close()


def test_elasticsearch_answers_and_makes_no_index_by_itself(services, own_name):
    request = urllib.request.Request(
        f"{services.elasticsearch.url}/{own_name}/_doc/1", b"{}", {"Content-Type": "application/json"}, method="PUT"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    assert caught.value.code == 404
    caught.value.close()


def test_a_server_stops_twice_without_complaint(services):
    services.kafka.stop()
    services.kafka.stop()
    assert not services.kafka.is_up()
    services.kafka.start()
    services.kafka.wait()
