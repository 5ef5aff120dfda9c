"""The page as an analyst reads it: details, alerts, keys, hostile text, contrast. In Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dashboards_helpers import story, titles
from pydantic import SecretStr

from riskwire.testing import sentiment_of
from riskwire.types import EntityMention

HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
CONTRAST = Path(__file__).parent / "contrast.js"


def test_a_hostile_story_stays_text(start: Callable[..., Any], open_page: Callable[..., Any]) -> None:
    site = start()
    mention = EntityMention(
        entity_group="ORG", text="<img", start=0, end=4, confidence=0.9, symbol="<B>X", sentiment=sentiment_of(-1)
    )
    fields = {"title": HOSTILE, "text": HOSTILE, "summary": HOSTILE, "link": "javascript:document.title='owned'"}
    fields |= {"source": HOSTILE, "entities": (mention,), "symbols": ("<B>X",), "content": HOSTILE, "tags": (HOSTILE,)}
    site.add(story(1, **fields))
    page = open_page(f"{site.url}/?story={1:032x}")
    page.wait_for_selector("#details dl")
    site.add(story(2, **fields))
    page.until("document.querySelector('#pill').textContent === '1 new story'")
    assert titles(page) == [HOSTILE]
    assert page.locator("main img, main script, #details img, #details script").count() == 0
    assert page.locator("a[href^='javascript:']").count() == 0
    assert page.title() == "(1) Riskwire"
    assert page.evaluate("violations") == []
    assert page.wrong == []


def test_details_mark_mentions_at_their_code_points(start: Callable[..., Any], open_page: Callable[..., Any]) -> None:
    site = start()
    text = "🚀🚀 Acme sues Zeta\nZeta 🎉 fell"

    def mention(name: str, start: int, sign: int) -> EntityMention:
        assert text[start : start + 4] == name
        return EntityMention(
            entity_group="ORG",
            text=name,
            start=start,
            end=start + 4,
            confidence=0.9,
            symbol=name.upper(),
            sentiment=sentiment_of(sign),
        )

    entities = (mention("Acme", 3, 1), mention("Zeta", 13, -1), mention("Zeta", 18, -1))
    site.add(story(1, title="🚀🚀 Acme sues Zeta", text=text, entities=entities, symbols=("ACME", "ZETA")))
    page = open_page(site.url)
    page.locator("#list tr .when").click()
    page.wait_for_selector("#details mark")
    assert page.locator("#details mark").all_inner_texts() == ["Acme▲ ACME", "Zeta▼ ZETA", "Zeta▼ ZETA"]
    assert "ACME ▲ +0.85" in page.locator("#list .chips").inner_text()
    assert "ZETA ▼ −0.85" in page.locator("#list .chips").inner_text()


def test_not_scored_is_not_neutral(start: Callable[..., Any], open_page: Callable[..., Any]) -> None:
    site = start()
    site.add(
        story(1, title="Nichts", sentiment=None, status="unscored", unscored_reason="unsupported_language"),
        story(2, title="", sentiment=None, status="removed"),
    )
    page = open_page(site.url)
    text = page.locator("#list").inner_text()
    assert "not scored: language not supported" in text
    assert "removed by its source" in text
    assert "neutral" not in text


def test_a_mover_filters(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=24h")
    mark = page.locator(".panel.top_movers .chart .mark-symbol path").first
    mark.hover()
    assert "Click: only its stories" in page.locator("#tip").inner_text()
    mark.click()
    page.until("new URLSearchParams(location.search).get('symbol')")
    page.go_back()
    page.locator(".panel.top_movers").get_by_role("button", name="Table").click()
    page.locator(".panel.top_movers table button").first.click()
    page.until("new URLSearchParams(location.search).get('symbol')")


def test_an_alert_leads_to_its_story(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(site.url)
    first = page.locator(".alert").first
    assert "critical" in first.inner_text()
    assert "−0.62 against a threshold of −0.30 over 2 h" in first.inner_text()
    first.locator(".evidence button").first.click()
    page.wait_for_selector("#details mark")
    page.keyboard.press("Escape")
    assert page.locator("#details").is_hidden()
    fingerprint = first.get_attribute("data-fingerprint")
    page = open_page(f"{site.url}/?alert={fingerprint}", viewport={"width": 360, "height": 740})
    assert page.locator(".alert.named").count() >= 1


def test_keys(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('tr') === document.querySelectorAll('#list tr')[1]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#details dl")
    page.keyboard.press("j")
    page.until("document.querySelectorAll('#list tr')[2].hasAttribute('aria-current')")
    page.keyboard.press("Escape")
    assert page.locator("#details").is_hidden()
    page.keyboard.press("/")
    page.keyboard.type("jj?")
    assert page.get_by_label("Text").input_value() == "jj?"
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.get_by_label("Single keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    assert page.get_by_role("button", name="Pause").is_visible()


def test_one_switch_changes_every_time(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d", timezone_id="Asia/Kolkata")
    assert "UTC+5:30" in page.locator("#list time").first.inner_text()
    page.get_by_role("button", name="Times in UTC+5:30").click()
    page.wait_for_url("**tz=utc**")
    assert "UTC+5:30" not in page.locator("body").inner_text()


def test_signing_in(start: Callable[..., Any], open_page: Callable[..., Any]) -> None:
    token = "a-token-of-this-test"
    site = start(settings={"host": "0.0.0.0", "token": SecretStr(token)})
    page = open_page(f"{site.url}/?range=3d", ready=False)
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("That is not the token.").wait_for()
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("html[data-ready=yes]")
    assert page.url == f"{site.url}/?range=3d"
    page.until("document.querySelector('#stream .word').textContent === 'live'")
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("violations") == []


def test_without_scripts_there_is_a_list(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(site.url, ready=False, java_script_enabled=False)
    page.get_by_role("link", name="plain page").click()
    assert page.locator("article").count() == 50
    page.get_by_label("Company").fill("HWKB")
    page.get_by_role("button", name="Show").click()
    assert "symbol=HWKB" in page.url
    assert page.locator("article").count() > 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_of_words(site: Any, open_page: Callable[..., Any], scheme: str) -> None:
    page = open_page(f"{site.url}/?range=7d", color_scheme=scheme)
    low = page.evaluate(CONTRAST.read_text(encoding="utf-8").split("\n", 1)[1])
    assert low == []
