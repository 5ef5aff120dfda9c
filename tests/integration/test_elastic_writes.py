"""Nothing lost and nothing twice when Elasticsearch says no: every answer that it has, through a proxy before the real
one."""

import json
import threading
import time
import uuid

import msgspec
import pytest

from cluster import empty_indices, remove_indices
from proxy import ScriptedProxy
from riskwire.errors import StorageBusy, StorageError, StorageFull
from riskwire.ports import SearchQuery
from riskwire.settings import ElasticsearchSettings
from riskwire.testing import a_story
from stream.elastic import schema
from stream.elastic.storage import ElasticStorage

JSON = {"Content-Type": "application/json"}
BUSY = (429, JSON, b'{"error":{"type":"es_rejected_execution_exception","reason":"full"},"status":429}')


class Setup:
    """The proxy, and two ways to the same indices: `storage` through it, `direct` past it."""

    def __init__(self, url, prefix):
        self.proxy = ScriptedProxy(url)
        self.settings = ElasticsearchSettings(url=self.proxy.url, prefix=prefix, bulk_bytes=64 * 1024)
        self.storage = ElasticStorage(self.settings, patience=60, refresh=True)
        self.direct = ElasticStorage(ElasticsearchSettings(url=url, prefix=prefix), refresh=True)
        schema.init(self.direct.client, self.settings)
        self.direct.client.indices.put_settings(index=f"{prefix}-*", settings={"index.gc_deletes": "0s"})

    def fails(self, *faults, path="_bulk"):
        """Each of these once, to requests whose path holds `path`; then all is well."""
        waiting = list(faults)

        def fault(method, where, body):
            return waiting.pop(0) if waiting and path in where else None

        self.proxy.fault = fault
        return waiting

    def close(self):
        self.storage.close()
        remove_indices(self.direct, self.settings.prefix)
        self.direct.close()
        self.proxy.close()


@pytest.fixture(scope="module")
def shared(services):
    made = Setup(services.elasticsearch.url, f"t{uuid.uuid4().hex[:10]}")
    yield made
    made.close()


@pytest.fixture
def setup(shared):
    yield shared
    shared.proxy.fault = lambda method, path, body: None
    empty_indices(shared.direct, shared.settings.prefix)


def stories(first, last, **fields):
    return [a_story(n, **fields) for n in range(first, last + 1)]


def count(setup):
    return setup.direct.index.count(SearchQuery())


@pytest.mark.parametrize(
    "fault",
    [
        BUSY,
        (503, JSON, b'{"error":"starting","status":503}'),
        (502, {"Content-Type": "text/html"}, b"<html>bad gateway</html>"),
        (504, {}, b""),
        "drop",
        "drop answer",
    ],
    ids=["429", "503", "502 from a proxy", "504", "dropped", "written, but the answer is lost"],
)
def test_a_passing_failure_is_waited_out_and_each_story_is_there_once(setup, fault):
    waiting = setup.fails(fault, fault)
    result = setup.storage.index.put(stories(1, 5))
    assert waiting == []
    assert result.refused == ()
    assert result.indexed + result.superseded == 5
    assert count(setup) == 5


def test_retry_after_is_obeyed(setup):
    setup.fails((429, JSON | {"Retry-After": "2"}, BUSY[2]))
    started = time.monotonic()
    setup.storage.index.put(stories(1, 1))
    assert time.monotonic() - started >= 2


