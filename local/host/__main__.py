"""`python -m local.host --app FOLDER --port 0 --json FILE`: run a function app until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from pathlib import Path

from local.host.indexing import AppBroken
from local.host.invocation import current
from local.host.server import Host
from local.host.settings import SettingsError

log = logging.getLogger("host")


def main() -> int:
    """Run the host; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder of function_app.py")
    parser.add_argument("--port", type=int, default=7071, help="port on 127.0.0.1; 0 for a free one")
    parser.add_argument("--json", type=Path, help="file to write the addresses to, once it answers")
    parser.add_argument(
        "--state", type=Path, default=Path(".homeostat/host"), help="folder for what must last"
    )
    parser.add_argument("--grace", type=float, default=5, help="seconds that running functions get to end")
    parser.add_argument("--console", default="info", help="least level of what goes to standard error")
    arguments = parser.parse_args()
    state: Path = arguments.state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    _log_to(state / "host.log", arguments.console.upper())
    return asyncio.run(_serve(arguments, state))


async def _serve(arguments: argparse.Namespace, state: Path) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app: Path = arguments.app.resolve()
    report: Path | None = arguments.json and arguments.json.resolve()
    os.chdir(app)
    host = Host(app=app, state=state, port=arguments.port, environment=os.environ)
    try:
        addresses = await host.start()
    except AppBroken as err:
        log.critical("THE APP CANNOT START: %s", err)
        await host.stop(0)
        return 3
    except SettingsError as err:
        log.critical("THE APP CANNOT START, a setting is wrong: %s", err)
        await host.stop(0)
        return 3
    except OSError as err:
        log.critical("the host cannot listen: %s", err)
        await host.stop(0)
        return 4
    log.info("listening on %s", addresses["url"])
    if report:
        fresh = report.with_suffix(".new")
        fresh.write_text(json.dumps({**addresses, "pid": os.getpid()}, indent=2))
        fresh.replace(report)
    await stop.wait()
    log.info("stopping")
    left = await host.stop(arguments.grace)
    if left:
        log.warning("%d invocations were broken off", left)
        logging.shutdown()
        os._exit(0)  # a thread that runs cannot be ended, and would keep the process
    return 0


def _log_to(path: Path, console: str) -> None:
    """Everything to the file and to standard error, each record with its invocation."""

    class _Tagged(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            record.invocation = current.get()
            return True

    shape = logging.Formatter(
        "%(asctime)s.%(msecs)03d %(levelname)-7s [%(invocation)s] %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    stream = logging.StreamHandler(sys.stderr)
    stream.setLevel(console)
    for handler in (logging.FileHandler(path, encoding="utf-8"), stream):
        handler.setFormatter(shape)
        handler.addFilter(_Tagged())
        logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(os.environ.get("HOMEOSTAT_LOG_LEVEL", "INFO").upper())
    for chatty in ("azure.core.pipeline.policies.http_logging_policy", "azure.identity"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
