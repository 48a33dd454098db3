"""Data Factory: a pipeline that brings data, run once under a key of ours.

Data Factory gives a run its number itself, and would start a second one for a request that comes twice. So
whoever wants to start a run claims its key first, by a blob that only one can create, and writes the number
there; a claim whose owner died is found by the run's parameter `homeostat`, which holds the key, or taken
over after a while.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from cloud.credentials import allow_loopback_http, credential
from cloud.datastores import DEFAULT
from cloud.errors import NotFound, translated
from cloud.mlclient import AGENT, PATIENCE
from control.errors import Refused, Unavailable
from control.facts import Job

if TYPE_CHECKING:
    from azure.mgmt.datafactory import DataFactoryManagementClient

    from cloud.connections import Connections
    from cloud.datastores import Datastores
    from control.policy import Policy, Refresh
    from control.ports import Clock

PARAMETER = "homeostat"
"""The pipeline's parameter that gets the key."""
LEFT = timedelta(minutes=5)
"""A claim without a run that is so old was left by somebody who died."""
STATUS: dict[str, Literal["active", "completed", "failed", "canceled"]] = {
    "Succeeded": "completed",
    "Failed": "failed",
    "Cancelled": "canceled",
}


class DataFactories:
    """Pipelines of the app's resource group."""

    def __init__(self, connections: Connections, datastores: Datastores, clock: Clock) -> None:
        self._connections = connections
        self._datastores = datastores
        self._clock = clock

    def run(self, policy: Policy, key: str) -> Job:
        """The run of that key; status `missing` when nobody has started it."""
        claim = self._claim(policy, key)
        if claim is None:
            return Job(name=key, status="missing")
        refresh = _refresh(policy)
        found = self._by_number(refresh, claim["run"]) if claim.get("run") else None
        found = found or self._by_key(refresh, key, datetime.fromisoformat(claim["since"]))
        if found is None:
            old = self._clock.now() - datetime.fromisoformat(claim["since"]) > LEFT
            return Job(name=key, status="missing" if old else "active")
        status = STATUS.get(str(found.status), "active")
        said = f"run {found.run_id} of {refresh.pipeline}: {found.message or found.status}"
        return Job(name=key, status=status, reason=said if status in {"failed", "canceled"} else "")

    def start(self, policy: Policy, key: str) -> bool:
        """Start the run; False when somebody else has, or is about to.

        Raises:
            Refused: there is no such factory or pipeline, or it has no parameter `homeostat`.
        """
        refresh, now = _refresh(policy), self._clock.now()
        if not self._take(policy, key, now):
            return False
        what = f"starting pipeline {refresh.pipeline} of data factory {refresh.data_factory}"
        try:
            with translated(what), self._client() as client:
                run = client.pipelines.create_run(
                    self._connections.settings.resource_group,
                    refresh.data_factory,
                    refresh.pipeline,
                    {PARAMETER: key},
                )
        except Refused as err:
            self._datastores[DEFAULT].delete(_path(policy, key))
            raise Refused(f"{err}; it must be there, with a parameter {PARAMETER!r} of type String") from err
        self._write(policy, key, now, run.run_id)
        return True

    def _take(self, policy: Policy, key: str, now: datetime) -> bool:
        body = json.dumps({"since": now.isoformat(), "run": None}).encode()
        store, path = self._datastores[DEFAULT], _path(policy, key)
        try:
            with translated(f"claiming {key}"):
                claim = self._claim(policy, key)
                if claim is None:
                    store.blob(path).upload_blob(body, overwrite=False)
                    return True
                if claim.get("run") or now - datetime.fromisoformat(claim["since"]) <= LEFT:
                    return False
                self._take_over(path, claim["etag"], body)
        except Unavailable as err:
            if _is_conflict(err):
                return False
            raise
        return True

    def _take_over(self, path: str, etag: str, body: bytes) -> None:
        from azure.core import MatchConditions

        self._datastores[DEFAULT].blob(path).upload_blob(
            body, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified
        )

    def _claim(self, policy: Policy, key: str) -> dict[str, Any] | None:
        try:
            with translated(f"reading the claim of {key}"):
                answer = self._datastores[DEFAULT].blob(_path(policy, key)).download_blob()
                body: dict[str, Any] = json.loads(answer.readall())
        except NotFound:
            return None
        return body | {"etag": answer.properties.etag}

    def _write(self, policy: Policy, key: str, since: datetime, run: str) -> None:
        body = json.dumps({"since": since.isoformat(), "run": run}).encode()
        self._datastores[DEFAULT].write(_path(policy, key), body)

    def _by_number(self, refresh: Refresh, run: str) -> Any:
        group = self._connections.settings.resource_group
        try:
            with (
                translated(f"reading run {run} of data factory {refresh.data_factory}"),
                self._client() as one,
            ):
                return one.pipeline_runs.get(group, refresh.data_factory, run)
        except NotFound:
            return None

    def _by_key(self, refresh: Refresh, key: str, since: datetime) -> Any:
        from azure.mgmt.datafactory.models import RunFilterParameters, RunQueryFilter

        asked = RunFilterParameters(
            last_updated_after=since - LEFT,
            last_updated_before=self._clock.now() + LEFT,
            filters=[
                RunQueryFilter(operand="PipelineName", operator="Equals", values_property=[refresh.pipeline])
            ],
        )
        group = self._connections.settings.resource_group
        with translated(f"looking for runs of data factory {refresh.data_factory}"), self._client() as client:
            while True:
                page = client.pipeline_runs.query_by_factory(group, refresh.data_factory, asked)
                for run in page.value:
                    if (run.parameters or {}).get(PARAMETER) == key:
                        return run
                if not page.continuation_token:
                    return None
                asked.continuation_token = page.continuation_token

    def _client(self) -> DataFactoryManagementClient:
        from azure.mgmt.datafactory import DataFactoryManagementClient

        settings = self._connections.settings
        patience = {key: value for key, value in PATIENCE.items() if key != "retry_total"}
        local = {"per_call_policies": [allow_loopback_http()], "base_url": settings.azureml_url}
        return DataFactoryManagementClient(
            credential(settings),
            settings.subscription,
            user_agent=AGENT,
            retry_total=PATIENCE["retry_total"],
            **patience,
            **(local if settings.azureml_url else {}),
        )


def _refresh(policy: Policy) -> Refresh:
    if policy.retrain.refresh is None:
        raise Refused(f"{policy.source}: retrain.refresh is gone: nothing says which pipeline brings data")
    return policy.retrain.refresh


def _path(policy: Policy, key: str) -> str:
    return f"homeostat/{policy.name}/refresh/{key}.json"


def _is_conflict(err: Exception) -> bool:
    """Whether somebody else was first: 409 or 412."""
    return getattr(err.__cause__, "status_code", None) in {409, 412}
