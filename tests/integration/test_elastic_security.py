"""Against a server with security switched on: TLS by an authority of our own, users, an API key, and the roles that
deploy/elasticsearch gives, which allow what is needed and not more."""

import json
import subprocess
from pathlib import Path

import pytest
from elasticsearch import AuthorizationException

from cluster import need_java, server_folder
from riskwire.errors import ConfigError, StorageError
from riskwire.ports import SearchQuery
from riskwire.settings import ElasticsearchSettings, load
from riskwire.testing import a_story
from servers import Elasticsearch
from stream.elastic import schema
from stream.elastic.client import connect, reachable
from stream.elastic.storage import ElasticStorage

ROLES = Path(__file__).parents[2] / "deploy" / "elasticsearch"
PASSWORD = "canary-Pa55word"  # must be in no error


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def authority(folder, name):
    openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
        "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt",
    )  # fmt: skip
    return folder / f"{name}.crt"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """`ours.crt` signed `node.crt`, which is for 127.0.0.1; `theirs.crt` has nothing to do with it."""
    need_java(compiler=True)
    folder = tmp_path_factory.mktemp("certificates")
    authority(folder, "ours")
    authority(folder, "theirs")
    openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=node",
        "-keyout", folder / "node.key", "-out", folder / "node.csr",
    )  # fmt: skip
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1")
    openssl(
        "x509", "-req", "-in", folder / "node.csr", "-CA", folder / "ours.crt", "-CAkey", folder / "ours.key",
        "-CAcreateserial", "-days", "2", "-extfile", folder / "san", "-out", folder / "node.crt",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def secured(certificates):
    """The server. `admin` may do everything."""
    need_java(compiler=True)
    with server_folder() as folder:
        server = Elasticsearch(folder, password=PASSWORD, tls=(certificates / "node.crt", certificates / "node.key"))
        try:
            server.start()
            server.wait()
            yield server
        finally:
            server.stop()


def settings(secured, certificates, ca="ours", **fields):
    fields = fields or {"username": "admin", "password": PASSWORD}
    return ElasticsearchSettings(url=secured.url, ca_file=certificates / f"{ca}.crt", **fields)


@pytest.fixture(scope="module")
def users(secured, certificates):
    """The indices, and one API key a role: by role, its settings."""
    admin = settings(secured, certificates)
    with ElasticStorage(admin, patience=60) as storage:
        # The port is open before the node knows its users.
        storage.client.options(request_timeout=60, retry_on_status=(401, 503), max_retries=20).cluster.health(
            wait_for_status="yellow"
        )
        schema.init(storage.client, admin)
        keys = {
            path.stem.removeprefix("role-"): storage.client.security.create_api_key(
                name=path.stem, role_descriptors={path.stem: json.loads(path.read_text())}
            )["encoded"]
            for path in ROLES.glob("role-*.json")
        }
    return {role: settings(secured, certificates, api_key=key) for role, key in keys.items()}


def test_there_is_a_role_for_each_need(users):
    assert set(users) == {"writer", "reader", "admin"}


def test_the_writers_key_does_all_that_a_worker_does(users):
    with ElasticStorage(users["writer"], refresh=True) as storage:
        assert reachable(storage.client).startswith("8.")
        storage.index.put([a_story(1, title="Tesla")])
        storage.index.put([a_story(1, revision=2, title="Tesla again"), a_story(2, status="removed")])
        assert storage.index.held([a_story(1).id]) == {a_story(1).id: 2}
        assert len(storage.index.revisions(a_story(1).id)) == 2
        storage.index.put([a_story(1, revision=3, status="removed")])  # deletes the revisions
        assert len(storage.index.revisions(a_story(1).id)) == 1
        storage.offsets.commit("alerts", 7)
        assert storage.offsets.committed("alerts") == 7
        assert storage.index.sources()
        assert all(state.problem == "" for state in schema.status(storage.client, "riskwire"))


@pytest.mark.parametrize("role", ["writer", "reader"])
def test_neither_writer_nor_reader_may_delete_or_make_an_index(users, role):
    with ElasticStorage(users[role]) as storage:
        for call in (
            lambda: storage.client.indices.delete(index="riskwire-stories-v1"),
            lambda: storage.client.indices.create(index="riskwire-stories-v9"),
            lambda: storage.client.indices.put_settings(
                index="riskwire-stories", settings={"index.blocks.write": True}
            ),
            lambda: storage.client.indices.delete_alias(index="riskwire-stories-v1", name="riskwire-stories"),
            lambda: storage.client.security.get_user(),
        ):
            with pytest.raises(AuthorizationException) as caught:
                call()
            assert caught.value.meta.status == 403


def test_the_reader_reads_and_does_not_write(users):
    with ElasticStorage(users["reader"]) as storage:
        assert storage.index.count(SearchQuery()) >= 0
        with pytest.raises(StorageError, match="does not allow this"):
            storage.index.put([a_story(5)])


def test_the_admin_makes_and_moves_but_sees_nothing_of_others(users):
    with ElasticStorage(users["admin"]) as storage:
        assert schema.init(storage.client, users["admin"]) == []
        with pytest.raises(AuthorizationException):
            storage.client.indices.create(index="others")


def test_a_certificate_of_another_authority_is_refused(secured, certificates):
    with ElasticStorage(settings(secured, certificates, ca="theirs"), patience=0) as storage:
        with pytest.raises(StorageError, match="certificate is not trusted") as caught:
            storage.index.held(["x"])
        assert PASSWORD not in str(caught.value)
        with pytest.raises(StorageError, match="certificate is not trusted"):
            storage.index.put([a_story(1)])


def test_a_certificate_for_another_name_is_refused(secured, certificates):
    wrong = ElasticsearchSettings(
        url=secured.url.replace("127.0.0.1", "localhost"), ca_file=certificates / "ours.crt", username="admin",
        password=PASSWORD,
    )  # fmt: skip
    with ElasticStorage(wrong) as storage, pytest.raises(StorageError, match="certificate is not trusted"):
        storage.index.held(["x"])


@pytest.mark.parametrize("login", [{"username": "admin", "password": "canary-wrong"}, {"api_key": "Y2FuYXJ5Omtlea=="}])
def test_a_wrong_login_is_said_without_it(users, secured, certificates, login):
    with ElasticStorage(settings(secured, certificates, **login), patience=0) as storage:
        for call in (lambda: storage.index.held(["x"]), lambda: storage.index.put([a_story(1)])):
            with pytest.raises(StorageError, match="does not know this login") as caught:
                call()
            shown = repr(caught.value) + str(caught.value)
            assert not any(secret in shown for secret in login.values() if secret != "admin")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": "http://es.example:9200"}, "http:// to another machine"),
        ({"url": "http://10.0.0.1:9200"}, "http:// to another machine"),
        ({"url": "https://es.example:9200", "verify": "false"}, "verify is off"),
        ({"url": "https://user:canary-secret@es.example:9200"}, "holds a login"),
        ({"url": "ftp://es.example"}, "no address"),
        ({"url": "https://es.example", "api_key": "canary-secret", "username": "u"}, "one of them"),
    ],
)
def test_what_is_not_safe_is_refused_unless_allowed(monkeypatch, given, message):
    monkeypatch.setenv("RISKWIRE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9092")
    for name, value in given.items():
        monkeypatch.setenv(f"RISKWIRE_ELASTICSEARCH__{name.upper()}", value)
    with pytest.raises(ConfigError, match=message) as caught:
        load()
    assert "canary-secret" not in str(caught.value)
    if message.endswith(("machine", "off")):
        monkeypatch.setenv("RISKWIRE_ELASTICSEARCH__ALLOW_INSECURE", "true")
        assert load().elasticsearch.allow_insecure


def test_a_ca_file_that_is_none_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match="no certificates that can be used"):
        connect(ElasticsearchSettings(url="https://127.0.0.1:1", ca_file=tmp_path / "ca.pem"))
