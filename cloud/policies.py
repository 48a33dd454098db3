"""The policies that the app was deployed with: one YAML file each, read again when it changes."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from control.errors import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from control.policy import Policy

log = logging.getLogger("homeostat.policies")

SUFFIX = ".yaml"


@dataclass(frozen=True, slots=True)
class _Read:
    """A file as it was read, right or wrong."""

    stamp: tuple[int, int]
    policy: Policy | None
    fault: PolicyError | None = None


class FolderPolicies:
    """Policies from a folder."""

    def __init__(self, folder: Path, workspaces: Sequence[str] | None = None) -> None:
        """`workspaces`: what policies may call one; None, where that is not known, lets every name pass."""
        self._folder = folder
        self._workspaces = workspaces
        self._lock = Lock()
        self._files: dict[Path, _Read] = {}

    def names(self) -> Sequence[str]:
        """The managed models: the files' names, also of those that cannot be read."""
        return sorted(path.stem for path in self._read())

    def get(self, model: str) -> Policy | None:
        """The policy of that model. Raises PolicyError when its file is wrong."""
        one = self._read().get(self._folder / f"{model}{SUFFIX}")
        if one is not None and one.fault is not None:
            raise one.fault
        return one.policy if one else None

    def all(self) -> Iterable[Policy]:
        """Every policy that is right; a wrong one is logged and left out."""
        for name in self.names():
            try:
                policy = self.get(name)
            except PolicyError as fault:
                log.error("a policy is left out: %s", fault)  # noqa: TRY400 - the message says it all
                continue
            if policy is not None:
                yield policy

    def _read(self) -> dict[Path, _Read]:
        """Every file of the folder; only those that changed are read again."""
        with self._lock:
            try:
                paths = sorted(path for path in self._folder.iterdir() if path.suffix == SUFFIX)
            except OSError as err:
                raise PolicyError(
                    f"the policies' folder {self._folder} cannot be read: {err.strerror}"
                ) from err
            self._files = {path: self._of(path) for path in paths}
            return self._files

    def _of(self, path: Path) -> _Read:
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size)
        known = self._files.get(path)
        return known if known and known.stamp == stamp else _read(path, stamp, self._workspaces)


def _read(path: Path, stamp: tuple[int, int], workspaces: Sequence[str] | None) -> _Read:
    from control.policy_file import read_policy

    source = f"{path.parent.name}/{path.name}"
    try:
        policy = read_policy(path.read_text(encoding="utf-8"), source, workspaces)
        if policy.name != path.stem:  # timers know the models by the files' names
            raise PolicyError(f"{source}: is the policy of {policy.name}: rename it to {policy.name}{SUFFIX}")
        return _Read(stamp, policy)
    except PolicyError as fault:
        return _Read(stamp, None, fault)
    except UnicodeDecodeError as err:
        return _Read(stamp, None, PolicyError(f"{source}: is not text in UTF-8: {err.reason}"))
