"""Notices in a Slack channel, by an incoming webhook, as Block Kit.

Plain aiohttp rather than slack-sdk's webhook client: that one takes proxies from the environment, which would connect
past our address check, retries on its own, and writes the message to its debug log.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from pydantic import SecretStr

from alerts.notifiers.base import Card, Story, cards_of, subject_of
from alerts.notifiers.http import check_receiver_url, post, raise_for, to_json
from riskwire.errors import NotifyError, NotifyRetry
from riskwire.types import Notification

_MARKS = {"critical": "🔴", "warning": "🟠", "info": "🔵", "resolved": "🟢"}
_MAX_TEXT = 3_000
_MAX_LINK = 500
#: Slack takes about one message a second and channel.
SECONDS_APART = 1.0
_ERROR_WORD = re.compile(r"[a-z0-9_]{1,60}")
_HINTS = {
    "no_service": "The webhook was removed or turned off: make a new one and set alerts.slack.webhook_url.",
    "invalid_token": "The webhook's address is wrong: set alerts.slack.webhook_url again.",
    "channel_not_found": "The channel is gone: make a webhook for another one.",
    "channel_is_archived": "Bring the channel back, or make a webhook for another one.",
    "action_prohibited": "An administrator of the workspace forbids it.",
    "posting_to_general_channel_denied": "Choose another channel.",
}


class SlackNotifier:
    """Posts to one channel, one message a second at most."""

    name = "slack"

    def __init__(
        self,
        webhook_url: SecretStr,
        *,
        timeout: float = 10,
        allow_private_addresses: bool = False,
        seconds_apart: float = SECONDS_APART,
    ) -> None:
        check_receiver_url(
            webhook_url.get_secret_value(), "alerts.slack.webhook_url", https_only=not allow_private_addresses
        )
        self._url = webhook_url
        self._timeout = timeout
        self._allow_private = allow_private_addresses
        self._apart = seconds_apart
        self._next = 0.0

    async def notify(self, notification: Notification) -> None:
        """See Notifier.notify. Slack takes a message with the answer `ok`, and nothing else."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._next - loop.time()))
        self._next = loop.time() + self._apart
        answer = await post(
            self._url.get_secret_value(),
            to_json(payload_of(notification)),
            {"Content-Type": "application/json; charset=utf-8"},
            receiver=self.name,
            seconds=self._timeout,
            allow_private=self._allow_private,
        )
        # Only Slack's own error words are quoted: an answer may hold anything, our URL too.
        word = answer.text.strip()
        reason = word if _ERROR_WORD.fullmatch(word) else ""
        raise_for(answer, self.name, reason, _HINTS.get(reason, ""))
        if word != "ok":
            if "rate" in reason and "limited" in reason:
                raise NotifyRetry("is limiting us", about=self.name, retry_after=answer.retry_after)
            raise NotifyError(
                f"did not take it: {reason or 'its answer is not Slack’s'}",
                about=self.name,
                hint=_HINTS.get(reason, "Is alerts.slack.webhook_url an incoming webhook of Slack?"),
            )


def payload_of(notification: Notification) -> dict[str, Any]:
    """The message. `text` is what notifications and screen readers show."""
    cards, more = cards_of(notification)
    blocks: list[dict[str, Any]] = []
    for index, card in enumerate(cards):
        if index:
            blocks.append({"type": "divider"})
        blocks += _blocks(card)
    if more:
        blocks.append(_section(f"… and {more} more alerts."))
    summary = cards[0].summary if len(cards) == 1 else ""
    fallback = " — ".join(filter(None, (subject_of(notification), summary)))
    return {"text": escape(fallback), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _blocks(card: Card) -> list[dict[str, Any]]:
    head = f"{_MARKS[card.level]} *{card.level.upper()} · {escape(card.company)}*"
    lines = [head, escape(card.summary)] if card.summary else [head]
    facts = [f"*{name}:* {escape(value)}" for name, value in card.facts]
    facts += [escape(note) for note in card.notes]
    blocks = [_section("\n".join(lines)), _section("\n".join(facts))]
    if card.stories:
        stories = [_story(story) for story in card.stories]
        if card.more_stories:
            stories.append(f"… and {card.more_stories} more")
        blocks.append(_section("\n".join(stories)))
    foot = [f"Rule {escape(card.rule)}"]
    if card.link:
        foot.insert(0, f"<{_url(card.link)}|Open in Riskwire>")
    blocks.append({"type": "context", "elements": [_mrkdwn(" · ".join(foot))]})
    return blocks


def _story(story: Story) -> str:
    # In a link's label Slack takes a `|` or a line break for its end.
    headline = escape(story.headline.replace("|", "¦"))
    title = f"<{_url(story.link)}|{headline}>" if story.link and len(story.link) <= _MAX_LINK else headline
    source = escape(", ".join(filter(None, (story.source, story.when))))
    return f"• `{story.score}` {title} ({source})" if story.score else f"• {title} ({source})"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    if len(text) > _MAX_TEXT:  # cut at a line, never within a link or an entity
        kept = text[: _MAX_TEXT - 2].rpartition("\n")[0]
        text = f"{kept}\n…" if kept else "…"
    # verbatim: Slack does not look for channel names, people and links of its own in it.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def escape(text: str) -> str:
    """The three characters that Slack asks to escape, and no other."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _url(url: str) -> str:
    for character, code in (("|", "%7C"), ("<", "%3C"), (">", "%3E"), ('"', "%22")):
        url = url.replace(character, code)
    return url.replace("&", "&amp;")
