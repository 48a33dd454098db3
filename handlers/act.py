"""The one place where effects are performed."""

from __future__ import annotations

from control.effects import (
    AskApproval,
    BeginTrial,
    CreateDeployment,
    CreateEndpoint,
    DeleteDeployment,
    Effect,
    Notify,
    Publish,
    RegisterModel,
    ScaleDeployment,
    SetTraffic,
    ShareModel,
    StartRefresh,
    SubmitEvaluation,
    SubmitJob,
    SubmitProfile,
    TakeModel,
    WriteReport,
)
from control.names import report_uri
from control.policy import Policy
from control.ports import Note, Services, Workspace
from control.release import EVIDENCE_TAG
from handlers.asking import ask
from handlers.reporting import write


def perform(policy: Policy, effect: Effect, services: Services) -> Note | None:
    """Perform one effect under the name it carries.

    Returns:
        The audit entry that says so; None when somebody else had done it already.

    Raises:
        Refused: the service will refuse the same again.
        Unavailable: the same may succeed later.
    """
    workspace = services.at(policy).workspace
    done = True
    detail: dict[str, object]
    match effect:
        case SubmitJob() | SubmitEvaluation() | SubmitProfile():
            done, detail = _submit(policy, effect, services)
        case StartRefresh():
            done, detail = services.at(policy).refreshes.start(policy, effect.key), {"key": effect.key}
        case RegisterModel() | ShareModel() | TakeModel():
            done, detail = _on_model(policy, effect, workspace)
        case WriteReport(report=owed):
            done = write(policy, owed, services)
            detail = {
                "job": owed.job,
                "version": owed.version,
                "evidence": owed.evidence,
                "report": report_uri(policy.name, owed.job),
            }
        case (
            CreateEndpoint()
            | CreateDeployment()
            | BeginTrial()
            | ScaleDeployment()
            | SetTraffic()
            | DeleteDeployment()
        ):
            done, detail = _on_endpoint(policy, effect, workspace)
        case Publish():
            services.topic.publish(effect)
            detail = {"type": effect.type, "subject": effect.subject}
        case Notify():
            services.notices.tell(policy, effect.text)
            detail = {"text": effect.text}
        case AskApproval():
            ask(policy, effect, services)  # with its own entry, and the intent says that it is done
            return None
    if not done:
        return None
    return Note(at=services.clock.now(), kind="effect", name=type(effect).__name__, detail=detail)


def _submit(
    policy: Policy, effect: SubmitJob | SubmitEvaluation | SubmitProfile, services: Services
) -> tuple[bool, dict[str, object]]:
    """Submit the job; whether it was not there yet, and what there is to say."""
    workspace = services.at(policy).workspace
    match effect:
        case SubmitJob(training=training):
            known = {batch.version: batch for batch in services.ledger.batches(policy.name)}
            batches = [known[version] for version in (*training.training, *training.evaluation)]
            return workspace.submit(policy, training, batches), {"job": training.job}
        case SubmitEvaluation(evaluating=evaluating):
            known = {batch.version: batch for batch in services.ledger.batches(policy.name)}
            rows = [known[version] for version in evaluating.evaluation]
            done = workspace.submit_evaluation(policy, evaluating, rows)
            return done, {"job": evaluating.job, "version": evaluating.version}
        case SubmitProfile(profiling=profiling):
            done = workspace.submit_profile(policy, profiling, effect.files)
            return done, {"job": profiling.job, "path": profiling.path, "version": profiling.version}


def _on_model(
    policy: Policy, effect: RegisterModel | ShareModel | TakeModel, workspace: Workspace
) -> tuple[bool, dict[str, object]]:
    """Bring the version where it belongs; whether it was not there yet, and what there is to say."""
    match effect:
        case RegisterModel():
            tags = {
                "homeostat.job": effect.job,
                EVIDENCE_TAG: effect.evidence,
                "homeostat.policy": effect.policy_digest,
                "homeostat.report": report_uri(policy.name, effect.job),
            }
            done = workspace.register(policy, effect.version, effect.job, tags)
            return done, {"version": effect.version, "job": effect.job, "evidence": effect.evidence}
        case ShareModel():
            done = workspace.share(policy, effect.version, effect.evidence)
            return done, {"version": effect.version, "evidence": effect.evidence}
        case TakeModel():
            return workspace.take(policy, effect.version), {"version": effect.version}


def _on_endpoint(
    policy: Policy,
    effect: CreateEndpoint | CreateDeployment | BeginTrial | ScaleDeployment | SetTraffic | DeleteDeployment,
    workspace: Workspace,
) -> tuple[bool, dict[str, object]]:
    """Perform it; whether anything changed by it, and what there is to say."""
    match effect:
        case CreateEndpoint():
            return workspace.create_endpoint(policy), {"endpoint": effect.endpoint}
        case CreateDeployment():
            name, version, instances = effect.deployment, effect.model_version, effect.instances
            detail: dict[str, object] = {
                "endpoint": effect.endpoint,
                "deployment": name,
                "version": version,
            }
            if instances is not None:
                detail["instances"] = instances
            return workspace.create_deployment(policy, name, version, instances), detail
        case BeginTrial():
            name, version, job = effect.deployment, effect.model_version, effect.job
            done = workspace.begin_trial(policy, name, version, job)
            return done, {"job": job, "deployment": name, "version": version}
        case ScaleDeployment():
            done = workspace.scale_deployment(policy, effect.deployment, effect.instances)
            return done, {"deployment": effect.deployment, "instances": effect.instances}
        case SetTraffic():
            workspace.set_traffic(policy, dict(effect.traffic), dict(effect.mirror))
            return True, {"traffic": dict(effect.traffic), "mirror": dict(effect.mirror)}
        case DeleteDeployment():
            workspace.delete_deployment(policy, effect.deployment)
            return True, {"deployment": effect.deployment}
