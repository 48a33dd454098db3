"""What an evaluation says, with everything that follows from its rows computed again from them.

The verdict then rests on what the models said of each row, and on no number that a pipeline made of it. A
pipeline may as well write the rows and nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from control.facts import Evaluation
from control.policy import Policy

TAKEN = ("schema", "data", "holdout", "robustness", "importance", "golden")
"""What only the pipeline can say: the model was there, and is not here."""
CLOSE = 1e-6


def measured(policy: Policy, evaluation: Evaluation) -> Evaluation:
    """The evaluation as it is judged; its fault says why it cannot be."""
    from drift.performance import PredictionsError, assess, from_parquet

    if evaluation.fault:
        return evaluation
    if evaluation.predictions is None:
        return _faulty(evaluation, "the job wrote no predictions.parquet: there is nothing to judge it by")
    gate, privacy = policy.gates.champion, policy.privacy
    hidden = (privacy.subject_id,) if privacy and privacy.subject_id else ()
    try:
        rows = from_parquet(evaluation.predictions, without=hidden)
        found = assess(
            rows, seed=int(evaluation.digest[:8], 16), confidence=gate.confidence if gate else 0.95
        )
    except PredictionsError as err:
        return _faulty(evaluation, f"predictions.parquet cannot be used: {err}")
    taken = {name: evaluation.body[name] for name in TAKEN if name in evaluation.body}
    differing = _differing(evaluation.body, found)
    return replace(evaluation, body={**taken, **found, "claimed": differing}, predictions=None)


def _faulty(evaluation: Evaluation, fault: str) -> Evaluation:
    return replace(evaluation, body={}, fault=fault, predictions=None)


def _differing(said: dict[str, Any], found: dict[str, Any]) -> dict[str, float]:
    """The candidate's metrics by the pipeline's word where its rows give others."""
    claims = (said.get("candidate") or {}).get("metrics") or {}
    own = found["candidate"]["metrics"]
    return {
        name: float(claim)
        for name, claim in claims.items()
        if name in own
        and isinstance(claim, int | float)
        and abs(claim - own[name]) > CLOSE * (1 + abs(claim))
    }
