"""Where a model comes from and where it went, as a graph, from its audit trail. Pure.

    data version -> job -> model version -> release -> deployment

A piece of the trail gives a piece of the graph: what its entries say, and no more. An entity that comes again
with other attributes is the same entity, which knows both; of what is said twice the later entry counts. So
pieces that follow each other give the same as the whole, and one that comes again changes nothing.

People's words and names stay in the audit trail: of a person only the object id is handed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from control.lineage_types import TYPES, Kind

Value = str | int | datetime | tuple[str, ...]
Entry = Mapping[str, Any]


@dataclass(frozen=True, order=True, slots=True)
class Ref:
    """Which entity: its kind, and its name among those of its model."""

    kind: Kind
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """What a piece of the trail says of one thing."""

    ref: Ref
    attributes: Mapping[str, Value] = field(default_factory=dict)
    inputs: tuple[Ref, ...] | None = None
    """Of a process; None: nothing is said of them."""
    outputs: tuple[Ref, ...] | None = None


def graph(entries: Iterable[Entry]) -> tuple[Entity, ...]:
    """The entities that these entries of one model's trail speak of; what others refer to comes first.

    The order of the entries does not count, nor does one that is there twice. An entry that lacks what an
    entity needs (an older Homeostat wrote it) is passed over.
    """
    found: dict[Ref, Entity] = {}
    once = {int(entry["number"]): entry for entry in entries}
    for number in sorted(once):
        for said in _said(once[number]):
            known = found.get(said.ref)
            found[said.ref] = joined(known, said) if known else said
            for ref in (*(said.inputs or ()), *(said.outputs or ())):
                found.setdefault(ref, _stub(ref, str(once[number]["model"])))
    order = {"DataSet": 0, "Process": 1}
    return tuple(
        found[ref] for ref in sorted(found, key=lambda ref: (order[TYPES[ref.kind].base], ref.kind, ref.key))
    )


def joined(earlier: Entity, later: Entity) -> Entity:
    """What both say of the same entity; the later one counts where they differ."""
    return Entity(
        ref=later.ref,
        attributes={**earlier.attributes, **later.attributes},
        inputs=earlier.inputs if later.inputs is None else later.inputs,
        outputs=earlier.outputs if later.outputs is None else later.outputs,
    )


def _stub(ref: Ref, model: str) -> Entity:
    """Enough of an entity for others to refer to it."""
    own: dict[str, Value] = {"version": ref.key} if ref.kind in {"data", "version"} else {}
    return Entity(ref=ref, attributes={"model": model, **own})


def _said(entry: Entry) -> Iterator[Entity]:
    """What one entry says."""
    tell = _TELLERS.get((str(entry.get("kind")), str(entry.get("name"))))
    if tell is None:
        return
    try:
        at, number, model = datetime.fromisoformat(entry["at"]), int(entry["number"]), str(entry["model"])
        said = tell(entry["detail"], at)
    except (KeyError, TypeError, ValueError):
        return
    for one in said:
        told = {name: value for name, value in one.attributes.items() if value is not None}
        own = {**_stub(one.ref, model).attributes, **told, "auditEntry": number}
        yield Entity(ref=one.ref, attributes=own, inputs=one.inputs, outputs=one.outputs)


def _entity(kind: Kind, key: str, attributes: Mapping[str, Any], **ends: tuple[Ref, ...]) -> Entity:
    return Entity(
        ref=Ref(kind, str(key)), attributes=attributes, inputs=ends.get("inputs"), outputs=ends.get("outputs")
    )


def _batch(detail: Entry, at: datetime) -> Sequence[Entity]:
    told = {name: detail[name] for name in ("path", "rows", "quality", "drift")}
    return (_entity("data", detail["version"], {**told, "arrived": at, "status": "arrived"}),)


def _retrain(detail: Entry, at: datetime) -> Sequence[Entity]:
    return (_job(detail, at, "training"),)


def _evaluate(detail: Entry, at: datetime) -> Sequence[Entity]:
    return (_job(detail, at, "evaluation", Ref("version", str(detail["version"]))),)


def _job(detail: Entry, at: datetime, purpose: str, *models: Ref) -> Entity:
    training, evaluation = tuple(detail.get("training") or ()), tuple(detail["evaluation"])
    told = {
        "purpose": purpose,
        "trainingData": training or None,
        "evaluationData": evaluation,
        "champion": detail["champion"],
        "pipeline": detail.get("pipeline"),
        "codeDigest": detail.get("code"),
        "policyDigest": detail["policy"],
        "launched": at,
        "status": "launched",
    }
    data = tuple(Ref("data", version) for version in dict.fromkeys((*training, *evaluation)))
    return _entity("job", detail["job"], told, inputs=(*data, *models))


def _job_ended(status: str) -> Callable[[Entry, datetime], Sequence[Entity]]:
    return lambda detail, at: (_entity("job", detail["job"], {"ended": at, "status": status}),)


def _judged(detail: Entry, _at: datetime) -> Sequence[Entity]:
    """A candidate passed or was refused: by its job's evaluation, or because it came too late."""
    job = str(detail["job"])
    if "verdict" not in detail:
        refused = _entity("version", detail["version"], {"status": "refused"})
        return (refused, _entity("job", job, {"status": "failed"})) if job.startswith("ev-") else (refused,)
    verdict, evidence = detail["verdict"], detail["evidence"]
    told = {
        "verdict": verdict,
        "evidenceDigest": evidence,
        "report": detail.get("report"),
        "status": "passed" if verdict == "pass" else "refused",
    }
    judged = _entity("job", job, told)
    if not job.startswith("ev-"):
        return (judged,)  # the number of its version is known when it is registered
    version = {
        "verdict": verdict,
        "evidenceDigest": evidence,
        "policyDigest": detail["policy"],
        "status": told["status"],
    }
    return judged, _entity("version", detail["version"], version)


