"""A report that cannot be written is the report's trouble, never the candidate's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_evidence import DIGEST, rows

from control.errors import Unavailable
from control.facts import Evaluation
from control.policy_file import read_policy
from control.state import OwedReport
from handlers.reporting import write

FLIGHTS = Path(__file__).parents[3] / "policies" / "flight-delay.yaml"
POLICY = read_policy(FLIGHTS.read_text("utf-8"), "flight-delay.yaml")
OWED = OwedReport(
    job="rt-flight-delay-1-00000000",
    version="2",
    champion="1",
    evidence=DIGEST,
    policy_digest=POLICY.digest,
    since=datetime(2026, 1, 1, tzinfo=UTC),
)


class Shelf:
    """A workspace that holds one evaluation and takes reports."""

    def __init__(self, evaluation: Evaluation | None, fault: Exception | None = None) -> None:
        self.kept = evaluation
        self.fault = fault
        self.written: list[tuple[str, bytes]] = []

    def evaluation(self, *_: Any) -> Evaluation | None:
        return self.kept

    def reported(self, *_: Any) -> bool:
        return bool(self.written)

    def write_report(self, _policy: Any, job: str, files: list[tuple[str, bytes]]) -> None:
        assert job == OWED.job
        if self.fault:
            raise self.fault
        self.written = files


def outcome(shelf: Shelf) -> bool:
    return write(POLICY, OWED, SimpleNamespace(at=lambda _: SimpleNamespace(workspace=shelf)))  # type: ignore[arg-type]


def test_the_same_judgement_gives_the_same_bytes_and_the_data_come_last() -> None:
    kept = Evaluation(digest=DIGEST, body={"schema": 1}, predictions=rows())
    one, other = Shelf(kept), Shelf(kept)
    assert outcome(one)
    assert not outcome(one), "it is there"
    assert outcome(other)
    assert one.written == other.written
    assert [name for name, _ in one.written] == ["report.html", "junit.xml", "report.json"]
    assert one.written[0][1].startswith(b"<!DOCTYPE html>")


@pytest.mark.parametrize(
    "shelf",
    [
        Shelf(None),
        Shelf(Evaluation(digest="1" * 64, body={"schema": 1}, predictions=rows())),
        Shelf(Evaluation(digest=DIGEST, body={"schema": 1}, predictions=rows()), Unavailable("storage")),
        Shelf(Evaluation(digest=DIGEST, body={"schema": 1}, predictions=rows()), ZeroDivisionError()),
    ],
    ids=["no evaluation", "another evaluation", "storage is away", "a fault of ours"],
)
def test_what_goes_wrong_is_logged_and_goes_no_further(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    assert not outcome(shelf)
    assert shelf.written == []
    assert "the test report of rt-flight-delay-1-00000000 was not written" in caplog.text


def test_an_unusable_evaluation_still_has_a_report() -> None:
    shelf = Shelf(replace(Evaluation(digest=DIGEST, body={"schema": 1}), predictions=b"no"))
    assert outcome(shelf)
    assert b"cannot be read as Parquet" in shelf.written[1][1]
