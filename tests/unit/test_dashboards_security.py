"""Binds, host names, sessions, and what rows may show."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from dashboards.web.auth import SESSION_SECONDS, Sessions, _local
from dashboards.web.rows import public_url, source_rows
from dashboards.web.security import CSP, check_bind, host_name, is_loopback
from riskwire.errors import ConfigError
from riskwire.ports import SourceCount, SourceState
from riskwire.settings import WebSettings

TOKEN = "a-token-of-sixteen-or-more"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_the_loopback_needs_no_token(host: str) -> None:
    assert is_loopback(host)
    check_bind(WebSettings(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.4", "risk.example", "localhost.evil.example"])
def test_anything_else_is_refused_without_one(host: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_bind(WebSettings(host=host))
    assert "RISKWIRE_WEB__TOKEN" in str(error.value)
    check_bind(WebSettings(host=host, token=SecretStr(TOKEN)))


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8600", "localhost"),
        ("localhost.", "localhost"),
        ("127.0.0.1:", "127.0.0.1"),
        ("[::1]:8600", "::1"),
        ("[::1]", "::1"),
        ("", None),
        ("a b", None),
        ("localhost@evil.example", None),
        ("localhost/evil", None),
        ("[::1", None),
        ("[::1]evil", None),
        ("localhost:80:90", None),
        ("localhost:٣", None),
        ("localhost,evil.example", None),
    ],
)
def test_host_names(header: str, name: str | None) -> None:
    assert host_name(header) == name


def test_a_session_is_not_the_token_and_ends() -> None:
    now = [1_000_000.0]
    sessions = Sessions(TOKEN, lambda: now[0])
    value = sessions.issue()
    assert TOKEN not in value
    assert sessions.is_session(value)
    now[0] += SESSION_SECONDS - 1
    assert sessions.is_session(value)
    now[0] += 2
    assert not sessions.is_session(value)


def test_a_session_cannot_be_made_up() -> None:
    sessions = Sessions(TOKEN)
    value = sessions.issue()
    expires, signature = value.split(".")
    for forged in ("", ".", TOKEN, f"{int(expires) + 1}.{signature}", f"{expires}.", f"{expires}.ü", "x." + signature):
        assert not sessions.is_session(forged)
    assert not Sessions(TOKEN + "x").is_session(value)


def test_tokens_are_compared_whole() -> None:
    sessions = Sessions(TOKEN)
    assert sessions.is_token(TOKEN)
    for wrong in ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "ü\ud800"):
        assert not sessions.is_token(wrong)


@pytest.mark.parametrize(
    ("target", "local"),
    [
        ("/?symbol=ACME", "/?symbol=ACME"),
        ("/plain?after=x", "/plain?after=x"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/metrics", "/"),
    ],
)
def test_signing_in_leads_nowhere_else(target: str, local: str) -> None:
    assert _local(target) == local


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@feeds.example:8443/a?key=secret#x", "https://feeds.example:8443/a"),
        ("https://[2001:db8::1]/a", "https://[2001:db8::1]/a"),
        ("file:///srv/feed.xml", "file:///srv/feed.xml"),
        ("", ""),
        ("http://[broken", ""),
    ],
)
def test_addresses_are_shown_without_their_keys(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_failing_sources_stand_first_and_unpolled_ones_are_there() -> None:
    states = [
        SourceState(name="Alpha", last_outcome="ok"),
        SourceState(name="Mute", last_outcome="ok", status="silent", fresh=4, undated=1, usual_quiet=7200),
        SourceState(name="Zeta", last_outcome="failed", failures=3, last_error="no address"),
    ]
    rows = source_rows(states, [SourceCount("Alpha", 4, None), SourceCount("webhook", 2, None)])
    assert [(row["name"], row["outcome"], row["stories"]) for row in rows] == [
        ("Zeta", "failed", 0),
        ("Mute", "ok", 0),
        ("Alpha", "ok", 4),
        ("webhook", None, 2),
    ]
    assert (rows[1]["status"], rows[1]["undated"], rows[1]["duplicates"], rows[1]["usual_quiet"]) == (
        "silent", 0.25, 0, 7200,
    )  # fmt: skip


def test_the_policy_lets_nothing_in() -> None:
    assert "default-src 'none'" in CSP
    assert "unsafe" not in CSP
    assert "http" not in CSP
    assert "*" not in CSP
