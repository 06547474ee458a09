"""A store that drops user metadata: objects are known by their footers."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.conftest import Database, Target
from tests.support.program import Program
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server
from tests.support.workload import assert_same, commit_some, random_of


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[S3Proxy]:
    with S3Proxy(s3.endpoint, drops_metadata=True) as started:
        yield started


@pytest.fixture
def behind(database: Database, target: Target, proxy: S3Proxy, make_program: Callable[..., Program]) -> Program:
    return make_program(database.name, target.url, AWS_ENDPOINT_URL_S3=proxy.endpoint)


def test_check_says_it_and_everything_is_delivered_once(
    database: Database, target: Target, proxy: S3Proxy, behind: Program
) -> None:
    rng = random_of("dropped metadata")
    commit_some(database, rng.randrange(2**31), 12)
    checked = behind.call("check")
    assert "does not keep user metadata" in checked.text, checked.text
    assert "keeps both conditions" in checked.text
    behind.once()
    # A put whose reply is lost, a claim without an object, and an object whose claim is not confirmed.
    commit_some(database, rng.randrange(2**31), 12)
    lost = proxy.add(Fault("drop_reply", "PUT", "/cdc/"))
    behind.once()
    assert lost.hits == 1
    for where in ("claimed_not_put:1", "put_not_confirmed:1"):
        commit_some(database, rng.randrange(2**31), 12)
        assert behind.call("run", "--once", CDC_CRASH_AT=where).code == -signal.SIGKILL
        behind.once()
        assert_same(database, target)


def test_a_lost_document_is_noticed_and_rebuilt(database: Database, target: Target, behind: Program) -> None:
    rng = random_of("dropped metadata, lost document")
    commit_some(database, rng.randrange(2**31), 12)
    behind.once()
    target.delete(target.state_key(database.name))
    assert "does not know the object" in behind.once(expect=1).text
    adopted = behind.call("adopt", "--yes")
    assert adopted.code == 0, adopted.text
    commit_some(database, rng.randrange(2**31), 12)
    behind.once()
    assert_same(database, target)


def test_a_foreign_parquet_file_stays_foreign(database: Database, target: Target, behind: Program) -> None:
    rng = random_of("dropped metadata, a foreign file")
    commit_some(database, rng.randrange(2**31), 12)
    foreign = f"{database.name}/Orders/cdc/Orders_cdc_29990101_000000.parquet"
    target.put(foreign, b"PAR1 this is none PAR1")
    ended = behind.once(expect=3)
    assert "Parquet file that is not ours" in ended.text and foreign in ended.text
    target.delete(foreign)
    behind.once()
    assert_same(database, target)
