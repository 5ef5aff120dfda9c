"""`riskwire serve-model`"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from riskwire.cli.options import ConfigOption, DataOption, settings_from
from riskwire.cli.output import stderr_console

HELP = """Serve the model alone at http://127.0.0.1:8600: POST /api/v1/score, described by /api/v1/openapi.json.

Nothing is polled and nothing kept. Requests that arrive together are scored in one batch; when too many wait, the
answer is 429. The page of `riskwire up` has the same service. Beyond the loopback a token is demanded.

Example: riskwire serve-model --port 8700
"""


def serve_model(
    host: Annotated[
        str | None, typer.Option("--host", help="Address; beyond the loopback a token is demanded.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0 takes a free one.")] = None,
    device: Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda.")] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Run until SIGINT or SIGTERM."""
    from dashboards.web.app import Health, create_model_app
    from dashboards.web.score import PATH
    from dashboards.web.security import check_bind
    from riskwire.cli.page import bind, model_in_words, web_part
    from riskwire.cli.supervise import supervise
    from riskwire.cli.wiring import watch_model

    settings = settings_from(config, data, model={"device": device}, web={"host": host, "port": port})
    check_bind(settings.web)
    with bind(settings.web.host, settings.web.port) as listener, watch_model(settings.model) as (scorer, _):
        said = model_in_words(scorer)
        app = create_model_app(
            scorer, settings.web, lambda: Health(ready=True, parts={"model": model_in_words(scorer)})
        )
        url = f"http://{settings.web.host}:{listener.getsockname()[1]}"
        console = stderr_console()
        console.print(f"Riskwire serves {said}.\n  {url}{PATH}\n  stop    Ctrl-C", markup=False, highlight=False)
        asyncio.run(supervise({"model": web_part(app, settings.web, listener)}, asyncio.Event()))
