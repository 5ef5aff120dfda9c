"""The page's server as it really runs: uvicorn on a free port, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema
import msgspec
import openapi_spec_validator
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from dashboards.web.app import Health, create_app
from dashboards.web.server import Server, build_server
from riskwire.errors import ConfigError, StorageBusy
from riskwire.ports import SourceState
from riskwire.settings import WebSettings
from riskwire.testing import KeywordScorer, MemoryIndex, MemoryLog, a_story, sentiment_of
from riskwire.types import Alert, ScoredDocument, TextScore

TOKEN = "canary-token-9d41c6f0"
HOSTILE = '<script>document.title="owned"</script><img src=x onerror=alert(1)>'


class Site:
    """A server in a thread. `get` answers (status, headers, body)."""

    def __init__(self, **options: Any) -> None:
        self.index, self.log = MemoryIndex(), MemoryLog()
        settings = WebSettings(**{"port": 0} | options.pop("settings", {}))
        defaults = {"index": self.index, "scored": self.index, "alerts": self.index, "sources": self.log}
        defaults["health"] = lambda: Health(True, {"model": "keywords 1"})
        self.app = create_app(**defaults | {"settings": settings, "heartbeat": 0.2} | options)
        self.server: Server = build_server(self.app, settings)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def get(self, path: str, **headers: str) -> tuple[int, Any, bytes]:
        return self.ask("GET", path, **headers)

    def json(self, path: str, **headers: str) -> Any:
        status, _, body = self.get(path, **headers)
        assert status == 200, body
        return json.loads(body)

    def stop(self) -> float:
        began = time.monotonic()
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()
        assert not self.thread.is_alive()
        return time.monotonic() - began

    def add(self, *stories: ScoredDocument) -> None:
        self.index.publish(stories)
        self.index.put(stories)


class Stream:
    """An open event stream; `next` gives (id, event, data)."""

    def __init__(self, site: Site, path: str = "/api/v1/events", **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
        self.connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")

    def next(self, but: str = "hb") -> tuple[int | None, str, Any]:
        while True:
            fields: dict[str, str] = {}
            while line := self.answer.readline().decode().rstrip("\n"):
                name, _, value = line.partition(": ")
                fields[name] = value
            if "event" in fields and fields["event"] != but:
                position = int(fields["id"]) if "id" in fields else None
                return position, fields["event"], json.loads(fields["data"])

    def ended(self) -> bool:
        try:
            while self.answer.readline():
                pass
        except (OSError, http.client.HTTPException):
            pass
        return True

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def begin(**options: Any) -> Site:
        sites.append(Site(**options))
        return sites[-1]

    yield begin
    for site in sites:
        site.stop()


@pytest.fixture
def site(start: Callable[..., Site]) -> Site:
    return start()


def story(number: int, **fields: Any) -> ScoredDocument:
    return a_story(number, **{"event_time": datetime.now(UTC) - timedelta(seconds=100 - number)} | fields)


# -- the API


def test_stories_are_found_and_paged(site: Site) -> None:
    site.add(*(story(n, title=f"Story {n}", content="long body") for n in range(1, 8)))
    first = site.json("/api/v1/stories?limit=5")
    assert [row["title"] for row in first["rows"]] == [f"Story {n}" for n in (7, 6, 5, 4, 3)]
    rest = site.json(f"/api/v1/stories?limit=5&after={first['next']}")
    assert [row["title"] for row in rest["rows"]] == ["Story 2", "Story 1"]
    assert rest["next"] is None
    assert "content" not in first["rows"][0]
    assert first["rows"][0]["companies"] == {}


def test_a_story_comes_whole_with_its_revisions(site: Site) -> None:
    site.add(story(1, title="Old"), story(1, title="New", revision=2, content="body"))
    row = site.json(f"/api/v1/stories/{1:032x}")
    assert (row["title"], row["revision"], row["content"]) == ("New", 2, "body")
    assert [one["title"] for one in row["revisions"]] == ["Old"]
    status, _, body = site.get("/api/v1/stories/none")
    assert (status, json.loads(body)["error"]) == (404, "there is no such story")


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/v1/stories?limit=201", "limit"),
        ("/api/v1/stories?lable=x", "lable"),
        ("/api/v1/stories?after=%00", "after"),
        ("/api/v1/stories?after=nonsense", "after"),
        ("/api/v1/alerts?status=on", "status"),
        ("/api/v1/panels/top_movers?since=now", "since"),
        ("/api/v1/panels/top_movers?since=2999-01-01T00:00:00Z", "since"),
        ("/api/v1/events?after=-1", "after"),
    ],
)
def test_a_bad_parameter_is_named(site: Site, path: str, parameter: str) -> None:
    status, headers, body = site.get(path)
    assert status == 400
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body)["parameter"] == parameter


def test_panels_bring_their_specification_and_rows(site: Site) -> None:
    site.add(*(story(n, sentiment=sentiment_of(1)) for n in range(1, 4)))
    assert [row["name"] for row in site.json("/api/v1/panels")["rows"]] == ["sentiment_timeline", "top_movers"]
    since = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    panel = site.json(f"/api/v1/panels/sentiment_timeline?since={since}")
    assert sum(row["n"] for row in panel["rows"]) == 3
    assert panel["spec"]["usermeta"]["query"] == "sentiment_timeline"
    assert panel["bucket_seconds"] == 60
    assert site.get("/api/v1/panels/none")[0] == 404


def test_alerts_and_sources(site: Site) -> None:
    now = datetime.now(UTC)
    site.index.put_alerts(
        [
            Alert(
                rule="r",
                labels={"symbol": "ACME"},
                status="firing",
                starts_at=now,
                updated_at=now,
                fingerprint="f" * 16,
            )
        ]
    )
    site.log.save(SourceState(name="Wire", url="https://u:pw@wire.example/f?key=canary-key", etag="e", cursor="c"))
    assert [row["rule"] for row in site.json("/api/v1/alerts?status=firing")["rows"]] == ["r"]
    assert site.json("/api/v1/alerts?status=resolved")["rows"] == []
    (row,) = site.json("/api/v1/sources")["rows"]
    assert row["url"] == "https://wire.example/f"
    assert "canary-key" not in json.dumps(row)


def test_health_and_metrics(start: Callable[..., Site]) -> None:
    ready = [False]
    site = start(health=lambda: Health(ready[0], {"model": "loading"}))
    status, _, body = site.get("/healthz")
    assert (status, json.loads(body)) == (503, {"status": "starting", "parts": {"model": "loading"}})
    ready[0] = True
    assert site.json("/healthz")["status"] == "ok"
    status, headers, body = site.get("/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b'riskwire_http_requests_total{route="/healthz",status="503"}' in body


def test_ids_make_no_new_series(site: Site) -> None:
    for number in range(3):
        site.get(f"/api/v1/stories/{number}")
        site.get(f"/nowhere/{number}")
    body = site.get("/metrics")[2].decode()
    assert 'route="/api/v1/stories/{id}",status="404"' in body
    assert "/nowhere" not in body


def test_a_store_that_does_not_answer_is_503(start: Callable[..., Site]) -> None:
    class Busy(MemoryIndex):
        def search(self, query: Any) -> Any:
            raise StorageBusy("database is locked", hint="Try again")

    status, headers, body = start(index=Busy()).get("/api/v1/stories")
    assert (status, json.loads(body)["error"], headers["Retry-After"]) == (503, "database is locked", "2")


def test_texts_are_scored(start: Callable[..., Site]) -> None:
    site = start(scorer=KeywordScorer())
    ask = {"Content-Type": "application/json"}

    def score(body: object) -> tuple[int, Any]:
        status, _, answer = site.ask("POST", "/api/v1/score", msgspec.json.encode(body), **ask)
        return status, json.loads(answer)

    status, answer = score({"texts": ["Acme wins", "Acme plunges"]})
    assert status == 200
    assert [row["sentiment"]["label"] for row in answer["rows"]] == ["positive", "negative"]
    assert answer["model"]["name"] == "keywords"
    for bad in ({"texts": []}, {"texts": ["x"] * 65}, {"texts": "x"}, {"text": ["x"]}, []):
        assert score(bad)[0] == 400
    assert site.ask("POST", "/api/v1/score", b"{}", Content_Type="text/plain")[0] == 415
    assert site.ask("POST", "/api/v1/score", b'{"texts":["' + b"x" * 600_000 + b'"]}', **ask)[0] == 413


class Pausing(KeywordScorer):
    """In its first call, waits to be let go."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.go = threading.Event(), threading.Event()

    def score(self, texts: Sequence[str]) -> list[TextScore]:
        self.began.set()
        assert self.go.wait(10)
        return super().score(texts)


