"""Places in Azure ML's datastores: `azureml://datastores/<name>/paths/<path>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

_URI = re.compile(
    r"^azureml:/{0,2}(?:/?subscriptions/.+/)?datastores/(?P<name>[^/]+)/paths/(?P<path>.*)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a datastore."""

    datastore: str
    path: str

    @property
    def uri(self) -> str:
        """Its short form, which is the same in every workspace."""
        return f"azureml://datastores/{self.datastore}/paths/{self.path}"

    @classmethod
    def of(cls, uri: str) -> Location | None:
        """Read the short or the long form; None when it is no place in a datastore."""
        match = _URI.match(uri)
        return cls(match["name"], match["path"]) if match else None
