"""Stores that are not Amazon's: what they refuse, and what is said of it. A proxy in front of a real S3 server refuses
as they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import BUCKET, Database, Target
from tests.support.change_tables import assert_delivered
from tests.support.program import Program
from tests.support.s3_proxy import Fault, S3Proxy
from tests.support.s3_servers import S3Server

EVER = 1_000_000
CHECKSUM = "x-amz-checksum-sha256"
# As Backblaze B2 words it.
UNSUPPORTED = f"Unsupported header '{CHECKSUM}' received for this API call."


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[S3Proxy]:
    with S3Proxy(s3.endpoint) as started:
        yield started


@pytest.fixture
def shop(database: Database) -> Database:
    database.run("CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY)")
    database.enable("dbo", "Orders")
    database.run("INSERT INTO dbo.Orders VALUES (1)")
    database.capture()
    return database


@pytest.fixture
def behind(program: Program, proxy: S3Proxy) -> Program:
    return program.with_settings(CDC_TARGET_ENDPOINT=proxy.endpoint)


def test_a_store_that_refuses_checksums_of_bodies_serves(
    shop: Database, target: Target, behind: Program, proxy: S3Proxy
) -> None:
    refused = proxy.add(
        Fault("error", "PUT", header=CHECKSUM, times=EVER, status=400, code="InvalidArgument", message=UNSUPPORTED)
    )
    checked = behind.call("check")
    assert checked.code == 0 and "x-amz-content-sha256 covers them" in checked.text, checked.text
    ran = behind.once().text
    assert "sent without it" in ran
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))
    assert refused.hits <= 8, "it is asked for again with every body"


def test_a_bucket_with_object_lock_that_asks_for_content_md5_gets_it(
    shop: Database, target: Target, behind: Program, proxy: S3Proxy
) -> None:
    wanted = "Content-MD5 HTTP header is required for Put Object requests with Object Lock parameters"
    proxy.add(Fault("error", "PUT", header=CHECKSUM, times=EVER, status=400, code="InvalidRequest", message=wanted))
    behind.once()
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))


def test_awss_own_setting_spares_the_checksum(shop: Database, behind: Program, proxy: S3Proxy) -> None:
    refused = proxy.add(
        Fault("error", "PUT", header=CHECKSUM, times=EVER, status=400, code="InvalidArgument", message=UNSUPPORTED)
    )
    behind.once(AWS_REQUEST_CHECKSUM_CALCULATION="when_required")
    assert refused.hits == 0


@pytest.mark.parametrize(
    ("setting", "header"),
    [
        ({"CDC_TARGET_TAGS": "team=data"}, "x-amz-tagging"),
        ({"CDC_TARGET_STORAGE_CLASS": "STANDARD_IA"}, "x-amz-storage-class"),
    ],
    ids=["tags", "storage class"],
)
@pytest.mark.parametrize("state", ["in the target", "local"])
def test_what_a_store_refuses_of_objects_alone_is_found_by_check(
    shop: Database,
    target: Target,
    behind: Program,
    proxy: S3Proxy,
    tmp_path: object,
    setting: dict[str, str],
    header: str,
    state: str,
) -> None:
    local = {"CDC_TARGET_STATE": f"file://{tmp_path}"} if state == "local" else {}
    proxy.add(Fault("error", "PUT", header=header, times=EVER, status=403, code="AccessDenied"))
    assert behind.call("check", **local).code == 0
    found = behind.call("check", **setting, **local)
    assert found.code == 1 and f"put {target.url}/{shop.name}/_cdc_to_s3_probe" in found.text, found.text
    assert behind.call("run", "--once", **setting, **local).code in (1, 3)
    assert [key for key in target.keys("") if key.endswith("_cdc_to_s3_probe")] == []


def test_an_endpoint_that_names_the_bucket_is_refused_with_the_one_to_write(program: Program, s3: S3Server) -> None:
    ended = program.call("check", CDC_TARGET_ENDPOINT=f"{s3.endpoint}/{BUCKET}")
    assert ended.code == 1
    assert f"set endpoint to {s3.endpoint}" in ended.text


def test_the_endpoint_of_a_profile_is_used(shop: Database, target: Target, program: Program, proxy: S3Proxy) -> None:
    config = program.folder / "aws-config"
    config.write_text(
        f"[default]\nservices = here\n[services here]\ns3 =\n  endpoint_url = {proxy.endpoint}\n", encoding="utf-8"
    )
    settings = {name: value for name, value in program.settings.items() if "ENDPOINT" not in name}
    Program(program.folder, {**settings, "AWS_CONFIG_FILE": str(config)}).once()
    assert proxy.count("PUT") > 0
    assert_delivered(shop.connection, "dbo_Orders", target.objects(shop.name, "Orders"))