def test_requests_that_arrive_together_are_one_batch_and_too_many_are_429(start: Callable[..., Site]) -> None:
    scorer = Pausing()
    site = start(scorer=scorer)
    ask = {"Content-Type": "application/json"}
    answers: list[tuple[int, Any]] = []

    def score(*texts: str) -> threading.Thread:
        def go() -> None:
            status, headers, _ = site.ask("POST", "/api/v1/score", msgspec.json.encode({"texts": texts}), **ask)
            answers.append((status, headers["Retry-After"]))

        thread = threading.Thread(target=go)
        thread.start()
        return thread

    threads = [score("the first")]
    assert scorer.began.wait(10)
    threads += [score(*[f"Acme{n} wins"] * 64) for n in range(17)]  # sixteen fill what may wait
    deadline = time.monotonic() + 10
    while not answers and time.monotonic() < deadline:
        time.sleep(0.01)
    assert answers == [(429, "1")]
    scorer.go.set()
    for thread in threads:
        thread.join(10)
    assert sorted(status for status, _ in answers) == [200] * 17 + [429]
    assert scorer.calls == [1, 256, 256, 256, 256]


@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_score_service_is_described(start: Callable[..., Site], token: str | None) -> None:
    site = start(scorer=KeywordScorer(), settings={"token": SecretStr(token)} if token else {})
    ask = {"Authorization": f"Bearer {token}"} if token else {}
    status, _, body = site.get("/api/v1/openapi.json", **ask)
    described = json.loads(body)
    assert status == 200
    openapi_spec_validator.validate(described)
    assert bool(described.get("security")) == bool(token)
    # What the service answers is what the document says, and what it says of a question is what is taken.
    _, _, answer = site.ask(
        "POST", "/api/v1/score", b'{"texts":["Acme wins", ""]}', Content_Type="application/json", **ask
    )
    answer_schema = {"$ref": "#/components/schemas/Answer", "components": described["components"]}
    jsonschema.validate(json.loads(answer), answer_schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {"texts": ["x"] * 65}, {"$ref": "#/components/schemas/Question", "components": described["components"]}
        )
    if token:
        assert site.get("/api/v1/openapi.json")[0] == 401


