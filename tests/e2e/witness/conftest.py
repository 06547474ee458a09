"""Judges that `make test` does not bring: they need a JVM. `make test-witness` installs it and runs them."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("CDC_TEST_WITNESS") else ["test_*.py"]
