"""Lineage in Purview: the real SDK over http, against local Azure's Data Map or a subscription's account."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.purview.datamap import DataMapClient, models
from live_azure import live_purview

from cloud import purview as adapter
from cloud.credentials import allow_loopback_http, credential
from cloud.purview import PurviewLineage
from cloud.settings import Settings
from control.errors import Refused, Unavailable
from control.lineage import Entity, Ref
from control.lineage_types import TYPES, LineageType

AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
DATA, JOB = Ref("data", "0a1b"), Ref("job", "rt-m-1-0a1b2c3d")
VERSION, RELEASE, DEPLOYMENT = Ref("version", "3"), Ref("release", "g003"), Ref("deployment", "g003")


def chain(model: str) -> tuple[Entity, ...]:
    """A data version, the job that learned from it, its model version, and that one's release."""
    of: dict[str, Any] = {"model": model, "auditEntry": 7}
    return (
        Entity(
            ref=DATA,
            attributes=of | {"version": "0a1b", "path": "2026-05/", "rows": 3 << 40, "quality": "pass", "arrived": AT},
        ),
        Entity(ref=VERSION, attributes=of | {"version": "3", "status": "registered", "evidenceDigest": "e" * 64}),
        Entity(ref=DEPLOYMENT, attributes=of | {"version": "3", "endpoint": "e"}),
        Entity(ref=JOB, attributes=of | {"trainingData": ("0a1b",)}, inputs=(DATA,), outputs=(VERSION,)),
        Entity(ref=RELEASE, attributes=of | {"approvedBy": "policy"}, inputs=(VERSION,), outputs=(DEPLOYMENT,)),
    )  # fmt: skip


@dataclass
class Account:
    """What the app puts there, and what is there."""

    app: PurviewLineage
    client: DataMapClient
    settings: Settings
    model: str

    def name(self, ref: Ref) -> str:
        return self.app._name(self.model, ref)

    def entity(self, ref: Ref) -> Any:
        kind = TYPES[ref.kind].name
        return self.client.entity.get_by_unique_attribute(kind, attribute=self.name(ref))["entity"]

    def around(self, ref: Ref, direction: str, **more: Any) -> set[tuple[str, str]]:
        """Lineage: from which display name to which; patient, since Purview's index follows after a while."""
        guid = self.entity(ref)["guid"]
        deadline = time.monotonic() + (0 if self.settings.is_local else 120)
        while True:
            found = self.client.lineage.get(guid, direction=direction, **more)
            if found["relations"] or time.monotonic() > deadline:
                break
            time.sleep(5)
        shown = {guid: header["displayText"] for guid, header in found["guidEntityMap"].items()}
        return {(shown[one["fromEntityId"]], shown[one["toEntityId"]]) for one in found["relations"]}


