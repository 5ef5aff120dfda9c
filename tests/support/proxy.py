"""A proxy before the real Elasticsearch that fails as told: by status, by item, by dropping the connection."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from listening import Listening, QuietHandler

#: What a fault may do with a request (method, path, body): None lets it through; "drop" closes the connection before
#: it is forwarded, "drop answer" after; (status, headers, body) answers; a function changes the real answer's JSON.
Fault = Callable[[str, str, bytes], Any]


class ScriptedProxy(Listening):
    """Listens on `url`. `fault` is asked at each request; `seen` are the paths that came."""

    def __init__(self, target: str) -> None:
        self.fault: Fault = lambda method, path, body: None
        self.seen: list[str] = []
        host, port = urlsplit(target).hostname or "", urlsplit(target).port
        outer = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                outer.seen.append(self.path)
                what = outer.fault(self.command, self.path, body)
                if what == "drop":
                    self.close_connection = True
                    return
                if isinstance(what, tuple):
                    self._send(*what)
                    return
                upstream = http.client.HTTPConnection(host, port, timeout=60)
                try:
                    kept = {name: value for name, value in self.headers.items() if name.lower() != "host"}
                    upstream.request(self.command, self.path, body, kept)
                    got = upstream.getresponse()
                    content = got.read()
                    headers = {name: value for name, value in got.getheaders() if name.lower() != "content-length"}
                finally:
                    upstream.close()
                if what == "drop answer":
                    self.close_connection = True
                    return
                if callable(what):
                    content = json.dumps(what(json.loads(content))).encode()
                self._send(got.status, headers, content)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815

            def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                self.send_header("X-Elastic-Product", "Elasticsearch")  # once: twice, the client takes it for another
                for name, value in headers.items():
                    if name.lower() not in ("transfer-encoding", "server", "date", "x-elastic-product"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

        super().__init__(Handler)


class FaultyProxy(ScriptedProxy):
    """The same by `mode`, for all requests: "well", "429", "503" or "drop". `faults` counts what it did."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.mode = "well"
        self.faults: Counter[str] = Counter()
        self.fault = self._by_mode

    def _by_mode(self, method: str, path: str, body: bytes) -> Any:
        mode = self.mode
        if mode == "well":
            return None
        self.faults[mode] += 1
        if mode == "drop":
            return mode
        error = {"type": "es_rejected_execution_exception", "reason": "test"}
        return (
            int(mode),
            {"Content-Type": "application/json"},
            json.dumps({"error": error, "status": int(mode)}).encode(),
        )
