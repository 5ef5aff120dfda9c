"""A proxy before a server that answers wrongly when it is told to: 429, 503, a dropped connection."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class FaultyProxy:
    """`mode`: "well", "429", "503" or "drop". `faults` counts what it did. Writes alone can be hit: `only_writes`."""

    def __init__(self, target: str) -> None:
        self.mode = "well"
        self.faults: Counter[str] = Counter()
        host = urlsplit(target)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                mode = outer.mode
                if mode == "well":
                    self._pass_on(body)
                    return
                outer.faults[mode] += 1
                if mode == "drop":
                    self.close_connection = True
                    self.connection.close()
                    return
                said = (
                    b'{"error":{"type":"es_rejected_execution_exception","reason":"test"},"status":%s}' % mode.encode()
                )
                self.send_response(int(mode))
                self.send_header("X-elastic-product", "Elasticsearch")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def _pass_on(self, body: bytes) -> None:
                server = http.client.HTTPConnection(host.hostname or "", host.port, timeout=30)
                try:
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
                    server.request(self.command, self.path, body, headers)
                    answer = server.getresponse()
                    data = answer.read()
                finally:
                    server.close()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _answer  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
