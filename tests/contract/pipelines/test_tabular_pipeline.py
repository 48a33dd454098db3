"""The tabular pipeline as Azure ML runs it: each step a process of its own in the real environment, on real flights.

What it trains is then served by the real inference server through `pipelines/deployment.yml`'s scoring script.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cli import flights
from cloud.datastores import Store
from cloud.predictions import Predictions
from control.policy_file import read_policy
from drift.performance import assess, from_parquet
from drift.profile import Profile
from local.serving import DeploymentSpec, Serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cloud.location import Location
    from local.storage import StorageAccount

ROOT = Path(__file__).parents[3]
SEED = 7
QUIET = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
Run = Callable[..., Path]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every fourth flight of four months, a folder each."""
    state = tmp_path_factory.mktemp("flights")
    folder = tmp_path_factory.mktemp("data")
    for number in (1, 2, 5, 6):
        month = flights.month(number, state)
        (folder / f"2013-{number:02}").mkdir()
        pq.write_table(
            month.take(list(range(0, len(month), 4))), folder / f"2013-{number:02}" / "part.parquet"
        )
    return folder


@pytest.fixture(scope="module")
def run(job_python: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the three steps; returns the folder with rows, model and evaluation."""

    def steps(
        training: list[str],
        evaluation: list[str],
        *,
        champion: Path | None = None,
        label: str = "late",
        task: str = "binary",
        features: list[str] | None = None,
        tracked: bool = False,
    ) -> Path:
        work = tmp_path_factory.mktemp("run")
        if champion is None:
            champion = work / "champion"
            champion.mkdir()
            (champion / "NO_CHAMPION").touch()
        (work / "manifest.json").write_text(
            json.dumps(
                {
                    "schema": 1,
                    "model": "flight-delay",
                    "training": training,
                    "evaluation": evaluation,
                    "features": list(flights.FEATURES) if features is None else features,
                    "seed": SEED,
                }
            )
        )
        environment = os.environ | QUIET
        if tracked:
            environment |= {
                "MLFLOW_TRACKING_URI": (work / "mlruns").as_uri(),
                "MLFLOW_ALLOW_FILE_STORE": "true",
                "AZUREML_RUN_ID": "rt-flight-delay-1",
            }
        step(job_python, "prepare", environment, data=data, manifest=work / "manifest.json",
             label=label, task=task, rows=work / "rows")  # fmt: skip
        step(job_python, "train", environment, rows=work / "rows", model=work / "model", max_iter=40)
        step(job_python, "evaluate", environment, rows=work / "rows", model=work / "model", champion=champion,
             evaluation=work / "evaluation", slices="carrier", resamples=100, resample_by="time_hour")  # fmt: skip
        return work

    return steps


def step(python: Path, name: str, environment: dict[str, str], **arguments: object) -> None:
    given = [text for key, value in arguments.items() for text in (f"--{key.replace('_', '-')}", str(value))]
    done = subprocess.run(
        [python, "-m", f"pipelines.{name}", *given],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def first(run: Run) -> Path:
    """The first training: no champion, no batch to evaluate on."""
    return run(["2013-01/"], [], tracked=True)


@pytest.fixture(scope="module")
def second(run: Run, first: Path) -> Path:
    """A retraining on May, judged on June against January's model."""
    return run(["2013-05/"], ["2013-06/"], champion=first / "model")


def evaluation(work: Path) -> dict[str, Any]:
    return json.loads((work / "evaluation" / "evaluation.json").read_text())


def test_the_first_training_keeps_rows_back_and_compares_with_nobody(first: Path) -> None:
    found = evaluation(first)
    assert found["data"] == {"training": ["2013-01/"], "evaluation": []}
    assert found["champion"] is None
    assert found["comparison"] is None
    assert 0.66 < found["candidate"]["metrics"]["roc_auc"] < 0.85
    whole = len(pq.read_table(first / "rows" / "training.parquet")) + found["rows"]
    assert whole == len(range(0, 26398, 4))


def test_a_retraining_in_spring_beats_the_winters_model(second: Path) -> None:
    found = evaluation(second)
    assert found["candidate"]["metrics"]["roc_auc"] > found["champion"]["metrics"]["roc_auc"]
    assert 25 < found["units"] < 35, "the days of June"
    for name, entry in found["comparison"].items():
        assert entry["lower"] <= entry["difference"] <= entry["upper"]
        candidate, champion = found["candidate"]["metrics"][name], found["champion"]["metrics"][name]
        assert entry["difference"] == pytest.approx(candidate - champion)
        assert name in found["metrics"]
    assert found["comparison"]["log_loss"]["upper"] < 0
    assert found["metrics"]["log_loss"] == {"greater_is_better": False}


def test_slices_are_the_values_of_their_column(second: Path) -> None:
    found = evaluation(second)
    counts = pc.value_counts(pq.read_table(second / "rows" / "evaluation.parquet")["carrier"]).to_pylist()
    assert {part["value"]: part["rows"] for part in found["slices"]} == {
        c["values"]: c["counts"] for c in counts
    }
    assert all("accuracy" in part["candidate"] and "accuracy" in part["champion"] for part in found["slices"])


def test_predictions_give_the_metrics_again(second: Path) -> None:
    found = evaluation(second)
    rows = pq.read_table(second / "evaluation" / "predictions.parquet")
    assert len(rows) == found["rows"]
    for name in ("candidate", "champion"):
        right = pc.equal(pc.greater_equal(rows[name], 0.5), pc.equal(rows["label"], 1.0))
        assert pc.mean(pc.cast(right, pa.int8())).as_py() == pytest.approx(found[name]["metrics"]["accuracy"])


def test_the_app_finds_in_the_predictions_what_the_step_said(second: Path) -> None:
    """Nobody has to take a pipeline's word: everything that follows from the rows is computed again from them."""
    said = evaluation(second)
    rows = from_parquet((second / "evaluation" / "predictions.parquet").read_bytes())
    found = assess(rows, seed=SEED, count=100)
    assert found == {name: said[name] for name in found}
    assert said["largest_errors"][0]["slices"].keys() == {"carrier"}


def test_the_model_answers_or_refuses_what_is_not_as_it_should_be(second: Path) -> None:
    found = evaluation(second)["robustness"]
    assert set(found) == {"missing_values", "shuffled_columns", "extreme_values"}
    for check in found.values():
        assert check["wrong"] == []
        assert check["answered"] > 0
        assert check["asked"] == check["answered"] + check["refused"]
    assert found["missing_values"]["refused"] == len(flights.FEATURES), "each column left out"


def test_what_mattered_and_the_golden_answer_are_recorded(second: Path) -> None:
    found = evaluation(second)
    mattered = found["importance"]["features"]
    assert {one["name"] for one in mattered} == set(flights.FEATURES)
    assert mattered[0]["loss"] > 0.01 > mattered[-1]["loss"]
    assert found["golden"] == {"rows": 20, "greatest_difference": 0.0}


def test_evaluating_needs_only_folders_of_rows_and_models(
    job_python: Path, first: Path, second: Path, tmp_path: Path
) -> None:
    """A model that a person registered: the same step, another candidate, without golden predictions."""
    by_hand = tmp_path / "model" / "inner"
    by_hand.mkdir(parents=True)
    for name in ("model.json", "model.joblib"):
        (by_hand / name).write_bytes((first / "model" / name).read_bytes())
    step(job_python, "evaluate", os.environ | QUIET, rows=second / "rows", model=tmp_path / "model",
         champion=second / "model", evaluation=tmp_path / "evaluation")  # fmt: skip
    found = evaluation(tmp_path)
    there = evaluation(second)
    assert found["golden"] is None
    assert found["comparison"]["log_loss"]["difference"] == pytest.approx(
        -there["comparison"]["log_loss"]["difference"]
    )


def test_a_model_that_crashes_is_found_out(job_python: Path) -> None:
    code = """
from types import SimpleNamespace
from pipelines.robustness import robustness
from pipelines.score.tabular_model import BadRequest
class Careless:
    features = {"a": "number", "b": "number"}
    def answer(self, request):
        columns, rows = request["input_data"]["columns"], request["input_data"]["data"]
        if "a" not in columns:
            raise BadRequest("columns are missing: a")
        at = columns.index("a")
        return {"predictions": [row[at] * 2 + row[0] for row in rows]}
found = robustness(Careless(), ["a", "b"], [[1.0, 2.0], [3.0, 4.0]], 0)
assert "a is null: TypeError" in found["missing_values"]["wrong"], found
assert found["missing_values"]["refused"] == 1, found
assert "shuffled: the answer depends on the order of the columns" in found["shuffled_columns"]["wrong"], found
assert "a is inf: predictions that are no numbers" in found["extreme_values"]["wrong"], found
assert not any("b is" in one for one in found["extreme_values"]["wrong"]), found
"""
    subprocess.run([job_python, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_the_same_seed_trains_the_same_model(job_python: Path, first: Path, tmp_path: Path) -> None:
    step(job_python, "train", os.environ | QUIET, rows=first / "rows", model=tmp_path / "model", max_iter=40)
    for name in ("golden.json", "model.json", "reference_profile.bin"):
        assert (tmp_path / "model" / name).read_bytes() == (first / "model" / name).read_bytes()


def test_the_model_folder_carries_its_reference_profile(first: Path) -> None:
    profile = Profile.from_bytes((first / "model" / "reference_profile.bin").read_bytes())
    assert set(profile.roles()) == set(flights.FEATURES)


def test_training_is_tracked_in_mlflow(first: Path) -> None:
    metrics = {
        path.name: float(path.read_text().split()[1]) for path in (first / "mlruns").rglob("metrics/*")
    }
    rows = len(pq.read_table(first / "rows" / "training.parquet"))
    assert metrics["training_rows"] == rows
    names = [path.read_text() for path in (first / "mlruns").rglob("tags/mlflow.runName")]
    assert names == ["rt-flight-delay-1"]


def test_a_number_is_predicted_with_the_same_pipeline(run: Run) -> None:
    found = evaluation(
        run(
            ["2013-05/"],
            ["2013-06/"],
            label="temp",
            task="regression",
            features=["hour", "dewp", "humid", "origin"],
        )
    )
    assert found["candidate"]["metrics"].keys() == {"rmse", "mae", "r2", "calibration_slope"}
    assert found["candidate"]["metrics"]["r2"] > 0.5


def test_metrics_agree_with_scikit_learn(job_python: Path) -> None:
    code = """
import numpy as np, pyarrow as pa
from sklearn import metrics as sk
from sklearn.linear_model import LogisticRegression
from drift.performance import assess, from_table
random = np.random.default_rng(0)
def metrics(truth, scores):
    found = assess(from_table(pa.table({"label": truth, "candidate": scores})), seed=1, count=10)
    return found["candidate"]["metrics"]
truth = (random.random(5000) < 0.3).astype(float)
scores = np.round(np.clip(truth * 0.2 + random.random(5000) * 0.8, 0, 1), 2)  # ties, zeros and ones
said = scores >= 0.5
ours = metrics(truth, scores)
theirs = {"roc_auc": sk.roc_auc_score(truth, scores), "log_loss": sk.log_loss(truth, scores),
    "accuracy": sk.accuracy_score(truth, said), "precision": sk.precision_score(truth, said),
    "recall": sk.recall_score(truth, said), "f1": sk.f1_score(truth, said),
    "brier": sk.brier_score_loss(truth, scores)}
inner = np.clip(scores, 0.01, 0.99)
odds = np.log(inner / (1 - inner))[:, None]
theirs["calibration_slope"] = LogisticRegression(C=np.inf, tol=1e-10).fit(odds, truth).coef_[0, 0]
ours["calibration_slope"] = metrics(truth, inner)["calibration_slope"]
ours.pop("ece")
wanted, found = random.normal(40, 9, 999), random.normal(42, 9, 999)
regression = metrics(wanted, found)
regression.pop("calibration_slope")
ours |= regression
theirs |= {"rmse": sk.root_mean_squared_error(wanted, found), "mae": sk.mean_absolute_error(wanted, found),
    "r2": sk.r2_score(wanted, found)}
assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
for name in ours:
    near = 1e-5 if name == "calibration_slope" else 1e-9
    assert np.isclose(ours[name], theirs[name], rtol=near), (name, ours[name], theirs[name])
"""
    subprocess.run([job_python, "-c", code], cwd=ROOT, check=True, timeout=60)


class Served:
    """The second model behind an endpoint."""

    def __init__(self, background: Any, serving: Serving) -> None:
        self._background = background
        self._serving = serving

    def ask(self, body: Any, **headers: str) -> tuple[int, Any]:
        async def post() -> tuple[int, Any]:
            async with (
                aiohttp.ClientSession(headers={"Authorization": "Bearer key", **headers}) as session,
                session.post(self._serving.scoring_url("flights"), json=body) as answer,
            ):
                return answer.status, json.loads(await answer.read())

        answer: tuple[int, Any] = self._background.run(post())
        return answer

    def flush(self) -> None:
        import time

        time.sleep(0.5)
        self._background.run(self._serving.flush())


@pytest.fixture(scope="module")
def served(
    background: Any,
    azurite: StorageAccount,
    job_python: Path,
    second: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    serving = Serving(state=tmp_path_factory.mktemp("serving"), account=azurite)
    background.run(serving.start())
    try:
        background.run(
            serving.create(
                DeploymentSpec(
                    endpoint="flights",
                    name="tabular",
                    model_name="flight-delay",
                    model_version="1",
                    model_dir=second / "model",
                    code_dir=ROOT / "pipelines" / "score",
                    scoring_script="score.py",
                    python=job_python,
                    environment_variables={"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"},
                    collections=("model_inputs", "model_outputs"),
                    request_timeout_ms=20_000,
                )
            ),
            120,
        )
        serving.set_endpoint("flights", keys=("key", "other"), traffic={"tabular": 100}, mirror={})
        yield Served(background, serving)
    finally:
        background.run(serving.stop(), 30)


@pytest.fixture
def golden(second: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((second / "model" / "golden.json").read_text())
    return found


def test_the_served_model_gives_the_golden_answer(served: Served, golden: dict[str, Any]) -> None:
    assert served.ask(golden["request"]) == (200, golden["response"])
    assert len(set(golden["response"]["probabilities"])) > 10


def test_records_are_answered_like_columns(served: Served, golden: dict[str, Any]) -> None:
    given = golden["request"]["input_data"]
    records = [dict(zip(given["columns"], row, strict=True)) for row in given["data"]]
    assert served.ask({"input_data": records}) == (200, golden["response"])


def test_new_categories_and_nulls_are_answered(served: Served, golden: dict[str, Any]) -> None:
    given = golden["request"]["input_data"]
    row = dict(zip(given["columns"], given["data"][0], strict=True))
    status, new = served.ask({"input_data": [row | {"carrier": "??"}, row | {"carrier": None}]})
    assert status == 200
    assert new["probabilities"][0] == new["probabilities"][1]
    status, empty = served.ask({"input_data": [dict.fromkeys(row)]})
    assert status == 200
    assert 0 < empty["probabilities"][0] < 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"temp": "warm"}, "row 0: column 'temp' must be a number or null, not 'warm'"),
        ({"carrier": 7}, "row 0: column 'carrier' must be a category or null, not 7"),
    ],
)
def test_wrong_values_are_refused_with_their_column(
    served: Served, golden: dict[str, Any], change: dict[str, Any], why: str
) -> None:
    given = golden["request"]["input_data"]
    row = dict(zip(given["columns"], given["data"][0], strict=True)) | change
    assert served.ask({"input_data": [row]}) == (424, {"error": why})


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"input_data": [{"temp": 1}]}, "columns are missing: carrier, origin"),
        ({"input_data": []}, "input_data has no rows"),
        ({"input_data": {"columns": ["temp"], "data": [[1, 2]]}}, "row 0 must be a list of 1 values"),
        ({"input_data": [{"temp": 1}, {"dewp": 1}]}, "row 1 must be an object with the same keys as row 0"),
        ({"rows": []}, 'send {"input_data"'),
        ([1, 2], 'send {"input_data"'),
    ],
)
def test_wrong_requests_are_refused_with_the_reason(served: Served, body: Any, why: str) -> None:
    status, said = served.ask(body)
    assert status == 424
    assert said["error"].startswith(why)


