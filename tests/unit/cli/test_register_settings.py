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


def test_another_workspace_is_registered_in_by_its_name() -> None:
    settings = {**WORKSPACE, "HOMEOSTAT_WORKSPACES": "prod=s2/g2/w2"}
    there = workspace_settings(settings, "prod")
    assert (there.subscription, there.resource_group, there.workspace) == ("s2", "g2", "w2")
    with pytest.raises(SettingsError, match=r"no workspace is called test: .*known: w, prod"):
        workspace_settings(settings, "test")
