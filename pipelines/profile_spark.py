"""The profile of a batch that is too large for one machine: computed by Spark, part by part, and merged.

Spark reads the Parquet files and hands each partition's rows to `drift` as Arrow batches; every partition
becomes one row with its profile's bytes, and these are merged in a tree. A profile's parts merge exactly, so
the counts, histograms and extremes are those of one pass over all rows; sums differ in the order of addition.

Run by Spark as `profile_spark.py --data URI --manifest URI --profile URI`; docs/large-data.md has the
manifest.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from drift.profile import Profile

SCHEMA = 1
PROFILE = "profile.bin"
FAN = 16
"""So many profiles are merged by one task."""
ROWS = 1 << 16
"""Rows of an Arrow batch: enough to count quickly, few enough for the memory of a Python worker."""
SOURCE = Path(__file__).resolve().parent.parent
_NANOS = re.compile(r"int64 (?P<name>[^;]+?) \(TIMESTAMP\(NANOS,(?P<utc>true|false)\)\)")
_KEPT = "profile binary"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is to be profiled, and how: the app's own settings."""

    files: tuple[str, ...]
    """Below the data's folder."""
    partitions: dict[str, str | int | None] = field(default_factory=dict)
    """Columns that the folder's name gives to every row."""
    timestamp_column: str | None = None
    every: Literal["day", "hour"] = "day"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read it.

        Raises:
            ValueError: it is of another schema, or names no file.
        """
        body = json.loads(text)
        if body.get("schema") != SCHEMA or not body.get("files"):
            raise ValueError(f"the manifest is not of schema {SCHEMA}, or names no file")
        return cls(
            files=tuple(body["files"]),
            partitions=body.get("partitions") or {},
            timestamp_column=body.get("timestamp_column"),
            every=body.get("every", "day"),
        )


@dataclass(frozen=True)
class PartProfile:
    """From the Arrow batches of one partition to one row with their profile."""

    manifest: Manifest
    nanoseconds: dict[str, bool]
    """Columns that Spark reads as whole numbers because it knows no nanoseconds: are they in UTC?"""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Profile them."""
        from drift.block_rule import ByTime
        from drift.profile import profile_batches

        column, every = self.manifest.timestamp_column, self.manifest.every
        blocks = ByTime(column, every) if column else None
        yield _row(profile_batches(map(self._restored, batches), blocks=blocks))

    def _restored(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The batch as the file has it, with the columns that its folder names."""
        import pyarrow as pa

        columns = {
            name: batch.column(name).cast(pa.timestamp("ns", tz="UTC" if self.nanoseconds[name] else None))
            if name in self.nanoseconds
            else batch.column(name)
            for name in batch.schema.names
        }
        for name, value in self.manifest.partitions.items():
            kind = pa.string() if isinstance(value, str) else pa.int64()
            columns.setdefault(name, pa.repeat(pa.scalar(value, kind), batch.num_rows))
        return pa.RecordBatch.from_pydict(columns)


def merged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One row with the profile of all rows whose profiles these are; none of none."""
    from drift.profile import Profile

    whole: Profile | None = None
    for batch in batches:
        for body in batch.column(0):
            part = Profile.from_bytes(body.as_py())
            whole = part if whole is None else whole.merge(part)
    if whole is not None:
        yield _row(whole)


def _row(profile: Profile) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({"profile": pa.array([profile.to_bytes()], pa.binary())})


def profile_with(spark: SparkSession, data: str, manifest: Manifest) -> Profile:
    """The profile of the files below `data`.

    Raises:
        ValueError: there are no files' rows to read.
    """
    from drift.profile import Profile

    folder = data.rstrip("/") + "/"
    paths = [folder + name for name in manifest.files]
    rows = _read(spark, paths)
    one = PartProfile(manifest, _nanoseconds(spark, paths[0]))
    bodies = _tree(rows.mapInArrow(one, _KEPT), rows.rdd.getNumPartitions())
    if not bodies:
        raise ValueError(f"there is nothing in the {len(paths)} files below {data}")
    whole = Profile.from_bytes(bodies[0])
    for body in bodies[1:]:
        whole = whole.merge(Profile.from_bytes(body))
    return whole


def _read(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    return spark.read.option("mergeSchema", "true").parquet(*paths)


def _tree(parts: DataFrame, count: int) -> list[bytes]:
    """The profiles' bytes after merging them in groups, until they are few enough for the driver."""
    while count > FAN:
        count = -(-count // FAN)
        parts = parts.repartition(count).mapInArrow(merged, _KEPT)
    return [bytes(row[0]) for row in parts.collect()]


def _nanoseconds(spark: SparkSession, path: str) -> dict[str, bool]:
    """The columns of nanoseconds that the file's footer names, and whether they are in UTC."""
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - Spark hands Hadoop's file systems on in no other way
    configuration = spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001
    source = jvm.org.apache.parquet.hadoop.util.HadoopInputFile.fromPath(
        jvm.org.apache.hadoop.fs.Path(path), configuration
    )
    reader = jvm.org.apache.parquet.hadoop.ParquetFileReader.open(source)
    try:
        said = str(reader.getFooter().getFileMetaData().getSchema().toString())
    finally:
        reader.close()
    return {found["name"]: found["utc"] == "true" for found in _NANOS.finditer(said)}


def read_text(spark: SparkSession, uri: str) -> str:
    """A small file, wherever Spark can read."""
    return str(spark.read.text(uri, wholetext=True).collect()[0][0])


def write(spark: SparkSession, uri: str, body: bytes) -> None:
    """A file, wherever Spark can write; over one that is there."""
    jvm: Any = spark.sparkContext._jvm  # noqa: SLF001 - as above
    configuration = spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001
    path = jvm.org.apache.hadoop.fs.Path(uri)
    stream = path.getFileSystem(configuration).create(path, True)  # noqa: FBT003 - overwrite
    try:
        stream.write(bytearray(body))
    finally:
        stream.close()


def session() -> SparkSession:
    """The session of this job, with what exact profiles need, and our code on every executor."""
    from pyspark.sql import SparkSession

    spark: SparkSession = (
        SparkSession.builder.appName("homeostat profile")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.legacy.parquet.nanosAsLong", "true")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", str(ROWS))
        .getOrCreate()
    )
    return spark


def share_code(spark: SparkSession, folder: str) -> None:
    """Put `drift` and `pipelines` on the path of every executor, by a zip file made in `folder`."""
    file = os.path.join(folder, "homeostat_code.zip")  # noqa: PTH118 - Spark wants text
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in ("drift", "pipelines"):
            for path in sorted((SOURCE / package).rglob("*.py")):
                archive.write(path, path.relative_to(SOURCE))
    spark.sparkContext.addPyFile(file)


def main(arguments: Sequence[str]) -> None:
    """Profile what the manifest names, and write the profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder, as a URI that Spark reads")
    parser.add_argument("--manifest", required=True, help="JSON file, the same")
    parser.add_argument("--profile", required=True, help="folder to write to, the same")
    given = parser.parse_args(arguments)
    spark = session()
    try:
        with tempfile.TemporaryDirectory() as folder:
            share_code(spark, folder)
            manifest = Manifest.from_json(read_text(spark, given.manifest))
            profile = profile_with(spark, given.data, manifest)
            write(spark, f"{given.profile.rstrip('/')}/{PROFILE}", profile.to_bytes())
        print(f"{profile.rows} rows, {len(profile.columns)} columns, {len(manifest.files)} files")
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE))  # Spark puts this file's folder there, not the one above
    main(sys.argv[1:])
