"""Whatever a table holds comes out as it went in; whatever a file holds costs an InputError at most."""

import csv
import gzip
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from riskwire.errors import InputError
from stream.backfill.lines import LineSource
from stream.backfill.records import BadRow, Row, read_table


@pytest.fixture(scope="module")
def read():
    with TemporaryDirectory() as folder:
        path = Path(folder) / "f"

        def read(data: bytes):
            path.write_bytes(data)
            source = LineSource(path)
            try:
                return list(read_table(path, source).rows)
            finally:
                source.close()

        yield read


values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
tables = st.lists(st.tuples(values, values, values), max_size=8)


@settings(deadline=None)
@given(rows=tables, delimiter=st.sampled_from(",;\t|"), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
@example(rows=[('"', 'a"b', "x\n\ny"), (",;|", "\0", "é")], delimiter=",", quoting=csv.QUOTE_MINIMAL)
def test_csv_comes_out_as_it_went_in(read, rows, delimiter, quoting):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
    writer.writerows([("a", "b", "c"), *rows])
    found = read(text.getvalue().encode())
    assert all(isinstance(row, Row) for row in found), found
    assert [tuple(row.values.values()) for row in found] == [row for row in rows if any(map(str.strip, row))]
    assert [row.line for row in found] == sorted(row.line for row in found)


@settings(deadline=None)
@given(
    rows=st.lists(
        st.dictionaries(values, values | st.integers() | st.lists(values, max_size=2), max_size=3), max_size=6
    )
)
def test_json_lines_come_out_as_they_went_in(read, rows):
    data = "".join(json.dumps(row) + "\n" for row in [{"title": "first"}, *rows]).encode()
    assert [row.values for row in read(gzip.compress(data))][1:] == rows


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda data: b"title,date\n" + data))
@example(b"a\rb\rc")
@example(b"title,date\n\rx\r,y\n")
@example(b'title\n"a\rb"\nc"d\n"')
def test_any_bytes_cost_an_input_error_at_most(read, data):
    try:
        rows = read(data)
    except InputError:
        return
    for row in rows:
        assert row.line >= 1
        assert isinstance(row, Row) or (isinstance(row, BadRow) and str(row.error))


@settings(deadline=None)
@given(rows=tables, bad=st.sampled_from([b"\xff\xfe,\xff,x", b"a,b,c,d,e", b'"never closed,1,2']), at=st.integers(0, 8))
def test_a_bad_row_costs_no_other(read, rows, bad, at):
    # A value with a comma is written in quotes, and its first quote would close the one that is never closed: no reader
    # can tell which was meant.
    left_out = '"\n,' if bad.startswith(b'"') else '"\n'
    rows = [tuple("".join(c for c in value if c not in left_out) or "x" for value in row) for row in rows]
    at = min(at, len(rows))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    lines = [line for line in text.getvalue().encode().split(b"\n") if line]
    data = b"a,b,c\n" + b"\n".join([*lines[:at], bad, *lines[at:]]) + b"\n"
    found = read(data)
    good = [tuple(row.values.values()) for row in found if isinstance(row, Row)]
    assert good == [row for row in rows if any(map(str.strip, row))]
    assert [row.line for row in found if isinstance(row, BadRow)] == [at + 2]
