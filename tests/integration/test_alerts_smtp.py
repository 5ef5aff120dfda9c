"""E-mail against a real SMTP server (aiosmtpd): TLS that is verified, headers that hold, threads that stay together."""

from __future__ import annotations

import asyncio
import email
import os
import shutil
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from pydantic import SecretStr

from alerts.notifiers.smtp import SmtpNotifier
from riskwire.errors import NotifyError, NotifyRetry
from riskwire.settings import EmailSettings
from riskwire.types import Alert, Evidence, Notification

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
PASSWORD = "canary-password-91c"
HOSTILE = "Falls\r\nBcc: everyone@example.com\r\n\r\n<script>alert(1)</script> <img src=x onerror=alert(1)>"


if shutil.which("openssl") is None and os.environ.get("CI") != "true":
    pytest.skip("needs the openssl command", allow_module_level=True)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key in one file."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", "key.pem", "-out", "cert.pem",
        ],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


class Mailbox:
    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.secure: list[bool] = []
        self.commands: list[str] = []

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.commands.append("EHLO")
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address.startswith("nobody"):
            return "550 no such person"
        if address.startswith("busy"):
            return "450 mailbox busy"
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.secure.append(session.ssl is not None)
        self.recipients += envelope.rcpt_tos
        self.messages.append(email.message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 ok"


def deliver(
    *notices: Notification, box: Mailbox, certificate: Path | None, implicit: bool = False, **settings: object
) -> None:
    """Send these to an SMTP server of its own, made for the occasion."""

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        context = None
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        server = await loop.create_server(
            lambda: SMTP(
                box,
                hostname="localhost",
                tls_context=None if implicit else context,
                require_starttls=context is not None and not implicit,
                auth_require_tls=not implicit,  # it does not see that TLS is there from the start
                authenticator=login,
                loop=loop,
            ),
            "127.0.0.1",
            0,
            ssl=context if implicit else None,
        )
        values: dict[str, object] = {
            "host": "localhost", "port": server.sockets[0].getsockname()[1],
            "sender": "Risk Wire <riskwire@example.com>", "recipients": ("desk@example.com",),
        } | settings  # fmt: skip
        notifier = SmtpNotifier(EmailSettings(**values), timeout=5)  # type: ignore[arg-type]
        async with server:
            for notice in notices:
                await notifier.notify(notice)

    asyncio.run(run())


def alert(**fields: object) -> Alert:
    values: dict[str, object] = {
        "rule": "fall", "labels": {"rule": "fall", "symbol": "ACME"}, "severity": "critical", "status": "firing",
        "annotations": {"company": "Acme & Sons (ACME)", "measure": "mean sentiment", "reading": "−0.72",
                        "condition": "≤ −0.45", "stories": "5", "sources": "2", "summary": "It falls."},
        "starts_at": T0, "updated_at": T0, "fingerprint": "f", "window": 7200.0,
        "evidence": (Evidence(id="1", title="Acme falls", link="https://e.com/?a=1&b=2", source="Wire", score=-0.9),),
        "generator_url": "http://127.0.0.1:8600/?symbol=ACME",
    }  # fmt: skip
    return Alert(**(values | fields))  # type: ignore[arg-type]


def notice(*alerts: Alert, reason: str = "first", minutes: int = 5) -> Notification:
    return Notification(
        receiver="email", group_key="rule=fall,symbol=ACME", alerts=alerts or (alert(),),
        reason=reason, sent_at=T0 + timedelta(minutes=minutes),  # type: ignore[arg-type]
    )  # fmt: skip


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_starttls_with_our_authority(certificate: Path) -> None:
    box = Mailbox()
    deliver(notice(), box=box, certificate=certificate, ca_file=certificate / "cert.pem")
    (message,) = box.messages
    assert box.secure == [True]
    assert message["Subject"] == "[CRITICAL] Acme & Sons (ACME): mean sentiment −0.72 (fall)"
    assert message["From"] == "Risk Wire <riskwire@example.com>"
    assert message["To"] == "desk@example.com"
    assert message["Date"] == "Thu, 01 Jan 2026 12:05:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert "Value:   mean sentiment −0.72 (alert at ≤ −0.45)" in part(message, "plain")
    html = part(message, "html")
    assert "Acme &amp; Sons (ACME)" in html
    assert 'href="https://e.com/?a=1&amp;b=2"' in html


def test_tls_from_the_start_and_a_login(certificate: Path) -> None:
    box = Mailbox()
    deliver(
        notice(), box=box, certificate=certificate, implicit=True, security="tls", ca_file=certificate / "cert.pem",
        username="riskwire", password=SecretStr(PASSWORD),
    )  # fmt: skip
    assert len(box.messages) == 1


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_that_nobody_vouches_for_is_refused(certificate: Path, implicit: bool) -> None:
    box = Mailbox()
    with pytest.raises(NotifyError, match="no certificate that can be trusted") as caught:
        deliver(
            notice(), box=box, certificate=certificate, implicit=implicit, security="tls" if implicit else "starttls"
        )
    assert not isinstance(caught.value, NotifyRetry)
    assert box.messages == []


def test_a_certificate_for_another_name_is_refused(certificate: Path) -> None:
    box = Mailbox()
    with pytest.raises(NotifyError, match="no certificate that can be trusted"):
        deliver(notice(), box=box, certificate=certificate, host="127.0.0.1", ca_file=certificate / "cert.pem")
    assert box.messages == []


def test_a_server_without_starttls_gets_nothing() -> None:
    box = Mailbox()
    with pytest.raises(NotifyError, match="offers no STARTTLS") as caught:
        deliver(notice(), box=box, certificate=None, username="u", password=SecretStr(PASSWORD))
    assert not isinstance(caught.value, NotifyRetry)
    assert box.messages == []


def test_in_the_clear_only_to_this_machine() -> None:
    box = Mailbox()
    deliver(notice(), box=box, certificate=None, security="none")
    assert box.secure == [False]


def test_a_server_that_takes_no_login_is_named(certificate: Path) -> None:
    with pytest.raises(NotifyError, match="takes no login") as caught:
        deliver(
            notice(), box=Mailbox(), certificate=None, security="none", username="u", password=SecretStr(PASSWORD)
        )  # fmt: skip
    assert not isinstance(caught.value, NotifyRetry)


def test_a_wrong_login_is_given_up_without_the_password(certificate: Path) -> None:
    with pytest.raises(NotifyError, match="refused the login") as caught:
        deliver(
            notice(), box=Mailbox(), certificate=certificate, ca_file=certificate / "cert.pem", username="riskwire",
            password=SecretStr("wrong-" + PASSWORD),
        )  # fmt: skip
    assert not isinstance(caught.value, NotifyRetry)
    assert PASSWORD not in str(caught.value)


def test_a_headline_cannot_add_a_header_or_a_tag(certificate: Path) -> None:
    box = Mailbox()
    hostile = alert(
        annotations=alert().annotations | {"summary": HOSTILE, "company": HOSTILE, "note": HOSTILE},
        evidence=(
            Evidence(id="1", title=HOSTILE, source=HOSTILE, link='https://e.com/"onmouseover="alert(1)', score=-1.0),
        ),
    )
    deliver(notice(hostile), box=box, certificate=certificate, ca_file=certificate / "cert.pem")
    (message,) = box.messages
    assert box.recipients == ["desk@example.com"]
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert message["Subject"].startswith("[CRITICAL] Falls Bcc: everyone@example.com")
    html = part(message, "html")
    assert "<script" not in html
    assert "<img" not in html
    assert 'onmouseover="' not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_an_alert_is_one_thread(certificate: Path) -> None:
    box = Mailbox()
    over = msgspec.structs.replace(alert(), status="resolved", ends_at=T0 + timedelta(hours=2), transition=2)
    again = alert(starts_at=T0 + timedelta(hours=5))
    deliver(
        notice(), notice(reason="repeat", minutes=245), notice(over, reason="resolved"), notice(again, minutes=301),
        box=box, certificate=certificate, ca_file=certificate / "cert.pem",
    )  # fmt: skip
    first, repeat, resolved, new = box.messages
    assert repeat["References"] == resolved["In-Reply-To"] == first["Message-ID"]
    assert resolved["Subject"] == "[RESOLVED] Acme & Sons (ACME): fall is over after 2h"
    assert new["References"] is None
    assert len({one["Message-ID"] for one in box.messages}) == 4
    assert first["Importance"] == "high"
    assert resolved["Importance"] is None


def test_one_wrong_recipient_does_not_keep_the_others_from_it(certificate: Path) -> None:
    box = Mailbox()
    people = ("nobody@example.com", "desk@example.com", "busy@example.com")
    deliver(notice(), box=box, certificate=certificate, ca_file=certificate / "cert.pem", recipients=people)
    assert box.recipients == ["desk@example.com"]


@pytest.mark.parametrize(("person", "again"), [("nobody@example.com", False), ("busy@example.com", True)])
def test_when_everybody_is_refused(certificate: Path, person: str, again: bool) -> None:
    with pytest.raises(NotifyError, match="refused every recipient") as caught:
        deliver(
            notice(), box=Mailbox(), certificate=certificate, ca_file=certificate / "cert.pem", recipients=(person,)
        )
    assert isinstance(caught.value, NotifyRetry) == again
