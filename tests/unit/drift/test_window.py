"""A window is a sum of kept profiles: always what reading everything anew gives, and never read twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift.block_rule import AtTime
from drift.profile import Profile, profile_batches
from drift.window import Kept, Window, window

START = datetime(2026, 3, 1, 20, tzinfo=UTC)


class Shelf:
    """Kept profiles in memory, and the hours that were read."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.read: list[datetime] = []

    def look(self, hours: dict[datetime, list[str]], settings: str = "") -> Window:
        def read(hour: datetime) -> Profile:
            self.read.append(hour)
            return anew({hour: hours[hour]})

        def get(name: str) -> Profile | None:
            body = self.kept.get(name)
            return None if body is None else Profile.from_bytes(body)

        def put(name: str, profile: Profile) -> None:
            self.kept[name] = profile.to_bytes()

        found = window(hours, read, Kept(get, put), settings)
        self.kept = {name: body for name, body in self.kept.items() if name in found.needed}
        return found


def anew(hours: dict[datetime, list[str]]) -> Profile:
    total = Profile()
    for hour, parts in hours.items():
        for part in sorted(parts):
            values = np.random.default_rng([ord(letter) for letter in part]).integers(0, 50, 20).astype(float)
            total = total.merge(profile_batches([pa.table({"x": values})], blocks=AtTime(hour)))
    return total


def same(one: Profile, other: Profile) -> bool:
    """Equal, but for the rounding of sums."""
    assert one.rows == other.rows
    assert one.columns.keys() == other.columns.keys()
    for name, left in one.columns.items():
        right = other.columns[name]
        assert left.blocks == right.blocks
        assert left.numeric is not None
        assert right.numeric is not None
        assert left.numeric.histogram == right.numeric.histogram
        assert left.numeric.mean == pytest.approx(right.numeric.mean, rel=1e-12)
        assert left.numeric.m2 == pytest.approx(right.numeric.m2, rel=1e-12)
    return True


def at(hour: int) -> datetime:
    return START + timedelta(hours=hour)


def test_a_new_hour_is_all_that_is_read() -> None:
    shelf, hours = Shelf(), {at(hour): [f"{hour} a", f"{hour} b"] for hour in range(60)}
    assert same(shelf.look(hours).profile, anew(hours))
    assert sorted(shelf.read) == sorted(hours)
    for hour in range(60, 90):
        shelf.read.clear()
        if len({one.date() for one in hours}) > 4:
            oldest = min(hours).date()
            hours = {one: parts for one, parts in hours.items() if one.date() != oldest}
        hours[at(hour)] = [f"{hour} a"]
        found = shelf.look(hours)
        assert same(found.profile, anew(hours))
        assert shelf.read == [at(hour)]
        assert len(shelf.kept) <= 24 + 4 + 2


@pytest.mark.parametrize(("late", "read"), [(31, [31]), (6, list(range(4, 28)))])
def test_a_late_part_costs_its_hour_today_and_its_day_before(late: int, read: list[int]) -> None:
    shelf, hours = Shelf(), {at(hour): [f"{hour} a"] for hour in range(33)}  # days: 4, 24 and 5 hours
    shelf.look(hours)
    shelf.read.clear()
    hours[at(late)].append(f"{late} late")
    assert same(shelf.look(hours).profile, anew(hours))
    assert sorted(shelf.read) == [at(hour) for hour in read]


def test_other_settings_find_nothing_of_the_old() -> None:
    shelf, hours = Shelf(), {at(0): ["0 a"]}
    shelf.look(hours)
    shelf.look(hours, "by hour")
    assert shelf.read == [at(0), at(0)]


def test_no_hours() -> None:
    assert Shelf().look({}).profile == Profile()


@pytest.mark.parametrize("lost", [True, False])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_happens_it_is_what_reading_anew_gives(data: st.DataObject, *, lost: bool) -> None:
    shelf, hours = Shelf(), dict[datetime, list[str]]()
    for step in range(data.draw(st.integers(1, 6))):
        for hour in data.draw(st.lists(st.integers(0, 60), max_size=4)):
            hours.setdefault(at(hour), []).append(f"{hour} {step}")
        for hour in data.draw(st.lists(st.sampled_from(sorted(hours)), max_size=2)) if hours else ():
            hours.pop(hour, None)
        if lost and shelf.kept:
            for name in data.draw(st.lists(st.sampled_from(sorted(shelf.kept)), max_size=3)):
                shelf.kept.pop(name, None)
        found = shelf.look(hours).profile
        assert same(found, anew(dict(sorted(hours.items()))))
