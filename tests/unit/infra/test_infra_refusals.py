"""Every check of infra/ refuses a broken file, and says which line of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from infra.checks.everything import ROOT, SPECS, faults
from infra.checks.scenarios import templates
from infra.checks.types import BY_HAND, EXTRACT, Types

NEEDS_SPECS = "the ARM schemas (../shared/specs) are not beside this repository"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A checkout whose infra/ may be broken."""
    shutil.copytree(
        ROOT / "infra", tmp_path / "infra", ignore=shutil.ignore_patterns("checks", "__pycache__")
    )
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "security.md", tmp_path / "docs")
    shutil.copy(ROOT / "azure.yaml", tmp_path)
    for name in ("cloud", "handlers", "policies", "function_app.py"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def broken(copy: Path, file: str, old: str, new: str, specs: Path = SPECS) -> tuple[list[str], int]:
    """What the checks say after that edit, without the folder; and the edited line."""
    path = copy / file
    body = path.read_text("utf-8")
    assert old in body, f"{file} has no {old!r}: mend this test"
    path.write_text(body.replace(old, new, 1), "utf-8")
    line = body[: body.index(old)].count("\n") + 1
    return [str(one).replace(f"{copy}/", "") for one in faults(copy, specs)], line


def test_what_is_committed_is_right() -> None:
    assert [str(one) for one in faults()] == []


def test_what_is_committed_is_right_without_the_whole_types(tmp_path: Path) -> None:
    assert [str(one) for one in faults(ROOT, tmp_path / "nothing")] == []


STORAGE, APP, SUBS = (
    "infra/modules/storage.bicep",
    "infra/modules/function-app.bicep",
    "infra/modules/subscriptions.bicep",
)
WAKES, FURTHER = "infra/modules/workspace-subscriptions.bicep", "infra/further-workspace.bicep"
ALERTS, MAIN, FACTORY = "infra/modules/alerts.bicep", "infra/main.bicep", "infra/modules/data-factory.bicep"
BREAKS = {
    # name: file, what to replace, by what, lines further down, what is said
    "syntax": (STORAGE, "kind: 'StorageV2'", "kind: = 'StorageV2'", 0, "not understood"),
    "unknown property": (STORAGE, "allowSharedKeyAccess: false", "allowSharedKey: false", 0, "did you mean allowSharedKeyAccess"),
    "missing property": (STORAGE, "  sku: {\n    name: replication\n  }\n", "", -5, "sku is missing"),
    "wrong value": (STORAGE, "accessTier: 'Hot'", "accessTier: 'Lukewarm'", 0, "not one of"),
    "wrong open value": (STORAGE, "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS9'", 0, "'TLS9', not one of"),
    "wrong type": (STORAGE, "      days: 7", "      days: 'seven'", 0, "must be an int"),
    "read-only": (STORAGE, "accessTier: 'Hot'", "provisioningState: 'Succeeded'", 0, "is read-only"),
    "no such version": (STORAGE, "blobServices@2025-01-01", "blobServices@2025-01-02", 0, "known versions: 2025-01-01"),
    "no such type": (STORAGE, "storageAccounts/queueServices@", "storageAccounts/queServices@", None, "is no child of"),
    "no type at all": (STORAGE, "Microsoft.Storage/storageAccounts/tableServices/tables@", "Microsoft.Storage/storageAccounts/tableServices/tablets@", 0, "no such type is known"),
    "no such output of Azure": (STORAGE, "primaryEndpoints.blob", "primaryEndpoints.blobs", 0, "has no properties.primaryEndpoints.blobs"),
    "keys read": (STORAGE, "output name string = account.name", "output name string = account.listKeys().keys[0].value", 0, "reads keys"),
    "unused": (STORAGE, "var hostRoles", "var idle = 1\nvar hostRoles", 0, "var idle is never used"),
    "wrong discriminator": (ALERTS, "SingleResourceMultipleMetricCriteria", "NoCriteria", 0, "not one of"),
    "parameter not given": (MAIN, "    publicAccess: !withNetwork\n    customerKeys", "    customerKeys", None, "the parameter publicAccess of storage.bicep is not given"),
    "unknown parameter": (MAIN, "retentionDays: sizes.retentionDays", "retention: sizes.retentionDays", 0, "has no parameter retention"),
    "parameter of another type": (MAIN, "retentionDays: sizes.retentionDays", "retentionDays: 'long'", 0, "must be int"),
    "no such output": (MAIN, "monitoring.outputs.logsId", "monitoring.outputs.logId", 0, "no .logId"),
    "not deployed": (MAIN, "withNetwork ? network!.outputs.functionsSubnetId : ''", "network!.outputs.functionsSubnetId", 0, "not deployed with these parameters"),
    "no such name": (MAIN, "'homeostat-stage': stage", "'homeostat-stage': level", 0, "nothing is called level"),
    "in a circle": (MAIN, "var token = toLower(uniqueString(", "var token = toLower(uniqueString(token, ", 0, "needs itself"),
    "shared keys": (STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true", 0, "allowSharedKeyAccess must be False"),
    "old TLS": (APP, "minTlsVersion: '1.2'", "minTlsVersion: '1.0'", 0, "minTlsVersion must be '1.2'"),
    "open to the internet": ("infra/modules/topics.bicep", "publicAccess ? 'Enabled' : 'Disabled'", "publicAccess ? 'Enabled' : 'Enabled'", 0, "publicNetworkAccess must be 'Disabled'"),
    "no logs": ("infra/modules/registry.bicep", "  scope: registry\n  properties: {\n    workspaceId", "  scope: resourceGroup()\n  properties: {\n    workspaceId", None, "has no diagnostic setting"),
    "no tag": (FACTORY, "  tags: tags\n", "", None, "has no tag azd-env-name"),
    "Owner": ("infra/roles.json", "7f951dda-4ed3-4680-a7ca-43fe172d538d", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", None, "Owner is too wide"),
    "unused role": ("infra/roles.json", '  "acrPull"', '  "acrPush": "8311e382-0749-4cb8-b61a-304f252e45ec",\n  "acrPull"', 0, "acrPush is never given"),
    "wildcard": (FACTORY, "pipelines/createRun/action", "pipelines/*", 0, "has a wildcard"),
    "role on the group": (FACTORY, "  scope: factory\n  properties: {\n    roleDefinitionId", "  properties: {\n    roleDefinitionId", -2, "whole resource group"),
    "role without a reason": ("docs/security.md", "| app | `eventGridDataSender`", "| nobody | `eventGridDataSender`", None, "app has eventGridDataSender on topic: no row"),
    "reason without a role": ("docs/security.md", "| jobs | `acrPull` AcrPull | registry |", "| jobs | `acrPull` AcrPull | vault |", 0, "jobs does not have acrPull on vault"),
    "setting missing": (APP, "    HOMEOSTAT_WORKSPACE: workspaceName\n", "", None, "the app reads HOMEOSTAT_WORKSPACE, which is not set"),
    "host setting missing": (APP, "    HomeostatStorage__credential: 'managedidentity'\n", "", None, "host reads HomeostatStorage__credential"),
    "setting without its resource": (MAIN, "withPurview ? purview!.outputs.url : ''", "'https://a.purview.azure.com'", None, "HOMEOSTAT_PURVIEW_URL is set exactly when there is a Microsoft.Purview/accounts"),
    "resource without its setting": (MAIN, "withPurview ? purview!.outputs.url : ''", "''", None, "HOMEOSTAT_PURVIEW_URL is set exactly when there is a Microsoft.Purview/accounts"),
    "setting unknown": (APP, "HOMEOSTAT_WORKSPACE: workspaceName", "HOMEOSTAT_WORKSPACE: workspaceName\n    HOMEOSTAT_WORKPLACE: workspaceName", 1, "nothing reads HOMEOSTAT_WORKPLACE"),
    "setting with a key": (APP, "HOMEOSTAT_TOPIC_ENDPOINT: topicEndpoint", "HOMEOSTAT_TOPIC_ENDPOINT: 'https://x/api/events?sig=a'", 0, "holds a key"),
    "secret in clear": (APP, "'@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/approval-key)'", "'of thirty-two characters, at the least'", 0, "must be a Key Vault reference"),
    "setting refused by the app": (APP, "HOMEOSTAT_TOPIC_ENDPOINT: topicEndpoint", "HOMEOSTAT_TOPIC_ENDPOINT: 'http://topic.invalid'", None, "HOMEOSTAT_TOPIC_ENDPOINT must be an https address"),
    "filter": (WAKES, "            'CreateFile'", "            'CreateFolder'", None, "the filter of new-data is"),
    "filter dropped": (WAKES, "    conditions: [\n      {\n        operatorType: 'StringBeginsWith'\n        key: 'data.runId'\n        values: [\n          'rt-'\n          'ev-'\n          'pf-'\n          'tr-'\n        ]\n      }\n    ]", "    conditions: []", 0, "the filter of job-finished is none"),
    "event type": (WAKES, "'Microsoft.MachineLearningServices.ModelDeployed'", "'Microsoft.MachineLearningServices.ModelDeploy'", 0, "model_deployed refuses events of type"),
    "function": (WAKES, "    function: 'model_deployed'", "    function: 'model_registered'", None, "model-deployed wakes model_registered"),
    "subscription missing": (SUBS, "  name: 'drift'\n", "  name: 'drifts'\n", None, "local Azure has a subscription drift, the Bicep has not"),
    "wrong topic": (SUBS, "  parent: topic\n  name: 'drift'", "  parent: topic2\n  name: 'drift'", None, "nothing is called topic2"),
    "dead letters": (WAKES, "    retryPolicy: retries\n    deadLetterWithResourceIdentity: deadLetters\n  }\n}\n\nresource workspaceEvents", "    retryPolicy: retries\n  }\n}\n\nresource workspaceEvents", None, "new-data has no dead letters by managed identity"),
    "further workspace without events": (FURTHER, "module subscriptions 'modules/workspace-subscriptions.bicep'", "module subscriptions 'modules/purview.bicep'", None, "has no parameter"),
    "further workspace: event missing": (WAKES, "    name: 'model-deployed'", "    name: 'deployed'", None, "local Azure has a subscription model-deployed"),
    "further workspace: wide role": (FURTHER, "  scope: storage\n  properties: {\n    roleDefinitionId", "  properties: {\n    roleDefinitionId", None, "whole resource group"),
    "further workspace: role without a reason": (FURTHER, "  scope: logs\n  properties: {\n    roleDefinitionId", "  scope: deadLetters\n  properties: {\n    roleDefinitionId", None, "app has logAnalyticsReader on deadLetters: no row"),
    "setting of further workspaces": (APP, "HOMEOSTAT_WORKSPACES: furtherWorkspaces", "HOMEOSTAT_WORKSPACES: 'prod=${furtherWorkspaces}'", None, "HOMEOSTAT_WORKSPACES must be NAME=SUBSCRIPTION"),
    "KQL": ("infra/alerts/failed-functions.kql", "| where Success == false", "| were Success == false", None, "the query of failed-functions does not run"),
    "KQL column": ("infra/alerts/poison-messages.kql", "Uri has", "Url has", None, "the query of poison-messages does not run"),
    "measured column": (ALERTS, "column: 'FailedPercent'", "column: 'Failed'", 0, "endpoint-errors has no column Failed"),
    "dimension": (ALERTS, "    dimensions: [\n      'OperationName'\n", "    dimensions: [\n      'Operation'\n", 1, "failed-functions has no column Operation"),
    "queue": (MAIN, "      'work-poison'\n", "", None, "nobody makes the app's queue work-poison"),
    "table": (MAIN, "      'homeostat'\n", "      'homeostats'\n", None, "nobody makes the app's table homeostat"),
    "container of dead letters": (MAIN, "      'dead-letters'\n", "", None, "dead letters go to a container that nobody makes"),
    "container of the package": (MAIN, "      'deployments'\n", "", None, "deployed to a container that nobody makes"),
    "datastore": ("infra/modules/workspace.bicep", "  name: 'landing'\n", "  name: 'arrivals'\n", None, "the Bicep makes no datastore landing"),
    "endpoint": (MAIN, "  'flight-delay'\n", "  'flights'\n", None, "the Bicep makes no endpoint flight-delay"),
    "parameters file": ("infra/main.parameters.json", '"stage": {', '"level": {', 0, "main.bicep has no parameter level"),
    "parameter without value": ("infra/main.parameters.json", '    "location": { "value": "${AZURE_LOCATION}" },\n', "", None, "gives no value for location"),
    "hook reads": ("infra/hooks/postprovision.sh", '--vault-name "$HOMEOSTAT_VAULT" --name approval-key --file', '--vault-name "$HOMEOSTAT_SAFE" --name approval-key --file', 0, "HOMEOSTAT_SAFE is no output"),
    "hook hands on": ("infra/hooks/postdeploy.ps1", "    topicName          = ", "    topic              = ", 0, "has no parameter topic"),
    "hook that is not there": ("azure.yaml", "infra/hooks/postdeploy.ps1", "infra/hooks/postdeploy.psm1", 0, "is not there"),
    "file that nothing uses": (MAIN, "module purview 'modules/purview.bicep'", "module purview 'modules/budget.bicep'", None, "nothing uses this file|has no parameter"),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_file_is_refused_with_its_line(copy: Path, name: str) -> None:
    file, old, new, below, message = BREAKS[name]
    said, line = broken(copy, file, old, new)
    hits = [one for one in said if any(part in one for part in message.split("|"))]
    assert hits, said
    if below is not None:
        assert any(one.startswith(f"{file}:{line + below}:") for one in hits), (line + below, hits)
    else:
        assert all(one.split(":")[1].isdigit() for one in hits)


@pytest.mark.parametrize("name", ["unknown property", "missing property", "wrong value", "no such version"])
def test_the_extract_of_the_types_refuses_the_same(copy: Path, tmp_path: Path, name: str) -> None:
    file, old, new, below, message = BREAKS[name]
    said, line = broken(copy, file, old, new, tmp_path / "nothing")
    assert any(one.startswith(f"{file}:{line + (below or 0)}:") and message in one for one in said), said


@pytest.mark.skipif(not SPECS.is_dir(), reason=NEEDS_SPECS)
def test_the_extract_of_the_types_is_of_what_infra_uses() -> None:
    used = [one for template in templates() for one in template.resources]
    kept = [one for one in used if f"{one.type}@{one.api}".lower() not in BY_HAND]
    wanted = Types(SPECS / "bicep-types").extract(kept)
    assert json.loads(EXTRACT.read_text("utf-8")) == wanted, "run: homeostat infra types FOLDER"


@pytest.mark.skipif(not SPECS.is_dir(), reason=NEEDS_SPECS)
def test_what_the_arm_schemas_alone_refuse(copy: Path) -> None:
    said, line = broken(
        copy,
        "infra/modules/topics.bicep",
        "topicType: 'Microsoft.Storage.StorageAccounts'",
        "topicType: 'Microsoft.Storage.StorageAccounts'\n    source2: 1",
    )
    assert any(one.startswith(f"infra/modules/topics.bicep:{line + 1}:") for one in said), said
    said, _ = broken(copy, "azure.yaml", "    host: function\n", "")
    assert any(one.startswith("azure.yaml:") and "host" in one for one in said), said


@pytest.mark.skipif(not SPECS.is_dir(), reason=NEEDS_SPECS)
def test_the_arm_schemas_see_what_the_types_let_pass(copy: Path) -> None:
    said, _ = broken(copy, ALERTS, "groupShortName: 'homeostat'", "groupShortName: 'homeostat of the whole'")
    assert any("(ARM)" in one and "homeostat of the whole" in one for one in said), said
