"""Blobs as data, against Blob Storage."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud import blob_file, collected, parquet_file, source_file
from cloud.collected import blobs_between, collected_batches
from cloud.datastores import Store
from cloud.location import Location
from cloud.profiles import BlobProfiles
from cloud.remote_source import files_below
from cloud.settings import Settings
from cloud.storage import blob_service
from cloud.tables import table_batches
from control.errors import BadData, Unavailable
from control.policy_file import read_policy
from control.ports import Blob
from drift.profile import Profile, profile_batches

POLICY = Path(__file__).parents[3] / "policies" / "flight-delay.yaml"


@pytest.fixture
def store(settings: Settings, unique: str) -> Iterator[Store]:
    """A container of its own, as a datastore."""
    with blob_service(settings) as service:
        container = service.create_container(unique)
        yield Store("landing", container, service.url)
        container.delete_container()


def parquet(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def footer(body: bytes) -> int:
    """Where the footer begins."""
    return len(body) - 8 - int.from_bytes(body[-8:-4], "little")


def rows(count: int, start: int = 0) -> pa.Table:
    numbers = range(start, start + count)
    return pa.table({"n": pa.array(numbers, pa.int64()), "carrier": [f"c{n % 7}" for n in numbers]})


def listed(store: Store, below: str) -> list[Blob]:
    return sorted(store.list("", below=below), key=lambda blob: blob.path)


def test_blobs_are_listed_below_the_prefix_with_what_identifies_them(store: Store) -> None:
    store.write("flights/2013-01/a.parquet", b"12")
    store.write("flights/2013-02/b.parquet", b"")
    store.write("flights2/c.parquet", b"x")
    store.container.get_blob_client("flights/2013-01").upload_blob(b"", metadata={"hdi_isfolder": "true"})
    found = listed(store, "flights/")
    assert [(blob.path, blob.size) for blob in found] == [("2013-01/a.parquet", 2), ("2013-02/b.parquet", 0)]
    assert [blob.path for blob in store.list("2013-02/", below="flights/")] == ["2013-02/b.parquet"]
    assert found[0].etag == store.blob("flights/2013-01/a.parquet").get_blob_properties().etag.strip('"')
    assert datetime.now(UTC) - found[0].modified < timedelta(minutes=10)


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.read("nothing") is None
    store.write("some/thing", b"x")
    store.write("some/thing", b"y")
    assert store.read("some/thing") == b"y"


@pytest.mark.parametrize("whole", [blob_file.WHOLE, 0], ids=["at once", "by ranges"])
def test_parquet_is_read_in_pieces(store: Store, monkeypatch: pytest.MonkeyPatch, whole: int) -> None:
    monkeypatch.setattr(source_file, "WHOLE", whole)
    monkeypatch.setattr(parquet_file, "ROWS", 1000)
    store.write("x/1/a.parquet", parquet(rows(5000), row_group_size=2000))
    store.write("x/1/b.parquet", parquet(rows(3000, 5000)))
    batches = list(table_batches(files_below(store, "x/", listed(store, "x/"))))
    assert max(batch.num_rows for batch in batches) <= 1000
    assert [n for batch in batches for n in batch.column("n").to_pylist()] == list(range(8000))
    profile = profile_batches(batches)
    assert profile.rows == 8000
    assert profile.columns["carrier"].role == "category"


def test_a_large_blob_is_never_held_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_file, "WHOLE", 0)
    body = parquet(rows(200_000), row_group_size=10_000, compression="none", use_dictionary=False)
    store.write("big.parquet", body)
    sizes: list[int] = []
    fetch = blob_file.fetch
    monkeypatch.setattr(blob_file, "fetch", lambda *args: sizes.append(args[3]) or fetch(*args))
    total = sum(batch.num_rows for batch in table_batches(files_below(store, "", listed(store, ""))))
    assert total == 200_000
    assert max(sizes) < len(body) / 4


def test_a_file_without_rows_still_has_columns(store: Store) -> None:
    store.write("none.parquet", parquet(rows(0)))
    profile = profile_batches(table_batches(files_below(store, "", listed(store, ""))))
    assert (profile.rows, sorted(profile.columns)) == (0, ["carrier", "n"])


@pytest.mark.parametrize("whole", [blob_file.WHOLE, 0], ids=["at once", "by ranges"])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda _body: b"", "blob m/a.parquet is empty"),
        (lambda body: body[:-200], "blob m/a.parquet is truncated"),
        (lambda _body: b"PAR1PAR1", "blob m/a.parquet is truncated"),
        (lambda _body: b"a,b\n1,2\n", "blob m/a.parquet is not Parquet: it starts with b'a,b"),
        (lambda _body: b"x", "blob m/a.parquet is not Parquet"),
        (
            lambda body: body[: footer(body)] + b"\xff" * 30 + body[footer(body) + 30 :],
            "blob m/a.parquet is damaged Parquet",
        ),
        (lambda body: body[:-8] + b"\xff\xff\xff\x7fPAR1", "blob m/a.parquet is damaged Parquet"),
        (lambda body: body[:4] + b"\xff" * 400 + body[404:], "blob m/a.parquet is damaged Parquet"),
    ],
    ids=["empty", "truncated", "only magic", "csv", "one byte", "footer", "footer length", "pages"],
)
def test_a_bad_blob_is_named_with_what_is_wrong(
    store: Store, monkeypatch: pytest.MonkeyPatch, whole: int, spoil: object, reason: str
) -> None:
    monkeypatch.setattr(source_file, "WHOLE", whole)
    body = parquet(rows(20_000))
    store.write("x/m/a.parquet", spoil(body))  # type: ignore[operator]
    with pytest.raises(BadData) as caught:
        list(table_batches(files_below(store, "x/", listed(store, "x/"))))
    assert str(caught.value).startswith(reason)


@pytest.mark.parametrize("whole", [blob_file.WHOLE, 0], ids=["at once", "by ranges"])
def test_a_blob_that_changes_while_it_is_read_is_looked_at_again(
    store: Store, monkeypatch: pytest.MonkeyPatch, whole: int
) -> None:
    monkeypatch.setattr(source_file, "WHOLE", whole)
    store.write("a.parquet", parquet(rows(100)))
    (before,) = listed(store, "")
    store.write("a.parquet", parquet(rows(100, 7)))
    with pytest.raises(Unavailable, match=r"a\.parquet"):
        list(table_batches(files_below(store, "", [before])))
    gone = replace(before, path="gone.parquet")
    with pytest.raises(Exception, match=r"gone\.parquet"):
        list(table_batches(files_below(store, "", [gone])))


def line(*data: object) -> bytes:
    return json.dumps({"specversion": "1.0", "id": "1", "data": data}).encode() + b"\n"


def test_collected_inputs_become_rows(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    body = line({"a": 1, "c": "x"}, {"a": 2.5, "c": None}) + b"\n" + line({"a": 3, "late": True})
    store.container.get_blob_client("m/1.jsonl").upload_blob(body + b'{"data": [{"a":')
    store.container.get_blob_client("m/2.jsonl").upload_blob(
        line({"a": "odd", "n": {"x": 1}}) + line("no row")
    )
    table = pa.Table.from_batches(collected_batches(store, "", listed(store, "")))
    assert table.column("a").to_pylist() == ["1", "2.5", "3", "odd"]
    assert table.column("c").to_pylist() == ["x", None, None, None]
    assert table.column("n").to_pylist() == [None, None, None, "{'x': 1}"]
    assert caplog.text.count("lines are not of the data collector") == 2


def test_numbers_stay_numbers(store: Store) -> None:
    store.write("1.jsonl", line({"a": 1}, {"a": 2.5}))
    (batch,) = collected_batches(store, "", listed(store, ""))
    assert batch.column("a").to_pylist() == [1.0, 2.5]


def test_lines_longer_than_a_chunk_are_whole(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collected, "LINES", 100)
    body = b"".join(
        line(*({"a": n, "text": "ü" * 50} for n in range(k, k + 250))) for k in range(0, 50_000, 250)
    )
    assert len(body) > 8 << 20
    store.write("1.jsonl", body)
    values = [
        a for batch in collected_batches(store, "", listed(store, "")) for a in batch.column("a").to_pylist()
    ]
    assert values == list(range(50_000))


def test_production_inputs_are_found_by_the_hour(store: Store) -> None:
    for hour in ("2026/01/31/23", "2026/02/01/00", "2026/02/01/09", "2026/02/01/10", "2026/02/02/00"):
        store.write(f"e/g1/model_inputs/{hour}/x.jsonl", b"")
    store.write("e/g1/model_inputs/2026/02/01/readme", b"")
    store.write("e/g1/model_outputs/2026/02/01/09/x.jsonl", b"")
    since = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    until = datetime(2026, 2, 1, 9, 59, tzinfo=UTC)
    store.write("e/g1/model_inputs/2026/01/30/23/x.jsonl", b"")
    found = [
        (at.hour, blob.path[:13]) for at, blob in blobs_between(store, "e/g1/model_inputs/", since, until)
    ]
    assert found == [(23, "2026/01/31/23"), (0, "2026/02/01/00"), (9, "2026/02/01/09")]


class OneStore(dict[str, Store]):
    """Every datastore is the same container."""

    def __missing__(self, name: str) -> Store:
        return self["the one"]

    def at(self, location: Location) -> Store:
        return self[location.datastore]


def test_a_window_of_production_reads_what_is_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = read_policy(POLICY.read_text(encoding="utf-8"), "flight-delay.yaml")
    profiles = BlobProfiles(OneStore({"the one": store}), None)  # type: ignore[arg-type]
    root, kept = "flight-delay/g001/model_inputs/", "homeostat/flight-delay/windows/g001/"
    read: list[str] = []

    def noted(store: Store, below: str, blobs: Iterable[Blob]) -> Iterator[pa.RecordBatch]:
        read.extend(blob.path for blob in blobs)
        return collected_batches(store, below, blobs)

    monkeypatch.setattr("cloud.profiles.collected_batches", noted)
    since, until = datetime(2026, 2, 1, 9, tzinfo=UTC), datetime(2026, 2, 3, 10, 59, tzinfo=UTC)

    def look() -> Profile:
        read.clear()
        found = profiles.production(policy, "g001", since, until)
        assert found is not None
        return found

    for at in ("2026/02/01/23", "2026/02/03/09"):
        store.write(f"{root}{at}/x.jsonl", line({"temp": 40.5}, {"temp": 41.5}))
    first = look()
    assert (first.rows, first.columns["temp"].blocks.keys.size) == (4, 2)  # two days
    assert look() == first
    assert read == []
    store.write(f"{root}2026/02/03/10/x.jsonl", line({"temp": 50.5}))
    assert look().rows == 5
    assert read == ["2026/02/03/10/x.jsonl"]
    for blob in list(store.list("", below=kept)):
        store.write(kept + blob.path, b"damaged")
    assert look().rows == 5
    assert len(read) == 3
    # two days: one's sum alone and as all days before; today's sum, and its two hours
    assert len(list(store.list("", below=kept))) == 4
