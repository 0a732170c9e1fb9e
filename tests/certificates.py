"""Certificates for servers of the tests."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def self_signed(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate that is its own authority.

    Args:
        folder: Where it is kept.
        host: Whose it is.

    Returns:
        What a server ends TLS with, and the certificate's file for those who shall trust it.
    """
    key, certificate = folder / f"{host}.key", folder / f"{host}.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}",
         "-addext", f"subjectAltName=DNS:{host}", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate
