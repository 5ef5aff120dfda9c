"""What `make services` needs from outside: Kafka and Elasticsearch from Maven Central, kept for all checkouts; Java.

Only the standard library is used, since a checkout has no environment yet.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

KAFKA = "4.2.0"
ELASTICSEARCH = "8.19.21"

#: Outside the checkout, so that the next one need not download again. nobody can't read root's own folder.
CACHE = Path("/var/cache" if os.geteuid() == 0 else os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CACHE = CACHE / "riskwire-services"


class ServicesError(Exception):
    """What is missing or failed, in one line."""


def missing() -> str | None:
    """What has to be installed before the servers can start; None when nothing is missing."""
    if _java_version() < 17:
        return "Java 17 or newer is needed: apt-get install openjdk-17-jre-headless"
    if not all(folder.is_dir() for folder in _distributions()) and shutil.which("mvn") is None:
        return "Maven is needed to download the servers: apt-get install maven"
    return None


def kafka_home() -> Path:
    """The folder of Kafka's jars, downloaded once."""

    def download(into: Path) -> None:
        (into / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>riskwire</groupId><artifactId>services</artifactId>"
            "<version>1</version><dependencies><dependency><groupId>org.apache.kafka</groupId>"
            f"<artifactId>kafka_2.13</artifactId><version>{KAFKA}</version></dependency>"
            # Without a binding the broker says nothing, also not why it did not start.
            "<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>"
            "<version>2.25.3</version></dependency></dependencies></project>",
            encoding="utf-8",
        )
        _maven(into, "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={into / 'libs'}")

    return _once(_distributions()[0], download) / "libs"


def elasticsearch_home() -> Path:
    """The unpacked distribution for integration tests, Elastic's own, downloaded once."""

    def download(into: Path) -> None:
        artefact = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{ELASTICSEARCH}:zip"
        _maven(into, "dependency:copy", f"-Dartifact={artefact}", f"-DoutputDirectory={into}")
        archive = into / f"elasticsearch-{ELASTICSEARCH}.zip"
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(into)
        archive.unlink()
        for program in (into / f"elasticsearch-{ELASTICSEARCH}" / "bin").iterdir():
            program.chmod(0o755)

    return _once(_distributions()[1], download) / f"elasticsearch-{ELASTICSEARCH}"


def elasticsearch_with_users() -> Path:
    """The same with a plug-in of ours that fills what it lacks to make users and API keys. Needs javac, once."""
    plain = elasticsearch_home()

    def build(into: Path) -> None:
        if shutil.which("javac") is None:
            raise ServicesError("javac is needed for a server with users: apt-get install openjdk-17-jdk-headless")
        shutil.copytree(plain, into / plain.name, copy_function=os.link)
        plugin = into / plain.name / "plugins" / "riskwire"
        plugin.mkdir(parents=True)
        source = Path(__file__).with_name("EmailAnalysis.java")
        subprocess.run(  # noqa: S603
            ["javac", "-nowarn", "-d", str(into / "classes"), "-cp", f"{plain / 'lib'}/*", str(source)],  # noqa: S607
            check=True,
            capture_output=True,
        )
        with zipfile.ZipFile(plugin / "riskwire.jar", "w") as jar:
            for path in (into / "classes").rglob("*.class"):
                jar.write(path, str(path.relative_to(into / "classes")))
        (plugin / "plugin-descriptor.properties").write_text(
            f"name=riskwire\ndescription=For tests\nversion=1\nclassname=riskwire.EmailAnalysis\njava.version=17\n"
            f"elasticsearch.version={ELASTICSEARCH}\n",
            encoding="utf-8",
        )

    return _once(CACHE / f"elasticsearch-{ELASTICSEARCH}-with-users", build) / plain.name


def _distributions() -> tuple[Path, Path]:
    return CACHE / f"kafka-{KAFKA}-with-log", CACHE / f"elasticsearch-{ELASTICSEARCH}"


def _once(target: Path, download: Callable[[Path], None]) -> Path:
    """`target`, downloaded beside it first and moved there whole: another process may be doing the same."""
    if not target.is_dir():
        scratch = target.with_name(f".{target.name}.{os.getpid()}")
        scratch.mkdir(parents=True)
        try:
            download(scratch)
            with contextlib.suppress(OSError):  # the other one was quicker
                scratch.rename(target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def _maven(folder: Path, *arguments: str) -> None:
    if shutil.which("mvn") is None:
        raise ServicesError("Maven is needed to download the servers: apt-get install maven")
    done = subprocess.run(["mvn", "-B", "-q", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise ServicesError(f"Maven could not download: {done.stdout.strip()[-500:]}")


def _java_version() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        done = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)  # noqa: S607
        return int(done.stderr.split('"')[1].split(".")[0].split("-")[0])
    return 0


def java_home() -> str:
    """Where Java is."""
    if given := os.environ.get("ES_JAVA_HOME") or os.environ.get("JAVA_HOME"):
        return given
    command = ["java", "-XshowSettings:properties", "-version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return next(line.split("=")[1].strip() for line in done.stderr.splitlines() if "java.home" in line)
