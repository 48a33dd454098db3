"""Data by address, against Blob Storage: every format, folders, globs, and one schema over all of them."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cloud import source_file
from cloud.connections import Connections
from cloud.data_address import BlobAddress
from cloud.datastores import Store
from cloud.remote_source import blob_files, remote_files
from cloud.settings import Settings
from cloud.storage import blob_service
from cloud.tables import table_batches
from control.errors import BadData, Refused


@pytest.fixture
def store(settings: Settings, unique: str) -> Iterator[Store]:
    """A container of its own."""
    with blob_service(settings) as service:
        container = service.create_container(unique)
        yield Store(unique, container, service.url)
        container.delete_container()


def written(store: Store, bodies: dict[str, bytes]) -> None:
    for path, body in bodies.items():
        store.write(path, body)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def read(
    settings: Settings, store: Store, path: str, columns: list[str] | None = None
) -> list[dict[str, object]]:
    connections = Connections(settings)
    address = BlobAddress(store.container.account_name, "core.windows.net", store.name, path)
    batches = table_batches(blob_files(address, connections), columns)
    return [row for batch in batches for row in batch.to_pylist()]


def test_every_format(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_file, "CHUNK", 16)
    table = pa.table({"a": [1, 2, 3], "b": ["x", None, "é"]})
    arrow = io.BytesIO()
    with pa.ipc.new_file(arrow, table.schema) as writer:
        writer.write_table(table)
    lines = b'{"a": 1, "b": "x"}\n{"a": 2, "b": null}\n{"a": 3, "b": "\xc3\xa9"}\n'
    written(
        store,
        {
            "t.parquet": parquet(table),
            "t.csv": "a,b\n1,x\n2,\n3,é\n".encode(),
            "t.csv.gz": gzip.compress("a,b\n1,x\n2,\n3,é\n".encode()),
            "t.jsonl": lines,
            "t.arrow": arrow.getvalue(),
        },
    )
    for name in ("t.parquet", "t.csv", "t.csv.gz", "t.jsonl", "t.arrow"):
        assert read(settings, store, name) == table.to_pylist(), name
        assert read(settings, store, name, ["a"]) == table.select(["a"]).to_pylist(), name


def test_folders_globs_and_one_schema(settings: Settings, store: Store) -> None:
    written(
        store,
        {
            "in/day=1/a.parquet": parquet(pa.table({"a": [1]})),
            "in/day=2/b.csv": b"a,c\n2.5,y\n",
            "in/day=2/_SUCCESS": b"",
            "in/day=2/.b.csv.crc": b"?",
            "in/_temporary/x.csv": b"a\n7\n",
            "in2/day=3/c.parquet": parquet(pa.table({"a": [9]})),
        },
    )
    expected = [{"a": 1.0, "c": None, "day": 1}, {"a": 2.5, "c": "y", "day": 2}]
    for path in ("in", "in/", "in/*/*", "in/day=*", "in/**"):
        assert read(settings, store, path) == expected, path
    assert read(settings, store, "in*/day=[13]/*") == [{"a": 1, "day": 1}, {"a": 9, "day": 3}]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("x/none.csv", None, "there are no blobs"),
        ("x/a.csv", b"", "blob a.csv is empty"),
        ("x/a.csv", b"a,b\n1,2\n3\n", "blob a.csv, line 3: it cannot be read"),
        ("x/a.csv.gz", gzip.compress(b"a,b\n1,2\n" * 3000, mtime=0)[:-30], "blob a.csv.gz"),
        ("x/a.xlsx", b"PK\x03\x04...", "blob a.xlsx is a zip archive"),
        ("x/a.jsonl", b'{"a": 1}\n[2]\n', "blob a.jsonl, line 2: it is list"),
    ],
)
def test_what_is_wrong_names_the_blob(
    settings: Settings, store: Store, path: str, body: bytes | None, said: str
) -> None:
    if body is not None:
        store.write(path, body)
    with pytest.raises(BadData, match=said):
        read(settings, store, path)


def test_a_container_that_is_not_there(settings: Settings, store: Store) -> None:
    address = BlobAddress(store.container.account_name, "core.windows.net", "not-there", "a")
    with pytest.raises(Refused, match="not-there"):
        blob_files(address, Connections(settings))


def test_by_its_whole_address(settings: Settings, store: Store) -> None:
    """The app's own account is found by its name; another would be asked at its public address."""
    store.write("a.csv", b"a\n1\n")
    environment = dict(os.environ)
    if settings.storage.connection_string:
        environment["HomeostatStorage"] = settings.storage.connection_string
    account = store.container.account_name
    for address in (
        f"abfss://{store.name}@{account}.dfs.core.windows.net/a.csv",
        f"https://{account}.blob.core.windows.net/{store.name}/*.csv",
    ):
        (file,) = remote_files(address, environment)
        assert (file.blob.path, file.format) == ("a.csv", "csv")
