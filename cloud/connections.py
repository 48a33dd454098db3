"""The SDK clients, each made on first use and then kept."""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING

from cloud import storage
from cloud.arm import Arm
from cloud.credentials import credential
from cloud.data_address import SUFFIXES, trusted_account
from cloud.errors import translated
from control.errors import Refused

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.storage.blob import BlobServiceClient

    from cloud.settings import Settings


class Connections:
    """What the services share. Functions run in threads: nothing is made twice."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = RLock()
        self._ml: MLClient | None = None
        self._registries: dict[str, MLClient] = {}
        self._arm: Arm | None = None
        self._own: BlobServiceClient | None = None
        self._accounts: dict[str, BlobServiceClient] = {}

    @property
    def ml(self) -> MLClient:
        """Azure ML."""
        from cloud.mlclient import ml_client

        with self._lock:
            if self._ml is None:
                with translated("connecting to Azure ML"):
                    self._ml = ml_client(self.settings)
            return self._ml

    def registry(self, name: str) -> MLClient:
        """An Azure ML registry."""
        from cloud.mlclient import registry_client

        with self._lock:
            if name not in self._registries:
                with translated(f"looking for registry {name}"):
                    self._registries[name] = registry_client(self.settings, name)
            return self._registries[name]

    @property
    def arm(self) -> Arm:
        """Azure Resource Manager."""
        with self._lock:
            if self._arm is None:
                self._arm = Arm(self.settings)
            return self._arm

    def blob_service(self, account: str, suffix: str = "core.windows.net") -> BlobServiceClient:
        """Blobs of that account; those of the app's own account come through its own client.

        Raises:
            Refused: that is no storage account of Azure's. A datastore may say anything.
        """
        from azure.storage.blob import BlobServiceClient

        with self._lock:
            if self._own is None and self.settings.storage.known:
                self._own = storage.blob_service(self.settings)
            if self._own is not None and self._own.account_name == account:
                return self._own
            if not trusted_account(account, suffix):
                raise Refused(
                    f"{account}.blob.{suffix} is no storage account of Azure's: no token is sent there; "
                    f"known are {', '.join(SUFFIXES)}"
                )
            host = f"{account}.blob.{suffix}"
            if host not in self._accounts:
                self._accounts[host] = BlobServiceClient(
                    f"https://{host}", credential=credential(self.settings)
                )
            return self._accounts[host]
