"""The loop that everything ends in: observe, decide, record, act, until there is nothing left to do now.

The intent is written before its effect. A crash in between repeats the effect under the same name at the next
wake-up; a second worker loses the compare-and-swap and starts again from the facts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from control.decide import decide
from control.decision import Decision
from control.effects import (
    BeginTrial,
    CreateDeployment,
    CreateEndpoint,
    Effect,
    ScaleDeployment,
    ShareModel,
    StartRefresh,
    SubmitEvaluation,
    SubmitJob,
    TakeModel,
)
from control.errors import Conflict, Refused, Unavailable
from control.policy import Policy
from control.ports import Note, Services
from control.refreshing import refresh_refused
from control.release import poll, roll_back
from control.retraining import launch_refused
from control.sharing import refused as sharing_refused
from control.state import Intent
from control.vetting import evaluation_refused
from handlers.act import perform
from handlers.amend import amend
from handlers.home import expect_home
from handlers.observe import observe

log = logging.getLogger("homeostat.converge")

SHORTEST = timedelta(milliseconds=200)
ROUNDS = 40
"""More than any chain of decisions needs; reaching it is a fault worth a loud line."""


def converge(policy: Policy, services: Services) -> None:
    """Bring one model as far as the facts allow at this moment.

    Raises:
        Unavailable: the facts cannot be read; what was decided so far is kept.
        Refused: a service refused an effect that no decision can answer, or the model was managed in
            another workspace so far.
    """
    asked: tuple[Effect, ...] = ()
    here = services.at(policy).id
    for _ in range(ROUNDS):
        intent, etag = services.ledger.load(policy.name)
        expect_home(policy, intent, services)
        facts = observe(policy, intent, services)
        decision = at_home(decide(policy, intent, facts, services.clock.now()), intent, here)
        settled = decision.intent == intent and (not decision.effects or decision.effects == asked)
        if settled:  # the same effects again: their result cannot be seen yet
            _wake(decision, services)
            return
        asked = decision.effects
        try:
            if decision.intent != intent or decision.notes:
                services.ledger.commit(decision.intent, etag, decision.notes)
            for effect in decision.effects:
                _act(policy, effect, services)
        except Conflict:
            continue
        except Unavailable as err:
            # What is meant is written; the effect follows when the service takes it.
            log.warning("%s: looking again in a moment: %s", policy.name, err)
            _wake(replace(decision, wake=decision.wake or poll(policy)), services)
            return
        for note in decision.notes:
            log.info("%s: %s %s", policy.name, note.name, note.detail)
    log.error("%s did not settle in %d rounds; reconcile looks again", policy.name, ROUNDS)


def at_home(decision: Decision, intent: Intent, here: str) -> Decision:
    """The decision with the workspace that it was taken in, where it changes the intent."""
    if decision.intent == intent:
        return decision
    return replace(decision, intent=replace(decision.intent, home=here))


def record(model: str, notes: Sequence[Note], services: Services) -> None:
    """Add audit entries without changing the intent."""
    amend(model, "the audit trail", lambda intent, _: (intent, notes), services)


def _act(policy: Policy, effect: Effect, services: Services) -> None:
    try:
        note = perform(policy, effect, services)
    except Refused as refusal:
        log.warning("%s: %s refused: %s", policy.name, type(effect).__name__, refusal)
        _answer_refusal(policy, effect, str(refusal), services)
        return
    if note is not None:
        log.info("%s: %s %s", policy.name, note.name, note.detail)
        record(policy.name, [note], services)


def _answer_refusal(policy: Policy, effect: Effect, reason: str, services: Services) -> None:
    """What will be refused again must not be tried for ever."""
    intent, etag = services.ledger.load(policy.name)
    now = services.clock.now()
    match effect:
        case SubmitJob(training=training) if intent.retraining.current == training:
            decision = launch_refused(policy, intent, now, reason)
        case StartRefresh() if intent.retraining.phase == "idle":
            decision = refresh_refused(policy, intent, now, reason)
        case SubmitEvaluation(evaluating=evaluating) if intent.vetting.current == evaluating:
            decision = evaluation_refused(policy, intent, now, reason)
        case ShareModel(version=version) | TakeModel(version=version):
            moving = intent.sharing.current
            if moving is None or moving.version != version:
                return
            decision = sharing_refused(policy, intent, now, reason)
        case CreateEndpoint() | CreateDeployment() | BeginTrial() if intent.releasing.phase == "creating":
            decision = roll_back(intent, now, f"Azure ML refused {type(effect).__name__}: {reason}")
        case ScaleDeployment() if intent.releasing.phase in {"shadow", "canary"}:
            decision = roll_back(intent, now, f"Azure ML refused {effect.instances} instances: {reason}")
        case ScaleDeployment():
            return  # the log says it; the traffic is where it belongs, and the next look asks again
        case _:
            raise Refused(f"{policy.name}: {type(effect).__name__}: {reason}")
    services.ledger.commit(decision.intent, etag, decision.notes)
    for follow_up in decision.effects:
        perform(policy, follow_up, services)


def _wake(decision: Decision, services: Services) -> None:
    """Order a wake-up unless an earlier one is already on the queue; should it get lost, reconcile comes."""
    if decision.wake is None:
        return
    intent = decision.intent
    now = services.clock.now()
    due = now + max(decision.wake, SHORTEST)
    if intent.wake_at is not None and now < intent.wake_at <= due:
        return
    current, etag = services.ledger.load(intent.model)
    if current.wake_at != intent.wake_at:
        return  # somebody else has ordered one just now
    try:
        services.ledger.commit(replace(current, wake_at=due), etag, ())
    except Conflict:
        return  # whoever changed the intent looks at it, too
    services.wakeups.wake(intent.model, due - now)
