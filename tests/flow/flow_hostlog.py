"""The Functions host's log, from a moment on: what became of an event, by its id."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flow_loop import Loop

LINE = re.compile(r"^\S+ (?P<level>\w+) +\[(?P<invocation>\S+)\] (?P<logger>\S+): (?P<message>.*)$")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line of the log."""

    level: str
    invocation: str
    logger: str
    message: str


class HostLog:
    """Everything that was logged since this object was made."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._path = loop.folder / "state" / "host" / "host.log"
        self._start = self._path.stat().st_size

    def lines(self) -> list[Line]:
        """The lines, tracebacks left out."""
        with self._path.open("rb") as file:
            file.seek(self._start)
            text = file.read().decode(errors="replace")
        return [Line(**match.groupdict()) for line in text.splitlines() if (match := LINE.match(line))]

    def answers(self, function: str, event: str) -> list[str]:
        """What a trigger said of the event: that it took it, or why it dropped it."""
        said = (f"{function} took event {event} ", f"{function} dropped event {event} ")
        return [
            line.message
            for line in self.lines()
            if line.logger == "homeostat.intake" and line.message.startswith(said)
        ]

    def handled(self, mark: str, times: int = 1) -> list[list[str]]:
        """Wait until so many messages whose log line holds `mark` were handled; what was said during each."""

        def ended() -> list[list[str]]:
            lines = self.lines()
            began = [line for line in lines if line.logger == "homeostat.work" and mark in line.message]
            found = []
            for first in began:
                said = [line.message for line in lines if line.invocation == first.invocation]
                if any(message.startswith("work ") and " succeeded in " in message for message in said):
                    found.append(said)
            return found if len(found) >= times else []

        return self._loop.until(f"{times} messages handled with {mark!r} in the log", ended, 40)
