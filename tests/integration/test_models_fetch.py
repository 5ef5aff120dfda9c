"""Fetching data sets from a real local server: whole, resumed, refused, converted."""

import asyncio
import csv
import gzip
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from models.corpora import phrasebank, sentfin
from models.datasets.catalogue import Entry, File
from models.datasets.fetch import NOTE, fetch, is_there
from riskwire.errors import AddressRefused, FetchError, InputError, RiskwireError, TooLarge

BODY = b"word O\n" * 40_000


class Server:
    """Serves `files` with ETag and ranges; breaks off after `stop_after` bytes, once; notes the ranges asked for."""

    def __init__(self, files: dict[str, bytes], *, stop_after: int | None = None, etag: str = '"1"') -> None:
        self.files, self.stop_after, self.etag = files, stop_after, etag
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.headers.get("Range", ""))
        if request.path == "/moved":
            raise web.HTTPFound("/a.conll")
        if request.path == "/packed":
            return web.Response(body=gzip.compress(BODY), headers={"Content-Encoding": "gzip"})
        body = self.files.get(request.path)
        if body is None:
            raise web.HTTPNotFound
        start = 0
        if request.headers.get("Range") and request.headers.get("If-Range") == self.etag:
            start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        response = web.StreamResponse(status=206 if start else 200, headers={"ETag": self.etag} if self.etag else {})
        response.content_length = len(body) - start
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        await response.prepare(request)
        if self.stop_after is not None:
            await response.write(body[start : self.stop_after])
            self.stop_after = None
            await asyncio.sleep(0.05)
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(body[start:])
        return response

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_route("GET", "/{path:.*}", self.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def entry(base: str, path: str = "/a.conll", place: str = "set/a.conll", sha256: str | None = None) -> Entry:
    return Entry("ner_wikigold", base, True, True, (File(base + path, place, sha256),))


def bring(server: Server, folder: Path, make: Callable[[str], Entry] = entry, **more: Any) -> list[str]:
    seen: list[tuple[str, int, int | None]] = []

    async def run() -> list[str]:
        async with server.running() as base:
            settings = {"allow_private": True} | more
            return await fetch(make(base), folder, progress=lambda *step: seen.append(step), **settings)

    came = asyncio.run(run())
    if came:
        assert seen[-1][1] == seen[-1][2] == (folder / came[-1]).stat().st_size
    return came


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_comes_whole_is_noted_and_stays(tmp_path: Path) -> None:
    server = Server({"/a.conll": BODY})
    assert bring(server, tmp_path) == ["set/a.conll"]
    assert (tmp_path / "set" / "a.conll").read_bytes() == BODY
    note = json.loads((tmp_path / "set" / NOTE).read_text())["a.conll"]
    assert (note["sha256"], note["size"]) == (hashlib.sha256(BODY).hexdigest(), len(BODY))
    (tmp_path / "set" / "a.conll").write_bytes(b"mine")
    assert bring(server, tmp_path) == []
    assert (tmp_path / "set" / "a.conll").read_bytes() == b"mine"
    assert left(tmp_path) == [NOTE, "a.conll"]


def test_a_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    server = Server({"/a.conll": BODY}, stop_after=100_000)
    with pytest.raises(FetchError, match="goes on where it stopped"):
        bring(server, tmp_path)
    kept = (tmp_path / "set" / "a.conll.part").stat().st_size
    assert 0 < kept <= 100_000
    bring(server, tmp_path, lambda base: entry(base, sha256=hashlib.sha256(BODY).hexdigest()))
    assert server.asked == ["", f"bytes={kept}-"]
    assert (tmp_path / "set" / "a.conll").read_bytes() == BODY
    assert left(tmp_path) == [NOTE, "a.conll"]


@pytest.mark.parametrize("etag", ['"2"', 'W/"1"', ""])
def test_parts_of_two_files_are_never_joined(tmp_path: Path, etag: str) -> None:
    """The file changed meanwhile, or the server can't tell: from the start again."""
    broken = Server({"/a.conll": b"old " * 70_000}, stop_after=100_000, etag='"1"' if etag == '"2"' else etag)
    with pytest.raises(FetchError):
        bring(broken, tmp_path)
    bring(Server({"/a.conll": BODY}, etag=etag), tmp_path)
    assert (tmp_path / "set" / "a.conll").read_bytes() == BODY


def test_another_file_than_the_catalogues_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="SHA-256"):
        bring(Server({"/a.conll": BODY}), tmp_path, lambda base: entry(base, sha256="0" * 64))
    assert left(tmp_path) == []


