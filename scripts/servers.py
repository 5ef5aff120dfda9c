"""A real Kafka and a real Elasticsearch as processes of this machine, without Docker.

`services.py` is the command; tests/support/cluster.py gives the same to the tests. Only the standard library is used,
since a checkout has no environment yet. Both listen on the loopback alone.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import struct
import subprocess
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from downloads import ServicesError, elasticsearch_home, elasticsearch_with_users, kafka_home
from downloads import java_home as _java_home
from processes import Server, free_port


class Kafka(Server):
    """One broker that is its own controller (KRaft). It makes no topic by itself."""

    name = "kafka"

    def __init__(self, folder: Path, port: int | None = None, heap: str = "384m") -> None:
        super().__init__(folder)
        self.port, self._controller = port or free_port(), free_port()
        self.bootstrap_servers = f"127.0.0.1:{self.port}"
        self._heap = heap

    def prepare(self) -> tuple[list[str], dict[str, str]]:
        libs = kafka_home()
        properties = self.folder / "server.properties"
        properties.write_text(
            f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{self._controller}
listeners=PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{self.port}
controller.listener.names=CONTROLLER
log.dirs={self.folder / "data"}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=4000
log.segment.bytes=67108864
""",
            encoding="utf-8",
        )
        (self.folder / "log4j2.properties").write_text(
            "rootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\nappender.out.name=out\n"
            "appender.out.layout.type=PatternLayout\nappender.out.layout.pattern=[%d] %p %m (%c)%n\n",
            encoding="utf-8",
        )
        java = ["java", f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}", "-cp", f"{libs}/*"]
        if not (self.folder / "data" / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
            if cluster.startswith("-"):  # its argument parser would take that for an option
                cluster = f"A{cluster[1:]}"
            done = subprocess.run(  # noqa: S603
                [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", properties],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise ServicesError(f"kafka can't format its folder: {(done.stderr or done.stdout).strip()[-300:]}")
        return [
            *java[:1],
            "-XX:+UseSerialGC",
            "-Xms128m",
            f"-Xmx{self._heap}",
            *java[1:],
            "kafka.Kafka",
            str(properties),
        ], {}

    def answers(self) -> bool:
        # ApiVersions, the oldest question of the protocol: an open port alone says nothing yet.
        body = struct.pack(">hhih", 18, 0, 7, -1)
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            return connection.recv(8)[4:8] == struct.pack(">i", 7)


class Elasticsearch(Server):
    """One node. With `security` it wants the password of `admin` (a superuser), and with `tls` = (certificate, key) it
    speaks https."""

    name = "elasticsearch"

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        heap: str = "512m",
        *,
        password: str | None = None,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        super().__init__(folder)
        self.port, self._transport = port or free_port(), free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._heap, self._password, self._tls = heap, password, tls

    def prepare(self) -> tuple[list[str], dict[str, str]]:
        home = elasticsearch_home() if self._password is None else elasticsearch_with_users()
        config = self.folder / "config"
        if not config.exists():
            shutil.copytree(home / "config", config)
        lines = [
            "cluster.name: riskwire-services",
            "discovery.type: single-node",
            "network.host: 127.0.0.1",
            f"http.port: {self.port}",
            f"transport.port: {self._transport}",
            f"path.data: {self.folder / 'data'}",
            f"path.logs: {self.folder / 'logs'}",
            f"path.repo: {self.folder / 'snapshots'}",
            "action.auto_create_index: false",
            # A nearly full disk of a developer must not make the index read-only.
            "cluster.routing.allocation.disk.threshold_enabled: false",
            f"xpack.security.enabled: {str(self._password is not None).lower()}",
            "xpack.security.autoconfiguration.enabled: false",
        ]
        if self._password is not None:
            (config / "users").write_text(f"admin:{_hashed(self._password)}\n", encoding="utf-8")
            (config / "users_roles").write_text("superuser:admin\n", encoding="utf-8")
        if self._tls is not None:
            for source, name in zip(self._tls, ("node.crt", "node.key"), strict=True):
                shutil.copy(source, config / name)
            lines += [
                "xpack.security.http.ssl.enabled: true",
                "xpack.security.http.ssl.certificate: node.crt",
                "xpack.security.http.ssl.key: node.key",
            ]
        (config / "elasticsearch.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return [str(home / "bin" / "elasticsearch"), f"-Epath.data={self.folder / 'data'}"], {
            "ES_JAVA_HOME": _java_home(),
            "ES_PATH_CONF": str(config),
            "ES_JAVA_OPTS": f"-Xms{self._heap} -Xmx{self._heap}",
            "ES_TMPDIR": str(self._made("tmp")),
            "CLI_JAVA_OPTS": "-Xms16m -Xmx64m",
        }

    def answers(self) -> bool:
        if self._tls is not None or self._password is not None:
            # It asks for a password: then it is there. Who has one waits for the cluster's health.
            with socket.create_connection(("127.0.0.1", self.port), 2):
                return True
        health = f"{self.url}/_cluster/health?wait_for_status=yellow&timeout=5s"
        try:
            with urllib.request.urlopen(health, timeout=10) as answer:  # noqa: S310 - our own http address
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False

    def _made(self, name: str) -> Path:
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name


def _hashed(password: str) -> str:
    salt = os.urandom(32)
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 10_000, 32)
    return f"{{PBKDF2}}10000${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"
