"""The notifiers that the settings ask for."""

from __future__ import annotations

import sys
from typing import TextIO

from alerts.notifiers.console import ConsoleNotifier
from alerts.notifiers.file import FileNotifier
from alerts.notifiers.slack import SlackNotifier
from alerts.notifiers.smtp import SmtpNotifier
from alerts.notifiers.webhook import WebhookNotifier
from riskwire.errors import ConfigError
from riskwire.ports import Notifier
from riskwire.settings import AlertSettings


def build_notifiers(settings: AlertSettings, console_file: TextIO | None = None) -> list[Notifier]:
    """One for each way that is configured; the console writes to `console_file` (stderr).

    Raises ConfigError, naming the setting, for one that can't work as it is set.
    """
    notifiers: list[Notifier] = []
    if settings.console:
        notifiers.append(ConsoleNotifier(console_file or sys.stderr))
    if settings.file is not None:
        notifiers.append(FileNotifier(settings.file))
    if settings.webhook.url is not None:
        if settings.webhook.secret is None or not settings.webhook.secret.get_secret_value():
            raise ConfigError(
                "is missing",
                about="alerts.webhook.secret",
                hint="Notices are signed: give a secret to the receiver, too.",
            )
        notifiers.append(
            WebhookNotifier(
                settings.webhook.url,
                settings.webhook.secret,
                timeout=settings.timeout,
                allow_private_addresses=settings.webhook.allow_private_addresses,
            )
        )
    if settings.slack.webhook_url is not None:
        notifiers.append(
            SlackNotifier(
                settings.slack.webhook_url,
                timeout=settings.timeout,
                allow_private_addresses=settings.slack.allow_private_addresses,
            )
        )
    if settings.email.host:
        notifiers.append(SmtpNotifier(settings.email, timeout=settings.timeout))
    return notifiers
