"""Every setting, declared once: name, type, default, meaning. docs/configuration.md is made from this file.

Order: flags over `RISKWIRE_*` variables (sections with two underscores: `RISKWIRE_WEB__PORT`) over `riskwire.toml` over
the defaults here. Unknown keys are refused by name and line.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from riskwire.errors import ConfigError
from riskwire.toml import line_of, read_toml

ENV_PREFIX = "RISKWIRE_"
#: Variables with our prefix that are not settings: the configuration's own path, and the training data's.
NOT_SETTINGS = {"RISKWIRE_CONFIG", "RISKWIRE_DATASETS"}


class Section(BaseModel):
    """Base of the sections: unknown keys are refused, values can't change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestSettings(Section):
    """`[ingest]`: how sources are read."""

    feeds: Path | None = Field(
        None, description="Feeds file, TOML or OPML. Without it feeds.toml in the data folder, or the default feeds."
    )
    contact: str = Field("", description="A name and e-mail address for the User-Agent. The SEC demands one.")
    interval: float = Field(300, ge=5, description="Seconds between two polls of a source, until its pace is known.")
    interval_min: float = Field(120, ge=5, description="Shortest interval, in seconds, for one that changes often.")
    interval_max: float = Field(3600, ge=5, description="Longest interval, in seconds, for one that hardly changes.")
    adaptive: bool = Field(True, description="Poll by how often a feed really changes, where it has no own interval.")
    concurrency: int = Field(32, ge=1, le=256, description="Feeds fetched at once.")
    per_host: int = Field(2, ge=1, le=16, description="Of these, at once from one host.")
    ignore_robots: bool = Field(False, description="Poll feeds that robots.txt forbids to programs, too.")
    parsers: int = Field(0, ge=0, le=16, description="Parser processes; 0: one for each core, at most 4.")
    timeout: float = Field(20, gt=0, description="Seconds one fetch may take in all.")
    connect_timeout: float = Field(10, gt=0, description="Seconds a connection may take.")
    max_bytes: int = Field(
        15 * 1024 * 1024, ge=1024, description="Largest body of a feed, after decompression, in bytes."
    )
    parse_timeout: float = Field(10, gt=0, description="Seconds one feed may take to parse.")
    backoff_max: float = Field(6 * 3600, ge=60, description="Longest pause, in seconds, after repeated failures.")
    allow_private_addresses: bool = Field(False, description="Fetch from local and private addresses, too.")
    allow_local_files: bool = Field(False, description="Read file: feeds, too.")
    webhook_secret: SecretStr | None = Field(
        None, description="Shared secret of signed stories sent to /api/v1/stories."
    )
    author_key: SecretStr | None = Field(
        None,
        description="Key of the HMAC that stands for a social author. Made and kept in the data folder if not given.",
    )
    mastodon_token: SecretStr | None = Field(
        None, description="Access token (read:statuses) of a Mastodon account; streams need one."
    )
    mastodon_token_host: str = Field("", description="Host of that account's server: the token is sent to no other.")
    reddit_client_id: str = Field("", description="Client id of an approved Reddit application.")
    reddit_client_secret: SecretStr | None = Field(None, description="Its secret.")
    twitter_bearer_token: SecretStr | None = Field(None, description="Bearer token of the X (Twitter) API v2.")
    twitter_daily_posts: int = Field(
        100, ge=0, description="Posts read from X a day (UTC) at most, for each is paid for."
    )
    twitter_daily_dollars: float = Field(1.0, ge=0, description="Dollars spent at X a day (UTC) at most.")
    twitter_post_price: float = Field(0.005, ge=0, description="What X asks for one post read, in dollars.")


