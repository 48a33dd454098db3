"""What travels on the `work` queue: references, never payloads of size."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from control.errors import BadInput

Kind = Literal[
    "new_data",  # a blob was closed: {url, etag, size}
    "drift_alert",  # somebody says that data drifted: {monitor | model, run}
    "job_finished",  # a job ended: {job, status}
    "model_registered",  # {name, version}
    "model_deployed",  # {endpoint}
    "code_changed",  # code was pushed, or registered: {event, repository | pipeline, commit}
    "alert",  # an Azure Monitor alert: {rule, condition, id, severity}
    "drift_check",  # timer, one message a model: {}
    "reconcile",  # timer, or a wake-up the app asked for, one message a model: {}
]
LONGEST = 40_000
"""Characters of a message: a queue's message holds 64 KB, in base64."""
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One wake-up.

    `model` is the name of the managed model where the sender knows it; else the handler finds it from
    `detail`. `source` names the event it came from, for the log and the audit trail. `workspace` is the
    resource id of the Azure ML workspace that the event came from, in small letters, where it is one's.
    """

    kind: Kind
    model: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    workspace: str | None = None

    def to_json(self) -> str:
        """The message as one line of JSON.

        Raises:
            BadInput: it is longer than a queue takes.
        """
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        if len(text) > LONGEST:
            raise BadInput(f"what it says is {len(text)} characters long; a message holds {LONGEST}")
        return text

    @classmethod
    def from_json(cls, text: str | bytes) -> Message:
        """Read a message.

        Raises:
            BadInput: it is not JSON, or not one of ours.
        """
        try:
            body = json.loads(text)
            kind = body["kind"]
            if kind not in KINDS:
                raise BadInput(f"work message of unknown kind {kind!r}; known: {', '.join(KINDS)}")
            return cls(
                kind=kind,
                model=body.get("model"),
                detail=dict(body.get("detail") or {}),
                source=str(body.get("source") or ""),
                workspace=body.get("workspace"),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as err:
            raise BadInput(f"work message is not a Homeostat message: {err!r}") from err
