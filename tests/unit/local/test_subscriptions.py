"""What local Azure's event subscriptions let through, against what the app names things."""

from __future__ import annotations

import pytest

from control.events import Event, job_finished
from control.names import evaluation_name, job_name, profile_name, trial_name
from local.eventgrid import Filter
from local.subscriptions import WAKES, WORKSPACE_ID

JOBS = {
    "training": job_name("flights", 3, "x"),
    "evaluation": evaluation_name("flights", 3, "x"),
    "profile": profile_name("flights", 3, "x"),
    "trial": trial_name("flights", "g003", "7"),
}
KIND = "Microsoft.MachineLearningServices.RunCompleted"


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_the_end_of_every_job_of_ours_wakes_the_app(job: str) -> None:
    assert _job_finished().matches(_event(job))
    event = Event(
        id="1", type=KIND, source=WORKSPACE_ID, subject=f"experiments/x/runs/{job}", data={"runId": job}
    )
    assert job_finished(event).model == "flights"


def test_the_end_of_other_jobs_does_not() -> None:
    assert not _job_finished().matches(_event("careful_apple_1"))


def _job_finished() -> Filter:
    ((types, conditions),) = (
        (types, conditions) for name, _, types, _, conditions in WAKES if name == "job-finished"
    )
    return Filter(included_event_types=types, advanced=conditions)


def _event(job: str) -> dict[str, object]:
    return {"eventType": KIND, "subject": f"experiments/x/runs/{job}", "data": {"runId": job}}
