"""A profile as a file.

    8 bytes   magic `HOMEOPRF`
    2         version, little-endian, as are all numbers
    16        BLAKE2b of what follows
    8         length of the body when unpacked
    the rest  the body, zlib: 4 bytes length of the header, the header (JSON), the arrays that it describes

Arrays are stored in the narrowest unsigned integer that holds them, prefixes as differences, bytes of the
same weight together: that is what makes them small under zlib.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

from drift.encoding.arrays import Reader, Writer
from drift.encoding.columns import column_header, read_column
from drift.encoding.joint import joint_header, read_joint
from drift.errors import ProfileError

if TYPE_CHECKING:
    from drift.profile import Profile

MAGIC = b"HOMEOPRF"
VERSION = 3
"""Version 3 has finer histograms and another hash of texts. Nothing was released that wrote earlier ones."""
MAX_BODY = 1 << 31
LEVEL = 1
"""Of zlib: three times as quick as its usual 6, for a tenth more bytes."""
_HEAD = struct.Struct("<8sH16sQ")
_LENGTH = struct.Struct("<I")


def encode(profile: Profile) -> bytes:
    """The profile's bytes: the same for equal profiles with columns in the same order."""
    arrays = Writer()
    header = {
        "rows": profile.rows,
        "columns": [column_header(column, arrays) for column in profile.columns.values()],
    }
    if profile.joint is not None:
        header["joint"] = joint_header(profile.joint, arrays)
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    body = b"".join([_LENGTH.pack(len(text)), text, *arrays.parts])
    packed = zlib.compress(body, LEVEL)
    rest = struct.pack("<Q", len(body)) + packed
    return MAGIC + struct.pack("<H", VERSION) + hashlib.blake2b(rest, digest_size=16).digest() + rest


def decode(data: bytes) -> Profile:
    """Read a profile, or say what is wrong with the file.

    Raises:
        ProfileError: it is damaged, foreign or of another version.
    """
    from drift.profile import Profile  # the two make one another

    try:
        header, arrays = _opened(data)
        columns = [read_column(entry, arrays) for entry in header["columns"]]
        rows = int(header["rows"])
        joint = read_joint(header["joint"], arrays) if "joint" in header else None
    except ProfileError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, ArithmeticError, zlib.error, struct.error) as err:
        raise ProfileError(f"the profile is damaged: {err!r}") from err
    return Profile(rows, {column.name: column for column in columns}, joint)


def _opened(data: bytes) -> tuple[dict[str, Any], Reader]:
    if not data:
        raise ProfileError("the profile is empty: no bytes")
    if data[: len(MAGIC)] != MAGIC:
        raise ProfileError(f"this is not a profile: it starts with {data[: len(MAGIC)]!r}, not {MAGIC!r}")
    if len(data) < _HEAD.size:
        raise ProfileError(f"the profile is cut off after {len(data)} bytes")
    _, version, digest, length = _HEAD.unpack_from(data)
    if version != VERSION:
        raise ProfileError(
            f"the profile has format version {version}; this program reads {VERSION}: make it again"
        )
    rest = data[_HEAD.size - 8 :]
    if hashlib.blake2b(rest, digest_size=16).digest() != digest:
        raise ProfileError("the profile is damaged: its checksum does not match (cut off or changed)")
    if length > MAX_BODY:
        raise ProfileError(f"the profile claims {length} bytes; at most {MAX_BODY} are read")
    unpacker = zlib.decompressobj()
    body = unpacker.decompress(rest[8:], length + 1)
    if len(body) != length:
        raise ProfileError(f"the profile is damaged: {length} bytes promised, {len(body)} found")
    (text_length,) = _LENGTH.unpack_from(body)
    start = _LENGTH.size
    header = json.loads(body[start : start + text_length])
    return header, Reader(body, start + text_length)
