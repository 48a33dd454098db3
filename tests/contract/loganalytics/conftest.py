"""Log Analytics and the unmodified LogsQueryClient in front of it.

`logs` is local Azure's, or with `-m live` the workspace that the environment names: what it must answer there and
here alike needs no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from live_azure import live_logs

from cloud.credentials import LocalToken
from local.loganalytics.service import LogAnalytics
from local.loganalytics.tables import WORKSPACE_ID

if TYPE_CHECKING:
    from azure.monitor.query import LogsQueryClient


class LoopbackHttp(SansIOHTTPPolicy[Any, Any]):  # type: ignore[misc]
    """Plain http on loopback."""

    def on_request(self, request: Any) -> None:
        request.context.options.setdefault("enforce_https", False)


@dataclass
class Logs:
    """A workspace and its client; of local Azure's also the service."""

    client: LogsQueryClient
    workspace: str
    service: LogAnalytics | None = None
    url: str = ""

    def rows(self, query: str, timespan: Any = None) -> list[list[Any]]:
        answer = self.client.query_workspace(self.workspace, query, timespan=timespan)
        return [list(row) for table in answer for row in table.rows]


Serve = Callable[..., Any]


@pytest.fixture(scope="session")
def serve(background: Any) -> Serve:
    """Run Log Analytics on a folder for as long as a block lasts."""
    from azure.monitor.query import LogsQueryClient

    @contextmanager
    def running(state: Path, **how: Any) -> Iterator[Logs]:
        service = LogAnalytics(state=state, **how)
        url = background.run(service.start())
        try:
            policies = [LoopbackHttp()]
            with LogsQueryClient(
                LocalToken(), endpoint=url, per_call_policies=policies, retry_total=0
            ) as client:
                yield Logs(client, WORKSPACE_ID, service, url)
        finally:
            background.run(service.stop())

    return running


@pytest.fixture(scope="session")
def local_logs(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    with serve(tmp_path_factory.mktemp("loganalytics")) as logs:
        yield logs


@pytest.fixture(params=["local", pytest.param("live", marks=pytest.mark.live)])
def logs(request: pytest.FixtureRequest) -> Iterator[Logs]:
    if request.param == "local":
        yield request.getfixturevalue("local_logs")
        return
    from azure.identity import DefaultAzureCredential
    from azure.monitor.query import LogsQueryClient

    workspace = live_logs()
    with LogsQueryClient(DefaultAzureCredential()) as client:
        yield Logs(client, workspace)
