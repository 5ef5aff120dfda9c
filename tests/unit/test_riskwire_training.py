"""Training commands without the train extra, and with a recipe that isn't there."""

import sys

import pytest
from typer.testing import CliRunner

from riskwire.cli.app import build_app
from riskwire.cli.training import recipe_file
from riskwire.errors import ModelError, UsageError


@pytest.fixture
def no_torch(monkeypatch):
    monkeypatch.delitem(sys.modules, "models.train", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)


@pytest.mark.parametrize(
    "command",
    [
        ["pretrain", "--config", "toy"],
        ["finetune", "--config", "toy"],
        ["distil", "--config", "toy"],
        ["evaluate", "--config", "toy"],
        ["export", "--config", "toy"],
        ["refresh", "--recipe", "toy"],
        ["import", "nobody/nothing"],
    ],
    ids=lambda command: command[0],
)
def test_without_the_train_extra_each_says_what_to_install(command, tmp_path, monkeypatch, no_torch):
    monkeypatch.setenv("RISKWIRE_DATA", str(tmp_path))
    result = CliRunner().invoke(build_app(), ["model", *command])
    assert isinstance(result.exception, ModelError)
    assert "isn't installed" in result.exception.message
    assert "train" in result.exception.hint
    assert not list(tmp_path.iterdir())


def test_a_recipe_is_a_file_or_a_name(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("", encoding="utf-8")
    assert recipe_file(str(path)) == path
    assert recipe_file("toy").name == "toy.toml"
    with pytest.raises(UsageError, match=r"nothing: there is no such recipe.*finbert, labels, minilm, mpnet, toy"):
        recipe_file("nothing")