@pytest.fixture(scope="module")
def url(background: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from local.purview import Purview

    service = Purview(state=tmp_path_factory.mktemp("purview"))
    yield background.run(service.start())
    background.run(service.stop())


@pytest.fixture
def account(settings: Settings, unique: str, request: pytest.FixtureRequest) -> Iterator[Account]:
    if settings.is_local:
        settings = replace(settings, purview_url=request.getfixturevalue("url"))
    settings = live_purview(settings)
    local = {"per_call_policies": [allow_loopback_http()]} if settings.is_local else {}
    with DataMapClient(settings.purview_url, credential(settings), **local) as client:
        yield (made := Account(PurviewLineage(settings), client, settings, unique))
        for ref in (RELEASE, JOB, DEPLOYMENT, VERSION, DATA):
            try:
                client.entity.batch_delete(guid=[made.entity(ref)["guid"]])
            except HttpResponseError:
                continue  # this test made none


def test_the_chain_is_there_with_what_is_said_of_it(account: Account) -> None:
    assert account.app.put(account.model, chain(account.model)) == []
    model = account.model
    assert account.around(VERSION, "INPUT") == {
        (f"{model} data 0a1b", JOB.key),
        (JOB.key, f"{model} version 3"),
    }
    assert account.around(DATA, "OUTPUT") >= {
        (JOB.key, f"{model} version 3"),
        (f"{model} version 3", f"{model} release g003"),
        (f"{model} release g003", f"{model} deployment g003"),
    }
    data = account.entity(DATA)
    assert data["typeName"] == "homeostat_data_version"
    assert data["attributes"]["rows"] == 3 << 40
    assert data["attributes"]["arrived"] == AT.timestamp() * 1000
    assert data["attributes"]["resourceId"].endswith(f"/data/{model}-data/versions/0a1b")
    assert account.entity(JOB)["attributes"]["trainingData"] == ["0a1b"]


def test_the_same_again_changes_nothing_and_what_is_not_said_stays(account: Account) -> None:
    """What the pieces of a history rely on."""
    account.app.put(account.model, chain(account.model))
    before = account.entity(JOB), account.entity(VERSION)
    other = PurviewLineage(account.settings)
    other.put(account.model, chain(account.model))
    assert (account.entity(JOB)["guid"], account.entity(VERSION)["guid"]) == tuple(
        one["guid"] for one in before
    )
    more = {"model": account.model, "status": "promoted", "promoted": AT}
    other.put(
        account.model, [Entity(ref=VERSION, attributes=more), Entity(ref=JOB, attributes={"verdict": "pass"})]
    )
    version, job = account.entity(VERSION)["attributes"], account.entity(JOB)["attributes"]
    assert (version["status"], version["evidenceDigest"]) == ("promoted", "e" * 64)
    assert job["verdict"] == "pass"
    assert [one["guid"] for one in job["outputs"]] == [before[1]["guid"]]


def test_a_name_is_the_same_however_the_settings_are_spelled(account: Account) -> None:
    loud = replace(account.settings, resource_group=account.settings.resource_group.upper())
    ref = Ref("data", "a b/c")
    assert PurviewLineage(loud)._name("m", ref) == account.app._name("m", ref)
    assert account.app._name("m", ref).endswith("/m/data/a%20b%2Fc")


# What follows would change types that an account's owner uses, or needs faults: on local Azure alone.
local = pytest.mark.parametrize("settings", ["local"], indirect=True)


@pytest.fixture
def fresh(settings: Settings, background: Any, tmp_path: Any) -> Iterator[Account]:
    """An account that nobody used yet."""
    from local.purview import Purview

    service = Purview(state=tmp_path)
    settings = replace(settings, purview_url=background.run(service.start()))
    with DataMapClient(
        settings.purview_url, credential(settings), per_call_policies=[allow_loopback_http()]
    ) as client:
        yield Account(PurviewLineage(settings), client, settings, "m")
    background.run(service.stop())


@local
def test_types_are_made_once_and_last(fresh: Account, tmp_path: Any, background: Any) -> None:
    from local.purview import Purview

    fresh.app.put("m", chain("m"))
    made = {kind.name: fresh.client.type_definition.get_by_name(kind.name) for kind in TYPES.values()}
    assert {name: one["superTypes"] for name, one in made.items()} == {
        kind.name: [kind.base] for kind in TYPES.values()
    }
    PurviewLineage(fresh.settings).put("m", chain("m"))
    assert {
        name: fresh.client.type_definition.get_by_name(name)["version"] for name in made
    } == dict.fromkeys(made, 1)
    again = Purview(state=tmp_path)  # another process on the same state
    other = replace(fresh.settings, purview_url=background.run(again.start()))
    with DataMapClient(
        other.purview_url, credential(other), per_call_policies=[allow_loopback_http()]
    ) as client:
        found = client.entity.get_by_unique_attribute(TYPES["data"].name, attribute=fresh.name(DATA))
        assert found["entity"]["guid"] == fresh.entity(DATA)["guid"]
    background.run(again.stop())


@local
def test_types_of_an_older_homeostat_get_what_they_lack(
    fresh: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {
        kind: replace(made, attributes={"model": "string", "gone": "string"}) for kind, made in TYPES.items()
    }
    with monkeypatch.context() as patch:
        patch.setattr(adapter, "TYPES", old)
        bare = [Entity(ref=DATA, attributes={"model": "m", "gone": "kept"})]
        assert fresh.app.put("m", bare) == []
    assert PurviewLineage(fresh.settings).put("m", chain("m")) == []
    attributes = fresh.entity(DATA)["attributes"]
    assert (attributes["gone"], attributes["path"]) == ("kept", "2026-05/")
    assert fresh.client.type_definition.get_by_name(TYPES["data"].name)["version"] == 2


@local
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base": "Process"}, "is no DataSet"),
        ({"attributes": {"rows": "string"}}, "has the attribute rows as string, not as long"),
    ],
    ids=["base", "attribute"],
)
def test_a_type_of_somebody_else_under_our_name_is_told(
    fresh: Account, change: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs: LineageType = replace(TYPES["data"], **change)
    with monkeypatch.context() as patch:
        patch.setattr(adapter, "TYPES", {**TYPES, "data": theirs})
        fresh.app.put("m", [])
    with pytest.raises(Refused, match=words):
        PurviewLineage(fresh.settings).put("m", chain("m"))


@local
def test_types_that_somebody_makes_at_the_same_time_are_no_fault(
    fresh: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = adapter._known

    def late(client: DataMapClient, made: LineageType) -> Any:
        found = seen(client, made)
        if made is TYPES["deployment"]:
            with monkeypatch.context() as patch:
                patch.setattr(adapter, "_known", seen)
                PurviewLineage(fresh.settings).put("m", [])
        return found

    monkeypatch.setattr(adapter, "_known", late)
    with pytest.raises(Unavailable, match="somebody else makes them just now"):
        fresh.app.put("m", chain("m"))
    monkeypatch.setattr(adapter, "_known", seen)
    assert fresh.app.put("m", chain("m")) == []


@local
def test_what_is_refused_is_named_and_the_others_are_there(
    fresh: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MOST", 8)
    many = [Entity(ref=Ref("data", f"d{n}"), attributes={"model": "m", "rows": n}) for n in range(20)]
    many[3] = replace(many[3], attributes={"model": "m", "rows": "three"})
    job = Entity(ref=JOB, attributes={"model": "m"}, inputs=(Ref("data", "d3"), Ref("data", "d4")))
    refused = fresh.app.put("m", [*many, job])
    assert [name for name, _ in refused] == [fresh.name(Ref("data", "d3")), fresh.name(JOB)]
    assert "ATLAS-404-00-007" in refused[0][1]
    assert "homeostat_data_version.rows='three': invalid value for type long" in refused[0][1]
    assert "ATLAS-404-00-00A" in refused[1][1], "what it learned from is not there"
    assert fresh.entity(Ref("data", "d19"))["attributes"]["rows"] == 19


@local
@pytest.mark.parametrize("typed", [False, True], ids=["making types", "writing"])
def test_who_may_not_write_is_told_which_role_it_takes(
    fresh: Account, background: Any, *, typed: bool
) -> None:
    """Whatever is written is refused: nothing must be taken for exported, and nothing is tried one by one."""
    with _answering(
        background, 403, '{"error": {"code": "Forbidden", "message": "Not authorized"}}'
    ) as address:
        app = PurviewLineage(replace(fresh.settings, purview_url=address))
        app._typed = typed
        with pytest.raises(Refused, match="Data Curator"):
            app.put("m", chain("m"))


@local
@pytest.mark.parametrize(
    ("status", "body"),
    [(500, "{}"), (429, "{}"), (302, ""), (502, "<html>bad gateway</html>"), (404, "<html>")],
)
def test_a_purview_that_is_not_itself_is_unavailable(
    fresh: Account, background: Any, status: int, body: str
) -> None:
    asked: list[str] = []
    with _answering(background, status, body, asked) as address:
        app = PurviewLineage(replace(fresh.settings, purview_url=address))
        with pytest.raises((Unavailable, Refused)) as fault:
            app.put("m", chain("m"))
        assert isinstance(fault.value, Unavailable) == (status != 404)
    assert len(asked) == 1 or status == 404, "nothing is tried again at once"
    assert "/elsewhere" not in asked, "our token is taken nowhere else"


@local
def test_nobody_there_is_unavailable_and_nothing_waits(fresh: Account) -> None:
    app = PurviewLineage(replace(fresh.settings, purview_url="http://127.0.0.1:1"))
    begun = time.process_time()
    with pytest.raises(Unavailable):
        app.put("m", chain("m"))
    assert time.process_time() - begun < 5


@local
def test_types_that_somebody_took_out_are_made_again(fresh: Account) -> None:
    fresh.app._typed = True  # as it was, before they were taken out
    with pytest.raises(Unavailable, match="made again at the next try"):
        fresh.app.put("m", chain("m"))
    assert fresh.app.put("m", chain("m")) == []


def _answering(background: Any, status: int, body: str, asked: list[str] | None = None) -> Any:
    """A server that has one answer for everything, and notes for what."""
    asked = asked if asked is not None else []
    from contextlib import contextmanager

    from aiohttp import web

    @contextmanager
    def serving() -> Iterator[str]:
        async def start() -> web.AppRunner:
            app = web.Application()

            async def answer(request: web.Request) -> web.Response:
                asked.append(request.path)
                headers = {"Location": "/elsewhere"} if status == 302 else {}
                return web.Response(status=status, text=body, headers=headers)

            app.router.add_route("*", "/{path:.*}", answer)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return runner

        runner = background.run(start())
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
        background.run(runner.cleanup())

    return serving()


@pytest.mark.parametrize(
    "name",
    ["AtlasAttributeDef", "AtlasEntityDef", "AtlasTypesDef", "AtlasEntity", "AtlasEntitiesWithExtInfo",
     "AtlasEntityWithExtInfo", "AtlasEntityHeader", "EntityMutationResult", "AtlasLineageInfo", "LineageRelation",
     "AtlasErrorResponse", "ContactInfo"],
)  # fmt: skip
def test_bodies_have_the_fields_that_microsofts_client_was_generated_with(name: str) -> None:
    """It comes from the same definition as the published API; it knows fields under the API's own names."""
    from local.purview.bodies import FIELDS

    assert set(FIELDS[name]) == {
        field._rest_name for field in getattr(models, name)()._attr_to_rest_field.values()
    }


def _body(kind: str = "homeostat_job", **attributes: Any) -> dict[str, Any]:
    return {"entities": [{"typeName": kind, "attributes": {"qualifiedName": "q", "name": "n", **attributes}}]}


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "an unknown type": (_body("nothing"), 400, "ATLAS-400-00-014"),
    "no name": (_body(name=None), 404, "homeostat_job.name: mandatory attribute value missing"),
    "a number for a text": (_body(model=3), 404, "homeostat_job.model=3: invalid value for type string"),
    "a text for texts": (_body(trainingData="v1"), 404, "invalid value for type array<string>"),
    "no reference": (_body(inputs=["q"]), 404, "invalid value for type DataSet"),
    "a process as input": (
        _body(inputs=[{"typeName": "homeostat_job", "uniqueAttributes": {"qualifiedName": "q"}}]),
        404,
        "invalid value for type DataSet",
    ),
    "an input that is not there": (
        _body(inputs=[{"typeName": "DataSet", "uniqueAttributes": {"qualifiedName": "x"}}]),
        404,
        "ATLAS-404-00-00A",
    ),
    "an unknown field": ({"entities": [{"typeName": "DataSet", "attribute": {}}]}, 400, "'attribute'"),
    "nothing": ({"entities": []}, 400, "no entities to create/update"),
}


@local
@pytest.mark.parametrize("what", WRONG)
def test_what_atlas_refuses_is_refused_here(fresh: Account, what: str) -> None:
    fresh.app.put("m", [])
    body, status, words = WRONG[what]
    good = {"typeName": "DataSet", "attributes": {"qualifiedName": "good", "name": "good"}}
    if body["entities"]:
        body = {"entities": [good, *body["entities"]]}
    with pytest.raises(HttpResponseError) as refused:
        fresh.client.entity.batch_create_or_update(body)
    assert refused.value.status_code == status
    assert words in refused.value.response.text()
    with pytest.raises(HttpResponseError, match="does not exist"):  # all or none
        fresh.client.entity.get_by_unique_attribute("DataSet", attribute="good")


@local
def test_what_atlas_takes_is_taken_here(fresh: Account) -> None:
    """References within a request, unknown attributes, and nothing said of what has not changed."""
    fresh.app.put("m", [])
    data = {
        "typeName": "DataSet",
        "guid": "-7",
        "attributes": {"qualifiedName": "d", "name": "d", "colour": "red"},
    }
    process = {
        "typeName": "Process",
        "guid": "-8",
        "attributes": {"qualifiedName": "p", "name": "p", "inputs": [{"guid": "-7", "typeName": "DataSet"}]},
    }
    made = fresh.client.entity.batch_create_or_update({"entities": [process, data]})
    assert len(made["mutatedEntities"]["CREATE"]) == 2
    found = fresh.client.entity.get_by_unique_attribute("DataSet", attribute="d")["entity"]
    assert made["guidAssignments"]["-7"] == found["guid"]
    assert "colour" not in found["attributes"]
    assert not fresh.client.entity.batch_create_or_update({"entities": [data]})["mutatedEntities"]
    fresh.client.entity.batch_delete(guid=[found["guid"]])
    with pytest.raises(HttpResponseError, match="ATLAS-404-00-005"):
        fresh.client.lineage.get(found["guid"], direction="BOTH")


@local
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attributeDefs": []}, "attribute delete not supported"),
        ({"superTypes": []}, "superType remove not supported"),
        ({"attributeDefs": [{"name": "a", "typeName": "long", "isOptional": True}]}, "attribute update not supported"),
        (
            {"attributeDefs": [{"name": "a", "typeName": "string"}, {"name": "b", "typeName": "string", "isOptional": False}]},
            "can not add mandatory attribute",
        ),
        (
            {"attributeDefs": [{"name": "a", "typeName": "string"}, {"name": "b", "typeName": "colour", "isOptional": True}]},
            "Unknown type colour",
        ),
        ({"name": "other"}, "Given typename other was invalid"),
    ],
)  # fmt: skip
def test_a_type_that_is_used_can_only_grow(fresh: Account, change: dict[str, Any], words: str) -> None:
    made = {"name": "t", "superTypes": ["DataSet"], "attributeDefs": [{"name": "a", "typeName": "string", "isOptional": True}]}  # fmt: skip
    fresh.client.type_definition.batch_create({"entityDefs": [made]})
    with pytest.raises(HttpResponseError) as refused:
        fresh.client.type_definition.batch_update({"entityDefs": [{**made, **change}]})
    assert words in refused.value.response.text()


@local
def test_lineage_goes_as_deep_as_it_is_asked_to(fresh: Account) -> None:
    fresh.app.put("m", chain("m"))
    near = fresh.around(DATA, "OUTPUT", depth=1)
    assert near == {("m data 0a1b", JOB.key), (JOB.key, "m version 3")}
    assert len(fresh.around(DATA, "OUTPUT", depth=2)) == 4
    assert fresh.around(VERSION, "BOTH") == fresh.around(DATA, "OUTPUT")
    with pytest.raises(HttpResponseError, match="ATLAS-400-00-026"):
        fresh.client.lineage.get(fresh.entity(DATA)["guid"], direction="UP")
