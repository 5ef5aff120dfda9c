"""kill -9 of any worker at any moment loses nothing and doubles nothing: really done, on the real servers.

2 workers on 4 partitions. Each kill falls 0.1–1 s after the victim's latest start has been seen to index a story.
"""

import os
import random
import time
from collections import Counter

import pytest

from program import wait_for
from riskwire.ports import SearchQuery
from riskwire.types import ScoredDocument
from workers import bench, corrected

SOAK = bool(os.environ.get("RISKWIRE_SOAK"))
DOCUMENTS, KILLS = (10_000, 30) if SOAK else (2_000, 8)
REVISED = 5  # every fifth story comes again, corrected
SECONDS = 0.4  # what a batch of 16 takes to score: the work outlasts the kills


def published(made):
    """How often each (id, revision) is on the scored topic."""
    from stream.kafka.scored import KafkaScoredStream

    stream = KafkaScoredStream(made.settings.kafka, made.publisher)
    counts, after = Counter(), 0
    while entries := stream.read(after, 2_000):
        counts.update((one.document.id, one.document.revision) for one in entries)
        after = entries[-1].offset
    stream.close()
    return counts


def all_stories(index):
    stories, after = [], None
    while True:
        page = index.search(SearchQuery(limit=500, after=after))
        stories += page.documents
        if page.next is None:
            return stories
        after = page.next


@pytest.mark.timeout(1200 if SOAK else 280)
def test_kills_lose_nothing_and_double_nothing(kafka, elasticsearch, own_name, tmp_path):
    chance = random.Random(20_261_124)
    with bench(kafka, elasticsearch, own_name, tmp_path) as made:
        arriving = corrected(DOCUMENTS, REVISED)
        made.put(arriving)
        workers = [made.start(seconds=SECONDS), made.start(seconds=SECONDS)]
        committed, messages = made.lags(), made.messages()
        kills = again = 0
        while kills < KILLS and made.lag():
            victim = chance.randrange(2)
            worker = workers[victim]
            # It must have begun to work: its latest start was seen to index.
            wait_for(lambda worker=worker: bool(worker.events("indexed")) or not made.lag(), 60, worker.said)
            if not worker.events("indexed"):
                break
            time.sleep(chance.uniform(0.1, 1.0))
            assert worker.process.poll() is None, worker.said()
            worker.kill()
            kills += 1
            now, held = made.lags(), made.index.held([one.id for one in arriving])
            assert all(now[p].committed >= committed[p].committed for p in now), "a commit went back"
            committed = now
            for (partition, offset), (identity, revision) in messages.items():
                is_held = held.get(identity, 0) >= revision
                if offset < now[partition].committed:
                    assert is_held, f"committed past {partition}:{offset}, which is not in the index"
                else:
                    again += is_held  # it will be delivered again
            workers[victim] = made.start(seconds=SECONDS)
        made.done(240 if not SOAK else 900, *workers)
        for worker in workers:
            wait_for(lambda worker=worker: bool(worker.events("assigned")), 30, worker.said)
            assert worker.stop() == 0, worker.said()

        newest = {one.id: one for one in arriving}  # the corrections are behind
        held = made.index.held(list(newest))
        assert held == {one.id: one.revision for one in newest.values()}  # none missing
        made.storage.client.indices.refresh(index=f"{own_name}-*")  # a search sees what was refreshed, a busy node late
        stories = all_stories(made.index)
        assert Counter(one.id for one in stories) == Counter(dict.fromkeys(newest, 1))  # none missing, none twice
        assert {one.id: one.revision for one in stories} == {one.id: one.revision for one in newest.values()}
        removed = {one.id for one in newest.values() if isinstance(one, ScoredDocument)}
        for one in stories:
            assert (one.title, one.status) == (newest[one.id].title, "removed" if one.id in removed else "scored")
        for one in newest.values():
            if one.revision > 1:
                kept = [2] if one.id in removed else [1, 2]
                assert [old.revision for old in made.index.revisions(one.id)] == kept
        counts = published(made)
        assert counts.keys() == {(one.id, one.revision) for one in arriving}  # what is indexed was published
        # And the test bit.
        print(f"{kills} kills, {again} delivered again, {sum(counts.values()) - len(counts)} published again")
        assert kills == KILLS, "the work was done before all the kills"
        assert again > 0, "no kill left anything to be delivered again"
        assert made.letters() == []
