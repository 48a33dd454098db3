"""Batches above the policy's size: profiled by a Spark job of local Azure, for which they wait."""

from __future__ import annotations

import shutil

import flow_docs
import flow_rain
import pytest
from flow_loop import ROOT, Loop, parquet, write_policy

from control.facts import Batch
from drift.profile import profile_batches
from local import environments
from local.spark_runtime import with_runtime

NAME = "large-batches"


@pytest.fixture(scope="module")
def _spark() -> None:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not on this machine")
    definition = environments.conda_of(ROOT / "pipelines" / "spark" / "environment-spark.yml")
    folder = environments.environment_path(with_runtime(definition, "3.5"), environments.default_cache())
    if not environments.is_built(folder):
        pytest.skip("the environment of Spark jobs is not set up: make spark")


def _batches(loop: Loop) -> dict[str, Batch]:
    return {batch.path: batch for batch in loop.services.ledger.batches(NAME)}


@pytest.mark.usefixtures("_spark")
def test_a_large_batch_waits_for_its_spark_job_and_a_small_one_for_nobody(loop: Loop) -> None:
    large, small = flow_rain.month(1), flow_rain.month(2).slice(0, 600)
    size = len(parquet(large))
    assert len(parquet(small)) < size
    broken = parquet(flow_rain.month(3))
    broken = broken[: len(broken) // 2] + b"\0" * (size - len(broken) // 2) + broken[-700:]
    body = flow_docs.policy(
        NAME,
        data={"spark": {"above": f"{size - 1}B"}},
        retrain={"data": {"train": 9, "evaluate": 1, "fresh": 1}, "max_attempts": 1},
    )
    write_policy(loop.folder / "app", NAME, body)
    loop.land(f"{NAME}/2013-01/", large)
    loop.land(f"{NAME}/2013-03/", broken)
    [waiting] = loop.until(
        "the intent to profile is written",
        lambda: [one for one in loop.intent(NAME).profiling if one.path == "2013-01/"],
    )
    loop.land(f"{NAME}/2013-02/", small)
    taken = loop.until("all three are in the ledger", lambda: len(b := _batches(loop)) == 3 and b)

    assert taken["2013-01/"].quality == "pass", taken["2013-01/"].reason
    assert taken["2013-01/"].rows == large.num_rows
    assert taken["2013-01/"].version == waiting.version
    policy = loop.services.policies.get(NAME)
    assert policy is not None
    written = loop.services.places[None].profiles.made_by(policy, waiting.job)
    assert written is not None
    here = profile_batches(large.to_batches())
    assert {name: column.count for name, column in written.columns.items()} == {
        name: column.count for name, column in here.columns.items()
    }

    assert taken["2013-02/"].quality == "pass"
    order = [entry["detail"]["path"] for entry in loop.audit(NAME, "batch")]
    assert order[0] == "2013-02/", "the small batch overtook those that wait"

    assert taken["2013-03/"].quality == "inconclusive"
    assert (
        "it could not be profiled in 1 attempts, last by the job pf-large-batches-1-"
        in taken["2013-03/"].reason
    )
    assert loop.intent(NAME).profiling == (), "nothing waits any more"
    told = [entry["detail"] for entry in loop.audit(NAME, "SubmitProfile")]
    submitted = {(one["path"], one["job"]) for one in told}  # two workers may have sent the same request
    assert sorted(path for path, _ in submitted) == ["2013-01/", "2013-03/"], "one job each"
    names = [entry["name"] for entry in loop.audit(NAME)]
    assert names.index("profile by Spark") < names.index("SubmitProfile"), "the intent comes first"
