"""A store that hangs on one request without ever falling silent: the others go on, and nothing is lost or doubled."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.e2e.conftest import Database, Target
from tests.support.program import Program, wait_until
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server
from tests.support.workload import assert_same, commit_some, random_of

# A put has a minute and what its size adds; then a look at its key has some seconds.
DEADLINE_SECONDS = 60.0
ROOM_SECONDS = 40.0


def test_a_put_whose_answer_trickles_holds_up_no_other_table_and_is_settled_within_its_deadline(
    database: Database, target: Target, s3: S3Server, make_program: Callable[..., Program]
) -> None:
    rng = random_of("a trickling answer")
    with S3Proxy(s3.endpoint) as proxy:
        program = make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint)
        commit_some(database, rng.randrange(2**31), 30)
        stored = proxy.add(Fault("trickle_after", "PUT", "/Orders/cdc/"))
        lost = proxy.add(Fault("trickle", "PUT", "/Notes/cdc/"))
        process = program.start()
        began = time.monotonic()
        assert stored.reached.wait(30) and lost.reached.wait(30), program.log_text()

        wait_until(lambda: target.keys(f"{database.name}/Person/") != [], "the objects of the table that is well")
        assert not stored.release.is_set() and not lost.release.is_set(), "the others waited for it"

        # The lease is kept meanwhile: the document goes on changing.
        def counter() -> int:
            return int(json.loads(target.get(target.state_key(database.name)).data)["owner"]["counter"])

        before = counter()
        wait_until(lambda: counter() > before, "a renewed lease", 25)
        assert not stored.release.is_set()

        for fault in (stored, lost):
            assert fault.release.wait(DEADLINE_SECONDS + ROOM_SECONDS), "it is waited for without end"
        assert time.monotonic() - began < DEADLINE_SECONDS + ROOM_SECONDS
        # What was stored is found, what was not is put again under the same key: nothing is asked of anybody.
        for table in ("Orders", "Notes"):
            wait_until(lambda name=table: target.keys(f"{database.name}/{name}/") != [], f"objects of {table}", 60)
        commit_some(database, rng.randrange(2**31), 10)
        wait_until(lambda: len(target.keys(f"{database.name}/Orders/")) >= 2, "further objects", 60)
        assert process.poll() is None
        assert program.stop() == 0
        assert "ownership_lost" not in program.log_text()
        program.once()
    assert_same(database, target)
