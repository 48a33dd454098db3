"""What there is to know for an answer: read from the ledger and the policy, and shown. Nothing is changed."""

from __future__ import annotations

from typing import Any

from control.answering import LONGEST_REASON, standing
from control.approval import ROUTE, Asked
from control.approvers import Principal
from control.policy import Policy
from control.ports import Services
from control.state import Intent
from handlers.approval_reply import Reply, data
from handlers.approval_report import is_ours, report
from handlers.approval_request import Given

LATEST_ENTRIES = 300
"""Of the audit trail, for the checks of the gate: what waits was judged a short while ago."""


def show(
    asked: Asked, given: Given, policy: Policy, principal: Principal | None, services: Services, *, page: bool
) -> Reply:
    """The question with everything that speaks for or against it; with a form, on a page.

    Raises:
        AnswerRefused: the question does not stand any more.
    """
    intent, _ = services.ledger.load(asked.model)
    candidate, question = standing(policy, intent, asked)
    if given.fields.get("report"):
        return report(asked, candidate, policy, services)
    champion = intent.releasing.champion
    known: dict[str, Any] = {
        "model": asked.model,
        "version": asked.version,
        "champion": champion.version if champion else None,
        "evidence": asked.evidence,
        "policy": asked.policy,
        "report": candidate.report,
        "asked": question.asked.isoformat(),
        "expires": question.expires.isoformat(),
        "approvers": list(policy.approval.approvers),
        "not_author": policy.approval.not_author,
        "authors": list(candidate.authors) if candidate.authors is not None else None,
        "judgement": _judgement(asked, intent, services),
        "release": _release(policy),
    }
    if not page:
        return data(known)
    from reports.approval import render

    token = given.fields["token"]
    form = {
        "report": f"{ROUTE}?token={token}&report=page"
        if is_ours(candidate, asked.model)
        else candidate.report,
        "action": ROUTE,
        "token": token,
        "form": services.at(policy).sealer.form(token, principal.id if principal else ""),
        "you": principal.label if principal else None,
        "sign_in": services.identities.sign_in(f"{ROUTE}?token={token}") if principal is None else None,
        "longest_reason": LONGEST_REASON,
    }
    return Reply(status=200, body=render(known | form), is_page=True)


def _judgement(asked: Asked, intent: Intent, services: Services) -> dict[str, Any]:
    """The newest entry that holds the gate's checks of that version; empty when there is none."""
    found: dict[str, Any] = {}
    first = max(1, intent.audit_count - LATEST_ENTRIES + 1)
    for entry in services.ledger.audit(asked.model, first):
        detail = entry.get("detail") or {}
        if detail.get("checks") and str(detail.get("version")) == asked.version:
            found = detail
    return found


def _release(policy: Policy) -> dict[str, Any]:
    release = policy.release
    mirror = f"{release.mirror_percent} % for {release.mirror_for}" if release.mirror_percent else None
    return {
        "endpoint": release.endpoint,
        "mirror": mirror,
        "steps": list(release.steps),
        "bake": str(release.bake),
        "abort_if": dict(release.abort_if),
        "on_inconclusive": release.on_inconclusive,
    }
