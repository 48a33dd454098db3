"""One CSV file as record batches: types as the first block shows them, widened where later rows need it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cloud.bounds import check_columns
from cloud.parquet_file import first_line, selected
from cloud.text_file import opened, opened_again
from control.errors import BadData

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK = 4 << 20
LARGEST_BLOCK = 64 << 20
HEADER = 1 << 20
NULLS = ["", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "<NA>"]
DELIMITERS = ",;\t|"

_CONVERSION = re.compile(
    r"In CSV column #(?P<place>\d+): (?:Row #(?P<row>\d+): )?"
    r"CSV conversion error to (?P<type>[^:]+): (?P<rest>.*)",
    re.DOTALL,
)
_VALUE = re.compile(r"invalid value '(.*)'$", re.DOTALL)
_PARSE = re.compile(r"CSV parse error: (?:Row #(?P<row>\d+): )?(?P<rest>.*)", re.DOTALL)


def csv_batches(
    path: Path, said: str, columns: Collection[str] | None = None
) -> Iterator[tuple[pa.RecordBatch, int]]:
    """The rows of a CSV file with a header, and how many of its bytes were read so far.

    A column of whole numbers that meets a fraction goes on as fractions, one of nulls as what it meets, one
    of dates as times.

    `said` is what messages call it.

    Raises:
        BadData: a row cannot be read; the message names the line.
    """
    yield from _Reading(path, said, columns).batches()


class _Counted(io.RawIOBase):
    """A stream that counts the quotation marks that pass: an odd number is a reason to look closer."""

    def __init__(self, stream: pa.NativeFile) -> None:
        super().__init__()
        self._stream = stream
        self.quotes = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes."""
        chunk: bytes = self._stream.read(size)
        self.quotes += chunk.count(b'"')
        return chunk


