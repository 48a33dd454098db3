"""Sizes of data as a policy writes them: `500MB`, `20GB`, `1.5TB`, in powers of ten as storage is billed."""

from __future__ import annotations

import re

_SIZE = re.compile(r"(?P<number>[0-9]{1,6}(?:\.[0-9]{1,3})?)(?P<unit>[kMGT]?B)")
"""As in the policy's JSON Schema."""
_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_size(text: str) -> int:
    """Bytes.

    Raises:
        ValueError: it is no such size.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a size: write a number with B, kB, MB, GB or TB, such as 20GB")
    return round(float(found["number"]) * _UNITS[found["unit"]])
