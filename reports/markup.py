"""HTML that is escaped because of how it is made: text is text until `tag` has made it markup."""

from __future__ import annotations

import html

VOID = frozenset({"meta", "br", "hr", "input", "link"})


class Markup(str):
    """A piece of finished HTML. Only this module makes it from text."""

    __slots__ = ()


def tag(element: str, /, *children: object, **attributes: object) -> Markup:
    """One element.

    Children and attributes are escaped unless they are markup; None is left out. `class_` and `for_` stand
    for the reserved words, `data_x` for `data-x`; an attribute that is True has no value.
    """
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        written.append(f" {attribute}" if value is True else f' {attribute}="{html.escape(str(value))}"')
    opened = f"<{element}{''.join(written)}>"
    return Markup(opened if element in VOID else f"{opened}{join(*children)}</{element}>")


def join(*children: object) -> Markup:
    """Children one after the other, text escaped."""
    return Markup(
        "".join(
            child if isinstance(child, Markup) else html.escape(str(child))
            for child in children
            if child is not None
        )
    )


def trusted(text: str) -> Markup:
    """Our own constant (a style sheet, a script) as it is. Never data."""
    return Markup(text)
