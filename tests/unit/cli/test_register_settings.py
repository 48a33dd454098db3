"""Registering needs a workspace and nothing else of the app: a delivery pipeline has no queue and no topic."""

from __future__ import annotations

import pytest

from cli.register import workspace_settings
from cloud.settings import SettingsError

WORKSPACE = {
    "HOMEOSTAT_SUBSCRIPTION_ID": "s",
    "HOMEOSTAT_RESOURCE_GROUP": "g",
    "HOMEOSTAT_WORKSPACE": "w",
}


def test_a_workspace_is_enough() -> None:
    settings = workspace_settings(WORKSPACE)
    assert (settings.subscription, settings.resource_group, settings.workspace) == ("s", "g", "w")


@pytest.mark.parametrize("name", WORKSPACE)
def test_which_workspace_is_asked_for(name: str) -> None:
    with pytest.raises(SettingsError, match=f"which workspace. {name} must be set"):
        workspace_settings({**WORKSPACE, name: " "})
