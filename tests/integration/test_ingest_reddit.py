"""Reddit with a key and without one, replayed by a local server from captured listings and from invented ones."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from replay import CAPTURED, gone, needs, polls, serve, titles

from ingest.kinds import build
from ingest.net.ratelimit import Turns
from ingest.social.reddit.feed import RedditFeed
from ingest.social.reddit.post import post_id
from ingest.social.reddit.source import RedditIngestor, Subreddit
from riskwire import wire
from riskwire.errors import FetchError, IngestError, ParseError
from riskwire.log import masked
from riskwire.ports import SourceState

NOW = datetime(2026, 8, 2, 12, 0, tzinfo=UTC)
SECRET, TOKEN = "canary-reddit-secret", "canary-reddit-token"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def name(number: int) -> str:
    digits, number = "", 36**5 + number
    while number:
        number, rest = divmod(number, 36)
        digits = BASE36[rest] + digits
    return f"t3_{digits}"


def post(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "name": name(number), "title": f"Post {number} on $TSLA", "selftext": "", "author": "jo_trader",
        "author_fullname": "t2_abc", "subreddit": "stocks", "permalink": f"/r/stocks/comments/{number}/x/",
        "created_utc": NOW.timestamp() - 10_000 + number, "edited": False, "score": 5, "num_comments": 2,
    } | fields  # fmt: skip


class Server:
    """Reddit's API as it is documented: tokens, listings of 100, at most 1,000, lookups by fullname."""

    def __init__(self, posts: list[dict[str, Any]]) -> None:
        self.posts = posts
        self.headers = {"X-Ratelimit-Remaining": "599.0", "X-Ratelimit-Used": "1", "X-Ratelimit-Reset": "300"}
        self.paths: list[str] = []
        self.tokens = 0
        self.token_answer: dict[str, Any] | None = None
        self.answer: dict[str, Any] | None = None
        self.expired = False

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        if request.path == "/api/v1/access_token":
            assert request.headers["Authorization"].startswith("Basic ")
            assert (await request.post())["grant_type"] == "client_credentials"
            self.tokens += 1
            if self.token_answer is not None:
                return web.Response(**self.token_answer)
            return web.json_response({"access_token": f"{TOKEN}-{self.tokens}", "expires_in": 3600})
        assert request.headers["User-Agent"].startswith("server:riskwire:")
        if self.answer is not None:
            return web.Response(**self.answer)
        if self.expired and request.headers["Authorization"] == f"Bearer {TOKEN}-1":
            return web.Response(status=401)
        if request.path == "/api/info":
            asked = request.query["id"].split(",")
            assert len(asked) <= 100
            return self.listing([one for one in self.posts if one["name"] in asked], None)
        newest = sorted(self.posts, key=lambda one: one["name"], reverse=True)[:1000]
        names = [one["name"] for one in newest]
        start = names.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = newest[start : start + int(request.query["limit"])]
        return self.listing(page, page[-1]["name"] if start + len(page) < len(newest) else None)

    def listing(self, posts: list[dict[str, Any]], after: str | None) -> web.Response:
        children = [{"kind": "t3", "data": one} for one in posts]
        return web.json_response(
            {"kind": "Listing", "data": {"children": children, "after": after}}, headers=self.headers
        )


def read(server: Server, *times: datetime, state: SourceState | None = None, between: Any = None, **config: Any) -> Any:
    async def scenario(base: str, context: Any) -> Any:
        source = RedditIngestor(
            Subreddit(name="r", subreddit="stocks", **config), context, "id", SECRET, site=base, api=base
        )
        found: list[Any] = []
        here = state
        for now in times:
            (one,) = await polls(source, [now], here)
            found.append(one)
            here = one.state if not isinstance(one, Exception) else here
            if between:
                between()
        return found

    return serve(server, scenario)


