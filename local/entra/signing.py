"""The tenant's key: made when it is first needed, kept in the state folder."""

from __future__ import annotations

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_ID = "local"


class Signing:
    """Signs claims with RS256."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = Lock()

    def sign(self, claims: dict[str, Any]) -> str:
        """The claims as a JWT."""
        import jwt

        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    def public(self) -> dict[str, Any]:
        """The public key, as a JWK."""
        from jwt.algorithms import RSAAlgorithm

        jwk: dict[str, Any] = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {**jwk, "kid": KEY_ID, "use": "sig", "alg": "RS256"}

    @property
    def _key(self) -> RSAPrivateKey:
        with self._lock:
            return self._made

    @cached_property
    def _made(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        if self._file.is_file():
            loaded = serialization.load_pem_private_key(self._file.read_bytes(), password=None)
            if isinstance(loaded, rsa.RSAPrivateKey):
                return loaded
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.touch(mode=0o600)
        self._file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return key
