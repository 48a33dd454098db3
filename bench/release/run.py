"""How often a candidate that is no worse is rolled back, and how soon one that is worse is caught.

    python bench/release/run.py [--runs N] [--power-runs N] [--seed S]

No worse: two models that are the same, with every bound where it is hardest to keep, at the very value.
Worse: 3 % errors instead of 1 %, or everything takes half as long again.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from many import suspects
from traffic import FIRST, SCALE, SPREAD, Model, answers, facts, split

from control.policy import Release
from control.sequential import Count, log_evidence, proven, ratio_at_least
from control.sequential_latency import durations, exceeds, exceeds_champion
from control.traffic_gate import Phase, judge_traffic

P95 = SCALE * math.exp(SPREAD * 1.6448536269514722)
GOOD = Model()
HARDEST = {
    "error_rate": "> 1% or > 1x champion",
    "latency_p95": "> 1x champion",
    "prediction_drift": "> 0",
}
QUESTIONS = 4


def release(steps: tuple[int, ...], mirror: int = 0) -> Release:
    """A policy's releases, with every bound where equal models are hardest to tell from it."""
    return Release(
        endpoint="e",
        deployment="d",
        steps=steps,
        mirror_percent=mirror,
        mirror_for=timedelta(hours=2) if mirror else timedelta(0),
        abort_if=HARDEST,
    )


def level_of(policy: Release) -> float:
    """Of one question in one phase: one of the four is asked at 100 too."""
    compared = len(policy.steps) - 1 + bool(policy.mirror_percent)
    return policy.false_rollbacks / (compared * QUESTIONS + 1)


@dataclass
class Failed:
    """What happened in one run of a release."""

    phase: Phase | None = None
    checks: tuple[str, ...] = ()
    judged: int = 0


def whole_release(random: np.random.Generator, policy: Release, looks: int, every: int) -> Failed:
    """All phases of a release of equal models, `looks` in each; where a look fails it."""
    phases = [Phase(percent=policy.mirror_percent, mirrored=True)] if policy.mirror_percent else []
    phases += [Phase(percent=percent) for percent in policy.steps]
    seen = Failed()
    for phase in phases:
        mine, other = split(
            random, looks, every, phase.percent, mirrored=phase.mirrored, candidate=GOOD, champion=GOOD
        )
        found = suspects(
            mine, other, share=phase.share, level=level_of(policy), error_rate=GOOD.error_rate, p95=P95
        )
        # The looks that may fail, and the worst of each question: the judgement itself must say the same.
        worth = {int(series.argmax()): False for series in found.values()}
        for series in found.values():
            worth |= {int(look): True for look in np.flatnonzero(series > 0)}
        for look in sorted(worth):
            judged = judge_traffic(policy, facts(mine, other, look), phase)
            seen.judged += 1
            failed = tuple(check.name for check in judged.checks if check.verdict == "fail")
            if failed and not worth[look]:
                raise AssertionError(f"missed at look {look} of {phase}: {judged.reason}")
            if failed:
                seen.phase, seen.checks = phase, failed
                return seen
    return seen


def false_rollbacks(runs: int, seed: int) -> None:
    """Print the table of releases of equal models."""
    print(f"\nEqual models, {runs:,} releases a line, a look after every 100 requests of 100,000\n")
    print("| phases | rolled back | 95 % interval | by |")
    print("|---|---|---|---|")
    for name, policy in (
        ("mirror 20, steps 5, 25, 50, 100: 20,000 requests each", release((5, 25, 50, 100), 20)),
        ("5 for 50,000, 100 for 50,000", release((5, 100))),
        ("50 for 50,000, 100 for 50,000", release((50, 100))),
    ):
        phases = len(policy.steps) + bool(policy.mirror_percent)
        results = [
            whole_release(np.random.default_rng([seed, phases, run]), policy, 1000 // phases, 100)
            for run in range(runs)
        ]
        failed = [one for one in results if one.phase]
        by = Counter(check for one in failed for check in one.checks)
        words = ", ".join(f"{check} {count}" for check, count in by.most_common())
        low, high = wilson(len(failed), runs)
        print(f"| {name} | {len(failed) / runs:.4f} | {low:.4f} to {high:.4f} | {words} |", flush=True)


def wilson(hits: int, trials: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    z, rate = 1.96, hits / trials
    middle = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(rate * (1 - rate) / trials + (z / (2 * trials)) ** 2)
    return max(0.0, middle - half), middle + half


def caught(random: np.random.Generator, phase: Phase, bad: Model, question: str, level: float) -> int:
    """Requests of the candidate until it is caught, looked at after every 20 of them."""
    looks, mine = 400, 20
    requests = np.full(looks, mine)
    # The champion's requests for 20 of the candidate's: all but the share, or every one that is mirrored.
    rest = mine * (100 - (0 if phase.mirrored else phase.percent)) / phase.percent
    first = answers(random, requests, bad)
    other = answers(random, random.poisson(rest, looks), GOOD)
    for look in range(looks):
        if _fails(first.arm(look), other.arm(look), phase, question, level):
            return int(first.requests[look])
    return 10**9


def _fails(mine, other, phase: Phase, question: str, level: float) -> bool:  # noqa: ANN001
    errors, others = (Count(hits=arm.failures, trials=arm.requests) for arm in (mine, other))
    match question:
        case "error_rate > 1%":
            return proven(log_evidence(errors, 0.01), level)
        case "error_rate > 1x champion":
            return ratio_at_least(errors, others, level, phase.share) > 1
        case "latency_p95 > 300 ms":
            return exceeds(durations(mine.latencies), 0.95, 300, level)
        case _:
            pair = durations(mine.latencies), durations(other.latencies)
            return exceeds_champion(*pair, 0.95, 1.2, level, traffic=phase.share)


def power(runs: int, seed: int) -> None:
    """Print the table of what a bad candidate answers before it is caught."""
    policy = release((5, 25, 50, 100), 20)
    level = level_of(policy)
    phases = [Phase(percent=20, mirrored=True), *(Phase(percent=percent) for percent in (5, 25, 50))]
    print(f"\nBad models, {runs} runs a field, level {level:.4f}: median (90th percentile)\n")
    print("| bound | mirror 20 % | 5 % | 25 % | 50 % |\n|---|---|---|---|---|")
    for question, bad in (
        ("error_rate > 1%", Model(error_rate=0.03)),
        ("error_rate > 1x champion", Model(error_rate=0.03)),
        ("latency_p95 > 300 ms", Model(slower=1.5)),
        ("latency_p95 > 1.2x champion", Model(slower=1.5)),
    ):
        fields = []
        for phase in phases:
            random = np.random.default_rng([seed, phase.percent, len(question)])
            took = [caught(random, phase, bad, question, level) for _ in range(runs)]
            fields.append(f"{np.median(took):,.0f} ({np.quantile(took, 0.9):,.0f})")
        print(f"| `{question}` | " + " | ".join(fields) + " |", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--power-runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.process_time()
    print(f"p95 of the champion {P95:.0f} ms, first bin {FIRST}, seed {given.seed}")
    power(given.power_runs, given.seed)
    print(f"\n{time.process_time() - started:.0f} s of processor time")
    false_rollbacks(given.runs, given.seed)
    print(f"\n{time.process_time() - started:.0f} s of processor time")


if __name__ == "__main__":
    main()
