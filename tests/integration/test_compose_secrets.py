"""The compose file's set-up scripts on a real Elasticsearch with TLS and security: certificates that are trusted, users
that may do what they need and nothing else."""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from cluster import need_java, server_folder
from compose import ROOT, read_env
from secured import Secured


@pytest.fixture(scope="module")
def secured() -> Iterator[Secured]:
    need_java()
    with server_folder() as folder:
        subprocess.run(["sh", ROOT / "deploy/compose/secrets.sh", folder / ".env"], check=True, capture_output=True)
        it = Secured(folder, read_env(folder / ".env"))
        try:
            it.start()
            yield it
        finally:
            it.node.stop()


def asked(secured: Secured, user: str, path: str, method: str = "GET", body: object = None) -> int:
    names = {
        "riskwire": "RISKWIRE_ELASTICSEARCH__PASSWORD",
        "riskwire_index": "INDEX_PASSWORD",
        "riskwire_import": "KIBANA_IMPORT_PASSWORD",
        "analyst": "ANALYST_PASSWORD",
        "admin": "ELASTIC_PASSWORD",
    }
    data = None if body is None else json.dumps(body).encode()
    status, _ = secured.ask(user, secured.secrets[names[user]], path, method=method, body=data)
    return int(status)


def test_the_certificate_is_trusted_by_its_authority_alone(secured: Secured) -> None:
    assert asked(secured, "admin", "/_cluster/health") == 200
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(secured.url, timeout=10, context=ssl.create_default_context())
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", secured.certs / "elasticsearch" / "elasticsearch.crt"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "DNS:elasticsearch" in text


def test_certificates_are_made_once_and_keys_are_private(secured: Secured) -> None:
    before = secured.ca_file.read_bytes()
    secured.make_certs()
    assert secured.ca_file.read_bytes() == before
    assert (secured.certs / "ca" / "ca.key").stat().st_mode & 0o077 == 0
    assert (secured.certs / "elasticsearch" / "elasticsearch.key").stat().st_mode & 0o007 == 0
    assert secured.ca_file.stat().st_mode & 0o004, "everybody reads the authority's certificate"


def test_users_are_made_again_without_harm_and_nothing_is_said_of_secrets(secured: Secured) -> None:
    done, made = secured.make_users()
    assert done.returncode == 0, done.stderr
    assert made["/_security/user/kibana_system/_password"]["password"] == secured.secrets["KIBANA_SYSTEM_PASSWORD"]
    assert not any(value in done.stdout + done.stderr for value in secured.secrets.values())
    wrong, _ = secured.make_users(ELASTIC_PASSWORD="not-it")
    assert wrong.returncode != 0
    assert "401" in wrong.stderr
    lacking, _ = secured.make_users(ANALYST_PASSWORD="")
    assert lacking.returncode != 0
    assert "analyst has no password" in lacking.stderr


def test_every_user_is_who_it_should_be(secured: Secured) -> None:
    for user in ("riskwire", "riskwire_index", "riskwire_import", "analyst"):
        assert asked(secured, user, "/_security/_authenticate") == 200, user
    assert asked(secured, "riskwire", "/_security/user") == 403


def test_nobody_reaches_further_than_needed(secured: Secured) -> None:
    assert asked(secured, "admin", "/other-index", "PUT") == 200
    assert asked(secured, "admin", "/riskwire-stories-v0", "PUT") == 200
    for user in ("riskwire", "riskwire_index", "riskwire_import"):
        assert asked(secured, user, "/other-index/_doc/1", "PUT", {"a": 1}) == 403, user
    assert asked(secured, "riskwire", "/other-index/_search") == 403
    assert asked(secured, "riskwire", "/riskwire-stories-v0", "DELETE") == 403
    assert asked(secured, "riskwire", "/riskwire-stories-v1", "PUT") == 403
    assert (
        asked(
            secured,
            "riskwire",
            "/_aliases",
            "POST",
            {"actions": [{"add": {"index": "riskwire-stories-v0", "alias": "riskwire-stories"}}]},
        )
        == 403
    )
    assert asked(secured, "riskwire", "/riskwire-stories-v0/_doc/1", "PUT", {"a": 1}) == 201
    assert asked(secured, "analyst", "/riskwire-stories-v0/_search") == 200
    assert asked(secured, "analyst", "/riskwire-stories-v0/_doc/2", "PUT", {"a": 1}) == 403
    assert asked(secured, "riskwire_import", "/riskwire-stories-v0/_search") == 403
    assert asked(secured, "riskwire_index", "/riskwire-stories-v0", "DELETE") == 200
    assert asked(secured, "riskwire_index", "/_security/user") == 403
