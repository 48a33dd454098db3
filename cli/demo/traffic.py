"""Passengers asking: requests to the endpoint all along, counted by the deployment that answered."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

ROWS_A_REQUEST = 40
PAUSE_S = 0.05


@dataclass
class Tally:
    """What was answered, by whom, and what was not."""

    by_deployment: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def answered(self) -> int:
        """Requests with an answer."""
        return sum(self.by_deployment.values())


class Traffic(threading.Thread):
    """Sends rows of the present month to the endpoint until told to stop.

    `address` answers (scoring URI, key), or None while there is no endpoint with traffic yet.
    """

    def __init__(self, address: Callable[[], tuple[str, str] | None]) -> None:
        super().__init__(name="traffic", daemon=True)
        self._address = address
        self._rows: tuple[Sequence[str], Sequence[Sequence[Any]]] = ((), ())
        self._stop_asked = threading.Event()
        self._lock = threading.Lock()
        self._tally = Tally()

    def play(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """From now on, send these rows, again from the start when they run out."""
        self._rows = (columns, rows)

    def take(self) -> Tally:
        """What happened since the last call."""
        with self._lock:
            tally, self._tally = self._tally, Tally()
        return tally

    def finish(self) -> None:
        """Stop after the request under way."""
        self._stop_asked.set()
        self.join(timeout=30)

    def run(self) -> None:
        """Send, count, pause."""
        import requests

        at = 0
        address: tuple[str, str] | None = None
        with requests.Session() as session:
            while not self._stop_asked.wait(PAUSE_S):
                address = address or self._address()
                columns, rows = self._rows
                if address is None or not rows:
                    continue
                at = at % len(rows)
                part = rows[at : at + ROWS_A_REQUEST]
                at += len(part)
                self._send(session, address, {"input_data": {"columns": list(columns), "data": list(part)}})

    def _send(self, session: Any, address: tuple[str, str], body: dict[str, Any]) -> None:
        import requests

        uri, key = address
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            answer = session.post(uri, data=json.dumps(body), headers=headers, timeout=30)
            reason = "" if answer.status_code == 200 else f"{answer.status_code} {answer.text[:120]}"
            deployment = answer.headers.get("azureml-model-deployment", "?")
        except requests.RequestException as err:
            reason, deployment = type(err).__name__, ""
        with self._lock:
            if reason:
                self._tally.failed += 1
                self._tally.reasons[reason] += 1
            else:
                self._tally.by_deployment[deployment] += 1
