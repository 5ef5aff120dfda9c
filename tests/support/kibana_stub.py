"""A server that behaves as Kibana's import API is documented: late, strict, and 200 even when nothing was imported."""

from __future__ import annotations

import json
from email import message_from_bytes
from typing import Any

from listening import Listening, QuietHandler


class KibanaStub(Listening):
    """`not_ready` answers 503 first; an import gets `status` and `answer`, or without them the honest ones."""

    def __init__(self) -> None:
        self.not_ready, self.status = 0, 200
        self.answer: Any = None
        self.asked: list[str] = []
        self.authorised: list[str] = []
        self.objects: dict[tuple[str, str], Any] = {}
        stub = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                stub.asked.append(self.path)
                stub.not_ready -= 1
                self.reply(503 if stub.not_ready >= 0 else 200, {"status": {"overall": {"level": "available"}}})

            def do_POST(self) -> None:
                stub.asked.append(self.path)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Authorization"] is None or self.headers["kbn-xsrf"] != "true":
                    self.reply(401, {})
                    return
                stub.authorised.append(self.headers["Authorization"])
                kind = self.headers["Content-Type"]
                (part,) = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body).get_payload()
                if not part.get_filename().endswith(".ndjson"):
                    self.reply(400, {"message": "Invalid file extension"})
                    return
                found = [json.loads(line) for line in part.get_payload(decode=True).splitlines()]
                stub.objects |= {(one["type"], one["id"]): one for one in found}
                self.reply(stub.status, stub.answer or {"success": True, "successCount": len(found)})

            def reply(self, status: int, body: Any) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        super().__init__(Handler)