# -- what a browser may do


def test_every_answer_has_the_policy(site: Site) -> None:
    for path in (
        "/",
        "/plain",
        "/healthz",
        "/metrics",
        "/api/v1/stories",
        "/static/js/main.js",
        "/nowhere",
        "/api/v1/x",
    ):
        _, headers, _ = site.get(path)
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';"), path
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_page_has_nothing_inline(site: Site) -> None:
    html = site.get("/")[2].decode()
    assert "<style" not in html
    assert " style=" not in html
    assert " onclick" not in html
    assert html.count("<script") == html.count('<script type="module" src="/static/')


def test_a_hostile_headline_is_text_without_scripts_too(site: Site) -> None:
    site.add(story(1, title=HOSTILE, link="javascript:alert(1)", source='"><script>x</script>'))
    html = site.get("/plain")[2].decode()
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:" not in html
    assert "&lt;script&gt;" in html


def test_the_plain_page_filters_and_pages(site: Site) -> None:
    site.add(*(story(n, title=f"Story {n}") for n in range(1, 4)), story(9, title="Other", source="Wire"))
    assert site.get("/plain?source=Wire")[2].count(b"<article>") == 1
    html = site.get("/plain?limit=2")[2].decode()
    older = html.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert site.get(older)[2].count(b"<article>") == 2
    status, _, body = site.get("/plain?label=%3Cb%3E")
    assert status == 400
    assert b"label: must be one of" in body


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "8.8.8.8"])
def test_another_name_is_not_answered(site: Site, host: str) -> None:
    for path in ("/", "/healthz", "/metrics", "/api/v1/stories", "/static/js/main.js"):
        status, _, body = site.get(path, Host=host)
        assert status == 421
        assert b"Riskwire</title>" not in body


