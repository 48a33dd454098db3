"""What goes back to whoever answers: a page for browsers, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_DONE = {"approve": "approved", "reject": "rejected", "withdraw": "withdrawn"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer of HTTP."""

    status: int
    body: str
    is_page: bool
    policy: str = "frame-ancestors 'none'; form-action 'self'; base-uri 'none'"
    """What a browser may do with it, beside what the page says itself."""

    @property
    def headers(self) -> dict[str, str]:
        """Nothing of this is kept, framed, or told to another site."""
        kind = "text/html; charset=utf-8" if self.is_page else "application/json"
        found = {**HEADERS, "Content-Type": kind, "Content-Security-Policy": self.policy}
        return found | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})


def data(body: Mapping[str, Any], status: int = 200) -> Reply:
    """For programs."""
    return Reply(status=status, body=json.dumps(body, default=str), is_page=False)


def taken(model: str, detail: Mapping[str, Any], *, page: bool) -> Reply:
    """The answer is written; `detail` is that of its audit entry."""
    if not page:
        return data({"model": model, **detail})
    from reports.approval import outcome

    title = f"Version {detail['version']} of {model} is {_DONE[detail['verdict']]}"
    said = f"By {detail['by']}: {detail['reason']}"
    return Reply(status=200, body=outcome(title, said, "This link has served its purpose."), is_page=True)


def refusal(status: int, kind: str, message: str, *, page: bool) -> Reply:
    """Nothing was decided, and why."""
    if not page:
        return data({"error": message, "kind": kind}, status)
    from reports.approval import outcome

    return Reply(status=status, body=outcome("Nothing was decided", f"{message}.", ""), is_page=True)
