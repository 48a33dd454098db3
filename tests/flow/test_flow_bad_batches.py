"""Batches that nothing may learn from: each is in the ledger with its reason, and a better one takes its place."""

from __future__ import annotations

import io
from collections.abc import Mapping

import flow_docs
import flow_rain
import flow_steady
import pyarrow as pa
import pytest
from flow_loop import Loop, parquet, write_policy
from pyarrow import csv

from control.facts import Batch

NAME = "bad-batches"
GOOD = "2013-09/"


def _csv() -> bytes:
    buffer = io.BytesIO()
    csv.write_csv(flow_rain.month(3), buffer)
    return buffer.getvalue()


def _with(column: str, values: pa.Array) -> pa.Table:
    table = flow_rain.month(4)
    return table.set_column(table.column_names.index(column), column, values)


def _batches() -> dict[str, tuple[dict[str, bytes], list[str]]]:
    """Folder to its blobs, and the words that the reason must have."""
    whole = flow_rain.month(1)
    rows = len(flow_rain.month(4))
    words = pa.array(["warm"] * rows)
    gaps = pa.array([1013.0 if row % 2 else None for row in range(rows)])
    return {
        "2013-01/": ({"part.parquet": b""}, ["blob 2013-01/part.parquet is empty"]),
        "2013-02/": (
            {"part.parquet": parquet(whole)[:-700]},
            ["blob 2013-02/part.parquet is truncated", "bytes without the end of a Parquet file"],
        ),
        "2013-03/": (
            {"part.parquet": _csv()},
            ["blob 2013-03/part.parquet is not Parquet", "it starts with b'\"ori'"],
        ),
        "2013-04/": (
            {"part.parquet": parquet(whole.drop_columns(["pressure"]))},
            ["blob 2013-04/part.parquet: column 'pressure' is missing"],
        ),
        "2013-05/": (
            {"part.parquet": parquet(_with("temp", words))},
            ["blob 2013-05/part.parquet: column 'temp': expected number, found string"],
        ),
        "2013-06/": (
            {"part.parquet": parquet(_with("pressure", gaps))},
            ["blob 2013-06/part.parquet: column 'pressure': 50.02% nulls; at most 30.00% are allowed"],
        ),
        "2013-07/": (
            {"part.parquet": parquet(whole), "other.parquet": parquet(whole.drop_columns(["rain"]))},
            ["batch 2013-07/: column 'rain'", "blob 2013-07/other.parquet: column 'rain' is missing"],
        ),
        "2013-08/": (
            {"part.parquet": parquet(whole.slice(0, 20))},
            ["blob 2013-08/part.parquet: 20 rows; at least 500 are needed"],
        ),
    }


BATCHES = _batches()


@pytest.fixture(scope="module")
def taken(loop: Loop) -> Mapping[str, Batch]:
    """Every bad batch and one good one have landed: what the ledger says of them, before anything is mended."""
    body = flow_docs.policy(NAME, retrain={"data": {"train": len(BATCHES) + 1, "evaluate": 1, "fresh": 1}})
    write_policy(loop.folder / "app", NAME, body)
    for folder, (blobs, _) in BATCHES.items():
        for name, content in blobs.items():
            loop.land(f"{NAME}/{folder}", content, name, marker=False)
        loop.land(f"{NAME}/{folder}", b"", "_SUCCESS", marker=False)
    loop.land(f"{NAME}/{GOOD}", flow_rain.month(9))

    def all_there() -> dict[str, Batch]:
        found = {batch.path: batch for batch in loop.services.ledger.batches(NAME)}
        return found if len(found) == len(BATCHES) + 1 else {}

    found: dict[str, Batch] = loop.until("every batch is in the ledger", all_there, patience=120)
    loop.until(
        "the good batch alone is too little",
        lambda: loop.audit(NAME, "no retraining"),
        patience=60,
    )
    return found


@pytest.mark.parametrize("folder", BATCHES)
def test_a_bad_batch_is_recorded_with_its_reason(loop: Loop, taken: Mapping[str, Batch], folder: str) -> None:
    batch = taken[folder]
    assert batch.quality == "fail"
    for words in BATCHES[folder][1]:
        assert words in batch.reason
    entries = [entry["detail"] for entry in loop.audit(NAME, "batch")]
    told = next(entry for entry in entries if entry["version"] == batch.version)
    assert told["quality"] == "fail"
    assert told["reason"] == batch.reason
    assert f"notice for the owners of {NAME}: {NAME}: batch {folder} is not used: {batch.reason}" in loop.log
    assert not [message for message in flow_steady.poisoned(loop) if f"/{NAME}/".encode() in message]


def test_a_good_batch_in_its_place_is_taken_and_training_goes_on(
    loop: Loop, taken: Mapping[str, Batch]
) -> None:
    assert taken[GOOD].quality == "pass"
    first = loop.audit(NAME, "no retraining")[0]["detail"]
    assert first["reason"] == f"waiting for data: 1 of {len(BATCHES) + 1} good batches"
    assert not loop.audit(NAME, "retrain"), "nobody trains on a bad batch"
    for month, (folder, (blobs, _)) in enumerate(BATCHES.items(), start=1):
        for name in blobs:
            loop.land(f"{NAME}/{folder}", flow_rain.month(month), name, marker=False)
    launched = loop.until("a training", lambda: loop.audit(NAME, "retrain"), patience=120)
    batches = {batch.path: batch for batch in loop.services.ledger.batches(NAME)}
    assert {batch.quality for batch in batches.values()} == {"pass"}
    assert not {batch.version for path, batch in batches.items() if path != GOOD} & {
        batch.version for path, batch in taken.items() if path != GOOD
    }, "each is a batch of its own, with a version of its own"
    assert launched[0]["detail"]["training"] == [batches[path].version for path in sorted(batches)]
    loop.until("the gate's word", lambda: loop.audit(NAME, "candidate passed", "candidate refused"))