def test_a_post() -> None:
    text = "u/ann says: see www.reddit.com/user/ann, it is **up** 🚀"
    server = Server([post(1, selftext=text, edited=NOW.timestamp() - 60, link_flair_text="News")])
    ((told,),) = [polled.told for polled in read(server, NOW)]
    document = told.document
    assert (document.title, document.publisher, document.source_type) == ("Post 1 on $TSLA", "reddit", "social")
    assert (document.source_symbols, document.tags) == (("TSLA",), ("r/stocks", "News"))
    assert document.updated_at == NOW - timedelta(seconds=60)
    assert document.engagement == {"score": 5, "comments": 2}
    sent = wire.encode(document).decode()
    assert not [person for person in ("ann", "jo_trader", "t2_abc") if person in sent]
    assert len(document.authors[0]) == 32


def test_the_first_poll_takes_a_page_and_a_gap_of_several_is_filled() -> None:
    server = Server([post(number) for number in range(150)])

    def more() -> None:
        server.posts += [post(number) for number in range(len(server.posts), len(server.posts) + 350)]

    first, second, third = read(server, NOW, NOW + timedelta(minutes=5), NOW + timedelta(minutes=10), between=more)
    assert len(first.told) == 100
    assert {name(number) for number in range(150, 500)} <= {
        "t3_" + told.document.link.rpartition("/")[2] for told in second.told
    }
    assert len({told.document.id for told in third.told}) == len(third.told)
    assert server.tokens == 1


def test_a_gap_beyond_the_listing_is_said(capsys: Any) -> None:
    server = Server([post(number) for number in range(50)])

    def more() -> None:
        server.posts += [post(number) for number in range(50, 1500)]

    _, second = read(server, NOW, NOW + timedelta(days=1, hours=-1), between=more)
    assert len(second.told) == 1000
    assert "gap" in capsys.readouterr().out
    read(server, NOW, state=second.state)
    assert server.paths.count("/r/stocks/new") == 12  # one page, all ten, and then one again


def test_a_rate_limit_that_is_used_up_in_a_gap() -> None:
    server = Server([post(1)])
    (first,) = read(server, NOW)
    server.posts += [post(number) for number in range(2, 300)]
    server.headers["X-Ratelimit-Remaining"] = "0.0"
    (cut,) = read(server, NOW, state=first.state)
    assert (cut.wait, len(cut.told)) == (300, 100)
    server.headers["X-Ratelimit-Remaining"] = "100.0"
    (rest,) = read(server, NOW, state=cut.state)
    assert len(rest.told) == 299


def test_edits_and_deletions_are_found_by_the_daily_look() -> None:
    server = Server([post(number) for number in range(300)])
    day = timedelta(hours=24)
    (first,) = read(server, NOW - timedelta(hours=1))
    server.posts += [post(number) for number in range(300, 500)]  # behind these, the newest page no longer shows them
    (soon,) = read(server, NOW, state=first.state)
    server.posts[250] = post(250, title="[deleted by user]", selftext="[removed]", author="[deleted]")
    server.posts[251] = post(251, selftext="edited", edited=NOW.timestamp())
    del server.posts[252]
    assert "/api/info" not in server.paths
    (later,) = read(server, NOW + day, state=soon.state)
    assert server.paths.count("/api/info") == 3
    assert gone(later) == {post_id(name(250)), post_id(name(252))}
    assert "edited" in [told.document.summary for told in later.told]
    (after,) = read(server, NOW + day + day, state=later.state)
    assert gone(after) == set()  # looked up once, and no more


def test_an_answer_without_most_of_what_was_asked_for_is_no_deletion() -> None:
    server = Server([post(number) for number in range(40)])
    (first,) = read(server, NOW)
    server.posts = [post(39)]
    (later,) = read(server, NOW + timedelta(days=1), state=first.state)
    assert gone(later) == set()


def test_removed_posts_are_told_as_gone() -> None:
    server = Server([post(1), post(2, removed_by_category="moderator"), post(3, selftext="[deleted]")])
    (polled,) = read(server, NOW)
    assert titles(polled) == ["Post 1 on $TSLA"]
    assert gone(polled) == {post_id(name(2)), post_id(name(3))}


