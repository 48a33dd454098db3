"""What a measure can refuse."""

from __future__ import annotations


class MeasureError(ValueError):
    """A measure is unknown, or cannot be computed from what was given; the message says why."""