def _registered(detail: Entry, at: datetime) -> Sequence[Entity]:
    made = Ref("version", str(detail["version"]))
    told = {
        "registered": at,
        "verdict": "pass",
        "evidenceDigest": detail.get("evidence"),
        "status": "registered",
    }
    return (
        _entity("version", made.key, told),
        _entity("job", detail["job"], {"status": "registered"}, outputs=(made,)),
    )


def _proposed(detail: Entry, at: datetime) -> Sequence[Entity]:
    version, name = str(detail["version"]), str(detail["deployment"])
    told = {
        "version": version,
        "proposed": at,
        "evidenceDigest": detail.get("evidence"),
        "policyDigest": detail.get("policy"),
        "status": "proposed",
    }
    ends = {"inputs": (Ref("version", version),), "outputs": (Ref("deployment", name),)}
    return (
        _entity("release", name, told, **ends),
        _entity("deployment", name, {"version": version, "status": "proposed"}),
    )


def _answered(detail: Entry, at: datetime) -> Sequence[Entity]:
    told = {
        "answer": detail["verdict"],
        "answered": at,
        "approverId": detail["id"],
        "evidenceDigest": detail["evidence"],
        "policyDigest": str(detail["policy"])[:12],
        "status": "answered",
    }
    return (_entity("release", detail["deployment"], told),)


def _approved(detail: Entry, at: datetime) -> Sequence[Entity]:
    told = {
        "approvedBy": "policy" if detail["by"] == "policy" else "person",
        "approved": at,
        "evidenceDigest": detail["evidence"],
        "policyDigest": detail["policy"],
        "status": "approved",
    }
    return (_entity("release", detail["deployment"], told),)


def _status(kind: Kind, key: str, status: str) -> Callable[[Entry, datetime], Sequence[Entity]]:
    return lambda detail, _: (_entity(kind, detail[key], {"status": status}),)


def _promoted(detail: Entry, at: datetime) -> Sequence[Entity]:
    told = {"promoted": at, "status": "promoted"}
    return _entity("release", detail["deployment"], told), _entity("version", detail["version"], told)


def _rolled_back(detail: Entry, at: datetime) -> Sequence[Entity]:
    told = {"rolledBack": at, "status": "rolled back"}
    return (
        _entity("release", detail["deployment"], told),
        _entity("version", detail["version"], told),
        _entity("deployment", detail["deployment"], {"status": "deleted"}),
    )


def _created(detail: Entry, at: datetime) -> Sequence[Entity]:
    told = {name: detail.get(name) for name in ("version", "endpoint")}
    return (_entity("deployment", detail["deployment"], {**told, "created": at, "status": "created"}),)


def _deleted(detail: Entry, at: datetime) -> Sequence[Entity]:
    return (_entity("deployment", detail["deployment"], {"deleted": at, "status": "deleted"}),)


_TELLERS: dict[tuple[str, str], Callable[[Entry, datetime], Sequence[Entity]]] = {
    ("evidence", "batch"): _batch,
    ("decision", "retrain"): _retrain,
    ("decision", "evaluate"): _evaluate,
    ("decision", "job completed"): _job_ended("completed"),
    ("decision", "retraining failed"): _job_ended("failed"),
    ("decision", "retraining given up"): _job_ended("failed"),
    ("decision", "evaluation failed"): _job_ended("failed"),
    ("decision", "evaluation is stale"): _status("job", "job", "stale"),
    ("decision", "candidate passed"): _judged,
    ("decision", "candidate refused"): _judged,
    ("decision", "model registered"): _registered,
    ("decision", "release proposed"): _proposed,
    ("decision", "released again"): _proposed,
    ("event", "approval answered"): _answered,
    ("decision", "approved"): _approved,
    ("decision", "approval is stale"): _status("release", "deployment", "approval is stale"),
    ("decision", "roll back"): _status("release", "deployment", "rolling back"),
    ("decision", "promoted"): _promoted,
    ("decision", "rolled back"): _rolled_back,
    ("effect", "CreateDeployment"): _created,
    ("effect", "DeleteDeployment"): _deleted,
    ("decision", "champion lost"): _status("deployment", "deployment", "lost"),
}
"""Kind and name of an entry to what it says; the other entries say nothing of lineage."""