def test_our_names_are(start: Callable[..., Site]) -> None:
    site = start(settings={"allowed_hosts": ("risk.example",)})
    for host in ("localhost", f"localhost:{site.port}", "127.0.0.1", "[::1]:1", "risk.example", "RISK.example.:80"):
        assert site.get("/healthz", Host=host)[0] == 200, host


# -- the token


def webhook(_request: Request) -> Response:
    return PlainTextResponse("signed elsewhere", 202)


ROUTES: Sequence[BaseRoute] = (Route("/api/v1/stories", webhook, methods=["POST"]),)
EVERY = [
    "/",
    "/plain",
    "/metrics",
    "/api/v1/stories",
    "/api/v1/stories/1",
    "/api/v1/panels",
    "/api/v1/panels/top_movers",
    "/api/v1/alerts",
    "/api/v1/sources",
    "/api/v1/events",
    "/static/js/main.js",
    "/static/vendor/vega.min.js",
    "/nowhere",
]


@pytest.fixture
def exposed(start: Callable[..., Site]) -> Site:
    settings = {"host": "0.0.0.0", "token": SecretStr(TOKEN)}
    return start(settings=settings, extra_routes=ROUTES, scorer=KeywordScorer())


def test_open_to_the_network_without_a_token_is_refused() -> None:
    log, index = MemoryLog(), MemoryIndex()
    with pytest.raises(ConfigError, match=r"web\.token"):
        create_app(
            index=index,
            scored=index,
            alerts=index,
            sources=log,
            settings=WebSettings(host="0.0.0.0"),
            health=lambda: Health(True),
        )


def test_every_route_asks_for_the_token(exposed: Site) -> None:
    for path in EVERY:
        status, headers, body = exposed.get(path)
        assert status == 401, path
        assert headers["WWW-Authenticate"] == 'Bearer realm="riskwire"'
        assert TOKEN.encode() not in body
    for method, path in (("POST", "/api/v1/score"), ("HEAD", "/"), ("DELETE", "/api/v1/stories"), ("OPTIONS", "/")):
        assert exposed.ask(method, path)[0] == 401, (method, path)


def test_health_says_nothing_more_than_ready(exposed: Site) -> None:
    assert exposed.json("/healthz") == {"status": "ok"}
    assert exposed.json("/healthz", Authorization=f"Bearer {TOKEN}")["parts"] == {"model": "keywords 1"}


def test_the_bearer_token_opens_every_route(exposed: Site) -> None:
    for path in EVERY:
        if path != "/api/v1/events":
            assert exposed.get(path, Authorization=f"Bearer {TOKEN}")[0] in (200, 404), path


@pytest.mark.parametrize("value", ["Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", TOKEN])
def test_a_wrong_one_does_not(exposed: Site, value: str) -> None:
    assert exposed.get("/metrics", Authorization=value)[0] == 401


def test_a_token_in_the_address_is_none(exposed: Site) -> None:
    assert exposed.get(f"/api/v1/stories?token={TOKEN}")[0] == 401


def test_routes_that_check_their_callers_are_left_alone(exposed: Site) -> None:
    assert exposed.ask("POST", "/api/v1/stories", b"{}")[0] == 202
    assert exposed.ask("POST", "/api/v1/stories", b"{}", Host="evil.example")[0] == 421
    assert exposed.get("/api/v1/stories")[0] == 401


