"""A person is forgotten in the cluster setting: in the index, in its past, in the alerts and in ingest's own file."""

import asyncio

import pytest
from people import NOW, a_post, alert_on

from ingest.base import Told
from ingest.documents.authors import FILE, pseudonym
from ingest.intake import Intake
from riskwire.cli.cluster import ClusterStore
from riskwire.clock import SystemClock
from riskwire.errors import StorageBusy
from riskwire.testing import a_document
from workers import bench

KEY = b"the key of this very test, long enough"


def post(number, account, title):
    link = f"https://social.example/@{account.partition('@')[0]}/{number}"
    return a_post(number, pseudonym(KEY, "mastodon", account), title, link)


def tell(store, *posts):
    async def run():
        return await Intake(store.spool, store.known, SystemClock()).take([Told(one) for one in posts])

    decision = asyncio.run(run())
    while store.forwarder(SystemClock()).move():
        pass
    return decision


def command(made, *arguments):
    return made.command("forget", *arguments)


@pytest.mark.timeout(240)
def test_what_a_person_wrote_is_gone_everywhere_but_the_topics(kafka, elasticsearch, own_name, tmp_path):
    (tmp_path / FILE).write_bytes(KEY)
    with bench(kafka, elasticsearch, own_name, tmp_path) as made:
        worker = made.start()
        with ClusterStore(made.settings, "ingest") as store:
            tell(store, post(1, "jo@social.example", "Zorblatt gains"), post(2, "al@social.example", "Quibble gains"))
            tell(store, post(1, "jo@social.example", "Zorblatt warns of losses"), post(3, "jo@social.example", "Zorb"))
            made.done(90, worker)
            held = [store.index.get(a_document(number).id) for number in (1, 2)]
            store.alerts.put_alerts([alert_on(*held)])
            assert len(store.index.revisions(a_document(1).id)) == 2
        made.storage.client.indices.refresh(index=f"{own_name}-*")  # what was just written is found by its author

        tried = command(made, "jo@social.example", "--platform", "mastodon", "--dry-run", "--format", "jsonl")
        assert tried.returncode == 0, tried.stderr
        assert '"stories":2' in tried.stdout.replace(" ", "")
        told = command(made, "jo@social.example", "--platform", "mastodon", "--format", "jsonl")
        assert told.returncode == 0, told.stderr
        assert "topics keep what was sent for 7 days" in told.stderr

        with ClusterStore(made.settings, "ingest") as store:
            for number in (1, 3):
                past = store.index.revisions(a_document(number).id)
                assert [one.status for one in past] == ["removed"]
                assert (past[0].title, past[0].authors, past[0].link) == ("", (), None)
                assert (past[0].source, past[0].publisher) == ("m", "mastodon")
            assert store.index.get(held[1].id) == held[1]
            made.storage.client.indices.refresh(index=f"{own_name}-*")
            (kept,) = store.alerts.list_alerts()
            assert [one.title for one in kept.evidence] == ["(removed)", "Quibble gains"]
            assert "Zorblatt" not in kept.annotations["summary"]
            again = tell(store, post(1, "jo@social.example", "Zorblatt is back"))
            assert not again.new
            assert not again.corrected
        assert not any(b"Zorb" in path.read_bytes() for path in tmp_path.glob("riskwire.db*"))


@pytest.mark.timeout(240)
def test_what_found_no_workers_is_finished_by_the_next_run(kafka, elasticsearch, own_name, tmp_path):
    jo = pseudonym(KEY, "mastodon", "jo@social.example")
    with bench(kafka, elasticsearch, own_name, tmp_path) as made, ClusterStore(made.settings, "ingest") as store:
        worker = made.start()
        tell(store, post(1, "jo@social.example", "Zorblatt gains"))
        made.done(90, worker)
        assert worker.stop() == 0
        story = store.index.get(a_document(1).id)
        store.alerts.put_alerts([alert_on(story)])
        made.storage.client.indices.refresh(index=f"{own_name}-*")
        people = store.people(SystemClock(), patience=1)
        with pytest.raises(StorageBusy, match="1 removals wait"):
            people.forget([jo], NOW)
        (kept,) = store.alerts.list_alerts()
        assert kept.evidence[0].title == "Zorblatt gains"

        worker = made.start()
        made.done(90, worker)
        made.storage.client.indices.refresh(index=f"{own_name}-*")
        found = people.forget([jo], NOW)
        assert (found.ids, found.stories, found.alerts) == ((story.id,), 0, 1)
        made.storage.client.indices.refresh(index=f"{own_name}-*")
        (kept,) = store.alerts.list_alerts()
        assert (kept.evidence[0].title, kept.annotations["summary"]) == ("(removed)", "Worst: (removed)")
        assert people.traces([jo]).ids == ()  # and then nothing knows any more which they were
