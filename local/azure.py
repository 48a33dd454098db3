"""Azure on one machine: every part of `local/`, started and stopped together."""

from __future__ import annotations

import asyncio
import fcntl
import importlib
import json
import logging
import os
import secrets
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from local.azurite import Azurite, AzuriteFailed
from local.entra import AUDIENCE, Entra
from local.eventgrid import EventGrid
from local.functions import FunctionsHost
from local.ports import remembered
from local.storage_events import NOISY, StorageEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from local.azureml import AzureML, Home
    from local.loganalytics.service import LogAnalytics
    from local.serving import Serving
    from local.storage import StorageAccount

log = logging.getLogger(__name__)
PORTS = ("blob", "queue", "table", "eventgrid", "azureml", "functions", "loganalytics", "entra", "purview")
SCHEDULES = {
    "HOMEOSTAT_DRIFT_CHECK_SCHEDULE": "0 0 * * * *",
    "HOMEOSTAT_RECONCILE_SCHEDULE": "0 */5 * * * *",
}
"""When the app's timers fire, as in Azure; the environment may say otherwise."""


class StateInUse(Exception):  # noqa: N818 - reads as what it is
    """Another local Azure runs on that state folder; the message says which process."""


class LocalAzure:
    """All of local Azure, on one state folder.

    Args:
        state: folder for everything that must last.
        app: folder of function_app.py.
        policies: the app's policies; beside function_app.py by default.
        environments: cache of job environments; the default one when None.
        schedules: when the app's timers fire, by the name of the setting; the environment's, else Azure's.
        with_host: whether to run the Functions host.
        with_purview: whether there is a Purview account, which the app exports lineage to.
        time_scale: what Event Grid's waits are multiplied by.
        registries: names of Azure ML registries.
        workspaces: names of further Azure ML workspaces.
        log_delay: how long after a request its row in Log Analytics can be queried.
        told: is told what happens to the Functions host while it runs.
    """

    def __init__(
        self,
        *,
        state: Path,
        app: Path,
        policies: Path | None = None,
        environments: Path | None = None,
        schedules: Mapping[str, str] | None = None,
        with_host: bool = True,
        with_purview: bool = False,
        time_scale: float = 1.0,
        workspaces: Sequence[str] = (),
        registries: Sequence[str] = (),
        log_delay: timedelta = timedelta(0),
        told: Callable[[str], None] = log.warning,
    ) -> None:
        self.state = state.absolute()
        self._app = app.absolute()
        self._policies = (policies or app / "policies").absolute()
        self._environments = environments
        self._schedules = schedules or {name: os.environ.get(name) or at for name, at in SCHEDULES.items()}
        self._with_host = with_host
        self._with_purview = with_purview
        self._time_scale = time_scale
        self._log_delay = log_delay
        self._registries = tuple(dict.fromkeys(registries))
        self._workspaces = tuple(dict.fromkeys(workspaces))
        self._told = told
        self._stack = AsyncExitStack()
        self._ports: dict[str, int] = {}
        self._urls: dict[str, str] = {}
        self._key = ""
        self._approval_key = ""
        self.account: StorageAccount
        self.eventgrid: EventGrid
        self.loganalytics: LogAnalytics
        self.azureml: AzureML
        self.serving: Serving
        self.further: dict[Home, Serving] = {}
        self.host: FunctionsHost | None = None

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            StateInUse: another one runs on the state folder.
            AzuriteFailed, HostFailed: that part did not come up.
        """
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, in the reverse order."""
        await self._stack.aclose()

    def addresses(self) -> dict[str, Any]:
        """Where everything is, for any client of Azure."""
        from local.azureml import RESOURCE_GROUP, SUBSCRIPTION, WORKSPACE
        from local.loganalytics.tables import WORKSPACE_ID as LOGS

        return {
            "functions": self._urls["functions"],
            "entra": self._urls["entra"],
            "eventgrid": {"endpoint": self.eventgrid.endpoint("homeostat"), "key": self._key},
            "azureml": {
                "url": self._urls["azureml"],
                "subscription": SUBSCRIPTION,
                "resource_group": RESOURCE_GROUP,
                "workspace": WORKSPACE,
            },
            "workspaces": {
                home.workspace: {
                    "subscription": home.subscription,
                    "resource_group": home.group,
                    "workspace": home.workspace,
                    "datastores": home.datastores,
                }
                for home in self.further
            },
            "loganalytics": {"url": self._urls["loganalytics"], "workspace_id": LOGS},
            "storage": self.account.connection_string,
            **({"purview": self._urls["purview"]} if self._with_purview else {}),
        }

    def settings(self) -> dict[str, str]:
        """The app's settings: what Azure would hold as app settings."""
        where = self.addresses()
        azureml, topic, logs = where["azureml"], where["eventgrid"], where["loganalytics"]
        return {
            "AzureWebJobsStorage": where["storage"],
            "HomeostatStorage": where["storage"],
            "HOMEOSTAT_SUBSCRIPTION_ID": azureml["subscription"],
            "HOMEOSTAT_RESOURCE_GROUP": azureml["resource_group"],
            "HOMEOSTAT_WORKSPACE": azureml["workspace"],
            "HOMEOSTAT_AZUREML_URL": azureml["url"],
            "HOMEOSTAT_LOGS_WORKSPACE_ID": logs["workspace_id"],
            "HOMEOSTAT_LOGS_URL": logs["url"],
            "HOMEOSTAT_TOPIC_ENDPOINT": topic["endpoint"],
            "HOMEOSTAT_TOPIC_KEY": topic["key"],
            "HOMEOSTAT_POLICIES": str(self._policies),
            "HOMEOSTAT_APP_URL": where["functions"],
            "HOMEOSTAT_APPROVAL_KEY": self._approval_key,
            "HOMEOSTAT_ENTRA_AUTHORITY": where["entra"],
            "HOMEOSTAT_ENTRA_AUDIENCE": AUDIENCE,
            **({"HOMEOSTAT_PURVIEW_URL": where["purview"]} if self._with_purview else {}),
            **workspaces_setting(where),
            # on loopback looking costs nothing, and a wake-up should not wait for it
            "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.25",
            **self._schedules,
        }

    async def _start(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self._stack.callback(lock(self.state / "lock").close)
        self._ports = remembered(self.state / "ports.json", PORTS)
        self._key = remembered_key(self.state / "topic_key.json")
        self._approval_key = remembered_key(self.state / "approval_key.json")
        self._urls["functions"] = f"http://127.0.0.1:{self._ports['functions']}"
        azurite = Azurite(
            state=self.state / "azurite",
            ports=(self._ports["blob"], self._ports["queue"], self._ports["table"]),
        )
        self._stack.push_async_callback(azurite.stop)
        # importing takes as long as Azurite does: both at once
        self.account, _, _ = await asyncio.gather(
            azurite.start(),
            asyncio.to_thread(importlib.import_module, "local.subscriptions"),
            self._start_loganalytics(),
        )
        keeper = asyncio.create_task(self._keep(azurite), name="azurite")
        self._stack.push_async_callback(_cancelled, keeper)
        await self._start_eventgrid()
        await self._start_azureml()
        entra = Entra(state=self.state / "entra", port=self._ports["entra"])
        self._urls["entra"] = await entra.start()
        self._stack.push_async_callback(entra.stop)
        await self._start_purview()
        self._write_settings()
        await asyncio.gather(self._start_host(), self._start_storage_events())

    def _write_settings(self) -> None:
        """For the commands that talk to the running app; nobody else reads the keys, and it goes with us."""
        file = self.state / "settings.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(self.settings(), indent=1))
        self._stack.callback(file.unlink, missing_ok=True)

    async def _keep(self, azurite: Azurite) -> None:
        """Start Azurite again, on its ports, when it dies."""
        while True:
            code = await azurite.wait()
            self._told(f"Azurite died (exit code {code}); starting it again")
            await asyncio.sleep(0.5)
            try:
                await azurite.start()
                self._told("Azurite is back")
            except AzuriteFailed as err:
                self._told(str(err))

    async def _start_eventgrid(self) -> None:
        from local.azureml import Home
        from local.subscriptions import subscriptions, topics

        further = [Home.named(name) for name in self._workspaces]
        self.eventgrid = EventGrid(
            state=self.state / "eventgrid",
            topics=topics(self._key, further),
            subscriptions=subscriptions(self._urls["functions"], self._time_scale, further),
            account=self.account,
            port=self._ports["eventgrid"],
        )
        self._stack.push_async_callback(self.eventgrid.stop)
        await self.eventgrid.start()

    async def _start_loganalytics(self) -> None:
        """Before whatever it takes rows from: it stops after it."""
        service = await asyncio.to_thread(importlib.import_module, "local.loganalytics.service")
        self.loganalytics = service.LogAnalytics(
            state=self.state / "loganalytics", port=self._ports["loganalytics"], delay=self._log_delay
        )
        self._stack.push_async_callback(self.loganalytics.stop)
        self._urls["loganalytics"] = await self.loganalytics.start()

    async def _start_azureml(self) -> None:
        from local.azureml import WORKSPACE_ID, AzureML, Home
        from local.environments import default_cache
        from local.serving import Serving

        self.serving = Serving(
            state=self.state / "serving",
            account=self.account,
            workspace=WORKSPACE_ID,
            add=self.loganalytics.add,
        )
        await self.serving.start()
        self._stack.push_async_callback(self.serving.stop)
        for home in map(Home.named, self._workspaces):
            serving = Serving(
                state=self.state / "serving-further" / home.workspace,
                account=self.account,
                workspace=home.id,
                container=home.datastores["modeldatacollector"],
                add=self.loganalytics.add,
            )
            await serving.start()
            self._stack.push_async_callback(serving.stop)
            self.further[home] = serving
        self.azureml = AzureML(
            state=self.state / "azureml",
            account=self.account,
            publish=self.eventgrid.publish,
            environments=self._environments or default_cache(),
            serving=self.serving,
            further=self.further,
            registries=self._registries,
            port=self._ports["azureml"],
        )
        self._urls["azureml"] = await self.azureml.start()
        self._stack.push_async_callback(self.azureml.stop)

    async def _start_purview(self) -> None:
        if not self._with_purview:
            return
        from local.purview import Purview

        purview = Purview(state=self.state / "purview", port=self._ports["purview"])
        self._urls["purview"] = await purview.start()
        self._stack.push_async_callback(purview.stop)

    async def _start_storage_events(self) -> None:
        from local.subscriptions import STORAGE_ID

        watcher = StorageEvents(
            state=self.state / "storage_events",
            account=self.account,
            topic_id=STORAGE_ID,
            publish=self.eventgrid.publish,
            excluded=NOISY | {container for home in self.further for container in noisy(home)},
        )
        self._stack.push_async_callback(watcher.stop)
        await watcher.start()

    async def _start_host(self) -> None:
        if not self._with_host:
            return
        self.host = FunctionsHost(
            app=self._app,
            state=self.state / "host",
            port=self._ports["functions"],
            settings=self.settings(),
            changed=self._host_changed,
        )
        self._stack.push_async_callback(self.host.stop)
        await self.host.start()
        self.eventgrid.hurry()

    def _host_changed(self, what: str, answers: bool) -> None:  # noqa: FBT001 - a callback
        self._told(what)
        if answers:
            self.eventgrid.hurry()


def workspaces_setting(addresses: Mapping[str, Any]) -> dict[str, str]:
    """What the app is told of further workspaces; nothing where there are none."""
    logs = addresses["loganalytics"]["workspace_id"]
    named = [
        f"{name}={one['subscription']}/{one['resource_group']}/{one['workspace']}/{logs}"
        for name, one in addresses["workspaces"].items()
    ]
    return {"HOMEOSTAT_WORKSPACES": ",".join(named)} if named else {}


def noisy(home: Home) -> set[str]:
    """Its containers that services write to by themselves."""
    return {container for name, container in home.datastores.items() if name != "landing"}


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def lock(path: Path) -> IO[str]:
    """Take the state folder: held while the file is open, also free again after a kill.

    Raises:
        StateInUse: somebody else has it.
    """
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise StateInUse(f"local Azure runs already on {path.parent} (process {holder})") from err
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def remembered_key(path: Path) -> str:
    """A key: made once for a state folder."""
    if path.is_file():
        return str(json.loads(path.read_text())["key"])
    key = secrets.token_urlsafe(32)
    path.touch(mode=0o600)
    path.write_text(json.dumps({"key": key}))
    return key
