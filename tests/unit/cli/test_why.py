"""`homeostat why`: how a model stands, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.why import standing, story, told
from control.state import Answer, Candidate, Champion, Intent, Question, Releasing, Retraining, Training

AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
NOON = "2026-05-01 12:30 UTC"
QUESTION = Question(number=1, evidence="e", policy="p", asked=AT, expires=AT + timedelta(hours=1), told=AT)
CANDIDATE = Candidate(version="2", generation=2, evidence="e", question=QUESTION)
CHAMPION = Champion(version="1", deployment="g001", since=AT)
TRAINING = Training(
    epoch=1, job="rt-m-1-0a", training=(), evaluation=(), champion=None, policy_digest="p", launched=AT
)


def entry(name: str, kind: str = "decision", minute: int = 0, **detail: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "at": (AT + timedelta(minutes=minute)).isoformat(), "detail": detail}


@pytest.mark.parametrize(
    ("releasing", "sentences"),
    [
        (Releasing(), ["m: no version answers yet."]),
        (
            Releasing(phase="promoted", champion=CHAMPION),
            ["m: version 1 answers, since 2026-05-01 12:30 UTC."],
        ),
        (
            Releasing(phase="proposed", champion=CHAMPION, candidate=CANDIDATE),
            [
                "m: version 1 answers, since 2026-05-01 12:30 UTC.",
                f"Version 2 waits for an approval until 2026-05-01 13:30 UTC; people were told at {NOON}.",
            ],
        ),
        (
            Releasing(
                phase="proposed",
                candidate=replace(CANDIDATE, answer=Answer(verdict="approve", by="jane", at=AT, reason="r")),
            ),
            [
                "m: no version answers yet.",
                "Version 2 was answered (approve by jane), and is looked at next.",
            ],
        ),
        (
            Releasing(phase="rolling_back", candidate=CANDIDATE, reason="slow"),
            ["m: no version answers yet.", "Version 2 goes back: slow."],
        ),
        (
            Releasing(phase="canary", candidate=CANDIDATE),
            ["m: no version answers yet.", "Version 2 is on its way to traffic: canary."],
        ),
    ],
)
def test_the_release(releasing: Releasing, sentences: list[str]) -> None:
    assert list(standing(Intent(model="m", releasing=releasing))) == sentences


@pytest.mark.parametrize(
    ("retraining", "said"),
    [
        (Retraining(wanted=1), "A retraining is wanted, and waits its turn."),
        (Retraining(phase="running", current=TRAINING), "A retraining is under way: rt-m-1-0a (running)."),
        (
            Retraining(phase="backoff", not_before=AT),
            "A retraining failed; the next try is at 2026-05-01 12:30 UTC.",
        ),
    ],
)
def test_the_retraining(retraining: Retraining, said: str) -> None:
    assert list(standing(Intent(model="m", retraining=retraining)))[1:] == [said]


def test_the_story_begins_with_the_last_retraining_and_leaves_out_what_was_done() -> None:
    trail = [
        entry("retrain", job="rt-m-1-0a"),
        entry("promoted", version="1", instead_of=None),
        entry("retrain", minute=5, job="rt-m-2-0b"),
        entry("SubmitJob", "effect", 5, job="rt-m-2-0b"),
        entry("release proposed", minute=6, version="2", deployment="g002"),
        entry("approval refused", "event", 7, why="forged", message="no", by="link"),
        entry("approval refused", "event", 8, why="forged", message="no", by="link"),
        entry("shadow", minute=9),
    ]
    assert list(told(story(trail))) == [
        "  2026-05-01 12:35 UTC  retrain as rt-m-2-0b",
        "  2026-05-01 12:36 UTC  release proposed: version 2, deployment g002",
        "  2026-05-01 12:37 UTC  approval refused: by link; no (2 times)",
        "  2026-05-01 12:39 UTC  shadow",
    ]


def test_before_anything_has_begun_the_last_entries_are_told() -> None:
    trail = [entry("batch", "evidence", at, path=str(at)) for at in range(40)]
    assert len(story(trail)) == 15
    assert story([entry("release proposed")]) == [entry("release proposed")]
