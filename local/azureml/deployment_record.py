"""What a deployment is: its record, as Azure ML answers with it, and what its servers are made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.azureml.answers import Json, system_data, user_error
from local.azureml.durations import BadDuration, seconds
from local.azureml.names import LOCATION, PROVIDER, TENANT, BadReference, Home
from local.azureml.store import Record

if TYPE_CHECKING:
    from local.azureml.references import References

KIND = "onlineDeployments"
COMPUTES = {"Managed", "Kubernetes"}
DEFAULTS: Json = {
    "description": None,
    "properties": {},
    "environmentVariables": {},
    "scaleSettings": {"scaleType": "Default"},
    "appInsightsEnabled": False,
    "egressPublicNetworkAccess": "Enabled",
}
KUBERNETES: Json = {
    "containerResourceRequirements": {
        "containerResourceRequests": {"cpu": "100m", "memory": "0.5Gi"},
        "containerResourceLimits": {"cpu": "2", "memory": "2Gi"},
    }
}
DESCRIBING = {"description", "properties"}
"""What can change without new servers."""


def check(properties: Json, references: References) -> None:
    """Refuse what cannot be deployed here, or names what is not there."""
    compute = properties.get("endpointComputeType")
    if compute not in COMPUTES:
        raise user_error(
            f"endpointComputeType {compute}: {' and '.join(sorted(COMPUTES))} run here.", "BadArgument"
        )
    if not (properties.get("codeConfiguration") or {}).get("scoringScript"):
        raise user_error("codeConfiguration with a scoringScript must be given.", "BadArgument")
    try:
        for key, kind in (("model", "models"), ("environmentId", "environments")):
            references.find(str(properties.get(key) or ""), kind)
        references.place(str(properties["codeConfiguration"].get("codeId") or ""), "codes")
        timeout_ms(properties)
    except (BadReference, BadDuration) as err:
        raise user_error(str(err), "BadArgument") from err


def new_deployment(home: Home, endpoint: str, name: str, wanted: Json) -> Record:
    """A deployment that is not there yet."""
    return Record(KIND, endpoint, name, {
        "id": f"{home.id}/onlineEndpoints/{endpoint}/deployments/{name}",
        "name": name,
        "type": f"{PROVIDER}/workspaces/onlineEndpoints/deployments",
        "location": wanted.get("location") or LOCATION,
        "kind": wanted["properties"]["endpointComputeType"],
        "identity": {"type": "SystemAssigned", "principalId": home.guid, "tenantId": TENANT},
        "systemData": system_data(),
        "properties": {},
    })  # fmt: skip


def apply(record: Record, wanted: Json) -> None:
    """Let the record say what is wanted, with Azure's defaults."""
    record.body["tags"] = wanted.get("tags") or {}
    record.body["sku"] = {"name": "Default", "capacity": 1} | (wanted.get("sku") or {})
    record.body["properties"] = _complete(wanted["properties"])


def servers(wanted: Json) -> Json:
    """What the servers are made from, their number left out."""
    return {k: v for k, v in _complete(wanted.get("properties") or {}).items() if k not in DESCRIBING}


def _complete(properties: Json) -> Json:
    """With Azure's defaults: what was left out and what was read back are the same."""
    defaults = DEFAULTS | (KUBERNETES if properties.get("endpointComputeType") == "Kubernetes" else {})
    return defaults | properties


def instances(record: Record) -> int:
    """How many servers there are."""
    return int(record.body["sku"].get("capacity") or 1)


def timeout_ms(properties: Json) -> dict[str, int]:
    """The request timeout where one is given. Raises BadDuration."""
    limit = (properties.get("requestSettings") or {}).get("requestTimeout")
    return {"request_timeout_ms": round(seconds(limit) * 1000)} if limit else {}
