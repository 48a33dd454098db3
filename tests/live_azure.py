"""The subscription that `-m live` tests run against: named by the app's own settings (docs/live-tests.md)."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from cloud.settings import Settings, read_settings

NAMES = (
    "HOMEOSTAT_SUBSCRIPTION_ID",
    "HOMEOSTAT_RESOURCE_GROUP",
    "HOMEOSTAT_WORKSPACE",
    "HOMEOSTAT_TOPIC_ENDPOINT",
    "HomeostatStorage__blobServiceUri",
    "HomeostatStorage__queueServiceUri",
    "HomeostatStorage__tableServiceUri",
)
LOGS = "HOMEOSTAT_LOGS_WORKSPACE_ID"
PURVIEW = "HOMEOSTAT_PURVIEW_URL"


def live_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings of the app in that subscription; skips where none is given, fails where it is given in part."""
    if not any(environment.get(name, "").strip() for name in NAMES):
        pytest.skip(f"no subscription is given: set {', '.join(NAMES)} (docs/live-tests.md)")
    if environment.get("HOMEOSTAT_AZUREML_URL", "").strip():
        pytest.skip("HOMEOSTAT_AZUREML_URL names local Azure, not a subscription (docs/live-tests.md)")
    return read_settings(environment)


def live_logs(environment: Mapping[str, str] = os.environ) -> str:
    """The Log Analytics workspace; skips where none is given."""
    workspace = environment.get(LOGS, "").strip()
    if not workspace:
        pytest.skip(f"no Log Analytics workspace is given: set {LOGS} (docs/live-tests.md)")
    return workspace


def live_purview(settings: Settings) -> Settings:
    """The settings, where they name a Purview account; skips where they name none."""
    if settings.purview_url is None:
        pytest.skip(f"no Purview account is given: set {PURVIEW} (docs/live-tests.md)")
    return settings
