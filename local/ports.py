"""Free ports on loopback that stay the same over restarts.

Blob URLs, scoring URLs and subscriptions hold ports. So a state folder remembers which ones it had, and gets
them again unless somebody else took them meanwhile.
"""

from __future__ import annotations

import json
import random
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RANGE = (20000, 31999)
"""Below the ports that systems hand out by themselves: nobody gets one between our look and our use."""


def remembered(path: Path, names: Sequence[str]) -> dict[str, int]:
    """A free port for each name: the one it had before where that is possible."""
    try:
        known: dict[str, int] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        known = {}
    ports: dict[str, int] = {}
    for name in names:
        port = known.get(name, 0)
        while port in {0, *ports.values()} or not is_free(port):
            port = random.randint(*RANGE)  # noqa: S311 - no secret
        ports[name] = port
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(ports))
    fresh.replace(path)
    return ports


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
