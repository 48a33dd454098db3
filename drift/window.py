"""A window of time as a sum of profiles that are kept, so that a check reads only what is new.

A window is whole hours of whole days: the last one is today, and unfinished. Each hour is made from parts
(blobs); a kept profile is named by a digest of the parts that it was made from, so one that is stale is never
found. Kept are the sum of the days before today, each of these days, the sum of today's hours so far, and
today's hours. A new hour costs its own reading and two additions; a part that comes late its hour, and where
it is of an earlier day that day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime

from drift.profile import Profile

Parts = Sequence[str]
"""What an hour is made from: each part's name and version, in one text."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Where profiles are kept: `get` answers None for what is not there or cannot be read."""

    get: Callable[[str], Profile | None]
    put: Callable[[str, Profile], None]


@dataclass(frozen=True, slots=True)
class Window:
    """The profile of a window, and the names of the kept profiles that the next one will ask for."""

    profile: Profile = field(default_factory=Profile)
    needed: frozenset[str] = frozenset()


def window(
    hours: Mapping[datetime, Parts], read: Callable[[datetime], Profile], kept: Kept, settings: str = ""
) -> Window:
    """The profile of all rows of these hours.

    Args:
        hours: the parts of each hour that has any.
        read: the profile of an hour's rows, read anew.
        kept: where profiles are kept.
        settings: what else a kept profile depends on: another text finds none of the old ones.
    """
    days: dict[date, list[datetime]] = {}
    for hour in sorted(hours):
        days.setdefault(hour.date(), []).append(hour)
    if not days:
        return Window()
    *before, today = days.values()
    with ThreadPoolExecutor(1, "keep") as pool:
        store = _Store(hours, read, kept, settings, pool)
        total = store.so_far(today)
        if before:
            total = store.days(before).merge(total)
        for keeping in store.keeping:
            keeping.result()
    needed = [*before, [hour for day in before for hour in day], today, *([hour] for hour in today)]
    return Window(total, frozenset(store.name(one) for one in needed))


@dataclass(frozen=True, slots=True)
class _Store:
    hours: Mapping[datetime, Parts]
    read: Callable[[datetime], Profile]
    kept: Kept
    settings: str
    pool: Executor
    keeping: list[Future[None]] = field(default_factory=list)
    """Profiles are written while the sums go on."""

    def days(self, days: Sequence[Sequence[datetime]]) -> Profile:
        """The sum of whole days."""
        name = self.name([hour for day in days for hour in day])
        known = self.kept.get(name)
        if known is not None:
            return known
        total = Profile()
        for day in days:
            total = total.merge(self.so_far(day))
        return self._keep(name, total)

    def so_far(self, day: Sequence[datetime]) -> Profile:
        """The sum of a day's hours: the longest beginning that is kept, and the hours after it."""
        total, known = Profile(), 0
        for length in range(len(day), 0, -1):
            name = self.name(day[:length])
            profile = self.kept.get(name)
            if profile is not None:
                total, known = profile, length
                break
        if known == len(day):
            return total
        for hour in day[known:]:
            total = total.merge(self._hour(hour))
        return self._keep(self.name(day), total)

    def _hour(self, hour: datetime) -> Profile:
        name = self.name([hour])
        known = self.kept.get(name)
        return self._keep(name, self.read(hour)) if known is None else known

    def name(self, hours: Sequence[datetime]) -> str:
        """What the sum of these hours is kept under."""
        digest = hashlib.blake2b(self.settings.encode(), digest_size=20)
        for hour in hours:
            for part in (hour.isoformat(), *sorted(self.hours[hour])):
                digest.update(len(part).to_bytes(4, "little") + part.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def _keep(self, name: str, profile: Profile) -> Profile:
        self.keeping.append(self.pool.submit(self.kept.put, name, profile))
        return profile
