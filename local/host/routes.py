"""Route templates of HTTP functions, as ASP.NET reads them: `orders/{id:int}/{*rest}`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_PART = re.compile(r"\{(\*{0,2})(\w+)((?::[^{}?=]+)*)(?:=([^{}?]*))?(\?)?\}")
_KINDS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "bool": r"(?:true|false)",
    "guid": r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}",
    "alpha": r"[a-z]+",
    "decimal": r"-?\d+(?:\.\d+)?",
    "double": r"-?\d+(?:\.\d+)?",
    "float": r"-?\d+(?:\.\d+)?",
}


@dataclass(frozen=True, slots=True)
class Route:
    """A compiled template. Names and literals match without regard to case."""

    template: str
    pattern: re.Pattern[str]
    defaults: dict[str, str]

    @classmethod
    def compile(cls, template: str) -> Route:
        """Compile a template, the prefix included."""
        pattern, defaults = "", {}
        for segment in template.strip("/").split("/"):
            piece, optional, at = "", False, 0
            for match in _PART.finditer(segment):
                stars, name, kinds, default, question = match.groups()
                piece += re.escape(segment[at : match.start()])
                known = [_KINDS[kind] for kind in kinds.split(":")[1:] if kind in _KINDS]
                piece += f"(?P<{name}>{'.*' if stars else known[0] if known else '[^/]+'})"
                optional = optional or bool(stars or question) or default is not None
                if default is not None:
                    defaults[name] = default
                at = match.end()
            piece += re.escape(segment[at:])
            pattern += f"(?:/{piece})?" if optional else f"/{piece}"
        return cls(template, re.compile(pattern + "/?", re.IGNORECASE), defaults)

    @property
    def weight(self) -> tuple[int, str]:
        """Literal routes come before those with parameters."""
        return (self.template.count("{") + 10 * self.template.count("{*"), self.template)

    def match(self, path: str) -> dict[str, str] | None:
        """The route parameters when that path fits, else None."""
        found = self.pattern.fullmatch(path)
        if found is None:
            return None
        given = {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
        return {**self.defaults, **given}
