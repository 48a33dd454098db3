"""Access keys. One may be left out, as with `func start`; a wrong one is refused, as in Azure."""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """The host's keys; kept in the state folder, so that links with a key in them outlive a restart."""

    master: str
    functions: str
    eventgrid: str

    @classmethod
    def at(cls, path: Path) -> Keys:
        """Read them, or make them."""
        if path.is_file():
            return cls(**json.loads(path.read_text()))
        keys = cls(
            master=secrets.token_urlsafe(32),
            functions=secrets.token_urlsafe(32),
            eventgrid=secrets.token_urlsafe(32),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(keys)))
        return keys

    def refuse(self, request: web.Request, key: str) -> bool:
        """Whether the request brings a key that is neither that one nor the master key.

        The header wins over the query, as in Azure.
        """
        given = request.headers.get("x-functions-key") or request.query.get("code")
        return given is not None and not any(
            hmac.compare_digest(given.encode(), right.encode()) for right in (self.master, key)
        )
