"""docker-compose.yml, held against the Compose Specification's schema, the program's commands and settings, and what
the documentation promises. No container runs here: the images can't be had on the machine that this was built on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from jsonschema import Draft202012Validator

from compose import ROOT, load, new_secrets, read_env, start_order, variables
from downloads import ELASTICSEARCH, KAFKA
from riskwire.cli.app import build_app
from riskwire.settings import ENV_PREFIX, describe
from riskwire.settings import load as load_settings

SCHEMA = ROOT / "tests" / "data" / "compose"
SECRET = re.compile(r"PASSWORD|TOKEN|KEY$|SECRET")


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the documented one-liner writes."""
    return new_secrets(tmp_path_factory.mktemp("secrets") / ".env")


@pytest.fixture(scope="module")
def project(secrets: dict[str, str]) -> dict[str, Any]:
    return load(secrets)


@pytest.fixture(scope="module")
def services(project: dict[str, Any]) -> dict[str, Any]:
    return project["services"]


def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if service["image"].startswith("riskwire:")}


def test_the_schema_is_the_one_that_was_taken() -> None:
    record = json.loads((SCHEMA / "VENDOR.json").read_text())
    for name, wanted in record["files"].items():
        assert hashlib.sha256((SCHEMA / name).read_bytes()).hexdigest() == wanted, name


def test_the_file_is_valid(project: dict[str, Any]) -> None:
    schema = json.loads((SCHEMA / "compose-spec.json").read_text())
    Draft202012Validator.check_schema(schema)
    errors = Draft202012Validator(schema).iter_errors(project)
    assert [f"{'/'.join(map(str, error.path))}: {error.message}" for error in errors] == []


def test_the_schema_bites(project: dict[str, Any]) -> None:
    schema = json.loads((SCHEMA / "compose-spec.json").read_text())
    wrong = json.loads(json.dumps(project))
    wrong["services"]["kafka"]["restarts"] = "always"
    assert not Draft202012Validator(schema).is_valid(wrong)


def test_every_secret_is_demanded_and_made(secrets: dict[str, str], services: dict[str, Any]) -> None:
    demanded = {name for name, (how, _) in variables().items() if how == ":?"}
    assert demanded == set(secrets)
    for name in demanded:
        with pytest.raises(KeyError):
            load({other: value for other, value in secrets.items() if other != name})
    given = set(secrets.values())
    for name, service in services.items():
        for key, value in service.get("environment", {}).items():
            if SECRET.search(key) and value:
                assert value in given, f"{name}: {key} is written into the file"


