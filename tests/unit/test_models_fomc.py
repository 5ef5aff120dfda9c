"""Sentences of monetary policy out of workbooks, by their stance."""

import os
import zipfile
from pathlib import Path

import pytest

from models.corpora import fomc

DATASETS = Path(os.environ.get("RISKWIRE_DATASETS", Path(__file__).parents[3] / "shared" / "data"))
CELLS = (  # a row each: column → the inside of its cell
    {"B": "<is><t>sentence</t></is>", "D": "<is><t>label</t></is>"},
    {"A": "<v>0</v>", "B": "<is><t>Rates may rise &amp; stay.</t></is>", "D": "<v>1</v>"},
    {"B": "<is><r><t>In two </t></r><r><t>runs.</t></r></is>", "D": "<v>0</v>"},
    {"B": "<is><t>A parent.</t></is>", "D": "<is><t>-</t></is>"},
    {"B": "<is><t>No label.</t></is>"},
)
ROWS = "".join(
    f'<row r="{n}">' + "".join(f'<c r="{column}{n}">{inside}</c>' for column, inside in row.items()) + "</row>"
    for n, row in enumerate(CELLS, start=8)
)
SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    f"<sheetData>{ROWS}</sheetData></worksheet>"
)


def test_labelled_rows_of_each_workbook(tmp_path: Path) -> None:
    for name in fomc.FILES:
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            packed.writestr("xl/worksheets/sheet1.xml", SHEET)
    found = [(item.text, item.stance, item.story) for item in fomc.load(tmp_path)]
    assert found == [("Rates may rise & stay.", "hawkish", None), ("In two runs.", "dovish", None)] * 3


def test_the_real_workbooks() -> None:
    if not (DATASETS / "fomc_hawkish_dovish").is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no data sets under {DATASETS}: set RISKWIRE_DATASETS")
        pytest.skip(f"no data sets under {DATASETS}: set RISKWIRE_DATASETS")
    items = fomc.load(DATASETS / "fomc_hawkish_dovish")
    stances = [item.stance for item in items]
    assert (stances.count("dovish"), stances.count("hawkish"), stances.count("neutral")) == (598, 571, 1112)