class ModelSettings(Section):
    """`[model]`: which model scores, and on what."""

    path: Path | None = Field(
        None, description="Folder of a model artefact, whatever is promoted. Without it the registry's production."
    )
    registry: Path | None = Field(
        None, description="Folder of the registry. Without it `models` in the data folder; a shared volume serves many."
    )
    registry_interval: float = Field(
        5, gt=0, description="Seconds until a promotion is noticed by what runs: two looks at production.json."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto takes CUDA where there is a GPU.")
    threads: int = Field(0, ge=0, description="Threads of inference; 0: one for each core.")
    batch_tokens: int = Field(2048, ge=64, description="Tokens in one batch, padding included.")
    languages: tuple[str, ...] = Field(
        ("en",), description="Languages that the model knows, as ISO 639 codes. Texts in others go on unscored."
    )
    symbols: tuple[Path, ...] = Field((), description="More companies: CSV files with symbol, name and aliases.")


class StreamSettings(Section):
    """`[stream]`: the processor."""

    batch_size: int = Field(64, ge=1, le=1024, description="Documents taken from the log at once.")
    poll_interval: float = Field(0.05, gt=0, description="Seconds between two looks at an empty log.")
    linger: float = Field(0.02, ge=0, le=1, description="Seconds a worker of the cluster waits for a fuller batch.")
    stuck_after: float = Field(
        60,
        ge=5,
        description="Seconds without progress, while documents wait, after which a worker of the cluster exits.",
    )
    health_port: int | None = Field(
        None, ge=0, le=65535, description="Loopback port of a worker's /healthz and /metrics; 0 takes a free one."
    )


class SlackSettings(Section):
    """`[alerts.slack]`"""

    webhook_url: SecretStr | None = Field(None, description="Incoming webhook of the channel.")
    allow_private_addresses: bool = Field(False, description="Send to local and private addresses, too.")


class EmailSettings(Section):
    """`[alerts.email]`"""

    host: str = Field("", description="SMTP server. Empty: no e-mail.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="none only to this machine itself.")
    ca_file: Path | None = Field(None, description="CA certificates, if not the system's.")
    username: str = Field("", description="Login, if the server wants one.")
    password: SecretStr | None = Field(None, description="Password of the login.")
    sender: str = Field("", description="Address the notices come from.")
    recipients: tuple[str, ...] = Field((), description="Addresses they go to.")


class WebhookSettings(Section):
    """`[alerts.webhook]`"""

    url: SecretStr | None = Field(None, description="Where notices are posted as JSON.")
    secret: SecretStr | None = Field(None, description="Key of the HMAC-SHA256 in the header Riskwire-Signature.")
    allow_private_addresses: bool = Field(False, description="Send to local and private addresses, too.")


class AlertSettings(Section):
    """`[alerts]`: rules and the ways to tell people."""

    rules: Path | None = Field(None, description="Rules file. Without it the default rules are used.")
    allowed_lateness: float = Field(6 * 3600, ge=0, description="Seconds after which a late story enters no window.")
    console: bool = Field(True, description="Print notices on stderr.")
    file: Path | None = Field(None, description="Append notices as JSON lines to this file.")
    timeout: float = Field(10, gt=0, description="Seconds one delivery may take.")
    max_attempts: int = Field(20, ge=1, description="Deliveries tried before a notice is given up, and said so.")
    slack: SlackSettings = SlackSettings()
    email: EmailSettings = EmailSettings()
    webhook: WebhookSettings = WebhookSettings()


class WebSettings(Section):
    """`[web]`: the page and the API."""

    host: str = Field("127.0.0.1", description="Address to listen on. Beyond the loopback a token is demanded.")
    port: int = Field(8600, ge=0, le=65535, description="Port; 0 takes a free one.")
    token: SecretStr | None = Field(None, description="Token of the page and the API (at least 16 characters).")
    public_url: str = Field("", description="Address at which people reach the page, for links in notices.")
    allowed_hosts: tuple[str, ...] = Field((), description="Host names the page answers to, besides the loopback's.")


class KafkaSettings(Section):
    """`[kafka]`: with `[elasticsearch]`, the cluster setting."""

    bootstrap_servers: str = Field("", description="host:port, comma-separated. Empty: one machine, on SQLite.")
    prefix: str = Field(
        "riskwire", pattern=r"^[A-Za-z0-9_-]{1,64}$", description="First part of the names of topics and groups."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="SASL_PLAINTEXT only to this machine itself: the password would travel in clear."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How the password is shown, with a SASL_ protocol."
    )
    username: str = Field("", description="Login, with a SASL_ protocol.")
    password: SecretStr | None = Field(None, description="Password of the login.")
    ca_file: Path | None = Field(None, description="CA certificates, if not the system's.")
    partitions: int = Field(4, ge=1, le=1024, description="Partitions of a topic that `topics init` makes.")
    replication: int = Field(1, ge=1, le=7, description="Copies of each partition: 3 where there are 3 brokers.")
    retention_days: float = Field(7, gt=0, description="Days the documents, scored and alerts topics keep a message.")
    spool_documents: int = Field(
        1_000_000,
        ge=1,
        description="Documents that may wait for a Kafka that is away; then ingest waits, too.",
    )
    session_timeout: float = Field(
        10, ge=6, le=300, description="Seconds after which a silent worker's partitions go to the others."
    )

    @model_validator(mode="after")
    def _check(self) -> KafkaSettings:
        servers = [one.strip() for one in self.bootstrap_servers.split(",") if one.strip()]
        for server in servers:
            if not re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}", server):
                raise ValueError("bootstrap_servers takes host:port, comma-separated, without scheme or password")
        if self.security_protocol.startswith("SASL") and not (self.username and self.password):
            raise ValueError(f"{self.security_protocol} needs username and password")
        if self.security_protocol == "SASL_PLAINTEXT":
            hosts = [server.rpartition(":")[0].strip("[]") for server in servers]
            if far := [host for host in hosts if host not in ("localhost", "::1") and not host.startswith("127.")]:
                raise ValueError(f"SASL_PLAINTEXT would send the password in clear to {far[0]}: take SASL_SSL")
        return self


class ElasticsearchSettings(Section):
    """`[elasticsearch]`: with `[kafka]`, the cluster setting."""

    url: str = Field("", description="Address of the cluster. Empty: one machine, on SQLite.")
    prefix: str = Field(
        "riskwire", pattern=r"^[a-z0-9][a-z0-9_-]{0,60}$", description="What the names of the indices begin with."
    )
    api_key: SecretStr | None = Field(None, description="API key, encoded as Elasticsearch gives it.")
    username: str = Field("", description="Login, where there is no API key.")
    password: SecretStr | None = Field(None, description="Password of the login.")
    ca_file: Path | None = Field(None, description="CA certificates, if not the system's.")
    verify: bool = Field(True, description="Check the server's certificate. Off only with allow_insecure.")
    allow_insecure: bool = Field(
        False,
        description="Speak http:// to other machines, or to a certificate unchecked. Only inside a closed network.",
    )
    timeout: float = Field(30, gt=0, description="Seconds one request may take.")
    bulk_bytes: int = Field(
        5 * 1024 * 1024, ge=64 * 1024, le=64 * 1024 * 1024, description="Largest body of one bulk request."
    )
    bulk_concurrency: int = Field(4, ge=1, le=32, description="Bulk requests in flight at once.")
    shards: int = Field(1, ge=1, le=1024, description="Shards of an index that `index init` makes.")
    refresh: float = Field(1.0, ge=0.1, le=300, description="Seconds until what was written is found by a search.")
    retention_days: int = Field(
        0, ge=0, description="Days after which `index prune` deletes stories; 0: never. Revisions and alerts, too."
    )

    @model_validator(mode="after")
    def _check(self) -> ElasticsearchSettings:
        if not self.url:
            return self
        from riskwire.net import is_loopback  # brings the HTTP client, which few commands need

        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise ValueError("url is no address like https://host:9200")
        if address.username or address.password:
            raise ValueError("url holds a login: give it as username and password")
        if self.api_key is not None and self.username:
            raise ValueError("api_key and username: give one of them")
        if self.allow_insecure:
            return self
        if address.scheme == "http" and not is_loopback(address.hostname):
            raise ValueError("url is http:// to another machine: use https://, or set allow_insecure")
        if not self.verify:
            raise ValueError("verify is off: give ca_file instead, or set allow_insecure")
        return self


class LogSettings(Section):
    """`[log]`"""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severity that is written.")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, else JSON.")


