"""A certificate authority and a server certificate of its own, made with the openssl command line."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 60
_DAYS = "30"
_KEY = ("-newkey", "rsa:2048", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """PEM files. `ca` is what a client that verifies needs."""

    ca: Path
    certificate: Path
    key: Path


def make_certificate(folder: Path, names: str = "DNS:localhost,IP:127.0.0.1", authority: str = "ca") -> Certificate:
    """A new authority and a certificate from it, in `folder`. `names` as openssl writes subject alternative names.

    Raises RuntimeError with openssl's own words."""
    made = Certificate(
        folder / f"{authority}.pem", folder / f"{authority}-server.pem", folder / f"{authority}-server.key"
    )
    ca_key, request, extensions = (folder / f"{authority}{suffix}" for suffix in (".key", ".csr", ".ext"))
    # The subject differs from one authority to the next: two with one name and different keys confuse clients.
    subject = f"/CN=Stand-in authority {authority} of {folder.name}"
    _openssl("req", "-x509", *_KEY, "-days", _DAYS, "-subj", subject, "-addext", "keyUsage=critical,keyCertSign,cRLSign",
             "-keyout", ca_key, "-out", made.ca)  # fmt: skip
    _openssl("req", *_KEY, "-subj", "/CN=SQL Server stand-in", "-keyout", made.key, "-out", request)
    extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    _openssl("x509", "-req", "-in", request, "-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", _DAYS,
             "-extfile", extensions, "-out", made.certificate)  # fmt: skip
    return made


def _openssl(*words: str | Path) -> None:
    done = subprocess.run(["openssl", *words], capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {words[0]}: {done.stderr.strip()}")
