"""What callers hand to a measure, checked and brought to one form. Inputs are never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from drift.measures.errors import MeasureError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def numbers(side: str, data: Any) -> NDArray[np.float64]:
    """A 1-d array of numbers as float64; None becomes NaN."""
    array = _one_dimension(side, data)
    if not is_numeric(array):
        raise MeasureError(f"the {side} has values that are not numbers")
    return array.astype(np.float64)


def is_numeric(array: NDArray[Any]) -> bool:
    """Whether all values are numbers, None or NaN."""
    if array.dtype.kind == "O":
        return all(value is None or isinstance(value, int | float | np.number) for value in array)
    return array.dtype.kind in "biuf"


def values(side: str, data: Any) -> NDArray[Any]:
    """A 1-d array of any values."""
    return _one_dimension(side, data)


def is_null(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Where a value is None, NaN or NaT."""
    if array.dtype.kind in "mM":
        return np.isnat(array)
    if array.dtype.kind == "f":
        return np.isnan(array)
    if array.dtype.kind == "O":
        # Only NaN differs from itself.
        return np.fromiter((v is None or v != v for v in array), np.bool_, array.size)  # noqa: PLR0124
    return np.zeros(array.size, np.bool_)


def rows(side: str, data: Any) -> NDArray[np.float64]:
    """A 2-d array of numbers, one row each; None becomes NaN."""
    try:
        array = np.asarray(data, np.float64)
    except (TypeError, ValueError) as error:
        raise MeasureError(f"the {side} is not a 2-d array of numbers") from error
    if array.ndim != 2:
        raise MeasureError(f"the {side} must be a 2-d array (rows x columns), not {array.ndim}-d")
    return array


def table(data: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two rows of a contingency table, the reference's first."""
    try:
        array = np.asarray(data, np.float64)
    except (TypeError, ValueError) as error:
        raise MeasureError("without current data the reference must be a 2 x k table of counts") from error
    if array.ndim != 2 or array.shape[0] != 2:
        raise MeasureError(f"a contingency table has two rows of counts, not the shape {array.shape}")
    _check_counts(array)
    return array[0].copy(), array[1].copy()


def tallied(reference: Mapping[Any, float], current: Mapping[Any, float]) -> dict[str, NDArray[np.float64]]:
    """Counts by value of both sides over the union of their values."""
    names = in_order({*reference, *current})
    sides = {"reference": reference, "current": current}
    try:
        counted = {side: np.array([c.get(n, 0) for n in names], np.float64) for side, c in sides.items()}
    except (TypeError, ValueError) as error:
        raise MeasureError("counts must be numbers") from error
    for array in counted.values():
        _check_counts(array)
    return counted


def in_order(names: Iterable[Any]) -> list[Any]:
    """Categories in an order that does not depend on the rows': rising, or by type and text if mixed."""
    listed = list(names)
    try:
        return sorted(listed)
    except TypeError:
        return sorted(listed, key=lambda name: (type(name).__name__, repr(name)))


def weights(side: str, data: Any, size: int) -> NDArray[np.float64]:
    """One weight for each value: finite, not negative, not all zero."""
    array = numbers(f"{side}'s weights", data)
    if array.size != size:
        raise MeasureError(f"the {side} has {size} values but {array.size} weights")
    if not np.all(np.isfinite(array)) or np.any(array < 0) or not np.any(array > 0):
        raise MeasureError(f"the {side}'s weights must be finite, not negative and not all zero")
    return array


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse an option's value that is not offered."""
    if value not in allowed:
        raise MeasureError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


def _one_dimension(side: str, data: Any) -> NDArray[Any]:
    if isinstance(data, str | bytes | Mapping) or not np.iterable(data):
        raise MeasureError(f"the {side} must be a 1-d array of values, not {type(data).__name__}")
    if isinstance(data, np.ndarray):
        array = data
    else:
        listed = list(data)
        # NumPy would make texts of mixed values; objects keep what they are.
        array = np.empty(len(listed), object)
        array[:] = listed
    if array.ndim != 1:
        raise MeasureError(f"the {side} must be a 1-d array, not {array.ndim}-d")
    return array


def _check_counts(array: NDArray[np.float64]) -> None:
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        raise MeasureError("counts must be finite and not negative")
