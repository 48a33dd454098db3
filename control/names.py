"""Deterministic names: the idempotency keys of every effect."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable

JOB = re.compile(r"^(?:rt|ev|pf|tr)-(?P<model>.+)-(?P<epoch>\d+)-(?P<digest>[0-9a-f]{8})$")
REPORT_PAGE, REPORT_TESTS, REPORT_DATA = "report.html", "junit.xml", "report.json"
"""Written in that order: who finds the last one finds all."""
SOURCE_TAG, REGISTRY_TAG = "homeostat.source", "homeostat.registry"
"""Tags of a version: which one of which workspace was shared; which one of a registry was taken."""
DEPLOYMENT = re.compile(r"^g(?P<generation>\d+)$")


def digest(value: object) -> str:
    """SHA-256 (hex) of a JSON value's canonical text."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def job_name(model: str, epoch: int, content: object) -> str:
    """`rt-<model>-<epoch>-<digest8>`: Azure ML refuses a second job under it with other content."""
    return f"rt-{model}-{epoch}-{digest(content)[:8]}"


def evaluation_name(model: str, number: int, content: object) -> str:
    """`ev-<model>-<number>-<digest8>`, for the evaluation of a version that somebody registered."""
    return f"ev-{model}-{number}-{digest(content)[:8]}"


def profile_name(model: str, attempt: int, content: object) -> str:
    """`pf-<model>-<attempt>-<digest8>`, for the profile of a large batch."""
    return f"pf-{model}-{attempt}-{digest(content)[:8]}"


def trial_name(model: str, deployment: str, version: str) -> str:
    """`tr-<model>-<generation>-<digest8>`: the one trial run of a batch deployment."""
    return f"tr-{model}-{deployment.removeprefix('g')}-{digest([deployment, version])[:8]}"


def model_of(job: str) -> str | None:
    """The model that a job of ours retrains, evaluates, tries or profiles data for; None for other jobs."""
    match = JOB.match(job)
    return match["model"] if match else None


def workspace_id(subscription: str, resource_group: str, workspace: str) -> str:
    """An Azure ML workspace's resource id, in small letters: Azure's names have no case."""
    return (
        f"/subscriptions/{subscription}/resourcegroups/{resource_group}"
        f"/providers/microsoft.machinelearningservices/workspaces/{workspace}"
    ).lower()


def source_of(home: str, model: str, version: str) -> str:
    """Where a shared version comes from: the workspace's resource id with model and version."""
    return f"{home}/models/{model}/versions/{version}"


def registry_address(registry: str, model: str, version: str) -> str:
    """A version in a registry, as Azure ML addresses it."""
    return f"azureml://registries/{registry}/models/{model}/versions/{version}"


def data_version(blobs: Iterable[tuple[str, str]]) -> str:
    """Identity of a batch: digest of (path, eTag) of its blobs, whatever their order."""
    return digest(sorted([path, etag.strip('"')] for path, etag in blobs))[:16]


def report_folder(model: str, job: str) -> str:
    """Where a job's test report lies in the workspace's datastore: beside its model and evaluation."""
    return f"homeostat/{model}/{job}/report/"


def report_uri(model: str, job: str) -> str:
    """The report's page, as Azure ML addresses it."""
    return f"azureml://datastores/workspaceblobstore/paths/{report_folder(model, job)}{REPORT_PAGE}"


def deployment_name(generation: int) -> str:
    """`g<generation>`: never used twice, so a late writer can only name what is gone.

    Three digits at least: Azure ML refuses names of fewer than three characters.
    """
    return f"g{generation:03d}"
