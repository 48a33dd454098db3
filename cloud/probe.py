"""Golden predictions: what the model answered where it was trained, asked again of a deployment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cloud.errors import NotFound, translated
from cloud.location import Location
from control.errors import BadData, HomeostatError
from control.facts import Probe
from control.golden import difference

if TYPE_CHECKING:
    from cloud.connections import Connections
    from cloud.datastores import Datastores
    from cloud.endpoints import Endpoints
    from cloud.models import Models
    from control.policy import Policy

GOLDEN = "golden.json"
SCHEMA = 1


class Prober:
    """Asks deployments for golden predictions."""

    def __init__(
        self, connections: Connections, datastores: Datastores, models: Models, endpoints: Endpoints
    ) -> None:
        self._connections = connections
        self._datastores = datastores
        self._models = models
        self._endpoints = endpoints

    def probe(self, policy: Policy, deployment: str, version: str) -> Probe:
        """Ask and compare. No answer is inconclusive; a wrong one fails."""

        def inconclusive(reason: str) -> Probe:
            return Probe(deployment=deployment, verdict="inconclusive", reason=reason)

        try:
            golden = self.golden(policy, version)
        except HomeostatError as err:
            return inconclusive(str(err))
        if golden is None:
            return inconclusive(f"no {GOLDEN} travels with {policy.name}:{version}")
        try:
            answer = self._endpoints.ask(policy.release.endpoint, deployment, golden["request"])
        except HomeostatError as err:
            return inconclusive(str(err))
        reason = judge(golden["response"], answer, policy.gates.golden_tolerance)
        return Probe(deployment=deployment, verdict="fail" if reason else "pass", reason=reason or "")

    def golden(self, policy: Policy, version: str) -> dict[str, Any] | None:
        """The golden predictions, `{"request": ..., "response": ...}`; None when none travel with it."""
        body = (
            self._suite(policy.gates.golden_suite)
            if policy.gates.golden_suite
            else self._models.file(policy.name, version, GOLDEN)
        )
        return None if body is None else read_golden(body, f"{GOLDEN} of {policy.name}:{version}")

    def _suite(self, asset: str) -> bytes | None:
        """A data asset, `azureml:<name>:<version>`: the file itself, or a folder with one."""
        name, _, version = asset.removeprefix("azureml:").rpartition(":")
        try:
            with translated(f"reading data {name}:{version}"):
                found = self._connections.ml.data.get(name, version)
        except NotFound:
            return None
        place = Location.of(str(found.path))
        if place is None:
            raise BadData(f"data {name}:{version} is not in a datastore")
        path = place.path if found.type == "uri_file" else place.path.rstrip("/") + "/" + GOLDEN
        return self._datastores.at(place).read(path)


def read_golden(body: bytes, where: str) -> dict[str, Any]:
    """Parse `golden.json`. Raises BadData."""
    try:
        golden = json.loads(body)
    except ValueError as err:
        raise BadData(f"{where} cannot be read: {err}") from err
    if (
        not isinstance(golden, dict)
        or golden.get("schema") != SCHEMA
        or not {"request", "response"} <= set(golden)
    ):
        raise BadData(f"{where} is not of schema {SCHEMA} (docs/pipeline-contract.md)")
    return golden


def judge(expected: Any, answer: str, tolerance: float) -> str | None:
    """What is wrong with the deployment's answer, or None."""
    try:
        actual = json.loads(answer)
    except ValueError:
        return "the answer is not JSON"
    # A scoring script that returns text answers with JSON in JSON.
    if isinstance(actual, str) and not isinstance(expected, str):
        return judge(expected, actual, tolerance)
    return difference(expected, actual, tolerance)
