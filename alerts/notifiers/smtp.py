"""Notices by e-mail. The server's certificate is checked, and nothing is sent in the clear but to this machine itself.

All notices about one alert share a thread: the first one's Message-ID is made from the alert, later ones refer to it.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape

import aiosmtplib

from alerts.dedup import name_of
from alerts.notifiers.base import Card, Story, cards_of, idempotency_key, short, subject_of, text_of
from riskwire.errors import ConfigError, NotifyError, NotifyRetry
from riskwire.log import get_logger, masked
from riskwire.net import is_loopback
from riskwire.settings import EmailSettings
from riskwire.types import Notification

log = get_logger("alerts")

_COLOURS = {"critical": "#b3261e", "warning": "#a35c00", "info": "#1a5fb4", "resolved": "#1b7f3b"}


class SmtpNotifier:
    """Sends to the addresses of `[alerts.email]`. Raises ConfigError where the settings can't be used as they are."""

    name = "email"

    def __init__(self, settings: EmailSettings, *, timeout: float = 10) -> None:
        self._settings = settings
        self._timeout = timeout
        self._sender = _address(settings.sender, "alerts.email.sender")
        if not settings.recipients:
            raise ConfigError("names nobody", about="alerts.email.recipients", hint="Give one address at least.")
        self._recipients = tuple(_address(one, "alerts.email.recipients") for one in settings.recipients)
        if settings.security == "none" and not is_loopback(settings.host):
            raise ConfigError(
                "none goes only to this machine itself",
                about="alerts.email.security",
                hint="Use starttls or tls: notices and the password would go in the clear.",
            )
        if bool(settings.username) != (settings.password is not None):
            raise ConfigError("username and password go together", about="alerts.email", hint="Set both, or neither.")
        self._tls = None if settings.security == "none" else _context(settings)

    def _hidden(self, text: str) -> str:
        """What a server said, without our password, should it quote it."""
        password = self._settings.password
        own = password.get_secret_value() if password is not None else ""
        return short(masked(text.replace(own, "********") if own else text), 120)

    async def notify(self, notification: Notification) -> None:
        """See Notifier.notify. A 4xx of the server may pass; a 5xx, or a certificate that is not trusted, does not."""
        message = message_of(notification, self._sender, self._recipients)
        secure = self._settings.security
        password = self._settings.password
        try:
            refused, _ = await aiosmtplib.send(
                message,
                sender=self._sender.addr_spec,
                recipients=[one.addr_spec for one in self._recipients],
                hostname=self._settings.host,
                port=self._settings.port,
                username=self._settings.username or None,
                password=password.get_secret_value() if password is not None else None,
                local_hostname=socket.gethostname() or "localhost",
                timeout=self._timeout,
                use_tls=secure == "tls",
                start_tls=secure == "starttls",
                tls_context=self._tls,
            )
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _judge(error, self.name, self._hidden) from None
        if refused:  # the others have it: to send again would tell them twice
            log.warning("recipients refused", receiver=self.name, refused=sorted(refused))


def message_of(notification: Notification, sender: Address, recipients: tuple[Address, ...]) -> EmailMessage:
    """The e-mail: text and HTML, in the alert's thread."""
    message = EmailMessage()
    # One line by `short`, and EmailMessage itself refuses line breaks: a headline can't add a header.
    message["Subject"] = subject_of(notification)
    message["From"] = sender
    message["To"] = recipients
    message["Date"] = format_datetime((notification.sent_at or datetime.now(UTC)).astimezone(UTC))
    first = min(notification.alerts, key=lambda alert: (alert.starts_at, alert.fingerprint))
    thread = hashlib.sha256(f"{notification.group_key}\n{name_of(first)}".encode()).hexdigest()[:24]
    root = f"<riskwire.{thread}@{sender.domain}>"
    if notification.reason == "first":
        message["Message-ID"] = root
    else:
        message["Message-ID"] = f"<riskwire.{thread}.{idempotency_key(notification)}@{sender.domain}>"
        message["In-Reply-To"] = root
        message["References"] = root
    message["Auto-Submitted"] = "auto-generated"  # no out-of-office answers
    if any(alert.severity == "critical" and alert.status == "firing" for alert in notification.alerts):
        message["Importance"] = "high"
    message.set_content(text_of(notification))
    message.add_alternative(_html(notification), subtype="html")
    return message


