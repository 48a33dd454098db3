"""The workspace itself, its datastores and its compute."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from local.azureml.answers import Json, not_found, system_data
from local.azureml.names import DEFAULT_DATASTORE, LOCATION, PROVIDER, TENANT, Home

if TYPE_CHECKING:
    from local.storage import StorageAccount

COMPUTE = "cpu-cluster"
NODES = 2


class Workspace:
    """Routes that only answer: one workspace, its datastores, one cluster."""

    def __init__(self, home: Home, account: StorageAccount) -> None:
        self._home = home
        self._account = account
        self._since = system_data()

    def routes(self, workspace: str) -> list[web.RouteDef]:
        """Below the workspace's path."""
        group = workspace.rpartition("/")[0]
        return [
            web.get(group, self._list),
            web.get(workspace, self._get),
            web.get(f"{self._home.front}/discovery", self._discovery),
            web.get(f"{workspace}/datastores", self._datastores),
            web.get(f"{workspace}/datastores/{{name}}", self._datastore),
            web.post(f"{workspace}/datastores/{{name}}/listSecrets", self._secrets),
            web.get(f"{workspace}/computes", self._computes),
            web.get(f"{workspace}/computes/{{name}}", self._compute),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response({"value": [self._describe(request)]})

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._describe(request))

    async def _discovery(self, request: web.Request) -> web.Response:
        home = f"{request.scheme}://{request.host}"
        return web.json_response({"api": home, "history": home, "mlflow": home, "studio": home})

    def _describe(self, request: web.Request) -> Json:
        providers = f"{self._home.group_id}/providers"
        return {
            "id": self._home.id,
            "name": self._home.workspace,
            "type": f"{PROVIDER}/workspaces",
            "location": LOCATION,
            "kind": "Default",
            "tags": {},
            "identity": {"type": "SystemAssigned", "principalId": self._home.guid, "tenantId": TENANT},
            "sku": {"name": "Basic", "tier": "Basic"},
            "systemData": self._since,
            "properties": {
                "friendlyName": self._home.workspace,
                "description": "Local Azure's workspace",
                "storageAccount": f"{providers}/Microsoft.Storage/storageAccounts/{self._account.name}",
                "keyVault": f"{providers}/Microsoft.KeyVault/vaults/local",
                "applicationInsights": f"{providers}/Microsoft.Insights/components/local",
                "hbiWorkspace": False,
                "provisioningState": "Succeeded",
                "publicNetworkAccess": "Enabled",
                "discoveryUrl": f"{request.scheme}://{request.host}{self._home.front}/discovery",
                "workspaceId": self._home.guid,
                "mlFlowTrackingUri": f"azureml://{request.host}/mlflow/v1.0{self._home.id}",
                "tenantId": TENANT,
            },
        }

    async def _datastores(self, request: web.Request) -> web.Response:
        only_default = request.query.get("isDefault", "").lower() == "true"
        names = [DEFAULT_DATASTORE] if only_default else list(self._home.datastores)
        return web.json_response({"value": [self._describe_datastore(name) for name in names]})

    async def _datastore(self, request: web.Request) -> web.Response:
        return web.json_response(self._describe_datastore(self._known(request)))

    async def _secrets(self, request: web.Request) -> web.Response:
        self._known(request)
        return web.json_response({"secretsType": "AccountKey", "key": self._account.key})

    def _describe_datastore(self, name: str) -> Json:
        url = urlsplit(self._account.blob_endpoint)
        return {
            "id": f"{self._home.id}/datastores/{name}",
            "name": name,
            "type": f"{PROVIDER}/workspaces/datastores",
            "systemData": self._since,
            "properties": {
                "description": None,
                "tags": {},
                "properties": {},
                "isDefault": name == DEFAULT_DATASTORE,
                "datastoreType": "AzureBlob",
                "credentials": {"credentialsType": "AccountKey"},
                "accountName": self._account.name,
                "containerName": self._home.datastores[name],
                "endpoint": url.netloc,
                "protocol": url.scheme,
                "serviceDataAccessAuthIdentity": "None",
            },
        }

    async def _computes(self, _request: web.Request) -> web.Response:
        return web.json_response({"value": [self._describe_compute()]})

    async def _compute(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name != COMPUTE:
            raise not_found("Compute", f"Compute {name} not found: the one there is is named {COMPUTE}.")
        return web.json_response(self._describe_compute())

    def _describe_compute(self) -> Json:
        return {
            "id": f"{self._home.id}/computes/{COMPUTE}",
            "name": COMPUTE,
            "type": f"{PROVIDER}/workspaces/computes",
            "location": LOCATION,
            "tags": {},
            "systemData": self._since,
            "properties": {
                "computeType": "AmlCompute",
                "computeLocation": LOCATION,
                "description": "This machine",
                "provisioningState": "Succeeded",
                "createdOn": self._since["createdAt"],
                "modifiedOn": self._since["createdAt"],
                "isAttachedCompute": False,
                "disableLocalAuth": True,
                "properties": {
                    "vmSize": "LOCAL",
                    "vmPriority": "Dedicated",
                    "osType": "Linux",
                    "scaleSettings": {
                        "minNodeCount": 0,
                        "maxNodeCount": NODES,
                        "nodeIdleTimeBeforeScaleDown": "PT2M",
                    },
                    "remoteLoginPortPublicAccess": "Disabled",
                    "allocationState": "Steady",
                    "allocationStateTransitionTime": self._since["createdAt"],
                    "currentNodeCount": NODES,
                    "targetNodeCount": NODES,
                    "enableNodePublicIp": False,
                },
            },
        }

    def _known(self, request: web.Request) -> str:
        name = request.match_info["name"]
        if name not in self._home.datastores:
            raise not_found("Datastore", f"Could not find datastore: {name}")
        return name
