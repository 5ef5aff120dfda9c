"""SourceStates."""

from datetime import UTC, datetime

from riskwire.ports import SourceState


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
