"""The sets of parameters under which `infra/` is evaluated: each stage plain, and one with everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.checks.template import Template, evaluate, group

INFRA = Path(__file__).resolve().parent.parent
STAGES = ("dev", "staging", "production")
HUB = "/subscriptions/s/resourceGroups/hub/providers"
EVERYTHING: dict[str, Any] = {
    "stage": "production",
    "principalId": "33333333-3333-3333-3333-333333333333",
    "alertEmail": "ml@example.com",
    "approverGroups": "ml-owners=44444444-4444-4444-4444-444444444444",
    "entraAudience": "api://homeostat",
    "furtherWorkspaces": "prod=66666666-6666-6666-6666-666666666666/rg-prod/mlw-prod",
    "kubernetesClusterId": f"{HUB}/Microsoft.ContainerService/managedClusters/k",
    "withNetwork": True,
    "withCustomerKeys": True,
    "withDataFactory": True,
    "withPurview": True,
    "privateDnsZoneIds": dict.fromkeys(
        ("blob", "queue", "table", "file", "vault", "registry", "workspace", "notebooks", "topic", "purview"),
        f"{HUB}/Microsoft.Network/privateDnsZones/z",
    ),
}


def templates(infra: Path = INFRA) -> list[Template]:
    """main.bicep under every set, after-deploy.bicep with what main.bicep hands on, further-workspace.bicep.

    Raises:
        Wrong: one cannot be evaluated.
    """
    sets = [{"stage": stage} for stage in STAGES] + [EVERYTHING]
    common = {"environmentName": "sample", "location": "westeurope"}
    found = [evaluate(infra / "main.bicep", {**common, **one}) for one in sets]
    handed = {
        name: found[-1].outputs[output].data for name, output in HANDED.items() if output in found[-1].outputs
    }
    more = {"environmentName": "sample", "alertUrl": "https://sample.invalid/api/alert?code=k"}
    found.append(evaluate(infra / "after-deploy.bicep", {**handed, **more}, group("rg-sample")))
    found.append(evaluate(infra / "further-workspace.bicep", FURTHER, group("rg-prod")))
    return found


FURTHER = {
    "environmentName": "sample",
    "workspaceName": "mlw-prod",
    "storageName": "stmlprod",
    "logsName": "log-prod",
    "appSubscriptionId": "77777777-7777-7777-7777-777777777777",
    "appResourceGroup": "rg-sample",
    "appName": "func-sample",
    "appIdentityName": "id-app-sample",
}
"""What somebody gives to further-workspace.bicep."""
HANDED = {
    "alertEmail": "HOMEOSTAT_ALERT_EMAIL",
    "dataPrefix": "HOMEOSTAT_DATA_PREFIX",
    "dataSuffix": "HOMEOSTAT_DATA_SUFFIX",
    "appName": "HOMEOSTAT_FUNCTION_APP",
    "appStorageName": "HOMEOSTAT_APP_STORAGE",
    "storageTopicName": "HOMEOSTAT_STORAGE_TOPIC",
    "workspaceTopicName": "HOMEOSTAT_WORKSPACE_TOPIC",
    "topicName": "HOMEOSTAT_TOPIC",
    "workspaceName": "HOMEOSTAT_WORKSPACE",
    "logsName": "HOMEOSTAT_LOGS",
}
"""Parameter of after-deploy.bicep to the output of main.bicep that the hooks give it."""
