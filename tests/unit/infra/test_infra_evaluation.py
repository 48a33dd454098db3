"""What files of Bicep come to, as the checks evaluate them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infra.checks.everything import ROOT
from infra.checks.places import Wrong
from infra.checks.scenarios import EVERYTHING
from infra.checks.template import Template, evaluate, group
from infra.checks.values import plain

INFRA = ROOT / "infra"


def outputs(tmp_path: Path, body: str, **given: Any) -> dict[str, Any]:
    file = tmp_path / "one.bicep"
    file.write_text(body, "utf-8")
    return {name: plain(value) for name, value in evaluate(file, given, group("rg")).outputs.items()}


def value(tmp_path: Path, expression: str, before: str = "") -> Any:
    body = f"{before}\noutput it any = {expression}\n"
    return outputs(tmp_path, body)["it"]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("'it\\'s ${1 + 2}, ${true}'", "it's 3, true"),
        ("'''\nas 'it' ${stands}\n'''", "as 'it' ${stands}\n"),
        ("true ? 'a' : (nothing.at.all)", "a"),
        ("false || 1 < 2 && !false", True),
        ("null ?? 'else'", "else"),
        ("union({ a: 1, b: 1 }, { b: 2 })", {"a": 1, "b": 2}),
        ("[for n in range(0, 3): n * 2]", [0, 2, 4]),
        ("{ a: { b: [ 1, -2 ] } }.a.b[1]", -2),
        ("{ a: 1 }.?b", None),
        ("empty('') && !empty([ 1 ])", True),
        ("length(uniqueString('a')) == 13 && uniqueString('a') != uniqueString('b')", True),
        ("split('https://v/keys/k', '/keys/')[0]", "https://v"),
        ("resourceGroup().name", "rg"),
        (
            "subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'x')",
            "/subscriptions/11111111-1111-1111-1111-111111111111/providers/Microsoft.Authorization/roleDefinitions/x",
        ),
    ],
)
def test_expressions(tmp_path: Path, expression: str, wanted: Any) -> None:
    assert value(tmp_path, expression) == wanted


VAULT = """
resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: 'v'
}
resource secret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  parent: vault
  name: 's'
}
"""


def test_what_only_azure_knows_stays_unknown(tmp_path: Path) -> None:
    assert value(tmp_path, "'${vault.properties.vaultUri}x'", VAULT) == "[${vault.properties.vaultUri}x]"
    assert value(tmp_path, "secret.id", VAULT).endswith("/rg/providers/Microsoft.KeyVault/vaults/v/secrets/s")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (VAULT + "output a bool = empty(vault.properties.vaultUri) ? true : false", "must be known before"),
        ("var a = b\nvar b = a", "needs itself: a -> b -> a"),
        ("param a string", "the parameter a of one.bicep is not given"),
        ("@allowed([\n  'x'\n])\nparam a string = 'y'", "not one of"),
        ("@minLength(3)\nparam a string = 'y'", "minLength is 3"),
        ("param a int = 'y'", "must be int"),
        ("var a = frob(1)", "do not know the function frob"),
        ("var a = { b: 1, b: 2 }", "stands there twice"),
        ("var a = {\n  ...{}\n}", "not understood"),
        ("var a = true ? 'a' : b.c", "put parentheses"),
        ("type a = string", "do not know type declaration"),
        ("module m 'nowhere.bicep' = {\n  name: 'm'\n}", "cannot be read"),
        (VAULT.replace("parent: vault", "parent: secret"), "needs itself"),
        (VAULT.replace("  parent: vault\n", ""), "needs a parent"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(Wrong, match=message):
        outputs(tmp_path, body)


def stage(**given: Any) -> Template:
    return evaluate(INFRA / "main.bicep", {"environmentName": "e", "location": "westeurope", **given})


def test_stages_differ_by_their_sizes_alone() -> None:
    dev, production = stage(stage="dev"), stage(stage="production")
    kinds = [
        sorted(one.type for one in template.resources if not one.absent) for template in (dev, production)
    ]
    assert kinds[0] == kinds[1]
    (account, _), (other, _) = (
        template.of("Microsoft.Storage/storageAccounts") for template in (dev, production)
    )
    assert [plain(one.get("sku", "name")) for one in (account, other)] == ["Standard_LRS", "Standard_ZRS"]
    cluster = production.of("Microsoft.MachineLearningServices/workspaces/computes")[0]
    assert plain(cluster.get("properties", "properties", "scaleSettings", "minNodeCount")) == 0


def test_options_bring_what_they_say() -> None:
    plain_one, everything = stage(), stage(**EVERYTHING)
    for kind in (
        "Microsoft.Network/virtualNetworks",
        "Microsoft.Network/privateEndpoints",
        "Microsoft.KeyVault/vaults/keys",
        "Microsoft.DataFactory/factories",
        "Microsoft.Purview/accounts",
    ):
        assert plain_one.of(kind) == []
        assert everything.of(kind) != []
    assert len(everything.of("Microsoft.MachineLearningServices/workspaces/computes")) == 2
    assert [
        plain(one.get("properties", "encryption", "keySource"))
        for one in everything.of("Microsoft.Storage/storageAccounts")
    ] == ["Microsoft.Keyvault"] * 2


def test_what_is_deployed_keeps_what_the_app_imports() -> None:
    left = {
        line.strip()
        for line in (ROOT / ".funcignore").read_text("utf-8").splitlines()
        if line and line[0] != "#"
    }
    assert left.isdisjoint(
        {
            "cloud",
            "control",
            "drift",
            "handlers",
            "reports",
            "pipelines",
            "policies",
            "function_app.py",
            "host.json",
            "requirements.txt",
        }
    )
    assert left >= {"cli", "infra", "local", "tests", "bench", "local.settings.json", ".*"}
