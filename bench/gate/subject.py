"""What the app does at the gate: read the rows, compute everything from them, judge by the policy."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from control.facts import Evaluation
from control.gate import judge
from control.policy import ChampionGate, Gates, SliceGate, Threshold
from control.policy_file import read_policy
from handlers.evidence import measured

ROOT = Path(__file__).parents[2]


def main(path: str, metric: str) -> None:
    """Print the verdict and how many checks it has."""
    gates = Gates(
        champion=ChampionGate(metric=metric, non_inferior_by=0.005),
        thresholds=(Threshold(metric=metric, at_least=-9, at_most=9, confidence=0.95),),
        slices=(SliceGate(by="part", metric=metric, max_drop=0.05),),
    )
    policy = replace(read_policy((ROOT / "policies" / "flight-delay.yaml").read_text(), "p"), gates=gates)
    rows = Path(path).read_bytes()
    found = measured(policy, Evaluation(digest="0" * 64, body={"schema": 1}, predictions=rows))
    judgement = judge(policy.gates, found, "1")
    print(judgement.verdict, len(judgement.checks), found.fault)
    if judgement.verdict != "pass" or len(judgement.checks) != 2 + 20:
        sys.exit(f"Traceback: {judgement.reason}")


if __name__ == "__main__":
    main(*sys.argv[1:])
