"""A running `homeostat up`, and what a test asks of it from outside: with the same SDK clients as anybody."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from azure.storage.blob import BlobServiceClient

from cli.register import register
from cloud.services import build
from cloud.settings import read_settings
from control.ports import Services
from control.state import Intent
from local.azure import workspaces_setting

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 150.0
READY_S = 90.0


@dataclass
class Loop:
    """Local Azure and the app, in processes of their own."""

    folder: Path
    process: subprocess.Popen[bytes]
    addresses: dict[str, Any]
    services: Services

    @classmethod
    def start(cls, folder: Path, policies: Mapping[str, dict[str, Any]], *more: str) -> Loop:
        """Start `homeostat up` with these policies, by file stem, and more arguments."""
        app = folder / "app"
        (app / "policies").mkdir(parents=True, exist_ok=True)
        for name, policy in policies.items():
            write_policy(app, name, policy)
        if not (app / "pipelines").exists():
            (app / "pipelines").symlink_to(ROOT / "pipelines", target_is_directory=True)
        told = folder / "up.json"
        told.unlink(missing_ok=True)
        process = cls._up(folder, told, *more)
        deadline = time.monotonic() + READY_S
        while not told.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                raise AssertionError(
                    f"homeostat up did not start:\n{(folder / 'up.log').read_text()[-4000:]}"
                )
            time.sleep(0.1)
        addresses = json.loads(told.read_text())
        configured = read_settings(settings(addresses, app / "policies"))
        register(configured, ROOT / "pipelines")
        return cls(folder, process, addresses, build(configured))

    @staticmethod
    def _up(folder: Path, told: Path, *more: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "HOMEOSTAT_RECONCILE_SCHEDULE": "*/10 * * * * *",
            "HOMEOSTAT_DRIFT_CHECK_SCHEDULE": "0 0 0 1 1 *",
        }
        arguments = [
            "--purview",
            "--json",
            told,
            "--state",
            folder / "state",
            "--policies",
            folder / "app" / "policies",
        ]
        with (folder / "up.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "cli.main", "up", *map(str, arguments), *more],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> int:
        """Ctrl-C, and the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)

    @property
    def log(self) -> str:
        """Everything that the app and local Azure said."""
        files = sorted((self.folder / "state").rglob("*.log"))
        return "\n".join(file.read_text(errors="replace") for file in [self.folder / "up.log", *files])

    def blobs(self) -> BlobServiceClient:
        """A client of the storage account."""
        return BlobServiceClient.from_connection_string(self.addresses["storage"])

    def land(
        self,
        folder: str,
        data: pa.Table | bytes,
        name: str = "part.parquet",
        *,
        marker: bool = True,
        container: str = "landing",
    ) -> None:
        """Write a batch below the landing container, or another workspace's, and its marker."""
        with self.blobs() as client:
            landing = client.get_container_client(container)
            landing.upload_blob(
                f"{folder}{name}", parquet(data) if isinstance(data, pa.Table) else data, overwrite=True
            )
            if marker:
                landing.upload_blob(f"{folder}_SUCCESS", b"", overwrite=True)

    def intent(self, model: str) -> Intent:
        """What is meant about the model now."""
        return self.services.ledger.load(model)[0]

    def audit(self, model: str, *names: str) -> list[dict[str, Any]]:
        """The audit trail, or those entries of it."""
        return [entry for entry in self.services.ledger.audit(model) if not names or entry["name"] in names]

    def until(
        self, what: str, condition: Callable[[], Any], patience: float = PATIENCE_S, every: float = 0.25
    ) -> Any:
        """Wait until the condition holds, and hand on what it answered."""
        deadline = time.monotonic() + patience
        while True:
            answer = condition()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {patience} s: {what}\n{self.log[-6000:]}")
            time.sleep(every)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """POST to the Functions host: (status, body)."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.addresses["functions"].rstrip("/") + path,
            data=data,
            headers={"Content-Type": "application/json", **(headers or {})},
            method="POST",
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as err:
            return err.code, err.read().decode()

    def event(self, function: str, body: Any, kind: str = "Notification") -> tuple[int, str]:
        """Deliver events as Event Grid does."""
        path = f"/runtime/webhooks/EventGrid?functionName={function}"
        return self.post(path, body, {"aeg-event-type": kind})


def settings(addresses: Mapping[str, Any], policies: Path) -> dict[str, str]:
    """The app's settings for that local Azure."""
    azureml, topic, logs = addresses["azureml"], addresses["eventgrid"], addresses["loganalytics"]
    return {
        "HomeostatStorage": addresses["storage"],
        "HOMEOSTAT_LOGS_WORKSPACE_ID": logs["workspace_id"],
        "HOMEOSTAT_LOGS_URL": logs["url"],
        "HOMEOSTAT_SUBSCRIPTION_ID": azureml["subscription"],
        "HOMEOSTAT_RESOURCE_GROUP": azureml["resource_group"],
        "HOMEOSTAT_WORKSPACE": azureml["workspace"],
        "HOMEOSTAT_AZUREML_URL": azureml["url"],
        "HOMEOSTAT_TOPIC_ENDPOINT": topic["endpoint"],
        "HOMEOSTAT_TOPIC_KEY": topic["key"],
        "HOMEOSTAT_POLICIES": str(policies),
        **workspaces_setting(addresses),
    }


def write_policy(app: Path, name: str, policy: dict[str, Any]) -> None:
    """Put a policy into the app's folder; it counts from the next message on."""
    (app / "policies" / f"{name}.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))


def parquet(table: pa.Table) -> bytes:
    """The table as a Parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
