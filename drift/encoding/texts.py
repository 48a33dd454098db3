"""What a profile keeps of texts, in its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from drift.encoding.numbers import histogram_header, read_histogram
from drift.errors import ProfileError
from drift.text import PATTERNS, TextSummary

if TYPE_CHECKING:
    from drift.encoding.arrays import Reader, Writer


def text_header(text: TextSummary, arrays: Writer) -> dict[str, Any]:
    """Store the summary; returns its entry in the header."""
    return {"lengths": histogram_header(text.lengths, arrays), "patterns": arrays.add(text.patterns)}


def read_text(entry: dict[str, Any], arrays: Reader) -> TextSummary:
    """Read what `text_header` stored."""
    lengths = read_histogram(entry["lengths"], arrays)
    patterns = arrays.take(entry["patterns"]).astype(np.int64)
    if patterns.size != PATTERNS or int(patterns.sum()) != lengths.total:
        raise ProfileError("the profile is damaged: texts that cannot be")
    return TextSummary(lengths, patterns)
