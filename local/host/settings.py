"""App settings and host.json, read once."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAMED = re.compile(r"%([^%]+)%")
_SPAN = re.compile(r"^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$")


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueOptions:
    """host.json, extensions.queues, with the host's own defaults."""

    batch_size: int = 16
    new_batch_size: int = 8
    max_dequeue_count: int = 5
    max_polling_interval: timedelta = timedelta(minutes=1)
    visibility_timeout: timedelta = timedelta(0)
    base64: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """App settings (the environment over local.settings.json) and what of host.json concerns us."""

    values: Mapping[str, str]
    route_prefix: str
    queues: QueueOptions
    timeout: timedelta | None

    @classmethod
    def read(cls, app: Path, environment: Mapping[str, str]) -> Settings:
        """Read them.

        Raises:
            SettingsError: a file or value is wrong.
        """
        local = _json(app / "local.settings.json").get("Values", {})
        values = {**{str(name): str(value) for name, value in local.items()}, **environment}
        host = _overridden(_json(app / "host.json"), values)
        extensions = host.get("extensions", {})
        queues, defaults = extensions.get("queues", {}), QueueOptions()
        size = int(queues.get("batchSize", defaults.batch_size))
        timeout = host.get("functionTimeout", "00:30:00")
        return cls(
            values=values,
            route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
            queues=QueueOptions(
                batch_size=size,
                new_batch_size=int(queues.get("newBatchSize", size // 2)),
                max_dequeue_count=int(queues.get("maxDequeueCount", defaults.max_dequeue_count)),
                max_polling_interval=time_span(queues.get("maxPollingInterval", "00:01:00")),
                visibility_timeout=time_span(queues.get("visibilityTimeout", "00:00:00")),
                base64=str(queues.get("messageEncoding", "base64")).lower() == "base64",
            ),
            timeout=None if timeout == "-1" else time_span(timeout),
        )

    def fill_in(self, binding: dict[str, Any], *, where: str) -> dict[str, Any]:
        """The binding with every `%NAME%` replaced by that app setting."""

        def value(match: re.Match[str]) -> str:
            if match[1] not in self.values:
                raise SettingsError(
                    f"{where}: the app setting {match[1]} is not set (asked for by {match[0]})"
                )
            return self.values[match[1]]

        return {
            name: _NAMED.sub(value, each) if isinstance(each, str) else each for name, each in binding.items()
        }

    def connection(self, name: str | None) -> str:
        """The connection string behind a binding's `connection`."""
        wanted = name or "AzureWebJobsStorage"
        for candidate in (wanted, f"AzureWebJobs{wanted}"):
            if candidate in self.values:
                return self.values[candidate]
        raise SettingsError(f"the app setting {wanted} is not set: a connection string is needed here")

    def disabled(self, function: str) -> bool:
        """Whether `AzureWebJobs.<function>.Disabled` says so."""
        return self.values.get(f"AzureWebJobs.{function}.Disabled", "").lower() in {"true", "1"}


def time_span(text: Any) -> timedelta:
    """A .NET time span, `[d.]hh:mm:ss[.fffffff]`.

    Raises:
        SettingsError: it is none.
    """
    match = _SPAN.match(str(text))
    if not match:
        raise SettingsError(f"{text!r} is not a time span like 00:00:10")
    days, hours, minutes, seconds, fraction = match.groups()
    return timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "0").ljust(7, "0")) // 10,
    )


def _overridden(host: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """host.json with what `AzureFunctionsJobHost__a__b` settings put in its place, as the host does it."""
    for name, value in values.items():
        first, *path = name.split("__")
        if first != "AzureFunctionsJobHost" or not path:
            continue
        section = host
        for step in path[:-1]:
            section = section.setdefault(step, {})
        section[path[-1]] = value
    return host


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text("utf-8-sig")))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as err:
        raise SettingsError(f"{path} is not a JSON object: {err}") from err
