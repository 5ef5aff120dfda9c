"""The feeds file that docs/sources.md shows is one."""

import re
from pathlib import Path

from ingest import kinds
from ingest.feeds.list import active, load_sources, switched_off
from riskwire.settings import IngestSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sources.md"


def test_the_example_is_a_feeds_file_and_says_what_it_lacks(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path = tmp_path / "feeds.toml"
    path.write_text(found[1], encoding="utf-8")
    sources = load_sources(path)
    assert {row.table for row in sources.rows} == set(kinds.MODULES) - {"feeds"}
    off = {one.name: one.reason for one in switched_off(sources, IngestSettings())}
    assert set(off) == {"X on Tesla", "8-K filings", "Apple's filings", "EDGAR: going concern", "desk notes"}
    assert "ingest.contact" in off["8-K filings"]
    given = IngestSettings(twitter_bearer_token="x", contact="Ann ann@example.com", allow_local_files=True)  # type: ignore[arg-type]
    assert active(sources, given) == sources
