"""The prepare step: which rows train, which evaluate, and what it says of data that does not fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.errors import Unusable
from pipelines.manifest import read_manifest
from pipelines.prepare import main, prepare

if TYPE_CHECKING:
    from pathlib import Path

BATCH = {
    "carrier": ["UA", "AA", None],
    "temp": [39.0, None, 12.5],
    "id": [1, 2, 3],
    "late": [True, False, True],
}


def write(data: Path, path: str, columns: dict[str, Any]) -> None:
    (data / path).parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), data / path)


def manifest(folder: Path, **entries: Any) -> Path:
    path = folder / "manifest.json"
    path.write_text(
        json.dumps({"schema": 1, "model": "m", "evaluation": [], "features": [], "seed": 7} | entries)
    )
    return path


def run(data: Path, task: str = "binary", **entries: Any) -> tuple[pa.Table, pa.Table, dict[str, Any]]:
    return prepare(data, read_manifest(manifest(data.parent, **entries)), "late", task)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    write(folder, "2013-01/b.parquet", BATCH)
    write(folder, "2013-01/a.parquet", BATCH | {"id": [4, 5, 6]})
    write(folder, "2013-02/part.parquet", BATCH | {"id": [7, 8, 9]})
    return folder


def test_folders_and_single_files_are_read_in_order(data: Path) -> None:
    training, evaluation, about = run(data, training=["2013-01/"], evaluation=["2013-02/part.parquet"])
    assert training["id"].to_pylist() == [4, 5, 6, 1, 2, 3]
    assert evaluation["id"].to_pylist() == [7, 8, 9]
    assert about["features"] == {"carrier": "category", "temp": "number", "id": "number"}
    assert about["holdout"] is None
    assert about["data"] == {"training": ["2013-01/"], "evaluation": ["2013-02/part.parquet"]}


def test_named_features_only_but_evaluation_keeps_every_column(data: Path) -> None:
    """Slices and an older champion may need columns that the candidate does not."""
    training, evaluation, about = run(data, training=["2013-01/"], evaluation=["2013-02/"], features=["temp"])
    assert training.column_names == ["temp", "late"]
    assert set(evaluation.column_names) == {"carrier", "temp", "id", "late"}
    assert list(about["features"]) == ["temp"]


def test_without_evaluation_rows_are_kept_back_by_seed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write(data, "a.parquet", {"id": list(range(1000)), "late": [n % 2 for n in range(1000)]})
    training, evaluation, about = run(data, training=["a.parquet"])
    kept = evaluation["id"].to_pylist()
    assert sorted(kept + training["id"].to_pylist()) == list(range(1000))
    assert 150 < len(kept) < 250
    assert about["holdout"]["seed"] == 7
    assert run(data, training=["a.parquet"])[1]["id"].to_pylist() == kept
    assert run(data, training=["a.parquet"], seed=8)[1]["id"].to_pylist() != kept


def test_rows_to_evaluate_alone(data: Path) -> None:
    """For a model that is there already: one that a person registered."""
    training, evaluation, about = run(
        data, training=[], evaluation=["2013-02/"], features=["temp"], timestamp_column="moment"
    )
    assert len(training) == 0
    assert evaluation["id"].to_pylist() == [7, 8, 9]
    assert (about["holdout"], list(about["features"])) == (None, ["temp"])


def test_rows_without_a_label_are_left_out(data: Path) -> None:
    write(data, "2013-03/a.parquet", BATCH | {"late": [None, True, False]})
    assert run(data, training=["2013-03/"], evaluation=["2013-01/"])[0]["late"].to_pylist() == [1.0, 0.0]


def test_widths_dictionaries_and_decimals_are_one_kind(data: Path) -> None:
    write(
        data,
        "2013-03/a.parquet",
        {
            "carrier": pa.array(["UA", None, "B6"]).dictionary_encode(),
            "temp": pa.array([39, None, 12], pa.int16()),
            "id": pa.array([1, 2, 3]).cast(pa.decimal128(25, 2)),
            "late": pa.array([1, 0, 1], pa.uint8()),
        },
    )
    training, _, about = run(data, training=["2013-01/", "2013-03/"], evaluation=["2013-02/"])
    assert training["carrier"].to_pylist()[-3:] == ["UA", None, "B6"]
    assert training["temp"].to_pylist()[-3:] == [39.0, None, 12.0]
    assert about["features"] == {"carrier": "category", "temp": "number", "id": "number"}


def test_a_column_that_nobody_asked_for_does_not_stop_the_run(data: Path) -> None:
    write(data, "2013-03/a.parquet", BATCH | {"id": [[1], [2], [3]]})
    given = {"training": ["2013-01/"], "evaluation": ["2013-02/", "2013-03/"], "features": ["temp"]}
    assert set(run(data, **given)[1].column_names) == {"carrier", "temp", "late"}


def test_every_column_that_does_not_fit_is_named_with_its_file(data: Path) -> None:
    write(
        data, "2013-03/a.parquet", {"carrier": [1, 2, 3], "id": [[1], [2], [3]], "late": [True, False, True]}
    )
    with pytest.raises(Unusable) as caught:
        run(data, training=["2013-01/", "2013-03/"], features=["carrier", "temp", "id"])
    said = str(caught.value)
    assert "2013-03/a.parquet: column 'carrier' is a number, but a category in 2013-01/a.parquet" in said
    assert "2013-03/a.parquet: column 'temp' is missing" in said
    assert "2013-03/a.parquet: column 'id' is list" in said


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"training": ["2013-09/"]}, "batch '2013-09/' has no Parquet file"),
        ({"training": ["../secret/"]}, "outside the data"),
        ({"training": ["2013-01/"], "features": ["late"]}, "cannot be a feature"),
        ({"training": []}, "neither 'training' nor 'evaluation' names a batch"),
        ({"training": "2013-01/"}, "must be a list of strings"),
        ({"training": ["2013-01/"], "schema": 2}, "not a manifest of schema 1"),
        ({"training": ["2013-01/"], "seed": -1}, "'seed' must be"),
    ],
)
def test_what_cannot_be_done_is_said(data: Path, entries: dict[str, Any], why: str) -> None:
    with pytest.raises(Unusable, match=why):
        run(data, **entries)


def test_a_batch_of_which_only_a_part_could_be_read_is_refused(data: Path) -> None:
    (data / "2013-01" / ".a.parquet.crc").write_bytes(b"?")
    run(data, training=["2013-01/"], evaluation=["2013-02/"])
    (data / "2013-01" / "more.csv").write_text("carrier\nUA\n")
    with pytest.raises(Unusable, match=r"holds 2013-01/more\.csv: this step reads Parquet"):
        run(data, training=["2013-01/"])


def test_a_label_that_is_not_binary_is_refused_for_a_binary_task(data: Path) -> None:
    write(data, "2013-03/a.parquet", BATCH | {"late": [0, 1, 2]})
    with pytest.raises(Unusable, match="must be 0 or 1"):
        run(data, training=["2013-03/"], evaluation=["2013-03/"])
    assert run(data, "regression", training=["2013-03/"], evaluation=["2013-03/"])[0]["late"].to_pylist() == [
        0,
        1,
        2,
    ]


def test_the_step_writes_its_output_or_ends_with_the_reason(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--label", "late", "--task", "binary", "--rows", str(tmp_path / "rows")]
    good = str(manifest(tmp_path, training=["2013-01/"], evaluation=["2013-02/"]))
    assert main([*arguments, "--manifest", good]) == 0
    assert {path.name for path in (tmp_path / "rows").iterdir()} == {
        "training.parquet",
        "evaluation.parquet",
        "rows.json",
    }
    bad = str(manifest(tmp_path, training=["2013-01/", "2013-07/"]))
    assert main([*arguments, "--manifest", bad]) == 1
    assert "error: batch '2013-07/' has no Parquet file" in capsys.readouterr().err


def test_prepare_loads_neither_scikit_learn_nor_pandas() -> None:
    """It starts in a second because of that."""
    import subprocess
    import sys

    code = "import sys, pipelines.prepare; print([m for m in ('sklearn', 'pandas', 'mlflow') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
