"""`make services`: a real Kafka and a real Elasticsearch on free loopback ports, for trying out and for the tests.

    python scripts/services.py start|stop|status
    python scripts/services.py restart|kill kafka|elasticsearch

Everything lies under the checkout's .services/. `start` begins empty; KEEP=1 keeps what was there. When both answer it
writes .services/env: `source .services/env` and the commands of riskwire find them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from downloads import ServicesError, missing
from processes import Server
from servers import Elasticsearch, Kafka

FOLDER = Path(__file__).resolve().parents[1] / ".services"


class Services:
    """Both servers in one folder; their ports are kept in it, so that a later process finds them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ports = self._ports()
        self.kafka = Kafka(folder, ports.get("kafka"))
        self.elasticsearch = Elasticsearch(folder, ports.get("elasticsearch"))
        self.all: tuple[Server, ...] = (self.kafka, self.elasticsearch)

    def start(self, *, keep: bool = False) -> None:
        """Start both and wait until they answer; one that runs is stopped first. Without `keep` they start empty."""
        if (lacking := missing()) is not None:
            raise ServicesError(lacking)
        self.stop()
        self.folder.mkdir(parents=True, exist_ok=True)
        for server in self.all:
            if not keep:
                server.forget()
            server.start()
        self._state.write_text(json.dumps({"kafka": self.kafka.port, "elasticsearch": self.elasticsearch.port}))
        for server in self.all:
            server.wait()
        (self.folder / "env").write_text(
            "".join(f"export {name}={value}\n" for name, value in self.environment.items()), encoding="utf-8"
        )

    def stop(self) -> None:
        """Stop both; what they kept stays. Again does nothing."""
        (self.folder / "env").unlink(missing_ok=True)
        for server in self.all:
            server.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The two variables of the cluster setting."""
        return {
            "RISKWIRE_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "RISKWIRE_ELASTICSEARCH__URL": self.elasticsearch.url,
        }

    @property
    def _state(self) -> Path:
        return self.folder / "ports.json"

    def _ports(self) -> dict[str, int]:
        try:
            ports: dict[str, int] = json.loads(self._state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return ports


def main(arguments: list[str]) -> int:
    """The command. 0, or 1 with one line on stderr."""
    services = Services(FOLDER)
    by_name = {server.name: server for server in services.all}
    try:
        match arguments:
            case ["start"]:
                services.start(keep=os.environ.get("KEEP", "") not in ("", "0"))
                print(f"services: Kafka {services.kafka.bootstrap_servers}, Elasticsearch {services.elasticsearch.url}")
                print("services: source .services/env")
            case ["stop"]:
                services.stop()
            case ["status"]:
                for server in services.all:
                    print(f"{server.name}: {'answers' if server.is_up() else 'is not there'}")
            case ["restart" | "kill" as how, name] if name in by_name:
                by_name[name].restart(kill=how == "kill")
            case _:
                print(__doc__, file=sys.stderr)
                return 2
        for server in services.all:
            server.leave()
    except ServicesError as error:
        print(f"services: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
