"""SourceStates."""

from datetime import UTC, datetime

from riskwire.ports import SourceHealth, SourceState


def test_a_state_is_kept_by_name_and_replaced(backend):
    assert backend.sources.load("ecb") is None
    first = SourceState(name="ecb", url="https://ecb.example/rss", etag='"1"', failures=2, last_error="HTTP 500")
    backend.sources.save(first)
    second = SourceState(name="ecb", last_outcome="ok", last_polled_at=datetime(2026, 1, 1, 1, 2, 3, 4, tzinfo=UTC))
    backend.sources.save(second)
    backend.sources.save(SourceState(name="boe"))
    backend.reopen()
    assert backend.sources.load("ecb") == second
    assert [state.name for state in backend.sources.all()] == ["boe", "ecb"]


def test_states_and_changes_of_health_are_kept_together(backend):
    at = datetime(2026, 1, 1, 1, 2, 3, 4, tzinfo=UTC)
    states = [SourceState(name=name, failures=number) for number, name in enumerate("abc")]
    changes = [
        SourceHealth(name="b", status="failing", at=at, previous="ok", error="HTTP 500", undated=0.25),
        SourceHealth(name="b", status="ok", at=at, previous="failing"),
    ]
    backend.sources.save_all(states, changes)
    backend.sources.save_all([], [])
    backend.reopen()
    assert [state.failures for state in backend.sources.all()] == [0, 1, 2]
    entries = backend.sources.read_health(0, 10)
    assert [entry.health for entry in entries] == changes
    assert backend.sources.read_health(entries[0].offset, 10) == entries[1:]
    assert backend.sources.read_health(0, 1) == entries[:1]


def test_a_source_that_flaps_keeps_its_newest_changes(backend):
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(3):
        changes = [SourceHealth(name="b", status="ok", at=at, failures=number * 100 + one) for one in range(100)]
        backend.sources.save_all([], [*changes, SourceHealth(name="calm", status="ok", at=at)])
    kept = [entry.health for entry in backend.sources.read_health(0, 10_000)]
    assert [one.failures for one in kept if one.name == "b"][-200:] == list(range(100, 300))
    assert sum(one.name == "calm" for one in kept) == 3
