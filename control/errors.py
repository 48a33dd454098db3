"""What can go wrong, and whether trying again helps.

HomeostatError
├── PermanentError      retrying is useless: somebody has to change something
│   ├── PolicyError     a policy file is wrong (file, line, what to write instead)
│   ├── BadInput        an event, alert or request cannot be understood
│   ├── BadData         a blob is empty, truncated, of another format or schema
│   ├── Refused         Azure refused what was asked (4xx)
│   └── AnswerRefused   a person's answer to a question cannot be taken (kind, HTTP status)
└── TransientError      the same may succeed in a moment
    ├── Unavailable     a service did not answer, or answered 5xx or 429
    └── Conflict        somebody else changed the intent first: observe again
"""

from __future__ import annotations


class HomeostatError(Exception):
    """Base of everything this app raises on purpose."""


class PermanentError(HomeostatError):
    """Retrying is useless: somebody has to change something."""


class PolicyError(PermanentError):
    """A policy file is wrong."""


class BadInput(PermanentError):  # noqa: N818 - reads as what it is at the place where it is raised
    """An event, alert or request cannot be understood."""


class BadData(PermanentError):  # noqa: N818
    """A blob is empty, truncated, of another format or of another schema."""


class Refused(PermanentError):  # noqa: N818
    """Azure refused what was asked."""


class AnswerRefused(PermanentError):  # noqa: N818
    """A person's answer cannot be taken; `kind` is one word for the audit trail, `status` of HTTP, 4xx."""

    def __init__(self, kind: str, status: int, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


class TransientError(HomeostatError):
    """The same may succeed in a moment."""


class Unavailable(TransientError):  # noqa: N818
    """A service did not answer, or asked to be left alone for a while."""


class Conflict(TransientError):  # noqa: N818
    """Somebody else changed the intent first: observe again."""
