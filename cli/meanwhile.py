"""Importing what a command needs at its end, while compiled code works on the data."""

from __future__ import annotations

import importlib
import sys
from threading import Thread

_TURN = 0.0005
"""Seconds that a thread of Python may keep others waiting; the default, ten times that, holds up data."""


def import_meanwhile(*modules: str) -> None:
    """Import them in a thread; whoever imports one before it is there waits for it, as always."""
    sys.setswitchinterval(_TURN)

    def import_all() -> None:
        for module in modules:
            importlib.import_module(module)

    Thread(target=import_all, name="imports", daemon=True).start()
