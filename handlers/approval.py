"""A person's answer over HTTP: GET shows what is asked and changes nothing, POST decides.

The answer is written into the intent by compare-and-swap; a wake-up then brings the release machine to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from control.answering import answered, refused, verdict_of
from control.approval import Asked, Sealer, clean, model_named
from control.approvers import Principal
from control.errors import AnswerRefused, HomeostatError, PolicyError, TransientError
from control.messages import Message
from control.policy import Policy
from control.ports import Note, Services
from control.state import Intent
from handlers.amend import amend
from handlers.approval_page import show
from handlers.approval_reply import Reply, refusal, taken
from handlers.approval_request import Given, headers_of, read, wants_page

if TYPE_CHECKING:
    import azure.functions as func

log = logging.getLogger("homeostat.approval")


def answer(request: func.HttpRequest, services: Services, wake: Callable[[str], None]) -> Reply:
    """Answer a request to the route `approval`; `wake` puts a message on `work`. Every refusal is a 4xx."""
    headers = headers_of(request)
    page, decides = wants_page(headers), request.method == "POST"
    model, principal = "", None
    try:
        given = read(request, headers)
        model = model_named(given.fields["token"]) or given.fields.get("model", "")
        principal = services.identities.who(headers)
        asked = _asked(given, principal, services)
        policy = _policy(asked.model, services)
        if not decides:
            return show(asked, given, policy, principal, services, page=page)
        detail = _decide(given, asked, policy, principal, services)
        wake(Message(kind="reconcile", model=asked.model, source="approval").to_json())
        return taken(asked.model, detail, page=page)
    except AnswerRefused as reason:
        said = clean(str(reason), 300)
        log.warning("an answer about %r was refused: %s: %s", clean(model, 100), reason.kind, said)
        if decides:  # GET never writes
            _record(model, reason, principal, services)
        return refusal(reason.status, reason.kind, str(reason), page=page)
    except PolicyError as fault:
        log.warning("an answer about %r must wait: %s", clean(model, 100), fault)
        return refusal(409, "policy", "the model's policy is wrong and must be mended first", page=page)
    except TransientError as fault:
        log.warning("an answer about %r must wait: %s", clean(model, 100), fault)
        return refusal(
            503, "unavailable", "this cannot be read or written at the moment: try again", page=page
        )


def _decide(
    given: Given, asked: Asked, policy: Policy, principal: Principal | None, services: Services
) -> Mapping[str, object]:
    """Write the answer; the detail of its audit entry."""
    fields = given.fields
    whose = principal.id if principal else ""
    sealer = services.at(policy).sealer
    if given.is_form and not sealer.fits(fields.get("form", ""), fields["token"], whose):
        raise AnswerRefused(
            "another page", 403, "this form does not come from the link's own page: open the link again"
        )
    verdict = verdict_of(fields.get("verdict", ""))

    def change(intent: Intent, now: datetime) -> tuple[Intent, Sequence[Note]]:
        return answered(policy, intent, asked, verdict, principal, fields.get("reason", ""), now)

    (note,) = amend(asked.model, "the answer", change, services)
    log.info("%s: version %s: %s", asked.model, asked.version, verdict)
    return note.detail


def _asked(given: Given, principal: Principal | None, services: Services) -> Asked:
    """What is answered: the token's question, or, with a proven identity, the one that is named."""
    token, model = given.fields["token"], given.fields.get("model", "")
    now = services.clock.now()
    if token:
        return _sealer(model_named(token), services).open(token, now)
    if given.is_form or not model:
        raise AnswerRefused("malformed", 400, "there is no token")
    if principal is None or not (policy := _policy(model, services)).approval.approvers:
        raise AnswerRefused(
            "identity", 401, "without a link it takes a bearer token, and a policy that names approvers"
        )
    asked = services.at(policy).sealer.asked(services.ledger.load(model)[0])
    if asked is None:
        raise AnswerRefused("stale", 409, f"nothing of {model} waits for an answer")
    for name, stands in (("version", asked.version), ("evidence", asked.evidence)):
        if given.fields.get(name) != stands:
            raise AnswerRefused("stale", 409, f"{name} must be the one that waits: {stands}")
    if now.timestamp() >= asked.expires:
        raise AnswerRefused("expired", 410, "the question has expired")
    return asked


def _sealer(model: str, services: Services) -> Sealer:
    """Of the workspace of the model that a token speaks of: a token of another workspace does not open here.

    A token may be forged, and speak of any model; of one that is not managed, any sealer says so.
    """
    policy = services.policies.get(model) if model in services.policies.names() else None
    return (services.at(policy) if policy else services.places[None]).sealer


def _policy(model: str, services: Services) -> Policy:
    policy = services.policies.get(model) if model in services.policies.names() else None
    if policy is None:
        raise AnswerRefused("unknown model", 404, "no policy manages that model here")
    return policy


def _record(model: str, reason: AnswerRefused, principal: Principal | None, services: Services) -> None:
    """Into the audit trail of a model that we manage; where that fails, the answer is the same."""
    try:
        if model in services.policies.names():
            amend(model, "a refusal", lambda intent, now: refused(intent, reason, principal, now), services)
    except HomeostatError as fault:
        log.warning("a refused answer is not in the audit trail: %s", fault)
