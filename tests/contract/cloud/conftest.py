"""The account and the settings that the contract tests of `cloud/` run against.

On Azurite by default. With `-m live` the account is the one that the app's own environment variables name.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from live_azure import live_settings

from cloud.settings import Settings, read_settings

if TYPE_CHECKING:
    from local.storage import StorageAccount


@pytest.fixture(params=["local", pytest.param("live", marks=pytest.mark.live)])
def settings(request: pytest.FixtureRequest) -> Settings:
    """Settings of the app: Azurite's account, or a subscription's from the environment."""
    if request.param == "live":
        return live_settings()
    found: StorageAccount = request.getfixturevalue("azurite")
    return read_settings(
        {
            "HomeostatStorage": found.connection_string,
            "HOMEOSTAT_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
            "HOMEOSTAT_RESOURCE_GROUP": "local",
            "HOMEOSTAT_WORKSPACE": "local",
            "HOMEOSTAT_AZUREML_URL": "http://127.0.0.1:1",
            "HOMEOSTAT_TOPIC_ENDPOINT": "http://127.0.0.1:1/api/events",
            "HOMEOSTAT_TOPIC_KEY": "key",
        }
    )


@pytest.fixture
def unique() -> str:
    """A name that no other test uses, also across runs against one account."""
    return f"t{uuid.uuid4().hex[:12]}"
