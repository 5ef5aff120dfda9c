"""The page as it runs: filling, live stories, filters, paging, interruptions. In Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from dashboards_helpers import now, story, titles

from riskwire.testing import sentiment_of


def shoot(page: Any, folder: Path, name: str) -> None:
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    assert path.stat().st_size > 20_000


def test_the_page_fills(site: Any, open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page(f"{site.url}/?range=7d")
    assert page.locator("#list tr").count() == 50
    assert page.locator("#stream .word").inner_text() == "live"
    assert page.locator("#firing").inner_text() == "1 alert fires"
    assert "2 of 8 polled feeds fail, 1 silent longer than usual" in page.locator("#feeds").inner_text()
    assert "Nothing new for 6 days; its longest usual pause is 2 days." in page.locator("#feeds").inner_text()
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
    page.until("document.querySelector('#list .title')?.textContent === 'Fresh from the wire'")
    site.add(story(5001, title="Fresh, and corrected", revision=2))
    page.until("document.querySelector('#list .title')?.textContent === 'Fresh, and corrected'")
    assert "corrected, rev 2" in page.locator("#list tr").first.inner_text()
    assert titles(page).count("Fresh, and corrected") == 1


def test_under_the_pointer_nothing_moves(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d")
    page.locator("#list tr").nth(2).hover()
    before = titles(page)
    page.evaluate(
        "window.shifts = []; new PerformanceObserver((list) => list.getEntries().forEach((entry) =>"
        " shifts.push(...entry.sources.map(({node}) => node?.outerHTML?.slice(0, 200) ?? String(node)))))"
        ".observe({type: 'layout-shift', buffered: false})"
    )
    for number in range(12):
        site.add(story(6000 + number, title=f"New {number}"))
        page.wait_for_timeout(150)
    page.until("document.querySelector('#pill').textContent === '12 new stories'")
    page.wait_for_timeout(1500)
    assert titles(page) == before
    assert page.evaluate("shifts") == []
    page.locator("#pill").click()
    assert titles(page)[:2] == ["New 11", "New 10"]
    assert page.locator("#pill").is_hidden()
    assert page.locator("#list tr").count() == 62


def test_filters_live_in_the_address(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d")
    page.get_by_label("Company").fill("hwkb")
    page.wait_for_url("**/?symbol=HWKB&range=7d")
    page.locator("#filters [name=label]").select_option("negative")
    page.wait_for_url("**/?symbol=HWKB&label=negative&range=7d")
    page.until("[...document.querySelectorAll('#list .verdict')].every((v) => v.matches('.negative'))")
    page.until("document.querySelector('#sentence').textContent.startsWith('Negative stories about HWKB')")
    found = titles(page)
    assert found
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    assert titles(page) == found
    assert page.get_by_label("Company").input_value() == "HWKB"
    page.go_back()
    page.wait_for_url("**/?symbol=HWKB&range=7d")
    page.get_by_role("button", name="Clear", exact=True).click()
    page.wait_for_url("**/?range=7d")
    page.until("document.querySelectorAll('#list tr').length === 50")


def test_an_alerts_link_shows_its_company_and_time(site: Any, open_page: Callable[..., Any]) -> None:
    since, until = (now(hours * 3600).strftime("%Y-%m-%dT%H:%M:%SZ") for hours in (-40, -30))
    page = open_page(f"{site.url}/?symbol=HWKB&since={since}&until={until}")
    times = page.locator("#list time").evaluate_all("all => all.map((one) => one.dateTime)")
    assert times
    assert all(since <= time < until for time in times)
    assert page.locator("#period").is_visible()
    page.locator(".range span", has_text="7d").click()
    page.wait_for_url("**/?symbol=HWKB&range=7d")


def test_live_stories_pass_the_filter(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?label=positive&text=omega")
    site.add(story(7001, title="Omega sinks", sentiment=sentiment_of(-1)))
    site.add(story(7002, title="Omega soars", sentiment=sentiment_of(1)), story(7003, title="Alpha soars"))
    page.until("document.querySelectorAll('#list tr').length === 1")
    assert titles(page) == ["Omega soars"]


def test_an_address_that_cannot_be_read_says_so(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=9y&lable=x")
    assert "range can’t be “9y”; “lable” is not known" in page.locator("#notice").inner_text()
    assert page.locator("#list tr").count() > 0


def test_offline_is_said_and_nothing_is_lost(start: Callable[..., Any], open_page: Callable[..., Any]) -> None:
    site = start()
    site.add(story(1, title="Before"))
    page = open_page(site.url)
    site.stop()
    page.until("document.querySelector('#stream .word').textContent.startsWith('offline since ')")
    assert titles(page) == ["Before"]
    site.add(story(2, title="Meanwhile"))
    again = start(port=site.port, index=site.index, log=site.log)
    page.until("document.querySelector('#stream .word').textContent === 'live'")
    page.until("document.querySelectorAll('#list tr').length === 2")
    assert titles(page) == ["Meanwhile", "Before"]
    again.add(story(3, title="After"))
    page.until("document.querySelectorAll('#list tr').length === 3")


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
    page.until("document.querySelectorAll('#list tr').length === 1")


def test_older_pages_are_addresses(site: Any, open_page: Callable[..., Any]) -> None:
    page = open_page(f"{site.url}/?range=7d")
    newest = titles(page)
    page.get_by_role("button", name="Older stories").click()
    page.wait_for_url("**after=**")
    page.until("!document.querySelector('#table').hasAttribute('aria-busy')")
    older = titles(page)
    assert not set(newest[:3]) & set(older[:3])
    page.reload()
    page.wait_for_selector("html[data-ready=yes]")
    assert titles(page) == older
    page.get_by_role("button", name="Back to the newest").click()
    page.until("!location.search.includes('after')")
    page.until(f"document.querySelector('#list .title').textContent === {msgspec.json.encode(newest[0]).decode()}")


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
