"""The candidate's test report, for whoever holds the link: only what Homeostat wrote, and in a sandbox.

The address comes from the model's tags, which many can write: anything but a report of this model is not
read, and what is read gets no script, no form and no origin of ours.
"""

from __future__ import annotations

import re

from control.approval import Asked
from control.errors import AnswerRefused
from control.policy import Policy
from control.ports import Services
from control.state import Candidate
from handlers.approval_reply import Reply

_NAME = r"[A-Za-z0-9_-]+"
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


def is_ours(candidate: Candidate, model: str) -> bool:
    """Whether the address is one that a report of this model is written to."""
    folder = f"azureml://datastores/workspaceblobstore/paths/homeostat/{re.escape(model)}"
    return re.fullmatch(rf"{folder}/{_NAME}/report/{_NAME}\.html", candidate.report) is not None


def report(asked: Asked, candidate: Candidate, policy: Policy, services: Services) -> Reply:
    """The report as it was written.

    Raises:
        AnswerRefused: the candidate has none, or it is not there.
    """
    workspace = services.at(policy).workspace
    page = workspace.file(policy, candidate.report) if is_ours(candidate, asked.model) else None
    if page is None:
        raise AnswerRefused(
            "no report", 404, f"version {asked.version} of {asked.model} has no test report here"
        )
    body = page.decode("utf-8", "replace")
    return Reply(status=200, body=body, is_page=True, policy=SANDBOX)
