"""Is that address one of a blob of ours? Nothing is fetched that this module has not said yes to."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

LONGEST = 4096
PASSES = 5


def path_below(url: str, service: str, container: str, prefix: str) -> str | None:
    """The blob's path below `prefix`, or None when the address lies anywhere else.

    Args:
        url: from outside, not trusted.
        service: address of the account's blob service, as the storage client has it:
            `https://<account>.blob.core.windows.net/`, or Azurite's `http://127.0.0.1:<port>/<account>`.
        container: the container.
        prefix: ends with `/`, or is empty.

    An account with a hierarchical namespace names itself `<account>.dfs.core.windows.net` in its events: that
    is the same account, and counts.
    """
    if len(url) > LONGEST or url != url.lstrip() or not url.isprintable() or "\\" in url:
        return None
    try:
        parts, ours = urlsplit(url), urlsplit(service)
    except ValueError:
        return None
    hosts = {ours.netloc, ours.netloc.replace(".blob.", ".dfs.", 1)}
    if parts.scheme != ours.scheme or parts.netloc.lower() not in hosts or "?" in url or "#" in url:
        return None
    root = f"{ours.path.rstrip('/')}/{container}/"
    if not parts.path.startswith(root):
        return None
    path = unquote(parts.path[len(root) :])
    if not _is_plain(path) or not path.startswith(prefix):
        return None
    return path[len(prefix) :] or None


def _is_plain(path: str) -> bool:
    """No step out of the folder, however often it is encoded, and no empty step."""
    for _ in range(PASSES):
        if not path.isprintable() or "\\" in path or any(step in {"", ".", ".."} for step in path.split("/")):
            return False
        path, before = unquote(path), path
        if path == before:
            return True
    return False