def test_another_file_than_the_last_time_is_not_kept(tmp_path: Path) -> None:
    bring(Server({"/a.conll": BODY}), tmp_path)
    (tmp_path / "set" / "a.conll").unlink()
    with pytest.raises(FetchError, match="not the file that was expected"):
        bring(Server({"/a.conll": BODY + b"more"}), tmp_path)
    assert left(tmp_path) == [NOTE]


@pytest.mark.parametrize(
    ("path", "more", "kind"),
    [
        ("/none", {}, FetchError),
        ("/packed", {}, FetchError),
        ("/a.conll", {"largest": 1000}, TooLarge),
        ("/a.conll", {"allow_private": False}, AddressRefused),
    ],
)
def test_what_is_refused_leaves_no_file(tmp_path: Path, path: str, more: dict[str, Any], kind: type) -> None:
    with pytest.raises(kind) as caught:
        bring(Server({"/a.conll": BODY}), tmp_path, lambda base: entry(base, path=path), **more)
    assert isinstance(caught.value, RiskwireError)
    assert left(tmp_path) == []


def test_redirects_are_followed(tmp_path: Path) -> None:
    assert bring(Server({"/a.conll": BODY}), tmp_path, lambda base: entry(base, path="/moved")) == ["set/a.conll"]


def test_phrasebank_is_made_of_its_zip(tmp_path: Path) -> None:
    levels = {
        "AllAgree": "Sales rose .@positive\r\n",
        "75Agree": "Sales rose .@positive\r\nNothing new@home .@neutral\r\n",
        "66Agree": "Sales rose .@positive\r\nNothing new@home .@neutral\r\n",
        "50Agree": "Sales rose .@positive\r\nNothing new@home .@neutral\r\nCafé shut .@negative\r\n",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name, text in levels.items():
            out.writestr(f"FinancialPhraseBank-v1.0/Sentences_{name}.txt", text.encode("iso-8859-1"))

    def bank(base: str) -> Entry:
        file = File(f"{base}/z.zip", "phrasebank/FinancialPhraseBank-v1.0.zip")
        return Entry("phrasebank", base, False, True, (file,), convert="phrasebank")

    bring(Server({"/z.zip": packed.getvalue()}), tmp_path, bank)
    assert is_there(bank(""), tmp_path)
    found = [(item.text, item.story, item.agreement) for item in phrasebank.load(tmp_path / "phrasebank")]
    assert found == [
        ("Sales rose .", "positive", 100),
        ("Nothing new@home .", "neutral", 75),
        ("Café shut .", "negative", 50),
    ]
    (tmp_path / "phrasebank" / "phrasebank.csv").unlink()
    (tmp_path / "phrasebank" / "FinancialPhraseBank-v1.0.zip").write_bytes(b"<html>busy</html>")
    with pytest.raises(InputError, match="fetch it again"):
        bring(Server({}), tmp_path, bank)


def test_sentfin_gets_the_places_of_its_mentions(tmp_path: Path) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["S No.", "Title", "Decisions", "Words"])
    writer.writerow([1, "Alder up, gold down", "{'Alder': 'positive', 'gold': 'negative'}", 4])
    writer.writerow([2, "Dr. Quarry's opens", "{'Dr. Quarry's': 'neutral'}", 3])
    writer.writerow([3, "No such name", "{'Elsewhere': 'neutral'}", 3])

    def fin(base: str) -> Entry:
        return Entry("sentfin", base, True, True, (File(f"{base}/s", "sentfin/SEntFiN.csv"),), convert="sentfin")

    bring(Server({"/s": out.getvalue().encode()}), tmp_path, fin)
    one, two, *rest = sentfin.load(tmp_path / "sentfin")
    assert [(one.text[s.start : s.end], s.sentiment) for s in one.spans] == [
        ("Alder", "positive"),
        ("gold", "negative"),
    ]
    assert [(two.text[s.start : s.end], s.sentiment) for s in two.spans] == [("Dr. Quarry's", "neutral")]
    assert all(not item.spans for item in rest)
