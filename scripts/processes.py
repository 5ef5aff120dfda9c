"""A server as a process of this machine: started, waited for, stopped, killed, found again by a later process.

It runs in a group of its own and, where we are root, as nobody, which Elasticsearch demands.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from downloads import ServicesError


def free_port() -> int:
    """A free port of the loopback below the ephemeral ones: a client that calls a stopped server again and again would
    else, sooner or later, be given that very port as its own, and the server could not come back."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - a port is no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server(ABC):
    """One server in a folder of its own, which it may be started in again; `data` outlives a stop."""

    name = ""
    patience = 300.0  # a busy machine takes ten times the usual 12 s

    def __init__(self, folder: Path) -> None:
        self.folder = _reachable(folder.resolve(), self.name)
        self.log = self.folder / "server.log"
        self._pid = self.folder / "pid"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to start; `wait` waits until it answers. Stop it first when it runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command, environment = self.prepare()
        self.own()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"} | environment,
                start_new_session=True,  # its own group: the whole of it is ended, and no Ctrl-C of ours reaches it
                **_nobody(),
            )
        self._pid.write_text(str(self._process.pid), encoding="ascii")

    def wait(self) -> None:
        """Until it answers. Raises ServicesError with the end of its log when it does not."""
        end = time.monotonic() + self.patience
        while not self.is_up():
            running = self._process is None or self._process.poll() is None
            if not running or time.monotonic() > end:
                why = "did not answer in time" if running else "ended"
                raise ServicesError(f"{self.name} {why}; the end of {self.log}:\n{self._tail()}")
            time.sleep(0.1)

    def stop(self, *, kill: bool = False) -> None:
        """End it, by SIGTERM, or by SIGKILL as in a crash. Does nothing when it does not run."""
        pid = self._running()
        if pid is not None:
            os.killpg(pid, signal.SIGKILL if kill else signal.SIGTERM)
            end = time.monotonic() + 30
            while self._running() is not None:
                if time.monotonic() > end:
                    os.killpg(pid, signal.SIGKILL)
                time.sleep(0.05)
        if self._process is not None:
            self._process.wait(10)
            self._process = None
        self._pid.unlink(missing_ok=True)

    def restart(self, *, kill: bool = False, pause: float = 0) -> None:
        """Stop (or kill), stay away for `pause` seconds, start on the same port with the same data, wait."""
        self.stop(kill=kill)
        time.sleep(pause)
        self.start()
        self.wait()

    def leave(self) -> None:
        """Let it go on after this process has ended."""
        if self._process is not None:
            self._process.returncode = 0
            self._process = None

    def forget(self) -> None:
        """Delete everything it kept. It must not run."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def prepare(self) -> tuple[list[str], dict[str, str]]:
        """Write its configuration; the command that starts it, and its variables."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does its work. An OSError counts as no."""

    def own(self) -> None:
        """Give the folder to the user that the server runs as."""
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)

    def is_up(self) -> bool:
        """Whether it answers now."""
        try:
            return self.answers()
        except OSError:
            return False

    def _running(self) -> int | None:
        """The process id, if that process is still ours: an id is given again after a while."""
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else None
        try:
            pid = int(self._pid.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        seen = subprocess.run(  # noqa: S603
            ["ps", "-ww", "-o", "command=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        return pid if str(self.folder) in seen.stdout else None

    def _tail(self) -> str:
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-15:]) if self.log.exists() else ""


def _nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _reachable(folder: Path, name: str) -> Path:
    """The server's own folder in `folder`, or one in /var/tmp where nobody can't get there (a checkout of root's)."""
    if os.geteuid() == 0 and not all(path.stat().st_mode & 0o001 for path in folder.parents if path.exists()):
        folder = Path("/var/tmp") / f"riskwire-services-{hashlib.sha256(bytes(folder)).hexdigest()[:12]}"  # noqa: S108
    return folder / name
