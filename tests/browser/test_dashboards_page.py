"""The page as an analyst meets it, in Chromium."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from riskwire.testing import a_story, sentiment_of
from riskwire.types import EntityMention

HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


def now(seconds: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def story(number: int, **fields: Any) -> Any:
    then = fields.pop("then", None) or now()
    return a_story(number, **{"event_time": then, "seen_at": then, "text": fields.get("title", "")} | fields)


def titles(page: Any) -> list[str]:
    return page.locator("#list .title").all_inner_texts()


def shoot(page: Any, folder: Path, name: str) -> None:
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 20_000


def test_the_page_fills(site: Any, open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page(f"{site.url}/?range=7d")
    assert page.locator("#list tr").count() == 50
    assert page.locator("#stream .word").inner_text() == "live"
    assert page.locator("#firing").inner_text() == "1 alert fires"
    assert "2 of 7 polled feeds fail" in page.locator("#feeds").inner_text()
    assert "the name has no address" in page.locator("#feeds").inner_text()
    assert page.locator("#demo").is_visible()
    for name in ("sentiment_timeline", "top_movers"):
        assert page.locator(f".panel.{name} .chart svg path").count() > 10, name
    shoot(page, tmp_path, "light")
    assert page.evaluate("violations") == []
    assert page.wrong == []


def test_dark_is_dark(site: Any, open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page(f"{site.url}/?range=7d", color_scheme="dark")
    red, green, blue = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(red, green, blue) < 60
    page.get_by_role("button", name="Theme: auto").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")[0] > 200
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    assert page.get_by_role("button", name="Theme: light").is_visible()
    shoot(page, tmp_path, "dark")


def test_a_phone_scrolls_only_down(site: Any, open_page: Callable[..., Any], tmp_path: Path) -> None:
    for width in (320, 360):
        page = open_page(f"{site.url}/?range=7d", viewport={"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("#list tr .open").first.click()
        page.wait_for_selector("#details dl")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    shoot(page, tmp_path, "phone")


def test_a_live_story_appears(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(site.url)
    site.add(story(5001, title="Fresh from the wire"))
    page.wait_for_function(
        "document.querySelector('#list .title')?.textContent === 'Fresh from the wire'", timeout=8000
    )
    site.add(story(5001, title="Fresh, and corrected", revision=2))
    page.wait_for_function(
        "document.querySelector('#list .title')?.textContent === 'Fresh, and corrected'", timeout=8000
    )
    assert "corrected, rev 2" in page.locator("#list tr").first.inner_text()
    assert titles(page).count("Fresh, and corrected") == 1


def test_under_the_pointer_nothing_moves(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d")
    page.locator("#list tr").nth(2).hover()
    before = titles(page)
    page.evaluate(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => { shift += e.value }))"
        ".observe({type: 'layout-shift', buffered: false})"
    )
    for number in range(12):
        site.add(story(6000 + number, title=f"New {number}"))
        page.wait_for_timeout(150)
    page.wait_for_function("document.querySelector('#pill').textContent === '12 new stories'", timeout=8000)
    page.wait_for_timeout(1500)
    assert titles(page) == before
    assert page.evaluate("shift") == 0
    page.locator("#pill").click()
    assert titles(page)[:2] == ["New 11", "New 10"]
    assert page.locator("#pill").is_hidden()
    assert page.locator("#list tr").count() == 62


def test_filters_live_in_the_address(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d")
    page.get_by_label("Company").fill("hwkb")
    page.get_by_label("Sentiment").select_option("negative")
    page.wait_for_url("**/?symbol=HWKB&label=negative&range=7d")
    page.wait_for_function("[...document.querySelectorAll('#list .verdict')].every((v) => v.matches('.negative'))")
    page.wait_for_function("document.querySelector('#sentence').textContent.startsWith('Negative stories about HWKB')")
    found = titles(page)
    assert found
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    assert titles(page) == found
    assert page.get_by_label("Company").input_value() == "HWKB"
    page.go_back()
    page.wait_for_url("**/?symbol=HWKB&range=7d")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_url("**/?range=7d")
    page.wait_for_function("document.querySelectorAll('#list tr').length === 50")


def test_live_stories_pass_the_filter(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?label=positive&text=omega")
    site.add(story(7001, title="Omega sinks", sentiment=sentiment_of(-1)))
    site.add(story(7002, title="Omega soars", sentiment=sentiment_of(1)), story(7003, title="Alpha soars"))
    page.wait_for_function("document.querySelectorAll('#list tr').length === 1", timeout=8000)
    assert titles(page) == ["Omega soars"]


def test_an_address_that_cannot_be_read_says_so(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=9y&lable=x")
    assert "range can’t be “9y”; “lable” is not known" in page.locator("#notice").inner_text()
    assert page.locator("#list tr").count() > 0


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
    page.wait_for_function("document.querySelector('#pill').textContent === '1 new story'", timeout=8000)
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
    page.wait_for_function("new URLSearchParams(location.search).get('symbol')")
    page.go_back()
    page.locator(".panel.top_movers").get_by_role("button", name="Table").click()
    page.locator(".panel.top_movers table button").first.click()
    page.wait_for_function("new URLSearchParams(location.search).get('symbol')")


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
    page.wait_for_function("document.querySelectorAll('#list tr')[2].hasAttribute('aria-current')")
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


def test_offline_is_said_and_nothing_is_lost(start: Callable[..., Any], open_page: Callable[..., Any]) -> None:
    site = start()
    site.add(story(1, title="Before"))
    page = open_page(site.url)
    site.stop()
    page.wait_for_function(
        "document.querySelector('#stream .word').textContent.startsWith('offline since ')", timeout=9000
    )
    assert titles(page) == ["Before"]
    site.add(story(2, title="Meanwhile"))
    again = start(port=site.port, index=site.index, log=site.log)
    page.wait_for_function("document.querySelector('#stream .word').textContent === 'live'", timeout=20_000)
    page.wait_for_function("document.querySelectorAll('#list tr').length === 2", timeout=8000)
    assert titles(page) == ["Meanwhile", "Before"]
    again.add(story(3, title="After"))
    page.wait_for_function("document.querySelectorAll('#list tr').length === 3", timeout=8000)


def test_nothing_yet_has_words(start: Callable[..., Any], open_page: Callable[..., Any]) -> None:
    site = start()
    page = open_page(site.url)
    text = page.locator("main").inner_text()
    for words in ("No stories yet.", "No alerts yet.", "No source yet.", "No scored stories in this range."):
        assert words in text
    site.add(story(1, then=now(-30 * 86400), title="Old"))
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    page.get_by_role("button", name="Show all times").click()
    page.wait_for_function("document.querySelectorAll('#list tr').length === 1")


def test_older_pages_are_addresses(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d")
    newest = titles(page)
    page.get_by_role("button", name="Older stories").click()
    page.wait_for_url("**after=**")
    page.wait_for_function("!document.querySelector('#table').hasAttribute('aria-busy')")
    older = titles(page)
    assert not set(newest[:3]) & set(older[:3])
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    assert titles(page) == older
    page.get_by_role("button", name="Back to the newest").click()
    page.wait_for_function("!location.search.includes('after')")
    page.wait_for_function(
        f"document.querySelector('#list .title').textContent === {msgspec.json.encode(newest[0]).decode()}"
    )


def test_a_hidden_tab_closes_its_stream(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(site.url)
    state = site.server.config.app.state
    assert state.streams == 1
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    for _ in range(50):
        page.wait_for_timeout(100)
        if not state.streams:
            break
    assert state.streams == 0


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
    low = page.evaluate(CONTRAST)
    assert low == []


#: Every element with text of its own against the first background behind it: WCAG AA, 4.5 (3 for large text).
CONTRAST = """() => {
  const canvas = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d', {willReadFrequently: true});
  const rgb = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) { const c = rgb(getComputedStyle(at).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
  const low = [];
  for (const node of document.querySelectorAll('body *:not(svg *)')) {
    if (![...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim()) || !node.checkVisibility()) continue;
    const style = getComputedStyle(node); const a = light(rgb(style.color)), b = light(behind(node));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < (parseFloat(style.fontSize) >= 24 ? 3 : 4.5)) low.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${node.textContent.slice(0, 30)}`);
  }
  return low;
}"""
