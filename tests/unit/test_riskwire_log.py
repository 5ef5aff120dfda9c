"""A log line is one line, and holds no secret."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from riskwire import log


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The log of the other tests: what is set up here writes to a stream that ends with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_hostile_text_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    log.get_logger("test").info("seen", title="x\r\n2026 CRITICAL \x1b[31m\u2028end")
    out = capsys.readouterr()
    assert out.out == ""
    assert len(out.err.splitlines()) == 1
    assert json.loads(out.err)["title"].startswith("x\r\n2026")
    assert "\x1b" not in out.err


def test_hostile_text_stays_in_its_line_on_a_console(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "console")
    log.get_logger("test").info("seen", title="x\r\n2026 CRITICAL \x1b[31m")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_secrets_are_hidden_in_values_exceptions_and_foreign_logs(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("info", "json")
    log.hide(["canary-0815"])
    logger = log.get_logger("test")
    logger.info("failed", url="https://hooks.example/canary-0815", detail={"deep": ["canary-0815"]})
    try:
        raise RuntimeError("canary-0815")
    except RuntimeError as error:
        logger.error("failed", error=error)
        logger.error("failed", exc_info=True)
    logging.getLogger("library").error("could not post to %s", "https://hooks.example/canary-0815")
    err = capsys.readouterr().err
    assert "canary-0815" not in err
    assert err.count("********") >= 5


def test_a_logger_made_before_the_configuration_obeys_it(capsys: pytest.CaptureFixture[str]) -> None:
    early = log.get_logger("early")
    log.configure("info", "json")
    early.info("seen")
    out = capsys.readouterr()
    assert out.out == ""
    assert json.loads(out.err)["stage"] == "early"