def test_a_token_that_was_revoked_is_asked_for_once_more() -> None:
    server = Server([post(1)])
    server.expired = True
    (polled,) = read(server, NOW)
    assert (len(polled.told), server.tokens) == (1, 2)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 403, "text": "<html>", "content_type": "text/html"}, FetchError),
        ({"status": 429, "headers": {"Retry-After": "60"}}, FetchError),
        ({"status": 200, "text": "<html>blocked", "content_type": "text/html"}, ParseError),
        ({"status": 200, "text": "[null]", "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": '{"data": {"children": [null]}}', "content_type": "application/json"}, ParseError),
        ({"status": 200, "text": '{"error": 404}', "content_type": "application/json"}, ParseError),
    ],
)
def test_what_is_no_listing_is_never_data(answer: dict[str, Any], kind: type[IngestError]) -> None:
    server = Server([])
    server.answer = answer
    (error,) = read(server, NOW)
    assert isinstance(error, kind)


@pytest.mark.parametrize(
    "answer", ['{"error": "invalid_grant"}', '{"access_token": 5, "canary": "' + TOKEN + '"}', "x"]
)
def test_no_secret_in_an_error(answer: str) -> None:
    server = Server([])
    server.token_answer = {"text": answer, "content_type": "application/json"}
    (error,) = read(server, NOW)
    assert isinstance(error, ParseError)
    assert "canary" not in f"{error!r}{error}{error.__cause__!r}"
    server.token_answer = {"status": 401, "text": SECRET}
    (error,) = read(server, NOW)
    assert "canary" not in f"{error!r}{error}"
    server.token_answer = None
    read(server, NOW)
    assert "canary" not in masked(f"a library says Bearer {TOKEN}-{server.tokens} is wrong")


def test_dates_that_no_post_has() -> None:
    server = Server([post(1, created_utc=0), post(2, created_utc=1e20), post(3, created_utc=None)])
    (polled,) = read(server, NOW)
    assert all(told.document.event_time == NOW for told in polled.told)


def test_off_with_half_a_key_and_the_feed_without_one() -> None:
    async def scenario(_base: str, context: Any) -> Any:
        return build(Subreddit(name="r", subreddit="r/stocks"), context)

    assert isinstance(serve(Server([]), scenario), RedditFeed)
    assert isinstance(serve(Server([]), scenario, reddit_client_id="x", reddit_client_secret="y"), RedditIngestor)


# -- the Atom feed


def entry(number: int, text: str = "") -> str:
    return (
        f"<entry><author><name>/u/jo_trader</name><uri>https://www.reddit.com/user/jo_trader</uri></author>"
        f'<category term="stocks" label="r/stocks"/><content type="html">&lt;p&gt;{text}&lt;/p&gt;'
        f" &amp;#32; submitted by"
        f' &amp;#32; &lt;a href="https://www.reddit.com/user/jo_trader"&gt; /u/jo_trader &lt;/a&gt; &lt;br/&gt; '
        f'&lt;span&gt;&lt;a href="x"&gt;[link]&lt;/a&gt;&lt;/span&gt; &amp;#32; '
        f'&lt;span&gt;&lt;a href="x"&gt;[comments]&lt;/a&gt;&lt;/span&gt;</content><id>{name(number)}</id>'
        f'<link href="https://www.reddit.com/r/stocks/comments/{number}/x/"/>'
        f"<updated>2026-08-02T11:00:00+00:00</updated><published>2026-08-02T11:00:00+00:00</published>"
        f"<title>Post {number} on $TSLA</title></entry>"
    )


class FeedServer:
    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers
        self.requests = 0
        self.headers = {"x-ratelimit-remaining": "0.0", "x-ratelimit-used": "1", "x-ratelimit-reset": "32"}
        self.status = 200

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        assert request.path == "/r/stocks/new/.rss"
        body = '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>new</title>'
        body += "".join(entry(number, "It is up.") for number in sorted(self.numbers, reverse=True)[:25]) + "</feed>"
        return web.Response(status=self.status, text=body, content_type="application/atom+xml", headers=self.headers)


def test_the_feed_at_the_pace_that_it_allows() -> None:
    server, turns = FeedServer([1, 2]), Turns(60)

    async def scenario(base: str, context: Any) -> Any:
        sources = [
            RedditFeed(Subreddit(name=one, subreddit="stocks"), context, site=base, turns=turns) for one in ("a", "b")
        ]
        seconds: list[list[Any]] = []
        for second in (0, 30, 61, 90, 121):
            now = NOW + timedelta(seconds=second)
            found = [(await polls(source, [now]))[0] for source in sources]
            seconds.append([(one.outcome, one.wait) for one in found])
        return seconds

    first, early, *later = serve(server, scenario)
    assert first == [("ok", None), ("not_modified", 60.0)]
    assert [outcome for outcome, _ in early] == ["not_modified", "not_modified"]
    assert server.requests == 1 + sum(outcome == "ok" for poll in later for outcome, _ in poll) == 3


