"""ODBC drivers for the program: FreeTDS, and Microsoft's where the mssql-python-odbc wheel brings it."""

from __future__ import annotations

import os
import platform
import sysconfig
from pathlib import Path

# CDC_TEST_DRIVER=microsoft-tls: every test connects by Microsoft's driver, through TLS (tests/e2e/conftest.py).
MICROSOFT_TLS = os.environ.get("CDC_TEST_DRIVER", "") == "microsoft-tls"
_FOLDER = {"x86_64": "x86_64", "aarch64": "arm64"}


def drivers() -> dict[str, str]:
    """Short name -> what SQL_SERVER_DRIVER is set to."""
    found = {"FreeTDS": "{FreeTDS}"}
    libraries = Path(sysconfig.get_paths()["purelib"]) / "mssql_python_odbc/libs/linux/debian_ubuntu"
    for library in sorted((libraries / _FOLDER.get(platform.machine(), "none") / "lib").glob("libmsodbcsql-1*.so*")):
        found["Microsoft"] = str(library)
    return {name: found[name] for name in found if name == "Microsoft"} if MICROSOFT_TLS else found
