"""Role assignments: every role is known, used, narrow and explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.checks.places import Fault, Place
from infra.checks.template import Template
from infra.checks.values import Resource, Unknown, Value, plain

TOO_WIDE = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": "Owner",
    "b24988ac-6180-42a0-ab88-20f7382dd24c": "Contributor",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9": "User Access Administrator",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168": "Role Based Access Control Administrator",
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": "Storage Account Contributor",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483": "Key Vault Administrator",
}
ASSIGNMENT, DEFINITION = "Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleDefinitions"


def named_roles(infra: Path) -> dict[str, str]:
    """Names of roles to their ids: roles.json."""
    return dict(json.loads((infra / "roles.json").read_text("utf-8")))


def faults_of_roles(templates: Iterable[Template], infra: Path, page: Path) -> Iterator[Fault]:
    """Unknown, unused, wide and unexplained roles. `page` is docs/security.md."""
    roles = named_roles(infra)
    explained = explained_roles(page)
    given: dict[tuple[str, str, str], Fault] = {}
    for template in templates:
        definitions = {one.id: one for one in template.of(DEFINITION)}
        for one in definitions.values():
            yield from _wildcards(one)
        for one in template.of(ASSIGNMENT):
            role = one.get("properties", "roleDefinitionId")
            name = _name(role, roles, definitions) if role else None
            if role is None:
                continue  # the types say so
            if name is None:
                number = str(plain(role)).rpartition("/")[2]
                wide = TOO_WIDE.get(number)
                what = (
                    f"{wide} is too wide for anybody here" if wide else f"role {number} is not in roles.json"
                )
                yield Fault(role.at, what)
                continue
            who, where = _who(one), _where(one)
            if where == "group":
                yield Fault(one.at, f"{name} is given on the whole resource group: give it a scope")
            given[who, name, where] = Fault(
                one.at, f"{who} has {name} on {where}: no row in {page.name} says why"
            )
    used = {name for _, name, _ in given}
    for name in sorted(set(roles) - used):
        yield Fault(_line(infra / "roles.json", name), f"the role {name} is never given")
    yield from (fault for key, fault in sorted(given.items()) if key not in explained)
    for who, name, where in sorted(set(explained) - set(given)):
        yield Fault(explained[who, name, where], f"{who} does not have {name} on {where}")


def _name(role: Value, roles: dict[str, str], definitions: dict[str, Resource]) -> str | None:
    """What a role is called here; None for those that nobody may have, and for strangers."""
    number = str(plain(role)).rpartition("/")[2]
    if number in TOO_WIDE:
        return None
    if str(role.data) in definitions:
        return definitions[str(role.data)].symbol
    return next((name for name, one in roles.items() if one == number), None)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that an identity gets, and the type of what it gets it on."""

    role: str
    name: str
    kind: str


def grants_of(template: Template, who: str) -> set[Grant]:
    """The roles of one identity in a template."""
    titles = {number: name for name, number in named_roles(template.file.parent).items()}
    found = set()
    for one in template.of(ASSIGNMENT):
        role, scope = one.get("properties", "roleDefinitionId"), one.get("scope")
        number = str(plain(role)).rpartition("/")[2]
        if _who(one) == who and number in titles and scope is not None and isinstance(scope.data, Resource):
            found.add(Grant(number, titles[number], scope.data.type))
    return found


def explained_roles(page: Path) -> dict[tuple[str, str, str], Place]:
    """Rows of the page's table of roles: who, role (its name in code font), where; each needs a reason."""
    rows = {}
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"`\w+`.*", cells[1]) and cells[3]:
            rows[cells[0], cells[1].split("`")[1], cells[2]] = Place(page, number)
    return rows


def _who(assignment: Resource) -> str:
    """Whose: the symbol of the identity in Bicep, or what the parameter says."""
    principal = assignment.get("properties", "principalId")
    data = principal.data if principal else None
    if isinstance(data, Unknown) and data.resource is not None:
        return data.resource.symbol
    return "deployer"


def _where(assignment: Resource) -> str:
    """On what: the symbol of the resource, with its file where that is one of several."""
    scope = assignment.get("scope")
    data = scope.data if scope else None
    if not isinstance(data, Resource):
        return "group"
    kind = data.type.rpartition("/")[2]
    names = {"storageAccounts": "data storage" if data.name.startswith("stml") else "app storage"}
    return names.get(kind, data.symbol)


def _wildcards(definition: Resource) -> Iterator[Fault]:
    permissions = definition.get("properties", "permissions")
    for block in permissions.data if permissions else []:
        for kind in ("actions", "dataActions"):
            for action in block.data[kind].data if kind in block.data else []:
                if "*" in str(action.data):
                    yield Fault(action.at, f"{definition.symbol}: {action.data} has a wildcard")


def _line(file: Path, name: str) -> Place:
    lines = file.read_text("utf-8").splitlines()
    return Place(file, next((i for i, line in enumerate(lines, 1) if f'"{name}"' in line), 1))