def test_a_post_of_the_feed_is_the_post_of_the_api() -> None:
    async def scenario(base: str, context: Any) -> Any:
        return await polls(
            RedditFeed(Subreddit(name="r", subreddit="stocks"), context, site=base, turns=Turns(0)), [NOW]
        )

    ((told,),) = [polled.told for polled in serve(FeedServer([1]), scenario)]
    assert (told.document.title, told.document.summary) == ("Post 1 on $TSLA", "It is up.")
    ((other,),) = [polled.told for polled in read(Server([post(1)]), NOW)]
    assert (told.document.id, told.document.authors) == (other.document.id, other.document.authors)
    assert "jo_trader" not in wire.encode(told.document).decode()


def test_a_post_that_is_missing_twice_between_its_neighbours_is_gone() -> None:
    server = FeedServer(list(range(1, 20)))

    async def scenario(base: str, context: Any) -> Any:
        source = RedditFeed(Subreddit(name="r", subreddit="stocks"), context, site=base, turns=Turns(0))
        found = await polls(source, [NOW])
        server.numbers.remove(7)
        for minutes in (2, 4):
            found += await polls(source, [NOW + timedelta(minutes=minutes)], found[-1].state)
        server.numbers = list(range(30, 60))  # all old ones have fallen out: none of them is taken for deleted
        found += await polls(source, [NOW + timedelta(minutes=6)], found[-1].state)
        found += await polls(source, [NOW + timedelta(minutes=8)], found[-1].state)
        return found

    assert [gone(polled) for polled in serve(server, scenario)] == [set(), set(), {post_id(name(7))}, set(), set()]


def test_the_feed_asks_for_patience() -> None:
    server, turns = FeedServer([1]), Turns(60)
    server.status, server.headers = 429, {"x-ratelimit-reset": "300"}

    async def scenario(base: str, context: Any) -> Any:
        source = RedditFeed(Subreddit(name="r", subreddit="stocks"), context, site=base, turns=turns)
        return await polls(source, [NOW, NOW + timedelta(seconds=61)])

    error, waiting = serve(server, scenario)
    assert (error.retry_after, server.requests) == (300, 1)
    assert waiting.wait == 239


@needs("social/reddit")
@pytest.mark.parametrize("cassette", ["new", "comments", "hot", "top"])
def test_captured_listings(cassette: str) -> None:
    text = (CAPTURED / "social" / "reddit" / f"TestSubredditListings.test_{cassette}.json").read_text()
    body = next(
        one["response"]["body"]["string"]
        for one in json.loads(text)["interactions"]
        if one["request"]["method"] == "GET"
    )
    captured = [child["data"] for child in json.loads(body)["data"]["children"]]
    server = Server([])
    server.answer = {"text": body, "content_type": "application/json"}

    async def scenario(base: str, context: Any) -> Any:
        config = Subreddit(name="r", subreddit="askreddit", comments=cassette == "comments")
        source = RedditIngestor(config, context, "id", SECRET, site=base, api=base)
        # A listing of 2016 is read as of its time.
        now = datetime.fromtimestamp(max(one["created_utc"] for one in captured), UTC) + timedelta(hours=1)
        return await polls(source, [now, now])

    first, again = serve(server, scenario)
    living = [
        one for one in captured if one["author"] != "[deleted]" and one.get("body") not in ("[deleted]", "[removed]")
    ]
    assert len(captured) >= 100
    assert len(captured) - 10 < len(first.told) <= len(living) + 1
    assert [told.document.content_hash for told in first.told] == [told.document.content_hash for told in again.told]
    assert all(told.document.published_quality == "stated" for told in first.told)
    sent = "".join(wire.encode(told.document).decode() for told in first.told)
    assert not [one["author"] for one in captured if f"u/{one['author']}" in sent or f"@{one['author']}" in sent]
