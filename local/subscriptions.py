"""Topics of local Azure and the subscriptions that wake the app, as `infra/` makes them in Azure."""

from __future__ import annotations

from collections.abc import Sequence

from local.azureml import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE_ID, Home
from local.azurite import ACCOUNT
from local.eventgrid import AdvancedFilter, Filter, RetryPolicy, Subscription, Topic

_GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers"
STORAGE_ID = f"{_GROUP}/Microsoft.Storage/storageAccounts/{ACCOUNT}"
_CONTAINERS = "/blobServices/default/containers"
_ML = "Microsoft.MachineLearningServices"

WAKES: tuple[tuple[str, str, tuple[str, ...], str, tuple[AdvancedFilter, ...]], ...] = (
    # subscription, topic, event types, function, conditions
    (
        "new-data",
        "storage",
        ("Microsoft.Storage.BlobCreated",),
        "new_data",
        # code that jobs bring along is not data
        (
            AdvancedFilter(operator="StringNotBeginsWith", key="subject", values=(f"{_CONTAINERS}/code-",)),
            # a file that is only being created: it comes again when it is closed
            AdvancedFilter(operator="StringNotIn", key="data.api", values=("CreateFile",)),
        ),
    ),
    (
        "job-finished",
        "azureml",
        (f"{_ML}.RunCompleted", f"{_ML}.RunStatusChanged"),
        "job_finished",
        (AdvancedFilter(operator="StringBeginsWith", key="data.runId", values=("rt-", "ev-", "pf-", "tr-")),),
    ),
    (
        "monitor-breach",
        "azureml",
        (f"{_ML}.RunStatusChanged",),
        "drift_alert",
        (AdvancedFilter(operator="IsNotNull", key="data.runTags.azureml_modelmonitor_threshold_breached"),),
    ),
    ("dataset-drift", "azureml", (f"{_ML}.DatasetDriftDetected",), "drift_alert", ()),
    ("model-registered", "azureml", (f"{_ML}.ModelRegistered",), "model_registered", ()),
    ("model-deployed", "azureml", (f"{_ML}.ModelDeployed",), "model_deployed", ()),
    ("drift", "homeostat", ("Homeostat.DriftDetected",), "drift_alert", ()),
)


def topics(key: str, further: Sequence[Home] = ()) -> tuple[Topic, ...]:
    """Two system topics, one for each further workspace, and the app's own, which that key opens."""
    return (
        Topic(name="storage", id=STORAGE_ID),
        Topic(name="azureml", id=WORKSPACE_ID),
        *(Topic(name=home.topic, id=home.id) for home in further),
        Topic(name="homeostat", id=f"{_GROUP}/Microsoft.EventGrid/topics/homeostat", key=key),
    )


def subscriptions(host: str, time_scale: float, further: Sequence[Home] = ()) -> tuple[Subscription, ...]:
    """The subscriptions, their webhooks on the Functions host at that URL.

    A further workspace is subscribed to as the first one is.
    """
    more = [
        (f"{name}-{home.workspace}", home.topic, types, function, conditions)
        for home in further
        for name, topic, types, function, conditions in WAKES
        if topic == Home().topic
    ]
    return tuple(
        Subscription(
            name=name,
            topic=topic,
            endpoint=f"{host}/runtime/webhooks/EventGrid?functionName={function}",
            filter=Filter(included_event_types=types, advanced=conditions),
            retry=RetryPolicy(time_scale=time_scale),
        )
        for name, topic, types, function, conditions in (*WAKES, *more)
    )
