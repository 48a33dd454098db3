"""From the rows of the traffic query to arms."""

from __future__ import annotations

from typing import Any

import pytest

from cloud.logs import arms_of
from control.errors import BadData
from control.traffic import Arm


def row(
    deployment: str, latency: int, requests: int, failures: int = 0, unreadable: int = 0
) -> dict[str, Any]:
    return {
        "DeploymentName": deployment, "Bin": latency, "Requests": requests, "Failures": failures,
        "Unreadable": unreadable,
    }  # fmt: skip


def test_bins_are_summed_and_sorted() -> None:
    rows = [row("G001", 7, 3, 1), row("g001", 2, 5), row("g001", 7, 4, 2), row("g002", 0, 1)]
    assert arms_of(rows, ["g001", "g002", "g003"]) == {
        "g001": Arm(requests=12, failures=3, latencies=((2, 5), (7, 7))),
        "g002": Arm(requests=1, latencies=((0, 1),)),
        "g003": Arm(),
    }


def test_a_request_without_code_or_duration_is_no_number() -> None:
    with pytest.raises(BadData, match="3 requests without"):
        arms_of([row("g001", 1, 9, unreadable=3)], ["g001"])
