"""What a profile keeps of columns together, in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drift.errors import ProfileError
from drift.joint import MOST_COLUMNS, JointSummary

if TYPE_CHECKING:
    from drift.encoding.arrays import Reader, Writer


def joint_header(joint: JointSummary, arrays: Writer) -> dict[str, Any]:
    """Store the summary; returns its entry in the header. Floats are stored as their bits."""
    return {
        "names": list(joint.names),
        "rows": joint.rows,
        "left_out": joint.left_out,
        "mean": arrays.add(joint.mean.view(np.uint64)),
        "comoment": arrays.add(joint.comoment.reshape(-1).view(np.uint64)),
    }


def read_joint(entry: dict[str, Any], arrays: Reader) -> JointSummary:
    """Read what `joint_header` stored."""
    names = tuple(map(str, entry["names"]))
    mean = arrays.take(entry["mean"]).view(np.float64)
    comoment = arrays.take(entry["comoment"]).view(np.float64)
    if len(names) > MOST_COLUMNS or mean.size != len(names) or comoment.size != len(names) ** 2:
        raise ProfileError("the profile is damaged: columns together that cannot be")
    return JointSummary(
        names, int(entry["rows"]), int(entry["left_out"]), mean, comoment.reshape(len(names), len(names))
    )
