"""What a profile keeps of columns together, in its file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from drift.blocks import UNITS
from drift.errors import ProfileError
from drift.fourier import FREQUENCIES, FeatureMap, FeatureSums
from drift.joint import MOST_COLUMNS, JointSummary

if TYPE_CHECKING:
    from drift.encoding.arrays import Reader, Writer


def joint_header(joint: JointSummary, arrays: Writer) -> dict[str, Any]:
    """Store the summary; returns its entry in the header. Floats are stored as their bits."""
    header = {
        "names": list(joint.names),
        "rows": joint.rows,
        "left_out": joint.left_out,
        "mean": arrays.add(joint.mean.view(np.uint64)),
        "comoment": arrays.add(joint.comoment.reshape(-1).view(np.uint64)),
    }
    if joint.features is not None:
        header["features"] = _features_header(joint.features, arrays)
    return header


def read_joint(entry: dict[str, Any], arrays: Reader) -> JointSummary:
    """Read what `joint_header` stored."""
    names = tuple(map(str, entry["names"]))
    mean = arrays.take(entry["mean"]).view(np.float64)
    comoment = arrays.take(entry["comoment"]).view(np.float64)
    if len(names) > MOST_COLUMNS or mean.size != len(names) or comoment.size != len(names) ** 2:
        raise ProfileError("the profile is damaged: columns together that cannot be")
    return JointSummary(
        names,
        int(entry["rows"]),
        int(entry["left_out"]),
        mean,
        comoment.reshape(len(names), len(names)),
        _read_features(entry["features"], arrays, len(names)) if "features" in entry else None,
    )


def _features_header(sums: FeatureSums, arrays: Writer) -> dict[str, Any]:
    header = {
        "rows": sums.rows,
        "centre": arrays.add(sums.map.centre.view(np.uint64)),
        "scale": arrays.add(sums.map.scale.view(np.uint64)),
        "total": arrays.add(sums.total.view(np.uint64)),
    }
    if sums.keys is not None and sums.block_rows is not None and sums.block_totals is not None:
        header["blocks"] = {
            "unit": sums.unit,
            "shift": sums.shift,
            "keys": arrays.add(sums.keys.view(np.uint64)),
            "rows": arrays.add(sums.block_rows.view(np.uint64)),
            "totals": arrays.add(np.ascontiguousarray(sums.block_totals).reshape(-1).view(np.uint64)),
        }
    return header


def _read_features(entry: dict[str, Any], arrays: Reader, columns: int) -> FeatureSums:
    centre, scale, total = (
        arrays.take(entry[name]).view(np.float64) for name in ("centre", "scale", "total")
    )
    if centre.size != columns or scale.size != columns or total.size != 2 * FREQUENCIES:
        raise ProfileError("the profile is damaged: features that cannot be")
    sums = FeatureSums(FeatureMap(centre, scale), int(entry["rows"]), total)
    blocks = entry.get("blocks")
    if blocks is None:
        return sums
    keys, rows = (arrays.take(blocks[name]).view(np.int64) for name in ("keys", "rows"))
    totals = arrays.take(blocks["totals"]).view(np.float64)
    if blocks["unit"] not in UNITS or rows.size != keys.size or totals.size != keys.size * total.size:
        raise ProfileError("the profile is damaged: features by block that cannot be")
    return replace(
        sums,
        unit=blocks["unit"],
        shift=int(blocks["shift"]),
        keys=keys,
        block_rows=rows,
        block_totals=totals.reshape(keys.size, total.size),
    )
