"""The composition root: the real services. Building costs nothing; clients come on first use."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from cloud.batch_endpoints import BatchEndpoints
from cloud.clock import SystemClock
from cloud.connections import Connections
from cloud.data_factory import DataFactories
from cloud.datastores import Datastores
from cloud.endpoints import Endpoints
from cloud.identities import EntraIdentities
from cloud.jobs import Jobs
from cloud.landing import BlobLanding
from cloud.ledger import TableLedger
from cloud.logs import EndpointLogs
from cloud.models import Models
from cloud.notices import LogNotices
from cloud.policies import FolderPolicies
from cloud.predictions import Predictions
from cloud.probe import Prober
from cloud.profiles import BlobProfiles
from cloud.purview import PurviewLineage
from cloud.registries import Registries
from cloud.settings import read_settings
from cloud.storage import table_service
from cloud.topic import EventGridTopic
from cloud.trial import Trials
from cloud.wakeups import QueueWakeups
from cloud.workspace import AzureWorkspace
from control.ports import Place, Services

if TYPE_CHECKING:
    from cloud.settings import Settings


@cache
def services() -> Services:
    """The app's services, from its environment variables; made once a process."""
    return build(read_settings(os.environ))


def build(settings: Settings) -> Services:
    """Services over the real clients."""
    own = place(settings)
    places: dict[str | None, Place] = {None: own, settings.workspace: own}
    places |= {name: place(settings.at(name)) for name in settings.further}
    return Services(
        clock=SystemClock(),
        policies=FolderPolicies(settings.policies, settings.names),
        ledger=TableLedger(lambda: table_service(settings)),
        places=places,
        topic=EventGridTopic(settings),
        wakeups=QueueWakeups(settings),
        notices=LogNotices(shows_links=settings.is_local),
        identities=EntraIdentities(settings.entra),
        checks_every=settings.checks_every,
    )


def place(settings: Settings) -> Place:
    """The workspace that these settings name: every client of it, and of what belongs to it."""
    connections = Connections(settings)
    datastores = Datastores(connections)
    models = Models(connections, datastores)
    root = settings.policies.parent
    endpoints = Endpoints(connections, root)
    batch_endpoints = BatchEndpoints(connections, root)
    jobs = Jobs(connections, datastores, models, root)
    prober = Prober(connections, datastores, models, endpoints)
    return Place(
        id=settings.workspace_id,
        landing=BlobLanding(connections, datastores),
        profiles=BlobProfiles(datastores, models),
        workspace=AzureWorkspace(
            jobs=jobs,
            models=models,
            endpoints=endpoints,
            prober=prober,
            batch_endpoints=batch_endpoints,
            registries=Registries(connections, datastores),
            trials=Trials(datastores=datastores, jobs=jobs, prober=prober, endpoints=batch_endpoints),
        ),
        refreshes=DataFactories(connections, datastores, SystemClock()),
        logs=EndpointLogs(settings, Predictions(datastores)),
        sealer=settings.sealer,
        lineage=PurviewLineage(settings) if settings.purview_url else None,
    )
