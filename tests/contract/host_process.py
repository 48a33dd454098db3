"""The Functions host in a process of its own, around the sample app beside this file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
APP = Path(__file__).with_name("host_app")


class HostProcess:
    """`python -m local.host`."""

    def __init__(self, folder: Path, settings: Mapping[str, str], app: Path = APP) -> None:
        self.folder = folder
        self.told = folder / "host.json"
        self.told.unlink(missing_ok=True)
        self.notes_file = folder / "notes"
        self.output = folder / "output"
        environment = {
            **os.environ,
            "SAMPLE_NOTES": str(self.notes_file),
            "AzureWebJobs.off.Disabled": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
            **settings,
        }
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [
                    sys.executable, "-m", "local.host", "--app", str(app), "--port", "0",
                    "--json", str(self.told), "--state", str(folder / "state"), "--grace", "5",
                ],
                cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def ready(self) -> Self:
        """Wait until it answers."""
        end = time.monotonic() + 60
        while not self.told.exists():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.02)
        self.addresses: dict[str, Any] = json.loads(self.told.read_text())
        return self

    def __enter__(self) -> Self:
        try:
            return self.ready()
        except BaseException:
            self.process.kill()
            self.process.wait(10)
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
            raise

    @property
    def log(self) -> str:
        """Everything it said."""
        return self.output.read_text()

    def notes(self, key: str) -> list[dict[str, Any]]:
        """What the sample app noted, of that kind."""
        if not self.notes_file.exists():
            return []
        lines = self.notes_file.read_text().splitlines(keepends=True)
        return [note for line in lines if line.endswith("\n") and key in (note := json.loads(line))]

    def request(self, method: str, path: str, **more: Any) -> requests.Response:
        """One request to the host."""
        return requests.request(method, self.addresses["url"] + path, timeout=20, **more)

    def webhook(
        self, function: str, body: Any, kind: str | None = "Notification", **more: Any
    ) -> requests.Response:
        """What Event Grid sends."""
        headers = {} if kind is None else {"aeg-event-type": kind}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"/runtime/webhooks/EventGrid?functionName={function}"
        return self.request("POST", path, data=data, headers={**headers, **more.pop("headers", {})}, **more)
