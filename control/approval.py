"""The link by which a person answers: what it is bound to, how it is sealed, and how it is opened. Pure.

A link carries a token: `v1.<what is asked, base64url>.<HMAC-SHA256 of that text, base64url>`. Whoever holds
it may see what is asked. It opens while the key stands, in the environment that made it, until it expires;
whether the question still stands is asked of the intent (control/answering.py). The standard library's HMAC
is enough for that; PyJWT would load cryptography with it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from control.errors import AnswerRefused
from control.names import digest
from control.state import Intent

ROUTE = "/api/approval"
SHORTEST_KEY = 32
"""Characters of a key: fewer could be guessed."""
LONGEST_TOKEN = 4_000
_TOKEN = re.compile(r"v1\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a link is bound to."""

    model: str
    version: str
    generation: int
    question: int
    evidence: str
    policy: str
    environment: str
    expires: int
    """Seconds since 1970, UTC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sealer:
    """Makes and opens links.

    `keys`: the first one seals, all of them open: a key is replaced by putting the new one before it.
    `environment`: which subscription, resource group and workspace this is; links of another are refused.
    `address`: of the app, `https://...`.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    environment: str
    address: str = ""

    def asked(self, intent: Intent) -> Asked | None:
        """What there is to answer now; None when no release waits for an answer."""
        candidate = intent.releasing.candidate
        if candidate is None or candidate.question is None or intent.releasing.phase != "proposed":
            return None
        question = candidate.question
        return Asked(
            model=intent.model,
            version=candidate.version,
            generation=candidate.generation,
            question=question.number,
            evidence=question.evidence,
            policy=question.policy,
            environment=self.environment,
            expires=int(question.expires.timestamp()),
        )

    def seal(self, asked: Asked) -> str:
        """The token: the same for the same question.

        Raises:
            AnswerRefused: there is no key.
        """
        body = _text(json.dumps(asdict(asked), sort_keys=True, separators=(",", ":")).encode())
        return f"v1.{body}.{_mac(self._key(), 'link', body)}"

    def link(self, asked: Asked) -> str:
        """Where a person answers."""
        return f"{self.address}{ROUTE}?token={self.seal(asked)}"

    def open(self, token: str, now: datetime) -> Asked:
        """What the token asks.

        Raises:
            AnswerRefused: it is none, forged, of another environment, or expired.
        """
        found = _TOKEN.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
        if found is None:
            raise AnswerRefused("malformed", 400, "this is no link of Homeostat's: it is cut off, or changed")
        self._key()
        body, mac = found.groups()
        # Text is compared, not bytes: base64 has several texts for the same bytes.
        if not any([hmac.compare_digest(_mac(key, "link", body), mac) for key in self.keys]):  # noqa: C419 - each key takes its time
            raise AnswerRefused(
                "forged", 403, "this link was not made here, or its key was replaced: ask for a new one"
            )
        asked = Asked(**json.loads(_bytes(body)))
        if asked.environment != self.environment:
            raise AnswerRefused("environment", 403, "this link belongs to another environment")
        if now.timestamp() >= asked.expires:
            until = datetime.fromtimestamp(asked.expires, UTC).isoformat()
            raise AnswerRefused("expired", 410, f"this link expired at {until}")
        return asked

    def form(self, token: str, principal: str) -> str:
        """What a page's form must bring back: another page, or one shown to somebody else, cannot know it."""
        return _mac(self._key(), "form", f"{token} {principal}")

    def fits(self, form: str, token: str, principal: str) -> bool:
        """Whether the form comes from our page, as shown to that person."""
        made = [_mac(key, "form", f"{token} {principal}") for key in self.keys]
        return any([hmac.compare_digest(one, form) for one in made if form.isascii()])  # noqa: C419

    def _key(self) -> str:
        if not self.keys:
            raise AnswerRefused(
                "no key", 403, "links are not set up: HOMEOSTAT_APPROVAL_KEY is not set (docs/approval.md)"
            )
        return self.keys[0]


def environment(subscription: str, resource_group: str, workspace: str) -> str:
    """Which Azure ML workspace this is, in few characters that tell nobody its name."""
    return digest([subscription.lower(), resource_group.lower(), workspace.lower()])[:16]


def model_named(token: str) -> str:
    """Which model a token that may be forged speaks of; empty where it says nothing."""
    found = _TOKEN.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    try:
        body = json.loads(_bytes(found[1])) if found else {}
    except (ValueError, RecursionError):
        return ""
    named = body.get("model") if isinstance(body, dict) else None
    return named if isinstance(named, str) else ""


def clean(text: str, longest: int) -> str:
    """One line without control characters, signs that turn writing round, or spaces at its ends."""
    plain = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in text[: longest * 4])
    line = " ".join(plain.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _mac(key: str, purpose: str, text: str) -> str:
    own = hmac.new(key.encode(), f"homeostat approval {purpose}".encode(), hashlib.sha256).digest()
    return _text(hmac.new(own, text.encode("utf-8", "replace"), hashlib.sha256).digest())


def _text(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
