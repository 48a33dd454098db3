"""Which Parquet files a local Delta table is made of: its transaction log says so, not its folder."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from control.errors import BadData

LOG = "_delta_log"
READ = frozenset({"timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"})
"""Features of the protocol that change nothing about which rows a file holds."""
_VERSION = re.compile(r"@v(\d+)$")


def split_version(source: str) -> tuple[Path, int | None]:
    """The table's folder, and the version that `FOLDER@v3` asks for."""
    match = _VERSION.search(source)
    return (Path(source[: match.start()]), int(match[1])) if match else (Path(source), None)


def is_delta(source: str) -> bool:
    """Whether a source is a Delta table, at whatever version."""
    return (split_version(source)[0] / LOG).is_dir()


def delta_files(source: str) -> list[tuple[Path, dict[str, str | None]]]:
    """The table's files with the values of its partition columns.

    Raises:
        BadData: the log is damaged, there is no such version, or the table uses what is not read here.
    """
    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    folder, version = split_version(source)
    try:
        table = DeltaTable(folder, version=version)
        protocol, metadata = table.protocol(), table.metadata()
        added = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    except (DeltaError, OSError, ValueError) as err:
        raise BadData(f"Delta table {source} cannot be read: {str(err).splitlines()[0]}") from err
    features = set(protocol.reader_features or ()) - READ
    if metadata.configuration.get("delta.columnMapping.mode", "none") != "none":
        features.add("columnMapping")
    if features:
        raise BadData(
            f"Delta table {source} uses {', '.join(sorted(features))}, which is not read: rewrite it "
            "without, or export it as Parquet"
        )
    files = []
    for entry in added:
        path = folder / unquote(entry["path"])
        if not path.is_file():
            raise BadData(f"Delta table {source}: its log names {path}, which is not there")
        values = {name: entry.get(f"partition.{name}") for name in metadata.partition_columns}
        files.append((path, {name: None if value is None else str(value) for name, value in values.items()}))
    return files
