import gzip
from pathlib import Path

import pytest

from riskwire.errors import InputError
from stream.backfill import lines
from stream.backfill.lines import Line, LineSource
from stream.backfill.records import BadRow, Row, read_table


@pytest.fixture
def read(tmp_path):
    """Bytes → (columns, good rows' values, bad rows as (line, what is wrong))."""

    def read(data: bytes):
        path = tmp_path / "f.csv"
        path.write_bytes(data)
        source = LineSource(path)
        try:
            table = read_table(path, source)
            rows = list(table.rows)
        finally:
            source.close()
        good = [row.values for row in rows if isinstance(row, Row)]
        return table.columns, good, [(row.line, row.error.message) for row in rows if isinstance(row, BadRow)]

    return read


@pytest.mark.parametrize(
    "data",
    [
        b"title,date\nA b,2020\nC d,2021\n",
        b"title,date\r\nA b,2020\r\nC d,2021",
        b"\xef\xbb\xbftitle,date\nA b,2020\n\n\nC d,2021\n\n",
        b"title;date\nA b;2020\nC d;2021\n",
        b"title\tdate\nA b\t2020\nC d\t2021\n",
        b'"title","date"\n"A b","2020"\n"C d","2021"\n',
        b'{"title":"A b","date":"2020"}\n\n{"title":"C d","date":"2021"}',
        b'\xef\xbb\xbf{"title":"A b","date":"2020"}\r\n{"title":"C d","date":"2021"}\r\n',
        gzip.compress(b"title,date\nA b,2020\nC d,2021\n"),
        gzip.compress(b'{"title":"A b","date":"2020"}\n') + gzip.compress(b'{"title":"C d","date":"2021"}\n'),
    ],
)
def test_every_shape_gives_the_same_rows(read, data):
    assert read(data) == (
        ("title", "date"),
        [{"title": "A b", "date": "2020"}, {"title": "C d", "date": "2021"}],
        [],
    )


def test_quotes_hold_separators_quotes_and_line_ends(read):
    _, good, bad = read(b'title,date\n"A, ""b""\nc",2020\nD e,2021\n')
    assert good == [{"title": 'A, "b"\nc', "date": "2020"}, {"title": "D e", "date": "2021"}]
    assert bad == []


def test_a_short_row_has_empty_ends_and_a_long_one_is_bad(read):
    _, good, bad = read(b"title,date\nA b\nC d,2020,x\nE f,2021\n")
    assert good == [{"title": "A b"}, {"title": "E f", "date": "2021"}]
    assert bad == [(3, "has 3 values for 2 columns")]


def test_a_quote_that_is_not_closed_costs_its_own_row_only(read):
    _, good, bad = read(b'title,date\nA b,1\n"C d,2\nE f,3\nG h,4\n')
    assert [row["title"] for row in good] == ["A b", "E f", "G h"]
    assert bad == [(3, "a quote is not closed")]


def test_invalid_utf8_names_row_and_byte_and_the_rest_goes_on(read):
    _, good, bad = read(b"title,date\nA b,1\nCaf\xe9 d,2\nE f,3\n")
    assert [row["title"] for row in good] == ["A b", "E f"]
    assert bad == [(3, "is not UTF-8 (byte 4 of the line is 0xe9)")]


def test_bad_json_lines_are_named(read):
    data = b'{"title":"a"}\n{"title":\n[1]\n"x"\n{"title":"\xff"}\n' + b"[" * 100_000 + b'\n{"title":"z"}\n'
    _, good, bad = read(data)
    assert [row["title"] for row in good] == ["a", "z"]
    assert [line for line, _ in bad] == [2, 3, 4, 5, 6]
    assert bad[1][1] == "is no JSON object"


def test_a_line_of_more_than_ten_megabytes_is_a_bad_row(read, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE", 1000)
    _, good, bad = read(b"title\nA b\n" + b"x" * 5000 + b"\nC d\n")
    assert [row["title"] for row in good] == ["A b", "C d"]
    assert [line for line, _ in bad] == [3]
    assert "longer than" in bad[0][1]


def test_a_real_line_of_eleven_megabytes(read):
    _, good, bad = read(b"title,n\nA b,1\n" + b"x" * (11 * 1024 * 1024) + b",2\nC d,3\n")
    assert [row["title"] for row in good] == ["A b", "C d"]
    assert bad == [(3, "the line is longer than 10 MB")]


def test_nul_bytes_inside_a_row_are_no_end(read):
    _, good, bad = read(b"title,date\nA\0b,1\nC d,2\n")
    assert [row["title"] for row in good] == ["A\0b", "C d"]
    assert bad == []


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n \n\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (bytes(range(256)) * 40, "is a binary file|is not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a binary file|is not UTF-8"),
        ("title,date\n".encode("utf-16"), "is UTF-16"),
        (b"titl\xe9,date\nx,y\n", "is not UTF-8"),
        (b'[{"title": "a"}]', "JSON array"),
        (b",,\n1,2,3\n", "no column names"),
        (gzip.compress(b"title\nA b\n" * 20_000)[:-40], "can't be read to its end"),
        (b"\x1f\x8b\x08 no gzip at all", "can't be read to its end"),
        (gzip.compress(b""), "is empty"),
    ],
)
def test_what_is_no_table_is_refused_with_what_to_do(read, data, message):
    with pytest.raises(InputError, match=message):
        read(data)


def test_only_a_header_is_a_table_without_rows(read):
    assert read(b"title,date\n") == (("title", "date"), [], [])


def test_a_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_RATIO_FROM", 1000)
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"title\n" + b"0" * 5_000_000))
    source = LineSource(path)
    with pytest.raises(InputError, match="unpacks to more"):
        list(source)
    source.close()
    monkeypatch.setattr(lines, "_RATIO_FROM", 10**9)
    monkeypatch.setattr(lines, "MAX_UNZIPPED", 10_000)
    source = LineSource(path)
    with pytest.raises(InputError, match="unpacks to more"):
        list(source)
    source.close()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()])
def test_a_path_that_is_no_file_is_refused(tmp_path: Path, make):
    path = tmp_path / "x"
    make(path)
    with pytest.raises(InputError, match=r"is not there|is a folder"):
        LineSource(path)


def test_lines_across_chunks_are_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_CHUNK", 3)
    path = tmp_path / "x"
    path.write_bytes(b"abcdefg\r\n\nhi\njk")
    source = LineSource(path)
    assert list(source) == [Line(1, b"abcdefg"), Line(2, b""), Line(3, b"hi"), Line(4, b"jk")]
    assert source.position == source.size
    source.close()