def _html(notification: Notification) -> str:
    cards, more = cards_of(notification)
    parts = [_card(card) for card in cards]
    if more:
        parts.append(f"<p>… and {more} more alerts.</p>")
    body = "\n".join(parts)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"></head>'
        f'<body style="font:14px/1.45 system-ui,sans-serif;color:#1c1c1c;max-width:44em">\n{body}\n</body></html>\n'
    )


def _card(card: Card) -> str:
    colour = _COLOURS[card.level]
    facts = "".join(
        f'<tr><td style="padding:0 1em 0 0;color:#666">{escape(name)}</td><td>{escape(value)}</td></tr>'
        for name, value in card.facts
    )
    notes = "".join(f"<p>{escape(note)}</p>" for note in card.notes)
    stories = "".join(f"<li>{_story(story)}</li>" for story in card.stories)
    stories = f"<ul>{stories}</ul>" if stories else ""
    more = f"<p>… and {card.more_stories} more</p>" if card.more_stories else ""
    look = f'<p><a href="{escape(card.link)}">Open in Riskwire</a></p>' if card.link else ""
    return (
        f'<section style="border-left:4px solid {colour};padding-left:12px;margin:0 0 20px">'
        f'<h2 style="font-size:16px;margin:0;color:{colour}">{escape(card.level.upper())} · {escape(card.company)}</h2>'
        f'<p style="margin:.3em 0">{escape(card.summary)}</p><table>{facts}</table>{notes}'
        f"{stories}{more}{look}"
        f'<p style="color:#666">Rule {escape(card.rule)}</p></section>'
    )


def _story(story: Story) -> str:
    headline = escape(story.headline)
    title = f'<a href="{escape(story.link)}">{headline}</a>' if story.link else headline
    source = escape(", ".join(filter(None, (story.source, story.when))))
    return f'<b>{escape(story.score)}</b> {title} <span style="color:#666">({source})</span>'


def _address(text: str, key: str) -> Address:
    name, address = parseaddr(text)
    try:
        if not address or any(not c.isprintable() for c in text):
            raise ValueError("no address")
        parsed = Address(display_name=name, addr_spec=address)
    except (ValueError, HeaderParseError, IndexError):
        raise ConfigError(
            f"{short(text, 80)!r} is no e-mail address", about=key, hint="Write it like a@b.com."
        ) from None
    if not parsed.username or not parsed.domain:
        raise ConfigError(f"{short(text, 80)!r} is no e-mail address", about=key, hint="Write it like a@b.com.")
    return parsed


def _context(settings: EmailSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            "can't be read as certificates", about="alerts.email.ca_file", hint="Give a file with PEM certificates."
        ) from error


def _judge(error: Exception, receiver: str, hidden: Callable[[str], str]) -> NotifyError:
    """Whether trying again may help. `hidden` takes our password out of what a server said."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return NotifyError(
                "has no certificate that can be trusted",
                about=receiver,
                hint="Nothing was sent. A private authority goes into alerts.email.ca_file.",
            )
        seen = seen.__cause__ or seen.__context__
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        codes = [one.code for one in error.recipients]
        temporary = any(400 <= code < 500 for code in codes)
        message = f"refused every recipient ({', '.join(str(code) for code in codes)})"
        return NotifyRetry(message, about=receiver) if temporary else NotifyError(message, about=receiver)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError):
        if 400 <= error.code < 500:
            return NotifyRetry(f"could not check the login ({error.code})", about=receiver)
        return NotifyError(
            f"refused the login ({error.code})", about=receiver, hint="Check alerts.email.username and password."
        )
    if isinstance(error, aiosmtplib.SMTPResponseException):
        said = f"answered {error.code} ({hidden(error.message)})"
        if 400 <= error.code < 500:
            return NotifyRetry(said, about=receiver)
        if error.code >= 500:
            return NotifyError(said, about=receiver)
        return NotifyRetry(said, about=receiver)
    if isinstance(error, TimeoutError):
        return NotifyRetry("did not answer in time", about=receiver)
    if isinstance(error, OSError):
        return NotifyRetry(f"could not be reached ({type(error).__name__})", about=receiver)
    if "STARTTLS extension" in str(error):
        return NotifyError(
            "offers no STARTTLS",
            about=receiver,
            hint='Nothing was sent in the clear. Use alerts.email.security = "tls" (port 465), or mend the server.',
        )
    if "AUTH extension" in str(error):
        return NotifyError(
            "takes no login", about=receiver, hint="Leave out alerts.email.username, or use another port."
        )
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return NotifyError(
            "takes no addresses beyond ASCII", about=receiver, hint="Check sender and recipients in alerts.email."
        )
    return NotifyRetry(f"broke off ({type(error).__name__})", about=receiver)
