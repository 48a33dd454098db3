"""Azure Resource Manager, for the one operation of Azure ML that azure-ai-ml has no method for.

To scale a deployment it would read it and write it again whole; but what it reads is not all there was (a
request timeout of 1.5 s comes back as 1 s) nor can it write all of it (the collector's data assets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cloud.credentials import allow_loopback_http, credential
from cloud.mlclient import AGENT, PATIENCE
from cloud.settings import is_loopback

if TYPE_CHECKING:
    from azure.core import PipelineClient

    from cloud.settings import Settings

AZURE = "https://management.azure.com"
VERSION = "2024-04-01"


class Arm:
    """PATCH on resources of the workspace."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = settings.azureml_url or AZURE

    def patch(self, path: str, body: dict[str, Any]) -> None:
        """Begin to change the resource at that path below the workspace; does not wait.

        Raises:
            HttpResponseError: Azure refused.
        """
        from azure.core.exceptions import HttpResponseError
        from azure.core.rest import HttpRequest

        settings = self._settings
        where = (
            f"/subscriptions/{settings.subscription}/resourceGroups/{settings.resource_group}/providers/"
            f"Microsoft.MachineLearningServices/workspaces/{settings.workspace}/{path}"
        )
        request = HttpRequest("PATCH", f"{self._url}{where}", params={"api-version": VERSION}, json=body)
        with self._client() as client:  # seldom used: no connection is kept
            answer = client.send_request(request)
            if answer.status_code not in {200, 202}:
                raise HttpResponseError(response=answer)

    def _client(self) -> PipelineClient[Any, Any]:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import (
            BearerTokenCredentialPolicy,
            RequestIdPolicy,
            RetryPolicy,
            UserAgentPolicy,
        )

        policies = [
            RequestIdPolicy(),
            UserAgentPolicy(AGENT),
            RetryPolicy(retry_total=PATIENCE["retry_total"]),
            *([allow_loopback_http()] if is_loopback(self._url) else []),
            BearerTokenCredentialPolicy(credential(self._settings), f"{AZURE}/.default"),
        ]
        timeouts = {key: PATIENCE[key] for key in ("connection_timeout", "read_timeout")}
        return PipelineClient(self._url, policies=policies, **timeouts)