def test_what_was_served_is_collected(
    served: Served, golden: dict[str, Any], azurite: StorageAccount
) -> None:
    from azure.storage.blob import ContainerClient

    assert served.ask(golden["request"])[0] == 200
    served.flush()
    with ContainerClient.from_connection_string(azurite.connection_string, "modeldatacollector") as container:
        lines = {
            collection: [
                json.loads(line)
                for blob in container.list_blobs(name_starts_with=f"flights/tabular/{collection}/")
                for line in container.download_blob(blob.name).readall().splitlines()
            ]
            for collection in ("model_inputs", "model_outputs")
        }
    outputs = {record["correlationid"]: record for record in lines["model_outputs"]}
    whole = [
        record for record in lines["model_inputs"] if len(record["data"]) == len(golden["response"]["labels"])
    ]
    assert whole
    for record in whole:
        assert tuple(record["data"][0]) == flights.FEATURES
        said = [row["probability"] for row in outputs[record["correlationid"]]["data"]]
        assert said == pytest.approx(golden["response"]["probabilities"], abs=1e-9)


def test_a_probe_is_answered_and_not_collected(
    served: Served, golden: dict[str, Any], azurite: StorageAccount
) -> None:
    from azure.storage.blob import ContainerClient

    probe = {"User-Agent": "homeostat azure-ai-ml/1.0", "x-request-id": "probe"}
    other = {"User-Agent": "azure-ai-ml/1.0 homeostat", "x-request-id": "no-probe"}
    assert [served.ask(golden["request"], **headers) for headers in (probe, other)] == [
        (200, golden["response"])
    ] * 2
    served.flush()
    with ContainerClient.from_connection_string(azurite.connection_string, "modeldatacollector") as container:
        ids = {
            json.loads(line)["correlationid"]
            for blob in container.list_blobs(name_starts_with="flights/tabular/")
            for line in container.download_blob(blob.name).readall().splitlines()
        }
    assert "no-probe" in ids
    assert "probe" not in ids


