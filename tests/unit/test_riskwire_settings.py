"""One configuration: flags over variables over the file; mistakes named where they are."""

from pathlib import Path

import pytest

from riskwire.errors import ConfigError
from riskwire.settings import describe, load
from riskwire.toml import line_of


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("RISKWIRE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_flags_over_variables_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "riskwire.toml").write_text("[web]\nport = 1\nhost = '127.0.0.2'\n[ingest]\ninterval = 60\n")
    assert load().web.port == 1
    monkeypatch.setenv("RISKWIRE_WEB__PORT", "2")
    assert (load().web.port, load().web.host, load().ingest.interval) == (2, "127.0.0.2", 60)
    assert load(overrides={"web": {"port": 3}}).web.port == 3


@pytest.mark.parametrize(
    ("toml", "about", "message"),
    [
        ("[web]\nport = 1\nprot = 2\n", ":3: web.prot", "is no setting"),
        ("[wed]\nport = 1\n", ":1: wed", "is no setting"),
        ("[alerts.slack]\n\nwebhook = 'x'\n", ":3: alerts.slack.webhook", "is no setting"),
        ("alerts.file = 'a'\ningest.interval = 'often'\n", ":2: ingest.interval", "valid number"),
        ("[web]\nport = 99999\n", ":2: web.port", "less than or equal to 65535"),
        ("[web\n", "riskwire.toml", "is not valid TOML"),
        ("[web]\ntoken = 'short'\n", "settings", "shorter than 16"),
        ("[kafka]\nbootstrap_servers = 'a:1'\n", "settings", "set both, or neither"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, toml: str, about: str, message: str) -> None:
    (tmp_path / "riskwire.toml").write_text(toml)
    with pytest.raises(ConfigError) as caught:
        load()
    assert caught.value.about.endswith(about)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_unknown_variable_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKWIRE_WEB_PORT", "1")
    with pytest.raises(ConfigError, match="RISKWIRE_WEB_PORT"):
        load()


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RISKWIRE_WEB__PORT", "many")
    with pytest.raises(ConfigError, match="variable RISKWIRE_WEB__PORT"):
        load()


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"elsewhere\.toml: is not there"):
        load(Path("elsewhere.toml"))


def test_secrets_are_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    canary = "canary-secret-0123456789"
    for name in ("WEB__TOKEN", "INGEST__WEBHOOK_SECRET", "ALERTS__SLACK__WEBHOOK_URL", "ALERTS__EMAIL__PASSWORD"):
        monkeypatch.setenv(f"RISKWIRE_{name}", canary)
    settings = load()
    assert settings.secrets() == [canary] * 4
    shown = repr(settings) + str(settings) + repr(describe(settings)) + settings.model_dump_json()
    assert canary not in shown
    assert sum(value == "********" for _, value, _, _ in describe(settings)) == 4


def test_every_setting_says_what_it_means() -> None:
    assert [key for key, _, _, meaning in describe() if not meaning.endswith((".", ")"))] == []


def test_line_of_finds_keys_in_tables_and_lists_of_tables() -> None:
    text = "a = 1\n[b]\nc.d = 2\n[[e]]\nf = 3\n[[e]]\n'g' = 4\n"
    paths: list[list[str | int]] = [["a"], ["b"], ["b", "c", "d"], ["e", 0, "f"], ["e", 1, "g"], ["e", 1, "x"], ["z"]]
    assert [line_of(text, path) for path in paths] == [1, 2, 3, 5, 7, 6, None]