def test_only_the_item_that_was_rejected_is_sent_again(setup):
    bodies = []

    def reject(answer):
        answer["items"][1]["index"] = {"status": 429, "error": {"type": "es_rejected_execution_exception"}}
        return answer

    def fault(method, path, body):
        if "_bulk" in path:
            bodies.append(body)
            return reject if len(bodies) == 1 else None
        return None

    setup.proxy.fault = fault
    result = setup.storage.index.put(stories(1, 3))
    assert [len(body.splitlines()) // 2 for body in bodies] == [3, 1]
    assert json.loads(bodies[1].splitlines()[0])["index"]["_id"] == a_story(2).id
    # The proxy only said so: it was written the first time, and its repetition changed nothing.
    assert (result.indexed, result.superseded, count(setup)) == (2, 1, 3)


def test_what_the_mapping_refuses_is_told_with_its_reason_and_the_others_are_written(setup):
    # No term of Lucene and no `_id` has more bytes than this.
    result = setup.storage.index.put([a_story(1), msgspec.structs.replace(a_story(2), id="x" * 600), a_story(3)])
    (refused,) = result.refused
    assert (refused.id, refused.revision) == ("x" * 600, 1)
    assert "512 bytes" in refused.reason
    assert (result.indexed, result.superseded, count(setup)) == (2, 0, 2)


def test_a_refused_revision_leaves_the_one_before_it(setup):
    def refuse(answer):
        answer["items"][0]["index"] = {"status": 400, "error": {"type": "document_parsing_exception", "reason": "no"}}
        return answer

    real = []

    def fault(method, path, body):
        if "_bulk" in path and b'"revision":2' in body and "stories" in path:
            real.append(body)
            return (200, JSON, json.dumps(refuse({"items": [{"index": {}}]})).encode())
        return None

    setup.proxy.fault = fault
    result = setup.storage.index.put([a_story(1), a_story(1, revision=2)])
    assert real
    assert [one.revision for one in result.refused] == [2]
    assert setup.direct.index.held([a_story(1).id]) == {a_story(1).id: 1}


def test_a_request_that_is_too_large_is_halved_until_it_fits(setup):
    sizes = []

    def fault(method, path, body):
        if "_bulk" not in path:
            return None
        sizes.append(len(body))
        return (413, {}, b"") if len(body) > 3_000 else None

    setup.proxy.fault = fault
    assert setup.storage.index.put(stories(1, 20)).indexed == 20
    assert max(sizes) > 3_000
    assert count(setup) == 20


def test_a_single_story_that_is_too_large_is_refused(setup):
    setup.proxy.fault = lambda method, path, body: (413, {}, b"") if b"mark" in body else None
    result = setup.storage.index.put([*stories(1, 3), a_story(4, title="mark")])
    assert [one.id for one in result.refused] == [a_story(4).id]
    assert count(setup) == 3


def test_large_batches_go_in_several_requests_of_bounded_size_at_once(setup):
    sizes, now, most = [], 0, 0
    lock = threading.Lock()

    def fault(method, path, body):
        nonlocal now, most
        if "_bulk" in path:
            sizes.append(len(body))
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.3)
            with lock:
                now -= 1

    setup.proxy.fault = fault
    assert setup.storage.index.put(stories(1, 300, summary="x" * 1_000)).indexed == 300
    assert max(sizes) <= 64 * 1024
    assert len(sizes) > 4
    assert 2 <= most <= setup.settings.bulk_concurrency
    assert count(setup) == 300


def test_after_its_patience_the_caller_hears_of_it_and_may_try_again(setup):
    setup.proxy.fault = lambda method, path, body: BUSY
    with ElasticStorage(setup.settings, patience=1) as storage:
        started = time.monotonic()
        with pytest.raises(StorageBusy):
            storage.index.put(stories(1, 3))
        assert time.monotonic() - started < 20
        setup.proxy.fault = lambda method, path, body: None
        assert storage.index.put(stories(1, 3)).indexed == 3


def test_no_answer_about_an_id_is_never_taken_for_not_there(setup):
    def cut(answer):
        answer["docs"] = [
            {"_id": row["_id"], "error": {"type": "no_shard_available_action_exception", "reason": "x"}}
            for row in answer["docs"]
        ]
        return answer

    setup.storage.index.put(stories(1, 2))
    setup.fails(cut, path="_mget")
    with pytest.raises(StorageError):
        setup.storage.index.held([a_story(1).id])
    setup.fails(cut, path="_mget")
    with pytest.raises(StorageError):
        setup.storage.index.put([a_story(1, revision=2)])
    assert setup.storage.index.held([a_story(1).id]) == {a_story(1).id: 1}


