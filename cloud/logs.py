"""What an endpoint's logs say of its deployments: Azure Monitor's Log Analytics."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING, Any

from cloud.credentials import allow_loopback_http, credential
from cloud.errors import translated
from cloud.kql import query
from cloud.mlclient import AGENT
from cloud.settings import is_loopback
from control.errors import BadData, HomeostatError, Refused
from control.traffic import Arm, Traffic

if TYPE_CHECKING:
    from datetime import datetime

    from azure.monitor.query import LogsQueryClient

    from cloud.predictions import Predictions
    from cloud.settings import Settings
    from control.policy import Policy
    from control.traffic import Outputs

TABLE = "AmlOnlineEndpointTrafficLog"
WAIT = 60
"""Seconds that the service may take for an answer."""


class EndpointLogs:
    """Traffic from the endpoint's log, and how far predictions are apart from what its collector wrote."""

    def __init__(self, settings: Settings, predictions: Predictions) -> None:
        self._settings = settings
        self._predictions = predictions
        self._lock = Lock()
        self._made: LogsQueryClient | None = None

    def traffic(
        self, policy: Policy, candidate: str, champion: str | None, since: datetime, until: datetime
    ) -> Traffic:
        """Requests of both deployments from `since` on and before `until`, and their outputs.

        What cannot be read, or only in part, is said in `reason`: the numbers then mean nothing.
        """
        nothing = Traffic(candidate=Arm(), champion=None if champion is None else Arm())
        names = [candidate] if champion is None else [candidate, champion]
        try:
            arms = self._arms(policy.release.endpoint, names, since, until)
            outputs: tuple[Outputs, ...] = ()
            if champion is not None:
                outputs = self._predictions.compared(policy, candidate, champion, since, until)
        except HomeostatError as err:
            return Traffic(candidate=nothing.candidate, champion=nothing.champion, reason=str(err))
        return Traffic(
            candidate=arms[candidate],
            champion=None if champion is None else arms[champion],
            outputs=outputs,
        )

    def _arms(self, endpoint: str, names: list[str], since: datetime, until: datetime) -> dict[str, Arm]:
        workspace = self._settings.logs_workspace
        if workspace is None:
            raise Refused(
                "no logs to judge by: HOMEOSTAT_LOGS_WORKSPACE_ID, the Log Analytics workspace that the "
                f"endpoint's diagnostic setting sends {TABLE} to, is not set"
            )
        text = query("traffic", {
            "of_workspace": self._settings.workspace, "of_endpoint": endpoint, "of_deployments": names,
            "since": since, "until": until, "our_agent": AGENT,
        })  # fmt: skip
        rows = self._rows(workspace, text, f"reading the log of endpoint {endpoint}", (since, until))
        arms = arms_of(rows, names)
        if not any(arm.requests for arm in arms.values()):
            raise Refused(
                f"{TABLE} has no request of {' or '.join(names)} of endpoint {endpoint} since "
                f"{since.isoformat(timespec='seconds')}: there were none, they have not arrived yet, or the "
                f"endpoint has no diagnostic setting that sends them to workspace {workspace}"
            )
        return arms

    def _rows(
        self, workspace: str, text: str, what: str, timespan: tuple[datetime, datetime]
    ) -> list[dict[str, Any]]:
        from azure.monitor.query import LogsQueryResult

        with translated(what):
            answer = self._client().query_workspace(workspace, text, timespan=timespan, server_timeout=WAIT)
        if not isinstance(answer, LogsQueryResult):
            raise BadData(f"{what}: the answer holds only a part: {_why(answer.partial_error)}")
        if len(answer.tables) != 1:
            raise BadData(f"{what}: the answer has {len(answer.tables)} tables, not one")
        (table,) = answer.tables
        return [dict(zip(table.columns, row, strict=True)) for row in table.rows]

    def _client(self) -> LogsQueryClient:
        from azure.monitor.query import LogsQueryClient

        with self._lock:
            if self._made is None:
                url = self._settings.logs_url
                where: dict[str, Any] = {} if url is None else {"endpoint": url}
                if url is not None and is_loopback(url):
                    where["per_call_policies"] = [allow_loopback_http()]
                self._made = LogsQueryClient(
                    credential(self._settings),
                    retry_total=3,
                    connection_timeout=20,
                    read_timeout=WAIT + 10,
                    **where,
                )
            return self._made


def arms_of(rows: Iterable[dict[str, Any]], names: Iterable[str]) -> dict[str, Arm]:
    """What each of these deployments answered, from the rows of `traffic.kql`.

    Raises:
        BadData: the log has requests without a response code or a duration.
    """
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    known = {name.lower(): name for name in found}
    for row in rows:
        found[known[str(row["DeploymentName"]).lower()]].append(row)
    unreadable = sum(row["Unreadable"] for some in found.values() for row in some)
    if unreadable:
        raise BadData(f"{TABLE} has {unreadable} requests without a response code or a duration")
    return {name: _arm(some) for name, some in found.items()}


def _arm(rows: list[dict[str, Any]]) -> Arm:
    latencies: dict[int, int] = {}
    for row in rows:
        latencies[int(row["Bin"])] = latencies.get(int(row["Bin"]), 0) + int(row["Requests"])
    return Arm(
        requests=sum(latencies.values()),
        failures=sum(int(row["Failures"]) for row in rows),
        latencies=tuple(sorted(latencies.items())),
    )


def _why(error: Any) -> str:
    """The innermost message of a partial error."""
    details = getattr(error, "details", None) or []
    inner = details[0].get("innererror") if details else None
    return str((inner or {}).get("message") or getattr(error, "message", None) or "no reason was given")
