"""Who may answer: the policy's approvers, and never the author where the policy says so. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from control.errors import AnswerRefused
from control.policy import Approval
from control.state import Candidate

BY_LINK = "link"
"""Who answered, where the link is all that is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Principal:
    """A person or service whose identity is proven."""

    id: str
    """Object id in Entra."""
    names: tuple[str, ...] = ()
    """Sign-in names, by which a policy may name them."""
    shown: str = ""
    """What people call them: shown, never decided by."""
    groups: frozenset[str] | None = frozenset()
    """Object ids and known names of their groups; None: the token does not list them all."""

    @property
    def label(self) -> str:
        """How they are called in the audit trail and on pages."""
        return next((name for name in (*self.names, self.shown) if name), self.id)


def check_approver(approval: Approval, candidate: Candidate, principal: Principal | None) -> None:
    """Who approves must be one of the approvers, and not the author where the policy says so.

    Raises:
        AnswerRefused: why not.
    """
    check_named(approval, principal)
    if not approval.not_author or candidate.authors == ():
        return
    if candidate.authors is None:
        raise AnswerRefused(
            "author unknown",
            403,
            f"nobody knows who made version {candidate.version}, and the policy says that its author must "
            "not approve it: name the author in the model's tag homeostat.author",
        )
    if principal is None:
        raise AnswerRefused(
            "not signed in", 401, "the author must not approve, so say who you are: sign in first"
        )
    own = {name.casefold() for name in (principal.id, principal.shown, *principal.names) if name}
    if own & {author.casefold() for author in candidate.authors}:
        raise AnswerRefused(
            "self-made",
            403,
            f"{principal.label} made version {candidate.version}: somebody else must approve it",
        )


def check_named(approval: Approval, principal: Principal | None) -> None:
    """Whoever answers must be one of the approvers, where the policy names any.

    Raises:
        AnswerRefused: why not.
    """
    if not approval.approvers:
        return
    if principal is None:
        raise AnswerRefused(
            "not signed in", 401, f"the policy asks {', '.join(approval.approvers)}: sign in first"
        )
    if _is_among(approval.approvers, principal):
        return
    groups = [name for name in approval.approvers if name.startswith("group:")]
    if groups and principal.groups is None:
        raise AnswerRefused(
            "groups unknown",
            403,
            f"{principal.label} is in more groups than a token holds: name the person as an approver, or let "
            "the app registration emit only the groups that are assigned to it",
        )
    raise AnswerRefused(
        "not an approver", 403, f"{principal.label} is none of the approvers: {', '.join(approval.approvers)}"
    )


def is_author(candidate: Candidate, principal: Principal | None) -> bool:
    """Whether that is known to be who made it."""
    if principal is None or not candidate.authors:
        return False
    own = {name.casefold() for name in (principal.id, principal.shown, *principal.names) if name}
    return bool(own & {author.casefold() for author in candidate.authors})


def _is_among(approvers: tuple[str, ...], principal: Principal) -> bool:
    people = {name.casefold() for name in (principal.id, *principal.names) if name}
    groups = {name.casefold() for name in principal.groups or ()}
    for approver in approvers:
        kind, _, name = approver.partition(":")
        if name.casefold() in (people if kind == "user" else groups):
            return True
    return False
