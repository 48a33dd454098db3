"""What an endpoint's diagnostic setting sends to Log Analytics: a row for each request, line and event.

The columns are those of Azure's tables `AmlOnlineEndpointTrafficLog`, `...ConsoleLog` and `...EventLog`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import web

    from local.serving.spec import DeploymentSpec

Add = Callable[[str, dict[str, Any]], None]
"""Takes a row of the table of that name, without waiting."""

CONTAINER = "inference-server"
SCORE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/score/action"
LONGEST_AGENT = 70
LONGEST_MESSAGE = 16_384
"""Characters that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it arrived."""

    at: datetime
    begun: float
    """By the clock of `since`."""
    received_ms: int
    method: str
    path: str
    protocol: str
    agent: str
    request_id: str
    client_request_id: str
    size: int


@dataclass(slots=True, kw_only=True)
class Model:
    """What the model's server has said so far: nothing, while `status` is None."""

    status: int | None = None
    reason: str = ""
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointLog:
    """Rows of one workspace's endpoints; `workspace` is its ARM id."""

    add: Add
    workspace: str
    _common: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        parts = self.workspace.split("/")
        subscription = parts[2] if len(parts) > 2 else ""
        common = {
            "SourceSystem": "Azure",
            "_SubscriptionId": subscription,
            "_IsBillable": "true",
        }
        object.__setattr__(self, "_common", common)

    def request(self, asked: Asked, spec: DeploymentSpec, model: Model, answer: web.Response) -> None:
        """A deployment has answered, or given up to answer."""
        body = answer.body
        self.add(
            "AmlOnlineEndpointTrafficLog",
            {
                **self._of(spec, asked.at, SCORE),
                "Method": asked.method,
                "Path": asked.path,
                "Location": "local",
                "AzureMLWorkspaceId": self.workspace,
                "AzureMLWorkspaceName": self.workspace.rpartition("/")[2],
                "EndpointName": spec.endpoint,
                "Protocol": asked.protocol,
                "AuthType": "Key",
                "ResponseCode": answer.status,
                "ResponseCodeReason": answer.reason or "",
                "ModelStatusCode": model.status,
                "ModelStatusReason": model.reason,
                "RequestPayloadSize": asked.size,
                "ResponsePayloadSize": len(body) if isinstance(body, bytes) else 0,
                "UserAgent": asked.agent[:LONGEST_AGENT],
                "XRequestId": asked.request_id,
                "XMSClientRequestId": asked.client_request_id,
                "TotalDurationMs": since(asked.begun),
                "RequestDurationMs": asked.received_ms,
                "ResponseDurationMs": model.after_ms,
                "RequestThrottlingDelayMs": 0,
                "ResponseThrottlingDelayMs": 0,
            },
        )

    def console(self, spec: DeploymentSpec, instance: str, line: str) -> None:
        """A server has written a line."""
        self.add(
            "AmlOnlineEndpointConsoleLog",
            {
                **self._of(spec, datetime.now(UTC)),
                "InstanceId": instance,
                "ContainerName": CONTAINER,
                "ContainerImageName": "",
                "Message": line[:LONGEST_MESSAGE],
            },
        )

    def event(self, spec: DeploymentSpec, instance: str, name: str, message: str) -> None:
        """Something has happened to a server: `Started`, `BackOff`, `Killing`, `ReadinessProbeFailed`."""
        self.add(
            "AmlOnlineEndpointEventLog",
            {
                **self._of(spec, datetime.now(UTC)),
                "InstanceId": instance,
                "Name": name,
                "Message": message[:LONGEST_MESSAGE],
            },
        )

    def _of(self, spec: DeploymentSpec, at: datetime, operation: str = "") -> dict[str, Any]:
        return {
            **self._common,
            "TimeGenerated": at.replace(tzinfo=None),
            "OperationName": operation,
            "DeploymentName": spec.name,
            "_ResourceId": f"{self.workspace}/onlineEndpoints/{spec.endpoint}".lower(),
        }


def nowhere(_table: str, _row: dict[str, Any]) -> None:
    """Of an endpoint without a diagnostic setting."""


def since(begun: float) -> int:
    """Whole milliseconds since then, by `time.perf_counter`."""
    return int((time.perf_counter() - begun) * 1000)
