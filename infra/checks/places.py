"""Where something stands in a file, and what is wrong there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of a file; the first is 1."""

    file: Path
    line: int

    def __str__(self) -> str:
        try:
            return f"{self.file.relative_to(Path.cwd())}:{self.line}"
        except ValueError:
            return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong: where, and what."""

    place: Place
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class Wrong(Exception):  # noqa: N818 - reads as what it is
    """The evaluation cannot go on; says where and why."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.fault = Fault(place, message)