def test_people_sign_in_with_a_form(exposed: Site) -> None:
    status, headers, body = exposed.get("/?symbol=%22%3E%3Cscript%3E", Accept="text/html")
    assert status == 401
    assert b"<form" in body
    assert b"<script" not in body
    assert "script-src 'self'; style-src 'sha256-" in headers["Content-Security-Policy"]

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, headers, body = exposed.ask("POST", "/login", b"token=wrong", **form)
    assert (status, headers["Set-Cookie"]) == (401, None)
    assert b"That is not the token" in body

    status, headers, _ = exposed.ask("POST", "/login", f"token={TOKEN}&next=/?range=3d".encode(), **form)
    assert (status, headers["Location"]) == (303, "/?range=3d")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    value = cookie.split(";")[0]
    assert exposed.get("/metrics", Cookie=value)[0] == 200
    assert exposed.get("/metrics", Cookie=value[:-1] + ("0" if value[-1] != "0" else "1"))[0] == 401

    assert exposed.ask("POST", "/login", f"token={TOKEN}&next=//evil.example".encode(), **form)[1]["Location"] == "/"
    assert exposed.ask("POST", "/login", f"token={TOKEN}".encode(), Sec_Fetch_Site="cross-site", **form)[0] == 403
    assert exposed.ask("POST", "/login", b"token=" + b"x" * 10_000, **form)[0] == 413


def test_a_token_on_the_loopback_is_demanded_too(start: Callable[..., Site]) -> None:
    assert start(settings={"token": SecretStr(TOKEN)}).get("/metrics")[0] == 401


# -- the event stream


def test_new_stories_and_alerts_come_as_events(site: Site) -> None:
    site.add(story(1))
    with closing(Stream(site)) as stream:
        assert stream.next() == (1, "hello", {"offset": 1})
        site.add(story(2, title=HOSTILE + "\r\n\r\nevent: x"))
        position, kind, row = stream.next()
        assert (position, kind, row["title"]) == (2, "story", HOSTILE + "\r\n\r\nevent: x")
        now = datetime.now(UTC)
        alert = Alert(rule="r", labels={}, status="firing", starts_at=now, updated_at=now, fingerprint="f" * 16)
        site.index.put_alerts([alert])
        position, kind, row = stream.next()
        assert (position, kind, row["status"]) == (None, "alert", "firing")
        assert stream.next(but="") == (None, "hb", {})


def test_a_stream_goes_on_where_it_was(site: Site) -> None:
    site.add(*(story(n) for n in range(1, 6)))
    with closing(Stream(site, "/api/v1/events?after=3")) as stream:
        assert [stream.next()[:2] for _ in range(3)] == [(4, "story"), (5, "story"), (5, "hello")]
    # The header is newer than the address of the page.
    with closing(Stream(site, "/api/v1/events?after=1", Last_Event_ID="4")) as stream:
        assert [stream.next()[:2] for _ in range(2)] == [(5, "story"), (5, "hello")]


def test_a_gap_that_is_too_large_is_said(site: Site) -> None:
    site.index.publish([story(n) for n in range(1, 802)])
    with closing(Stream(site, "/api/v1/events?after=1")) as stream:
        assert stream.next() == (801, "reset", {"missed": 800})
        assert stream.next()[:2] == (801, "hello")
        site.add(story(900))
        assert stream.next()[:2] == (802, "story")


def test_asking_for_the_head_of_a_stream_ends(site: Site) -> None:
    status, headers, body = site.ask("HEAD", "/api/v1/events")
    assert (status, body) == (200, b"")
    assert headers["Content-Type"].startswith("text/event-stream")


def test_streams_that_were_closed_are_forgotten(site: Site) -> None:
    for _ in range(5):
        with closing(Stream(site)) as stream:
            stream.next()
    deadline = time.monotonic() + 5
    while site.app.state.streams and time.monotonic() < deadline:
        time.sleep(0.05)
    assert site.app.state.streams == 0


def test_the_server_stops_at_once_while_streams_are_open(start: Callable[..., Site]) -> None:
    site = start(heartbeat=30.0)
    streams = [Stream(site) for _ in range(3)]
    for stream in streams:
        stream.next()
    assert site.stop() < 2
    for stream in streams:
        assert stream.ended()
        stream.close()
