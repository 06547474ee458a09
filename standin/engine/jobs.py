"""The two Agent jobs of a database with CDC: capture and cleanup (msdb.dbo.cdc_jobs)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from standin.engine.catalog import Database


@dataclass(slots=True)
class Job:
    """Defaults are those of sys.sp_cdc_add_job. `running`: whether the Agent runs it now; `started` and `stopped` are
    datetimes, for msdb.dbo.sysjobactivity."""

    kind: str
    name: str
    maxtrans: int = 0
    maxscans: int = 0
    continuous: int = 0
    pollinginterval: int = 0
    retention: int = 0
    threshold: int = 0
    running: bool = True
    started: int | None = None
    stopped: int | None = None
    job_id: bytes = field(default_factory=lambda: uuid.uuid4().bytes)

    def start(self, now: int) -> None:
        self.running, self.started, self.stopped = True, now, None

    def stop(self, now: int) -> None:
        if self.running:
            self.running, self.stopped = False, now


def new_job(database: Database, kind: str, now: int, retention_minutes: int = 4320) -> Job:
    """A capture job runs from the beginning; a cleanup job waits for its time of day."""
    if kind == "capture":
        return Job("capture", f"cdc.{database.name}_capture", 500, 10, 1, 5, started=now)
    return Job("cleanup", f"cdc.{database.name}_cleanup", retention=retention_minutes, threshold=5000, running=False)


def new_jobs(database: Database, now: int, retention_minutes: int) -> dict[str, Job]:
    return {kind: new_job(database, kind, now, retention_minutes) for kind in ("capture", "cleanup")}
