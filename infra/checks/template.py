"""A file of Bicep and its modules under one set of parameters: the resources that come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.checks import functions
from infra.checks.expressions import Evaluator
from infra.checks.places import Fault, Place, Wrong
from infra.checks.syntax import Declaration, Source, named, read, text, walk
from infra.checks.values import Instance, Resource, Scope, Unknown, Value, plain

ENVIRONMENT = {
    "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
    "suffixes": {"storage": "core.windows.net", "keyvaultDns": ".vault.azure.net"},
}
PRIMITIVE: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "int": int,
    "bool": bool,
    "array": list,
    "object": dict,
}
SUBSCRIPTION = Scope(
    "subscription",
    f"/subscriptions/{functions.SUBSCRIPTION}",
    {"subscriptionId": functions.SUBSCRIPTION, "tenantId": functions.TENANT, "displayName": "sample"},
)


def group(name: str, location: str = "westeurope") -> Scope:
    """A resource group."""
    return Scope(
        "resourceGroup", f"{SUBSCRIPTION.id}/resourceGroups/{name}", {"name": name, "location": location}
    )


def _elsewhere(subscription: str, name: str) -> Scope:
    """A resource group of another subscription."""
    home = f"/subscriptions/{subscription}/resourceGroups/{name}"
    return Scope("resourceGroup", home, {"name": name})


@dataclass(slots=True)
class Template:
    """What a file comes to. Faults that did not end the evaluation are in `faults`."""

    file: Path
    parameters: dict[str, Value] = field(default_factory=dict)
    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Value] = field(default_factory=dict)
    reads: list[tuple[Resource, tuple[str, ...], Place]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)

    def of(self, kind: str) -> list[Resource]:
        """The resources of a type that are deployed."""
        return [one for one in self.resources if one.type == kind and not one.absent and not one.existing]


def evaluate(file: Path, parameters: Mapping[str, Any], scope: Scope | None = None) -> Template:
    """Evaluate a file with these parameters (plain data) at that scope.

    Raises:
        Wrong: it cannot be evaluated; says where and why.
    """
    at = Place(file, 1)
    given = {name: functions.wrapped(value, at) for name, value in parameters.items()}
    return _File(read(file), given, scope or SUBSCRIPTION, at).run()


class _File:
    """One file being evaluated; each declaration once, when it is first asked for."""

    def __init__(self, source: Source, given: Mapping[str, Value], scope: Scope, called: Place) -> None:
        self._source = source
        self._given = given
        self._scope = scope
        self._called = called
        self._done: dict[str, Value] = {}
        self._busy: list[str] = []
        self._out = Template(source.file, files={source.file})
        self._evaluator = Evaluator(
            source,
            self._look,
            {
                "subscription": lambda: SUBSCRIPTION,
                "tenant": lambda: Scope("tenant", "/", {"tenantId": functions.TENANT}),
                "resourceGroup": lambda *named: _elsewhere(*named) if named else self._scope,
                "deployment": lambda: Scope(
                    "deployment", "", {"name": "deployment", "location": "westeurope"}
                ),
                "environment": lambda: ENVIRONMENT,
            },
        )

    def run(self) -> Template:
        if self._source.scope != self._scope.kind:
            raise Wrong(
                self._called,
                f"{self._source.file.name} is for a {self._source.scope}, not a {self._scope.kind}",
            )
        params = {name for name, one in self._source.declarations.items() if one.kind == "param"}
        for name in sorted(set(self._given) - params):
            raise Wrong(self._given[name].at, f"{self._source.file.name} has no parameter {name}")
        for name, one in self._source.declarations.items():
            self._look(name, one.at)
        for name, one in self._source.outputs.items():
            self._out.outputs[name] = self._output(one)
        self._unused()
        self._out.parameters = {name: self._done[name] for name in params}
        self._out.reads.extend(self._evaluator.reads)
        return self._out

    def _unused(self) -> None:
        used = {
            text(node)
            for one in self._all()
            for node in walk(one.node)
            if node.type == "identifier" and node != named(one.node)[0]
        }
        for one in self._source.declarations.values():
            if one.kind in {"param", "var"} and one.name not in used:
                self._out.faults.append(Fault(one.at, f"{one.kind} {one.name} is never used"))

    def _all(self) -> list[Declaration]:
        return [*self._source.declarations.values(), *self._source.outputs.values()]

    def _look(self, name: str, at: Place) -> Value:
        if name in self._done:
            return self._done[name]
        if name not in self._source.declarations:
            raise Wrong(at, f"nothing is called {name}")
        if name in self._busy:
            raise Wrong(at, f"{name} needs itself: {' -> '.join([*self._busy, name])}")
        self._busy.append(name)
        one = self._source.declarations[name]
        make = {"param": self._param, "var": self._var, "resource": self._resources, "module": self._modules}[
            one.kind
        ]
        self._done[name] = make(one)
        self._busy.pop()
        return self._done[name]

    # params, vars, outputs

    def _param(self, one: Declaration) -> Value:
        pieces = named(one.node)
        if one.name in self._given:
            value = self._given[one.name]
        elif len(pieces) > 2:
            value = self._evaluator.value(pieces[2], {})
        elif text(pieces[1]).endswith("?"):
            value = Value(None, one.at)
        else:
            raise Wrong(self._called, f"the parameter {one.name} of {self._source.file.name} is not given")
        self._typed(value, text(pieces[1]), f"parameter {one.name}")
        self._decorated(value, one)
        return value

    def _decorated(self, value: Value, one: Declaration) -> None:
        calls = {name: named(call.child_by_field_name("arguments")) for name, call in one.decorators.items()}
        data = plain(value)
        if isinstance(value.data, Unknown) or data is None:
            return
        if "allowed" in calls:
            allowed = plain(self._evaluator.value(calls["allowed"][0], {}))
            if data not in allowed:
                raise Wrong(value.at, f"parameter {one.name} is {data!r}, not one of {allowed}")
        for name, fits in _LIMITS.items():
            if name in calls:
                limit = self._evaluator.value(calls[name][0], {}).data
                if not fits(data, limit):
                    raise Wrong(value.at, f"parameter {one.name}: {name} is {limit}, it is {data!r}")

    def _typed(self, value: Value, kind: str, what: str) -> None:
        if isinstance(value.data, Unknown | Resource) or (value.data is None and kind.endswith("?")):
            return
        kind = kind.removesuffix("?")
        if kind.endswith("[]"):
            kind = "array"
        literals = [part.strip().strip("'") for part in kind.split("|")]
        wanted = PRIMITIVE.get(kind)
        if wanted is None and "'" in kind and value.data not in literals:
            raise Wrong(value.at, f"{what} is {value.data!r}, not one of {', '.join(literals)}")
        if wanted is None:
            return
        if not isinstance(value.data, wanted) or (kind == "int" and isinstance(value.data, bool)):
            raise Wrong(value.at, f"{what} must be {kind}, it is {plain(value)!r}")

    def _var(self, one: Declaration) -> Value:
        return self._evaluator.value(named(one.node)[1], {})

    def _output(self, one: Declaration) -> Value:
        _, kind, expression = named(one.node)
        value = self._evaluator.value(expression, {})
        self._typed(value, text(kind), f"output {one.name}")
        return value

    # resources and modules

    def _bodies(self, one: Declaration) -> tuple[bool, list[tuple[Any, Mapping[str, Value], bool]]]:
        """Whether it is a loop; each body, the names around it, and whether it is deployed."""
        node = named(one.node)[-1]
        turns = self._evaluator.each(node, {}) if node.type == "for_statement" else [(node, {})]
        found = []
        for body, names in turns:
            if body.type == "if_statement":
                condition, inner = named(body)
                found.append((inner, names, self._evaluator.known(condition, names)))
            else:
                found.append((body, names, True))
        return node.type == "for_statement", found

    def _resources(self, one: Declaration) -> Value:
        kind, _, api = str(self._evaluator.value(named(one.node)[1], {}).data).partition("@")
        existing = any(child.type == "existing" for child in one.node.children)
        loop, bodies = self._bodies(one)
        found = [
            self._resource(Resource(one.name, kind, api, one.at, existing, not on), node, names)
            for node, names, on in bodies
        ]
        return Value([Value(each, one.at) for each in found] if loop else found[0], one.at)

    def _resource(self, one: Resource, node: Any, names: Mapping[str, Value]) -> Resource:
        if one.absent:
            # only what names it: nothing else needs to make sense
            keep = {"name", "parent", "scope"}
            pieces = {text(named(prop)[0]): named(prop)[1] for prop in named(node)}
            body = {
                key: self._evaluator.value(pieces[key], names)
                for key in pieces
                if key in keep - {"parent", "scope"}
            }
            one.name = str(plain(body.get("name")))
            one.id = f"{self._scope.id}/providers/{one.type}/{one.name}"
        else:
            value = self._evaluator.value(node, names)
            one.body, body = value, value.data
            name = body.get("name")
            if name is None:
                raise Wrong(one.at, f"{one.symbol} has no name")
            one.name = str(plain(name))
            one.id = self._id(one, body)
        self._out.resources.append(one)
        return one

    def _id(self, one: Resource, body: dict[str, Value]) -> str:
        parent, scope = (body[key].data if key in body else None for key in ("parent", "scope"))
        if isinstance(parent, Resource):
            if one.type.rpartition("/")[0] != parent.type:
                raise Wrong(body["parent"].at, f"{one.type} is no child of {parent.type}")
            return f"{parent.id}/{one.type.rpartition('/')[2]}/{one.name}"
        if one.type.count("/") != 1 + one.name.count("/"):
            raise Wrong(
                one.at, f"{one.type} needs a parent, or a name with {one.type.count('/') - 1} slashes"
            )
        if one.type == "Microsoft.Resources/resourceGroups":
            return f"{SUBSCRIPTION.id}/resourceGroups/{one.name}"
        home = scope.id if isinstance(scope, Resource | Scope) else self._scope.id
        provider, *kinds = one.type.split("/")
        steps = "/".join(f"{kind}/{name}" for kind, name in zip(kinds, one.name.split("/"), strict=True))
        return f"{home}/providers/{provider}/{steps}"

    def _modules(self, one: Declaration) -> Value:
        file = self._source.file.parent / str(self._evaluator.value(named(one.node)[1], {}).data)
        loop, bodies = self._bodies(one)
        found = [
            self._module(Instance(one.name, one.at, absent=not on), file, node, names)
            for node, names, on in bodies
        ]
        return Value([Value(each, one.at) for each in found] if loop else found[0], one.at)

    def _module(self, one: Instance, file: Path, node: Any, names: Mapping[str, Value]) -> Instance:
        if one.absent:
            read(file)  # it must be there and make sense
            return one
        value = self._evaluator.value(node, names)
        for key in sorted(set(value.data) - {"name", "scope", "params", "dependsOn"}):
            raise Wrong(value.data[key].at, f"a module has no {key}")
        one.name = str(plain(value.data.get("name"))) if "name" in value.data else one.symbol
        params = value.data["params"].data if "params" in value.data else {}
        scope = self._scope
        if "scope" in value.data:
            where = value.data["scope"].data
            scope = group(where.name) if isinstance(where, Resource) else where
        inner = _File(read(file), params, scope, one.at).run()
        one.outputs = inner.outputs
        self._out.resources.extend(inner.resources)
        self._out.reads.extend(inner.reads)
        self._out.faults.extend(inner.faults)
        self._out.files |= inner.files
        return one


_LIMITS: dict[str, Any] = {
    "minLength": lambda data, limit: len(data) >= limit,
    "maxLength": lambda data, limit: len(data) <= limit,
    "minValue": lambda data, limit: data >= limit,
    "maxValue": lambda data, limit: data <= limit,
}
