"""PersonalData, on one file and on the cluster: a person's stories, their past, what alerts say of them, the memory."""

import asyncio
import threading
from contextlib import contextmanager

import pytest
from people import NOW, a_post, alert_on

from cluster import remove_indices
from ingest.base import Told
from ingest.intake import Intake
from riskwire.cli.cluster import ClusterStore
from riskwire.clock import SystemClock
from riskwire.settings import ElasticsearchSettings, KafkaSettings, Settings, StreamSettings
from riskwire.testing import KeywordScorer, UpperCaseLinker, a_document
from stream.elastic import schema
from stream.kafka.admin import Cluster
from stream.local import Processor
from stream.sqlite.storage import Storage

JO, AL = "jo" * 16, "al" * 16


class Place:
    """A setting: its ports, and `processed`, within which what is on the log goes on to the index."""

    def __init__(self, store, people, known, refresh=lambda: None):
        self.store, self.people, self.known, self.refresh = store, people, known, refresh

    @contextmanager
    def processed(self):
        processor = Processor(
            log=self.store.log,
            index=self.store.index,
            scored=self.store.scored,
            scorer=KeywordScorer(),
            linker=UpperCaseLinker(),
            clock=SystemClock(),
            settings=StreamSettings(),
        )
        stop = asyncio.Event()
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_until_complete, args=(processor.run(stop),))
        with processor:
            thread.start()
            yield
            loop.call_soon_threadsafe(stop.set)
            thread.join()
        loop.close()
        self.refresh()

    def tell(self, *posts):
        async def run():
            intake = Intake(self.store.log, self.known, SystemClock())
            return await intake.take([Told(one) for one in posts])

        return asyncio.run(run())


@pytest.fixture(params=["sqlite", "cluster"])
def place(request, tmp_path):
    if request.param == "sqlite":
        with Storage(tmp_path / "riskwire.db") as store:
            yield Place(store, store.people, store.log)
        return
    services, name = request.getfixturevalue("services"), request.getfixturevalue("own_name")
    settings = Settings(
        data=tmp_path,
        kafka=KafkaSettings(bootstrap_servers=services.kafka.bootstrap_servers, prefix=name, partitions=1),
        elasticsearch=ElasticsearchSettings(url=services.elasticsearch.url, prefix=name),
    )
    Cluster(settings.kafka).init()
    with ClusterStore(settings, "test") as store:
        schema.init(store.elastic.client, settings.elasticsearch)
        people = store.people(SystemClock(), patience=20)
        yield Place(store, people, store.known, lambda: store.elastic.client.indices.refresh(index=f"{name}-*"))
        remove_indices(store.elastic, name)


def post(number, author, title):
    return a_post(number, author, title, f"https://social.example/{number}")


@pytest.fixture
def told(place):
    """Two people's posts, one of them corrected, and an alert that stands on both."""
    with place.processed():
        place.tell(post(1, JO, "Zorblatt gains at last"), post(2, AL, "Quibble gains at last"))
        wait_until(lambda: len(place.store.index.held([a_document(n).id for n in (1, 2)])) == 2)
        place.tell(post(1, JO, "Zorblatt warns of losses"), post(3, JO, "Zorblatt is sued"))
        wait_until(lambda: place.store.index.held([a_document(1).id]) == {a_document(1).id: 2})
        wait_until(lambda: place.store.index.get(a_document(3).id) is not None)
    held = [place.store.index.get(a_document(number).id) for number in (1, 2)]
    place.store.alerts.put_alerts([alert_on(*held)])
    place.refresh()
    return held


def wait_until(done):
    from program import wait_for

    wait_for(done, 30)


def test_traces_are_counted_and_change_nothing(place, told):
    for _ in range(2):
        found = place.people.traces([JO])
        assert (found.stories, found.revisions, found.waiting, found.alerts) == (2, 1, 0, 1)
        assert sorted(found.ids) == sorted([a_document(1).id, a_document(3).id])
    assert place.people.traces(["no" * 16]).stories == 0
    assert place.store.index.get(told[0].id) == told[0]


def test_a_persons_stories_are_emptied_everywhere_and_nobody_elses(place, told):
    with place.processed():
        found = place.people.forget([JO], NOW)
    assert (found.stories, found.revisions, found.alerts, found.scrubbed) == (2, 1, 1, True)
    for number in (1, 3):
        (left,) = place.store.index.revisions(a_document(number).id)
        assert (left.status, left.title, left.text, left.authors, left.link) == ("removed", "", "", (), None)
        assert (left.id, left.source, left.publisher) == (a_document(number).id, "m", "mastodon")
    assert place.store.index.get(told[1].id) == told[1]
    place.refresh()
    (alert,) = place.store.alerts.list_alerts()
    assert [one.title for one in alert.evidence] == ["(removed)", "Quibble gains at last"]
    assert alert.annotations == {"summary": "Worst: (removed)"}
    assert place.known.by_author(JO) == []
    assert [one.id for one in place.known.by_author(AL)] == [told[1].id]


def test_again_there_is_nothing_and_it_does_not_come_back(place, told):
    with place.processed():
        place.people.forget([JO], NOW)
    place.refresh()
    assert place.people.traces([JO]).stories == 0
    before = place.store.index.get(told[0].id)
    with place.processed():
        again = place.people.forget([JO], NOW)
        assert (again.stories, again.alerts, again.scrubbed) == (0, 0, True)
        decision = place.tell(post(1, JO, "Zorblatt is back"))
        assert not decision.new
        assert not decision.corrected
    assert place.store.index.get(told[0].id) == before