class _Reading:
    def __init__(self, path: Path, said: str, columns: Collection[str] | None) -> None:
        self._path = path
        self._said = said
        self._columns = columns
        self._delimiter, self._names = _header(path, said)
        self._types: dict[str, pa.DataType] = {}
        self._block = BLOCK
        self._threads = True
        """Only without threads do Arrow's errors name the row."""

    def batches(self) -> Iterator[tuple[pa.RecordBatch, int]]:
        import pyarrow as pa

        given = 0
        while True:
            done = 0
            try:
                with opened(self._path) as (stream, raw):
                    text = _Counted(stream)
                    for batch in self._reader(text):
                        if done + batch.num_rows > given:
                            yield self._selected(batch.slice(max(0, given - done))), raw.tell()
                        done += batch.num_rows
                        given = max(given, done)
                if text.quotes % 2:
                    self._check_closed()
                if not given:
                    yield self._selected(_without_rows(self._names)), self._path.stat().st_size
                return
            except (pa.ArrowException, OSError) as err:
                if "cannot infer number of columns" in str(err):
                    yield self._selected(_without_rows(self._names)), self._path.stat().st_size
                    return
                self._mend(err)  # and read again, up to where the rows were given

    def _reader(self, stream: _Counted) -> Iterator[pa.RecordBatch]:
        import pyarrow.csv

        wanted = None
        if self._columns is not None and len(set(self._names)) == len(self._names):
            wanted = [name for name in self._names if name in self._columns]
        reader = pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(use_threads=self._threads, block_size=self._block),
            parse_options=pyarrow.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                null_values=NULLS,
                strings_can_be_null=True,
                column_types=self._types,
                include_columns=wanted or None,
            ),
        )
        with reader:
            yield from reader

    def _selected(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch if self._columns is None else selected(batch, self._columns)

    def _mend(self, err: Exception) -> None:
        """Change how the file is read so that it can go on, or refuse it.

        Raises:
            BadData: nothing helps.
        """
        text = str(err)
        if "straddl" in text:
            if self._block >= LARGEST_BLOCK:
                what = f"a row of more than {LARGEST_BLOCK >> 20} MB, or a quoted value that never ends"
                raise BadData(f"{self._said} has {what}: mend it") from err
            self._block *= 4
            return
        conversion = _CONVERSION.match(text)
        value = _VALUE.search(conversion["rest"]) if conversion else None
        if conversion and value:
            name = self._names[int(conversion["place"])]
            wider = _wider(conversion["type"], value[1])
            if wider is not None and self._types.get(name) != wider:
                self._types[name] = wider
                return
        parse = _PARSE.match(text)
        if self._threads and (conversion or parse):
            self._threads = False
            return
        found = conversion or parse
        row = found["row"] if found else None
        where = f"{self._said}" + (f", {self._line(int(row))}" if row else "")
        if conversion:
            name = self._names[int(conversion["place"])]
            what = f"{value[1][:60]!r}" if value else first_line(ValueError(conversion["rest"]))
            raise BadData(
                f"{where}: column {name!r} holds {what}, but it began as {conversion['type']}: mend the row"
            ) from err
        fault = first_line(ValueError(parse["rest"])) if parse else first_line(err)
        raise BadData(f"{where}: it cannot be read: {fault}") from err

    def _check_closed(self) -> None:
        """Arrow takes the end of the file for the end of a quoted value, and with it all rows between.

        Raises:
            BadData: a quoted value never ends.
        """
        begin = 1
        with opened_again(self._path) as text:
            rows = csv.reader(text, delimiter=self._delimiter, strict=True)
            try:
                for _ in rows:
                    begin = rows.line_num + 1
            except csv.Error as err:
                if "unexpected end" in str(err):
                    where = f"{self._said}, line {begin}"
                    raise BadData(
                        f"{where}: a quoted value begins here and never ends: mend the row"
                    ) from err

    def _line(self, row: int) -> str:
        """Where a row begins: values may hold line breaks, and empty lines are no rows."""
        seen = 0
        try:
            with opened_again(self._path) as text:
                rows = csv.reader(text, delimiter=self._delimiter)
                before = 0
                for fields in rows:
                    seen += bool(fields)
                    if fields and seen == row:
                        return f"line {before + 1}"
                    before = rows.line_num
        except (csv.Error, OSError, EOFError):
            pass
        return f"row {row}"


def _header(path: Path, said: str) -> tuple[str, list[str]]:
    with opened_again(path) as text:
        try:
            start = text.read(HEADER)
        except (OSError, EOFError) as err:
            raise BadData(f"{said} is damaged or cut off: {first_line(err)}") from err
    lines = [line for line in start.splitlines(keepends=True) if line.strip()]
    if not lines:
        raise BadData(f"{said} has no header: a CSV file begins with the names of its columns")
    counts = {mark: lines[0].count(mark) for mark in DELIMITERS}
    delimiter = "," if counts[","] else max(DELIMITERS, key=lambda mark: counts[mark])
    check_columns(said, lines[0].count(delimiter) + 1)
    return delimiter, next(csv.reader(lines, delimiter=delimiter))


def _without_rows(names: list[str]) -> pa.RecordBatch:
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.nulls(0) for _ in names], names=names)


def _wider(type_: str, value: str) -> pa.DataType | None:
    """The type that holds a column of `type_` and `value`; None if only text would."""
    import pyarrow as pa

    met = _type_of(value)
    if type_ == "null":
        return met
    if type_ == "int64" and pa.types.is_floating(met):
        return met
    if type_.startswith(("date32", "timestamp")) and pa.types.is_timestamp(met):
        return pa.timestamp("ns") if type_.startswith("timestamp") else met
    return None


def _type_of(value: str) -> pa.DataType:
    import pyarrow as pa
    import pyarrow.csv

    quoted = '"' + value.replace('"', '""') + '"'
    try:
        return pyarrow.csv.read_csv(io.BytesIO(f"value\n{quoted}\n".encode())).schema.types[0]
    except pa.ArrowException:
        return pa.string()
