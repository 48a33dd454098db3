"""The one place where what the SDKs raise becomes what the app understands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from control.errors import HomeostatError, Refused, TransientError, Unavailable

MAY_PASS = frozenset({408, 409, 412, 423, 425, 429})
"""Statuses of the 4xx range after which the same request may succeed."""
_PAINT = re.compile(r"\x1b\[[0-9;]*m")
CHANGED = frozenset({409, 412})


class NotFound(Refused):
    """What was asked for is not there: 404."""


@contextmanager
def translated(what: str, *, changed: type[TransientError] = Unavailable) -> Iterator[None]:
    """Run SDK calls; what they raise leaves as `Unavailable`, `Refused` or `NotFound`.

    Args:
        what: what is being done, for the message: `reading job rt-a-1`.
        changed: what 409 and 412 become (the ledger says Conflict).

    An exception that is neither of an SDK nor of the network passes unchanged: it is a bug.
    """
    try:
        yield
    except HomeostatError:
        raise
    except Exception as err:
        ours = _translation(err, what, changed)
        if ours is None:
            raise
        raise ours from err


@contextmanager
def loading(file: str) -> Iterator[None]:
    """Load a file of Azure ML's YAML: whatever its loader raises, it is the file that must change."""
    try:
        yield
    except HomeostatError:
        raise
    except Exception as err:
        raise Refused(f"{file} cannot be read as Azure ML's YAML: {_first_line(err)}") from err


def _translation(err: Exception, what: str, changed: type[TransientError]) -> HomeostatError | None:
    """Our error for that one, or None when it is not for us to translate."""
    # Whoever raised one of these has imported azure.core already: this costs nothing.
    from azure.core.exceptions import AzureError, HttpResponseError

    answer = next((one for one in _chain(err) if isinstance(one, HttpResponseError)), None)
    message = f"{what}: {_first_line(err)}{_innermost(answer)}"
    if answer is not None:
        return _by_status(answer.status_code, message, changed)
    if _is_refusal_of_ml(err):
        return Refused(message)
    if isinstance(err, AzureError | ConnectionError | TimeoutError) or _is_of_requests(err):
        return Unavailable(message)
    return None


def _by_status(status: int | None, message: str, changed: type[TransientError]) -> HomeostatError:
    if status in CHANGED:
        return changed(message)
    if status == 404:
        return NotFound(message)
    if status is not None and 400 <= status < 500 and status not in MAY_PASS:
        return Refused(f"{message} (HTTP {status})")
    return Unavailable(f"{message} (HTTP {status})" if status else message)


def _innermost(answer: Exception | None) -> str:
    """What Log Analytics says last: its first words are the same for whatever is wrong with a query."""
    inner = getattr(getattr(answer, "error", None), "innererror", None)
    message = ""
    while isinstance(inner, dict):
        message, inner = str(inner.get("message") or message), inner.get("innererror")
    return f": {message}"[:500] if message else ""


def _chain(err: BaseException | None) -> Iterator[BaseException]:
    """The exception and what caused it: azure-ai-ml wraps HTTP errors in its own."""
    seen: set[int] = set()
    while err is not None and id(err) not in seen:
        seen.add(id(err))
        yield err
        err = err.__cause__ or getattr(err, "inner_exception", None)


def _is_refusal_of_ml(err: Exception) -> bool:
    """azure-ai-ml refuses some requests itself: validation of YAML, of names, of assets."""
    module = type(err).__module__.partition(".")
    return type(err).__module__.startswith("azure.ai.ml") or module[0] in {
        "marshmallow",
        "strictyaml",
        "yaml",
    }


def _is_of_requests(err: Exception) -> bool:
    return type(err).__module__.partition(".")[0] in {"requests", "urllib3"}


def _first_line(err: Exception) -> str:
    """What happened, in one line: azure-ai-ml paints its messages and hides the fault in advice."""
    lines = [line.strip() for line in _PAINT.sub("", str(err)).splitlines() if line.strip()]
    faults = [line.removeprefix("(x)").strip() for line in lines if line.startswith("(x)")]
    return (" ".join(faults) or (lines[0] if lines else type(err).__name__))[:500]
