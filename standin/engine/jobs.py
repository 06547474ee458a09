"""The two Agent jobs of a database with CDC: capture and cleanup (msdb.dbo.cdc_jobs)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from standin.engine.catalog import Database


@dataclass(slots=True)
class Job:
    """Defaults are those of sys.sp_cdc_add_job. `running`: whether the Agent runs it now."""

    kind: str
    name: str
    maxtrans: int = 0
    maxscans: int = 0
    continuous: int = 0
    pollinginterval: int = 0
    retention: int = 0
    threshold: int = 0
    running: bool = True
    job_id: bytes = field(default_factory=lambda: uuid.uuid4().bytes)


def new_job(database: Database, kind: str, retention_minutes: int = 4320) -> Job:
    if kind == "capture":
        return Job("capture", f"cdc.{database.name}_capture", 500, 10, 1, 5)
    return Job("cleanup", f"cdc.{database.name}_cleanup", retention=retention_minutes, threshold=5000)


def new_jobs(database: Database, retention_minutes: int) -> dict[str, Job]:
    return {kind: new_job(database, kind, retention_minutes) for kind in ("capture", "cleanup")}
