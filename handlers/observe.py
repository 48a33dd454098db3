"""Read the facts that the intent's phases need, and no more."""

from __future__ import annotations

import logging

from control import sharing
from control.errors import BadData, HomeostatError
from control.facts import Endpoint, Evaluation, Facts, ModelVersion, Probe, Template
from control.names import deployment_name
from control.policy import Policy
from control.ports import Services
from control.refreshing import awaited
from control.release import is_gone, may_go_on
from control.state import Intent
from control.traffic import Arm, Traffic
from control.vetting import looks
from handlers.evidence import measured

log = logging.getLogger("homeostat.observe")


def observe(policy: Policy, intent: Intent, services: Services) -> Facts:
    """What is so at this moment, as far as the next decision looks at it."""
    retraining, place = intent.retraining, services.at(policy)
    workspace = place.workspace
    phase, job = retraining.phase, retraining.current.job if retraining.current else ""
    wanted = phase == "idle" and retraining.wanted > retraining.handled
    vetting = intent.vetting
    vetted = vetting.current.job if vetting.current else ""
    looking = looks(policy, intent)
    registry = _registry(policy, intent, services)
    endpoint = _endpoint(policy, intent, services)
    traffic = _traffic(policy, intent, endpoint, services)
    return Facts(
        batches=tuple(services.ledger.batches(policy.name)) if wanted or looking else (),
        refresh=place.refreshes.run(policy, key) if wanted and (key := awaited(policy, intent)) else None,
        job=workspace.job(job) if phase in {"launching", "running"} else None,
        evaluation=_evaluation(policy, job, services) if phase == "gating" else None,
        models=tuple(workspace.models(policy))
        if looking or registry or vetting.phase == "gating" or phase in {"gating", "registering"}
        else (),
        registry=registry,
        vetting_job=workspace.job(vetted) if vetting.phase in {"launching", "running"} else None,
        vetting_evaluation=_evaluation(policy, vetted, services) if vetting.phase == "gating" else None,
        endpoint=endpoint,
        reported=_reported(policy, intent, services),
        template=_template(policy, intent, services),
        probe=_probe(policy, intent, endpoint, traffic, services),
        traffic=traffic,
    )


def _evaluation(policy: Policy, job: str, services: Services) -> Evaluation | None:
    """What the job says of its candidate; what cannot be read is the gate's to refuse, and no retry's."""
    try:
        found = services.at(policy).workspace.evaluation(policy, job)
    except BadData as fault:
        return Evaluation(digest="", body={}, fault=str(fault))
    return measured(policy, found) if found else None


def _reported(policy: Policy, intent: Intent, services: Services) -> bool | None:
    """Whether the report that is owed is there; not knowing it must not hold up a decision."""
    if intent.report is None:
        return None
    try:
        return services.at(policy).workspace.reported(policy, intent.report.job)
    except HomeostatError as fault:
        log.warning("%s: the report of %s: %s", policy.name, intent.report.job, fault)
        return None


def _registry(policy: Policy, intent: Intent, services: Services) -> tuple[ModelVersion, ...] | None:
    """What the policy's registry has; not knowing it must not hold up a decision."""
    if not sharing.looks(policy, intent):
        return None
    try:
        return tuple(services.at(policy).workspace.registry(policy))
    except HomeostatError as fault:
        log.warning("%s: registry: %s", policy.name, fault)
        return None


def _endpoint(policy: Policy, intent: Intent, services: Services) -> Endpoint | None:
    if intent.releasing.phase == "none" and intent.releasing.generation == 0:
        return None  # nothing of ours can be there yet
    return services.at(policy).workspace.endpoint(policy.release.endpoint)


def _template(policy: Policy, intent: Intent, services: Services) -> Template | None:
    phase = intent.releasing.phase
    return None if phase in {"none", "proposed"} else services.at(policy).workspace.template(policy)


def _traffic(policy: Policy, intent: Intent, endpoint: Endpoint | None, services: Services) -> Traffic | None:
    """What the logs say of the step that is watched, or of all that a candidate answered which is gone."""
    state, candidate = intent.releasing, intent.releasing.candidate
    if endpoint is None or candidate is None:
        return None
    if endpoint.kind == "batch":
        return Traffic(candidate=Arm(), champion=None, reason="a batch endpoint keeps no log of requests")
    if state.phase in {"shadow", "canary"}:
        since = state.since
    else:
        since = candidate.exposed if is_gone(intent, endpoint) else None
    if since is None:
        return None
    name = deployment_name(candidate.generation)
    champion = state.champion.deployment if state.champion else None
    return services.at(policy).logs.traffic(policy, name, champion, since, services.clock.now())


def _probe(
    policy: Policy, intent: Intent, endpoint: Endpoint | None, traffic: Traffic | None, services: Services
) -> Probe | None:
    """Golden predictions, asked only of a candidate that is up and of which everything else is known."""
    state, candidate = intent.releasing, intent.releasing.candidate
    if endpoint is None or candidate is None:
        return None
    name = deployment_name(candidate.generation)
    deployment = endpoint.deployments.get(name)
    if deployment is None or deployment.state != "succeeded":
        return None
    steps = state.phase in {"shadow", "canary"} and may_go_on(policy, intent, traffic, services.clock.now())
    if state.phase != "creating" and not steps:
        return None
    return services.at(policy).workspace.probe(policy, name, candidate.version)