def test_secrets_are_long_private_different_and_kept(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("ELASTIC_PASSWORD=mine\nOTHER=1\n")
    for _ in range(2):
        done = subprocess.run(["sh", ROOT / "deploy/compose/secrets.sh", path], check=True, capture_output=True)
        first = path.read_bytes()
    made = read_env(path)
    assert made.pop("ELASTIC_PASSWORD") == "mine"
    assert made.pop("OTHER") == "1"
    assert len(set(made.values())) == len(made)
    assert all(re.fullmatch("[0-9a-f]{48}", value) for value in made.values())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not any(value.encode() in done.stdout + done.stderr for value in made.values())
    assert path.read_bytes() == first


def test_secrets_do_not_get_into_git_or_the_image() -> None:
    ignored = subprocess.run(["git", "check-ignore", "-q", ".env"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert not any(line.startswith("!") and "env" in line for line in lines)


def test_images_are_pinned_to_what_the_tests_run_on(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.search(r":\d+\.\d+\.\d+(-gpu)?$", service["image"]), name
    assert services["kafka"]["image"].endswith(f":{KAFKA}")
    for name in ("elasticsearch", "kibana", "certs", "users"):
        assert services[name]["image"].endswith(f":{ELASTICSEARCH}"), name


def test_every_service_is_confined(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert not service.get("privileged"), name
        if name != "refresh":  # run by hand: its exit status is an answer
            assert service["restart"] == "unless-stopped" or service["restart"].startswith("on-failure:"), name
    for name, service in ours(services).items():
        assert service["read_only"] is True, name
        assert "user" not in service, f"{name}: the image's own user"


def test_only_loopback_ports_are_published(services: dict[str, Any]) -> None:
    published = {name: port for name, service in services.items() for port in service.get("ports", [])}
    assert set(published) == {"web", "kibana", "one"}
    assert all(port.startswith("127.0.0.1:") for port in published.values())


def test_the_servers_and_workers_have_no_way_out(project: dict[str, Any]) -> None:
    assert project["networks"]["inside"] == {"internal": True}
    for name in ("kafka", "elasticsearch", "stream", "stream-gpu", "topics", "index", "users"):
        assert project["services"][name]["networks"] == ["inside"], name


def test_what_is_named_is_there(project: dict[str, Any]) -> None:
    services = project["services"]
    assert start_order(services)[:2] == ["certs", "kafka"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            healthy = "healthcheck" in services[other] and "test" in services[other]["healthcheck"]
            assert how["condition"] != "service_healthy" or healthy, f"{name}: {other} has no health check"
            once = services[other]["restart"].startswith("on-failure")
            assert (how["condition"] == "service_completed_successfully") == once, f"{name}: {other}"
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in project["volumes"], volume
        if "networks" in service:
            assert set(service["networks"]) <= set(project["networks"]), name


def test_profiles_leave_the_cluster_alone(services: dict[str, Any]) -> None:
    assert {name: service["profiles"] for name, service in services.items() if "profiles" in service} == {
        "one": ["one"],
        "refresh": ["train"],
        "stream-gpu": ["gpu"],
    }
    assert "depends_on" not in services["one"]
    assert services["stream"]["deploy"]["replicas"] >= 2
    assert "container_name" not in services["stream"], "it could not be scaled"


def commands(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found = {path: command}
    for name, child in getattr(command, "commands", {}).items():
        found |= commands(child, (*path, name))
    return found


def test_every_command_and_flag_exists(services: dict[str, Any]) -> None:
    known = commands(typer.main.get_command(build_app()))
    for name, service in ours(services).items():
        program, *arguments = service["command"]
        assert program == "riskwire"
        words = tuple(word for word in arguments[: next((i for i, a in enumerate(arguments) if a[0] == "-"), None)])
        assert words in known, f"{name}: riskwire has no command {' '.join(words)}"
        assert not hasattr(known[words], "commands"), f"{name}: {words} is a group"
        flags = {flag for parameter in known[words].params for flag in parameter.opts}
        assert {a for a in arguments if a.startswith("--")} <= flags, name


def test_every_variable_is_a_setting(services: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("RISKWIRE_"):
            monkeypatch.delenv(name)
    for service in ours(services).values():
        with monkeypatch.context() as patch:
            patch.chdir(ROOT / "tests")
            for key, value in service["environment"].items():
                if value is not None:  # else it is passed on where there is one
                    patch.setenv(key, value)
            settings = load_settings()
            known = {ENV_PREFIX + key.upper().replace(".", "__") for key, *_ in describe()}
            assert {key for key in service["environment"] if key.startswith(ENV_PREFIX)} <= known
            assert bool(settings.kafka.bootstrap_servers) == ("kafka:9092" in service["environment"].values())


def test_the_image_is_small_and_nobodys(project: dict[str, Any]) -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = text.split("\nFROM ")
    runtime, train = stages[-1], next(stage for stage in stages if " AS train\n" in stage)
    assert "COPY --from=build /opt/riskwire" in runtime, "no torch"
    assert "COPY --from=build-train /opt/riskwire" in train
    assert project["services"]["refresh"]["build"]["target"] == "train"
    assert [name for name, service in project["services"].items() if "train" in service["image"]] == ["refresh"]
    for stage in (runtime, train):  # a volume takes its owner from the image
        assert re.search(r"install -d -o riskwire /models", stage)
    assert re.search(r"^USER riskwire$", stages[-1], re.MULTILINE)
    assert stages[-1].index("USER riskwire") < stages[-1].index("CMD")
    assert not re.search(r"\[test\]", text)
    copied = set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE))
    packages = re.search(r"targets.wheel\]\npackages = (\[.*?\])", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    assert copied == set(json.loads(packages[1]))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied <= allowed
    assert project["services"]["stream-gpu"]["build"]["args"] == {"RUNTIME": "gpu"}
    assert re.search(r"^ARG RUNTIME=cpu$", text, re.MULTILINE)
