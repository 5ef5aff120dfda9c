"""`/plain`: the list, its filters and its pages without any script. For who has scripts off, and small machines."""

from __future__ import annotations

import asyncio
from datetime import datetime
from html import escape
from typing import get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dashboards.web.params import search_query
from dashboards.web.responses import BadParameter
from riskwire.companies import company_sentiments
from riskwire.identity import canonical_link
from riskwire.ports import SearchPage, SearchQuery
from riskwire.types import ScoredDocument, SentimentLabel

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>Riskwire: stories</title>
<link rel="stylesheet" href="/static/css/base.css"><link rel="stylesheet" href="/static/css/plain.css">
<link rel="icon" href="/static/icon.svg"></head><body class="plain">
<header><h1>Riskwire</h1><p>Plain page, without scripts. <a href="/">The full page</a></p></header>{notice}
<form method="get" action="/plain" role="search">
<label>Text <input name="text" value="{text}" maxlength="500"></label>
<label>Company <input name="symbol" value="{symbol}" maxlength="40"></label>
<label>Sentiment <select name="label">{labels}</select></label>
<label>Source <input name="source" value="{source}" maxlength="200"></label>
<button>Show</button> <a href="/plain">Clear</a></form>
<main>{rows}{older}</main></body></html>"""
_ARROWS = {"positive": "▲", "neutral": "●", "negative": "▼"}


async def page(request: Request) -> Response:
    """GET /plain, with the parameters of /api/v1/stories."""
    given = {name: value for name, value in request.query_params.items() if value}
    notice = ""
    try:
        query = search_query(request.query_params)
    except BadParameter as error:
        notice, query, given = f'<p class="notice" role="alert">{escape(str(error))}</p>', SearchQuery(), {}
    found: SearchPage = await asyncio.to_thread(request.app.state.index.search, query)
    older = f"/plain?{urlencode(given | {'after': found.next})}" if found.next else ""
    html = _PAGE.format(
        notice=notice,
        text=escape(query.text),
        symbol=escape(query.symbol or ""),
        source=escape(query.source or ""),
        labels="".join(_option(label, query.label) for label in ("", *get_args(SentimentLabel))),
        rows="".join(map(_story, found.documents)) or "<p>No stories match. Clear the filters, or come back later.</p>",
        older=f'<p><a href="{escape(older)}" rel="next">Older stories</a></p>' if older else "",
    )
    return HTMLResponse(html, 400 if notice else 200, {"Cache-Control": "no-store"})


def _option(label: str, chosen: SentimentLabel | None) -> str:
    selected = " selected" if label == (chosen or "") else ""
    return f'<option value="{label}"{selected}>{label or "any"}</option>'


def _story(document: ScoredDocument) -> str:
    title = escape(document.title or "(no headline)")
    # canonical_link is None for anything that is not http(s); what is linked is the address as it came.
    if canonical_link(document.link):
        link = escape(document.link or "", quote=True)
        title = f'<a href="{link}" rel="noopener noreferrer" target="_blank">{title}</a>'
    companies = "".join(
        f"<li>{escape(symbol)} {_ARROWS[one.label]} {one.score:+.2f} {one.label}</li>"
        for symbol, one in company_sentiments(document).items()
    )
    return (
        f"<article><p><time>{_time(document.event_time)}</time> · {escape(document.source)} · {_verdict(document)}</p>"
        f"<h2>{title}</h2>{f'<ul>{companies}</ul>' if companies else ''}</article>"
    )


def _time(then: datetime) -> str:
    return then.strftime("%Y-%m-%d %H:%M UTC")


def _verdict(document: ScoredDocument) -> str:
    if document.status == "removed":
        return "removed by its source"
    if document.sentiment is None:
        return f"not scored: {(document.unscored_reason or 'unknown').replace('_', ' ')}"
    one = document.sentiment
    return f"{_ARROWS[one.label]} {one.score:+.2f} {one.label}, confidence {one.confidence:.0%}"
