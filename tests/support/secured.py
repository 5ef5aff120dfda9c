"""Elasticsearch as docker-compose.yml sets it up: TLS by deploy/compose/certs.sh, users by deploy/compose/users.sh.

The distribution for integration tests has no index for users (it lacks an analyser that this wants): they can only be
in files. The script therefore talks to a stand-in for the security API, and the roles and users that it made there
are given to the real server in files.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from listening import Listening, QuietHandler

from compose import ROOT
from servers import Elasticsearch, _hashed, _java_home, elasticsearch_home

SETUP = ROOT / "deploy" / "compose"


class SecurityApi(Listening):
    """What users.sh may ask of it. `made` is path → body, as it was last put."""

    def __init__(self, login: str) -> None:
        self.made: dict[str, dict[str, Any]] = {}
        api = self

        class Handler(QuietHandler):
            def do_PUT(self) -> None:
                given = b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if given == login:
                    api.made[self.path] = body
                self.send_response(200 if given == login else 401)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_POST = do_PUT  # noqa: N815 - the library's names

        super().__init__(Handler)


class _Node(Elasticsearch):
    """With the `roles` and the users of `people`: name → (password, roles)."""

    people: dict[str, tuple[str, list[str]]] = {}  # noqa: RUF012 - set once, before the start
    roles: dict[str, Any] = {}  # noqa: RUF012
    patience = 600.0

    def prepare(self) -> tuple[list[str], dict[str, str]]:
        prepared = super().prepare()
        config = self.folder / "config"
        (config / "roles.yml").write_text("".join(f"{name}: {json.dumps(body)}\n" for name, body in self.roles.items()))
        with (config / "users").open("a") as users:
            users.writelines(f"{name}:{_hashed(password)}\n" for name, (password, _) in self.people.items())
        with (config / "users_roles").open("a") as assigned:
            assigned.writelines(f"{role}:{name}\n" for name, (_, roles) in self.people.items() for role in roles)
        return prepared


class Secured:
    """One secured node in `folder`. `secrets` are those of an .env; its superuser here is `admin`."""

    def __init__(self, folder: Path, secrets: dict[str, str]) -> None:
        self.certs = folder / "certs"
        self.certs.mkdir()
        self.secrets = secrets
        self.make_certs()
        self.ca_file = self.certs / "ca" / "ca.crt"
        done, made = self.make_users()
        assert done.returncode == 0, done.stderr
        node = self.certs / "elasticsearch"
        self.node = _Node(
            folder,
            password=secrets["ELASTIC_PASSWORD"],
            tls=(node / "elasticsearch.crt", node / "elasticsearch.key"),
        )
        self.node.roles = {
            path.rpartition("/")[2]: body for path, body in made.items() if path.startswith("/_security/role/")
        }
        self.node.people = {
            path.rpartition("/")[2]: (body["password"], body["roles"])
            for path, body in made.items()
            if path.startswith("/_security/user/") and "roles" in body
        }
        self.url = self.node.url

    def start(self) -> None:
        self.node.start()
        self.node.wait()
        end = time.monotonic() + 300
        while self.ask("admin", self.secrets["ELASTIC_PASSWORD"], "/_cluster/health")[0] != 200:
            assert time.monotonic() < end, "no health"
            time.sleep(0.2)

    def make_certs(self) -> None:
        """The `certs` service's script."""
        env = os.environ | {
            "CERTS": str(self.certs),
            "SNAPSHOTS": str(self.certs / "none"),
            "CERTUTIL": str(elasticsearch_home() / "bin" / "elasticsearch-certutil"),
            "ES_JAVA_HOME": _java_home(),
        }
        subprocess.run(["bash", SETUP / "certs.sh"], env=env, check=True, capture_output=True, timeout=600)

    def make_users(self, **changed: str) -> tuple[subprocess.CompletedProcess[str], dict[str, dict[str, Any]]]:
        """The `users` service's script, with the variables that the service gives it; and what it put."""
        api = SecurityApi(f"elastic:{self.secrets['ELASTIC_PASSWORD']}")
        env = {"PATH": os.environ["PATH"]} | {
            "ELASTICSEARCH": api.url,
            "ROLES": str(ROOT / "deploy" / "elasticsearch"),
            "RISKWIRE_PASSWORD": self.secrets["RISKWIRE_ELASTICSEARCH__PASSWORD"],
            **{name: self.secrets[name] for name in self.secrets if name.endswith("_PASSWORD")},
            **changed,
        }
        try:
            done = subprocess.run(
                ["bash", SETUP / "users.sh"], env=env, check=False, capture_output=True, text=True, timeout=600
            )
            return done, api.made
        finally:
            api.close()

    def ask(self, user: str, password: str, path: str, *, method: str = "GET", body: bytes | None = None) -> Any:
        """(status, answer) of one request; status 0 where nothing answered."""
        login = b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        try:
            context = ssl.create_default_context(cafile=str(self.ca_file))
            with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 0, b""
