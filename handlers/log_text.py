"""Nothing that comes from outside may look like a line of our log, or move the cursor of who reads it.

Names of blobs, alerts, branches and people end up in messages. Every record of the process is made safe here,
in one place, instead of at each of a hundred calls.
"""

from __future__ import annotations

import logging
import re
from typing import Any

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""Controls, separators of lines, marks of direction and halves of characters; not tab, not the line feed."""


def one_record(message: str) -> str:
    """The message without characters that hide or forge; its further lines are indented."""
    return _HIDDEN.sub(_escaped, message).replace("\n", "\n    ")


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


class SafeRecord(logging.LogRecord):
    """A log record whose message is safe to print."""

    def getMessage(self) -> str:  # noqa: N802 - the library's name
        """The message with its arguments."""
        return one_record(super().getMessage())


def install() -> None:
    """Make all records of this process safe, ours and the SDKs'."""
    logging.setLogRecordFactory(_record)


def _record(*args: Any, **more: Any) -> logging.LogRecord:
    return SafeRecord(*args, **more)
