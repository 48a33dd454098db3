"""The Azure ML client, for Azure and for local Azure."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, Any

from cloud.credentials import AUDIENCE, allow_loopback_http, credential

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

    from cloud.settings import Settings

AGENT = "homeostat"
"""Our requests' user agent begins with it: in an endpoint's log they are told from everybody else's by it."""
PATIENCE: dict[str, Any] = {"retry_total": 3, "connection_timeout": 20, "read_timeout": 60}
"""A function must not hang: whoever woke it up tries again later."""


def ml_client(settings: Settings) -> MLClient:
    """A client for the settings' workspace. Importing it takes about two seconds."""
    _prepare()
    from azure.ai.ml import MLClient

    where = (settings.subscription, settings.resource_group, settings.workspace)
    return MLClient(credential(settings), *where, **_options(settings))


def registry_client(settings: Settings, name: str) -> MLClient:
    """A client for a registry. Making it asks where the registry is."""
    _prepare()
    from azure.ai.ml import MLClient

    return MLClient(credential(settings), registry_name=name, **_options(settings))


def _prepare() -> None:
    # The SDK looks at it on import, and asks the network about a name that it does not know.
    os.environ.pop("AZUREML_CURRENT_CLOUD", None)
    # It writes two lines for every call, and an error for whatever is not there. Errors come as errors.
    logging.getLogger("azure.ai.ml").setLevel(logging.WARNING)
    logging.getLogger("azure.ai.ml._telemetry").setLevel(logging.CRITICAL)
    logging.getLogger("azure.ai.ml._utils._experimental").setLevel(logging.ERROR)


def _options(settings: Settings) -> dict[str, Any]:
    common = {"enable_telemetry": False, "show_progress": False, "user_agent": AGENT, **PATIENCE}
    if settings.azureml_url is None:
        # Named, because a client for local Azure in the same process would else leave its own cloud behind.
        return {"cloud": "AzureCloud", **common}
    return {
        "cloud": _cloud_name(settings.azureml_url),
        "cloud_metadata": _cloud_metadata(settings.azureml_url),
        "per_call_policies": [allow_loopback_http()],
        "polling_interval": 1,
        **common,
    }


def _cloud_name(url: str) -> str:
    """One name for each address: the SDK keeps the first address that a name was used for."""
    return "local-" + re.sub(r"[^a-z0-9]+", "-", url.removeprefix("http://").lower())


def _cloud_metadata(url: str) -> dict[str, str]:
    return {
        "azure_portal": url,
        "resource_manager": url,
        "active_directory": url,
        "aml_resource_id": AUDIENCE,
        "storage_endpoint": "core.windows.net",
        "registry_discovery_endpoint": f"{url}/",
    }
