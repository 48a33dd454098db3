"""The body of an HTTP request as JSON, in bounded memory.

The host hands over up to 100 MB, and JSON of that size takes gigabytes when it is parsed.
"""

from __future__ import annotations

import json
from typing import Any

from control.errors import BadInput

LARGEST = 1 << 20
"""Bytes: alerts, approvals and service hooks have a few thousand."""


class TooLarge(BadInput):
    """The body has more bytes than anything that we take: 413."""


def read_json(body: bytes, largest: int = LARGEST) -> Any:
    """Parse a body.

    Raises:
        TooLarge: it has more than `largest` bytes; nothing was parsed.
        BadInput: it is no JSON.
    """
    if len(body) > largest:
        raise TooLarge(f"the body has {len(body)} bytes, at most {largest} are taken")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # also not text, or nested without end
        raise BadInput("the body is not JSON") from None
