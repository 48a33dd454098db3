"""A retraining that begins with a Data Factory pipeline: what the run brings is what the model learns from."""

from __future__ import annotations

from typing import Any

import flow_docs
import flow_rain
import pytest
from azure.mgmt.datafactory import DataFactoryManagementClient
from flow_loop import Loop, write_policy

from cloud.credentials import LocalToken, allow_loopback_http
from local.azureml.names import RESOURCE_GROUP, SUBSCRIPTION

NAME = "refreshed"
FACTORY = "adf-flow"


@pytest.fixture
def pipeline(loop: Loop) -> None:
    """`Load` copies a month from elsewhere to where the policy watches."""
    with DataFactoryManagementClient(
        LocalToken(),
        SUBSCRIPTION,
        base_url=loop.addresses["azureml"]["url"],
        per_call_policies=[allow_loopback_http()],
    ) as client:

        def put(name: str, folder: str) -> None:
            where = {"type": "AzureBlobStorageLocation", "container": "landing", "folderPath": folder}
            linked = {"referenceName": "landing", "type": "LinkedServiceReference"}
            properties: dict[str, Any] = {
                "type": "Binary", "linkedServiceName": linked, "typeProperties": {"location": where},
            }  # fmt: skip
            client.datasets.create_or_update(RESOURCE_GROUP, FACTORY, name, {"properties": properties})

        put("Elsewhere", f"{NAME}-elsewhere")
        put("Landing", NAME)
        copy = {
            "name": "copy",
            "type": "Copy",
            "inputs": [{"referenceName": "Elsewhere", "type": "DatasetReference"}],
            "outputs": [{"referenceName": "Landing", "type": "DatasetReference"}],
            "typeProperties": {"source": {"type": "BinarySource"}, "sink": {"type": "BinarySink"}},
        }
        body = {"properties": {"activities": [copy], "parameters": {"homeostat": {"type": "String"}}}}
        client.pipelines.create_or_update(RESOURCE_GROUP, FACTORY, "Load", body)


@pytest.mark.usefixtures("pipeline")
def test_the_batch_that_the_run_brings_is_what_the_retraining_learns_from(loop: Loop) -> None:
    loop.land(f"{NAME}-elsewhere/2013-02/", flow_rain.month(2))
    refresh = {"data_factory": FACTORY, "pipeline": "Load"}
    body = flow_docs.policy(
        NAME, retrain={"refresh": refresh, "data": {"train": 2, "evaluate": 1, "fresh": 1}}
    )
    write_policy(loop.folder / "app", NAME, body)
    loop.land(f"{NAME}/2013-01/", flow_rain.month(1))

    retrain = loop.until("the retraining is decided", lambda: loop.audit(NAME, "retrain"))[0]["detail"]
    batches = {batch.version: batch.path for batch in loop.services.ledger.batches(NAME)}
    used = {batches[version] for version in [*retrain["training"], *retrain["evaluation"]]}
    assert used == {"2013-01/", "2013-02/"}
    names = [entry["name"] for entry in loop.audit(NAME)]
    order = [names.index(name) for name in ("refresh", "StartRefresh", "refreshed", "retrain")]
    assert order == sorted(order)
    assert names.count("refresh") == 1, "what it brought was no reason to bring data again"
    keys = {entry["detail"]["key"] for entry in loop.audit(NAME, "StartRefresh")}
    assert keys == {f"rf-{NAME}-0-1"}
