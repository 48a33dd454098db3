"""Storage that takes tokens alone: Azurite over https, and App Service's endpoint for managed identities."""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from local.azurite import ACCOUNT, script
from local.node import node

LISTENING = re.compile(
    r"Azurite (Blob|Queue|Table) service is successfully listening at (https://127\.0\.0\.1:\d+)"
)
TENANT = "22222222-2222-2222-2222-222222222222"


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*plain))
    return cert_file, key_file


class Identities:
    """App Service's endpoint (api-version 2019-08-01): a token for whoever knows the header."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.audience: str | None = None
        """Instead of the resource that was asked for."""
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                ours.asked.append(query)
                allowed = self.headers.get("X-IDENTITY-HEADER") == "the-header"
                expires = int(time.time()) + 86400
                token = _token(ours.audience or query.get("resource", ""), expires)
                body = {
                    "access_token": token,
                    "expires_on": str(expires),
                    "resource": query.get("resource"),
                    "token_type": "Bearer",
                }
                raw = json.dumps(body if allowed else {"statusCode": 401, "message": "who are you?"}).encode()
                self.send_response(200 if allowed else 401)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/msi/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _token(audience: str, expires: int) -> str:
    now = int(time.time())
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now - 60,
        "nbf": now - 60,
        "exp": expires,
        "oid": "app",
    }
    parts = ({"alg": "RS256", "typ": "JWT", "kid": "k"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, base64.urlsafe_b64encode(b"not looked at").decode().rstrip("=")])


class TokenAzurite:
    """Azurite that takes tokens (`--oauth basic`), which it does over https alone."""

    def __init__(self, folder: Path) -> None:
        self.cert, key = certificate(folder)
        self._log = (folder / "azurite.log").open("w+")
        self._process = subprocess.Popen(
            [
                node(), str(script()), "--location", str(folder), "--blobPort", "0", "--queuePort", "0", "--tablePort", "0",
                "--skipApiVersionCheck", "--silent", "--disableTelemetry", "--oauth", "basic",
                "--cert", str(self.cert), "--key", str(key),
            ],
            cwd=folder, stdout=self._log, stderr=self._log,
        )  # fmt: skip
        self.uris: dict[str, str] = {}
        deadline = time.monotonic() + 60
        while len(self.uris) < 3:
            said = Path(self._log.name).read_text("utf-8")
            self.uris = {kind.lower(): f"{url}/{ACCOUNT}" for kind, url in LISTENING.findall(said)}
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Azurite did not come up: {said[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._log.close()