class OneStore(dict[str, Store]):
    """Every datastore is the same container."""

    def __missing__(self, name: str) -> Store:
        return self["the one"]

    def at(self, location: Location) -> Store:
        return self[location.datastore]


def test_what_was_served_can_be_compared(
    served: Served, golden: dict[str, Any], azurite: StorageAccount
) -> None:
    """The collector's own lines, as the comparison of candidate and champion reads them."""
    from azure.storage.blob import ContainerClient

    policy = read_policy((ROOT / "policies/flight-delay.yaml").read_text("utf-8"), "flight-delay.yaml")
    policy = replace(policy, release=replace(policy.release, endpoint="flights"))
    served.flush()
    begun = datetime.now(UTC)
    given = golden["request"]["input_data"]
    for at in (0, 5, 10):
        assert served.ask({"input_data": given | {"data": given["data"][at : at + 5]}})[0] == 200
    served.flush()
    with ContainerClient.from_connection_string(azurite.connection_string, "modeldatacollector") as container:
        stores: Any = OneStore({"the one": Store("modeldatacollector", container, "")})
        since, until = begun.replace(microsecond=0), datetime.now(UTC) + timedelta(seconds=1)
        label, probability = Predictions(stores).compared(policy, "tabular", "tabular", since, until)
        later = Predictions(stores).compared(
            policy, "tabular", "nobody", until + timedelta(hours=1), until + timedelta(hours=2)
        )
    assert (label.column, label.distance, label.categories) == ("label", 0.0, 2)
    assert (probability.column, probability.distance, probability.categories) == ("probability", 0.0, 0)
    assert label.candidate_rows == probability.champion_rows >= 15
    assert later == ()
