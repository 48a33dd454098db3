"""Whose report a link opens: the address comes from tags, and must lead to nothing else."""

import pytest

from control.state import Candidate
from handlers.approval_report import is_ours

OURS = (
    "azureml://datastores/workspaceblobstore/paths/homeostat/flight.delay/rt-flight-1-0a/report/report.html"
)


def _candidate(report: str) -> Candidate:
    return Candidate(version="1", generation=1, evidence="e", report=report)


def test_our_own_report() -> None:
    assert is_ours(_candidate(OURS), "flight.delay")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://r.example/report.html",
        OURS.replace("flight.delay", "flightxdelay"),
        OURS.replace("rt-flight-1-0a", ".."),
        OURS.replace("rt-flight-1-0a", "a/b"),
        OURS.replace("rt-flight-1-0a", "%2e%2e"),
        OURS.replace("workspaceblobstore", "landing"),
        OURS.replace("report.html", "../../../secrets.html"),
        OURS.replace(".html", ".json"),
        OURS + "\n",
        OURS + "?x",
        " " + OURS,
        OURS.replace("azureml://", "azureml://subscriptions/s/"),
    ],
)
def test_anything_else(address: str) -> None:
    assert not is_ours(_candidate(address), "flight.delay")