def test_a_full_disk_is_named(setup):
    reason = b"index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark]"
    setup.proxy.fault = lambda method, path, body: (
        429, JSON, b'{"error":{"type":"cluster_block_exception","reason":"%s"},"status":429}' % reason
    )  # fmt: skip
    with ElasticStorage(setup.settings, patience=0) as storage, pytest.raises(StorageFull, match="nearly full"):
        storage.index.put(stories(1, 1))


def test_without_its_aliases_nothing_is_written_and_the_error_says_what_to_do(elasticsearch, own_name):
    with ElasticStorage(ElasticsearchSettings(url=elasticsearch.url, prefix=own_name), patience=0) as storage:
        for call in (
            lambda: storage.index.put(stories(1, 1)),
            lambda: storage.index.held(["x"]),
            lambda: storage.index.get("x"),
            lambda: storage.index.search(SearchQuery()),
            lambda: storage.offsets.commit("alerts", 1),
            lambda: storage.offsets.committed("alerts"),
            lambda: storage.alerts.list_alerts(),
        ):
            with pytest.raises(StorageError, match="riskwire index init"):
                call()
        assert not storage.client.indices.exists(index=f"{own_name}-stories")


def test_a_server_that_is_not_there_is_said_so():
    with (
        ElasticStorage(ElasticsearchSettings(url="http://127.0.0.1:9"), patience=0) as storage,
        pytest.raises(StorageError, match="can't be reached"),
    ):
        storage.index.put(stories(1, 1))


def test_the_removed_leaves_no_revision_also_when_another_worker_was_in_the_middle(setup):
    """One worker has read revision 1 and is about to keep it; another removes the story; then the first goes on."""
    setup.storage.index.put([a_story(1, title="Secret")])

    def fault(method, path, body):
        if "_bulk" in path and "revisions" in path:
            setup.proxy.fault = lambda *_: None
            setup.direct.index.put([a_story(1, revision=3, status="removed")])

    setup.proxy.fault = fault
    result = setup.storage.index.put([a_story(1, revision=2, title="Secret still")])
    assert (result.indexed, result.superseded) == (0, 1)
    assert [one.status for one in setup.direct.index.revisions(a_story(1).id)] == ["removed"]
    hits = setup.direct.client.search(index=f"{setup.settings.prefix}-revisions")["hits"]["hits"]
    assert hits == []


def test_what_was_written_is_found_by_a_search_within_two_seconds(elasticsearch, own_name):
    settings = ElasticsearchSettings(url=elasticsearch.url, prefix=own_name)
    with ElasticStorage(settings) as storage:
        schema.init(storage.client, settings)
        waits = []
        for number in range(1, 4):
            started = time.monotonic()
            storage.index.put([a_story(number)])
            while storage.index.count(SearchQuery()) < number:
                assert time.monotonic() - started < 30
                time.sleep(0.02)
            waits.append(time.monotonic() - started)
        remove_indices(storage, own_name)
    assert min(waits) < 2  # the best of three: on a busy machine all take longer


def test_nothing_of_a_story_is_in_an_error(setup):
    secret = "canary-story-text"
    setup.proxy.fault = lambda method, path, body: (
        500, JSON, json.dumps({"error": {"type": "x", "reason": "y" * 5_000 + secret}, "status": 500}).encode()
    )  # fmt: skip
    with ElasticStorage(setup.settings, patience=0) as storage, pytest.raises(StorageError) as caught:
        storage.index.put([a_story(1, title=secret)])
    assert secret not in str(caught.value)
    assert len(str(caught.value)) < 600