class Settings(BaseSettings):
    """All settings. Make it with `load`, which finds the file and says where a mistake is."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    data: Path = Field(Path("~/.local/share/riskwire"), description="The one folder in which everything is kept.")
    ingest: IngestSettings = IngestSettings()
    model: ModelSettings = ModelSettings()
    stream: StreamSettings = StreamSettings()
    alerts: AlertSettings = AlertSettings()
    web: WebSettings = WebSettings()
    kafka: KafkaSettings = KafkaSettings()
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def _check(self) -> Settings:
        if bool(self.kafka.bootstrap_servers) != bool(self.elasticsearch.url):
            raise ValueError("kafka.bootstrap_servers and elasticsearch.url go together: set both, or neither")
        if self.web.token is not None and len(self.web.token.get_secret_value()) < 16:
            raise ValueError("web.token is shorter than 16 characters")
        if self.model.registry is None:
            # Filled in here, so that whoever is given the section alone knows the folder, too.
            model = self.model.model_copy(update={"registry": self.folder / "models"})
            object.__setattr__(self, "model", model)
        return self

    @property
    def folder(self) -> Path:
        """`data` with the home folder filled in."""
        return self.data.expanduser()

    @property
    def feeds_file(self) -> Path | None:
        """The one truth about the sources: `ingest.feeds`, else `feeds.toml` in the data folder, if it is there.

        None: the packaged list.
        """
        own = self.folder / "feeds.toml"
        return self.ingest.feeds or (own if own.is_file() else None)

    @property
    def database(self) -> Path:
        """The one SQLite file."""
        return self.folder / "riskwire.db"

    def secrets(self) -> list[str]:
        """Every secret that is set, so that the log can hide it."""
        return [
            value.get_secret_value()
            for value in _walk(self)
            if isinstance(value, SecretStr) and value.get_secret_value()
        ]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FileSource(settings_cls)


class _FileSource(PydanticBaseSettingsSource):
    """`riskwire.toml`, already read by `load`."""

    table: dict[str, Any] = {}  # noqa: RUF012 - set by `load` for one construction, under the GIL

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self.table.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self.table


def _walk(model: BaseModel) -> list[Any]:
    values: list[Any] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        values.extend(_walk(value) if isinstance(value, BaseModel) else [value])
    return values


def find_config(explicit: Path | None) -> Path | None:
    """The configuration file: the flag's, else RISKWIRE_CONFIG's, else ./riskwire.toml if it is there."""
    if explicit is not None:
        return explicit
    if named := os.environ.get("RISKWIRE_CONFIG"):
        return Path(named)
    here = Path("riskwire.toml")
    return here if here.is_file() else None


def load(config: Path | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """The settings: `overrides` (flags, nested by section) over variables over the file.

    Raises ConfigError that names the key and, in a file, its line.
    """
    path = find_config(config)
    table, text = read_toml(path) if path is not None else ({}, "")
    unknown = sorted(name for name in os.environ if name.startswith(ENV_PREFIX) and not _is_setting(name))
    if unknown:
        raise ConfigError(
            "is no setting",
            about=f"variable {unknown[0]}",
            hint="`riskwire config show` lists them; sections take two underscores.",
        )
    try:
        _FileSource.table = table
        return Settings(**(overrides or {}))
    except ValidationError as error:
        raise _explain(error, path, table, text, overrides or {}) from None
    except SettingsError as error:
        raise ConfigError(f"a RISKWIRE_ variable can't be read: {error}", hint='Lists are JSON: ["a", "b"].') from None
    finally:
        _FileSource.table = {}


def _is_setting(variable: str) -> bool:
    if variable in NOT_SETTINGS:
        return True
    fields: dict[str, Any] = dict(Settings.model_fields)
    parts = variable.removeprefix(ENV_PREFIX).lower().split("__")
    for index, part in enumerate(parts):
        if part not in fields:
            return False
        kind = fields[part].annotation
        if index + 1 < len(parts):
            if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
                return False
            fields = dict(kind.model_fields)
    return True


def _explain(
    error: ValidationError, path: Path | None, table: dict[str, Any], text: str, overrides: dict[str, Any]
) -> ConfigError:
    first = error.errors(include_input=False, include_url=False)[0]
    location = [part for part in first["loc"] if isinstance(part, str | int)]
    key = ".".join(str(part) for part in location)
    message = "is no setting" if first["type"] == "extra_forbidden" else first["msg"].removeprefix("Value error, ")
    if not location:
        return ConfigError(message, about="settings")
    variable = ENV_PREFIX + "__".join(str(part) for part in location).upper()
    if _has(overrides, location):
        about = f"flag for {key}"
    elif variable in os.environ:
        about = f"variable {variable}"
    elif path is not None and (line := line_of(text, location)) is not None:
        about = f"{path}:{line}: {key}"
    else:
        about = key
    return ConfigError(message, about=about, hint="`riskwire config show` lists every setting.")


def _has(table: dict[str, Any], location: list[str | int]) -> bool:
    here: Any = table
    for part in location:
        if not isinstance(here, dict) or part not in here:
            return False
        here = here[part]
    return True


def describe(settings: Settings | None = None) -> list[tuple[str, str, str, str]]:
    """(key, value, default, meaning) of every setting; secrets masked. Without settings the value is the default."""
    rows: list[tuple[str, str, str, str]] = []

    def visit(kind: type[BaseModel], value: BaseModel | None, prefix: str) -> None:
        for name, field in kind.model_fields.items():
            sub = field.annotation
            current = getattr(value, name) if value is not None else field.default
            if isinstance(sub, type) and issubclass(sub, BaseModel):
                visit(sub, current, f"{prefix}{name}.")
            else:
                rows.append((f"{prefix}{name}", _text(current), _text(field.default), field.description or ""))

    visit(Settings, settings, "")
    return rows


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "********"
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)
