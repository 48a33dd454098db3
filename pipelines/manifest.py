"""The manifest: which batches train and which evaluate (docs/pipeline-contract.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines.errors import Unusable

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What the app asks of one run."""

    training: tuple[str, ...]
    """Empty: a model that is there already is to be evaluated."""
    evaluation: tuple[str, ...]
    """Empty: keep rows of `training` back."""
    features: tuple[str, ...]
    """Empty: every usable column but the label."""
    seed: int
    timestamp_column: str | None = None
    """Rows of a day or hour of it belong together; None: nothing is known of that."""
    every: Literal["day", "hour"] = "day"


def read_manifest(path: Path) -> Manifest:
    """Read and check a manifest.

    Raises:
        Unusable: it is not one.
    """
    try:
        body = json.loads(path.read_text())
    except ValueError as error:
        raise Unusable(f"{path.name}: not JSON: {error}") from error
    if not isinstance(body, dict) or body.get("schema") != 1:
        raise Unusable(f"{path.name}: not a manifest of schema 1")
    training, evaluation = _strings(body, "training"), _strings(body, "evaluation")
    if not training and not evaluation:
        raise Unusable(f"{path.name}: neither 'training' nor 'evaluation' names a batch")
    seed = body.get("seed", 0)
    if not isinstance(seed, int) or seed < 0:
        raise Unusable(f"{path.name}: 'seed' must be a whole number, 0 or more")
    column, every = body.get("timestamp_column"), body.get("every", "day")
    if column is not None and not isinstance(column, str):
        raise Unusable(f"{path.name}: 'timestamp_column' must be the name of a column")
    if every not in ("day", "hour"):
        raise Unusable(f"{path.name}: 'every' must be day or hour, not {every!r}")
    return Manifest(
        training=training,
        evaluation=evaluation,
        features=_strings(body, "features"),
        seed=seed,
        timestamp_column=column,
        every=every,
    )


def _strings(body: dict[str, Any], name: str) -> tuple[str, ...]:
    values = body.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Unusable(f"manifest: '{name}' must be a list of strings")
    return tuple(values)
