"""All the checks, over one checkout."""

from __future__ import annotations

from pathlib import Path

from infra.checks.app_settings import faults_of_settings
from infra.checks.baseline import faults_of_baseline
from infra.checks.events import faults_of_events
from infra.checks.hooks import faults_of_hooks
from infra.checks.names import faults_of_names
from infra.checks.places import Fault, Place, Wrong
from infra.checks.queries import faults_of_queries
from infra.checks.roles import faults_of_roles
from infra.checks.scenarios import templates
from infra.checks.schemas import faults_of_azure_yaml, faults_of_parameters, faults_of_schemas
from infra.checks.types import Types, faults_of_types

ROOT = Path(__file__).resolve().parents[2]
SPECS = ROOT.parent / "shared" / "specs" / "functions"


def faults(root: Path = ROOT, specs: Path = SPECS) -> list[Fault]:
    """Everything that is wrong with `infra/`, each once, in the order of the files."""
    infra = root / "infra"
    whole = specs.is_dir()
    try:
        found = templates(infra)
        wrong = [fault for one in found for fault in one.faults]
        types = Types(specs / "bicep-types" if whole else None)
        for one in found:
            wrong += faults_of_types(one, types)
            wrong += faults_of_baseline(one)
            wrong += faults_of_events(one)
            wrong += faults_of_queries(one)
            if whole:
                wrong += faults_of_schemas(one, specs / "arm")
        *mains, after, _further = found
        for one in mains:
            wrong += faults_of_settings(one, root, whole=one is mains[-1])
        wrong += faults_of_roles(found, infra, root / "docs" / "security.md")
        wrong += faults_of_names(found[0], after, root / "policies")
        wrong += faults_of_hooks(infra, found[0])
        wrong += faults_of_parameters(
            infra, specs / "arm" / "2019-04-01_deploymentParameters.json" if whole else None
        )
        wrong += faults_of_azure_yaml(
            root / "azure.yaml", specs / "azd-azure.yaml.schema.json" if whole else None
        )
        wrong += unread(infra, {file.resolve() for one in found for file in one.files})
    except Wrong as err:
        return [err.fault]
    return sorted(set(wrong))


def unread(infra: Path, files: set[Path]) -> list[Fault]:
    """Files of Bicep that nothing uses."""
    return [
        Fault(Place(file, 1), "nothing uses this file")
        for file in sorted(infra.rglob("*.bicep"))
        if file.resolve() not in files
    ]
