"""What the server says of itself, and what its version and edition lack.

SQL Server 2012 is here as it came out: SERVERPROPERTY('ProductMajorVersion') is NULL (it came with SP2 CU9), and
change tables have no __$command_id. Azure SQL Database and Managed Instance call themselves 12.0 and have what the
newest version has."""

from __future__ import annotations

from dataclasses import dataclass

from standin.engine.types import INT, nvarchar
from standin.model import SqlType

_BUILDS = {
    "2012": ("11.0.2100.60", "RTM"), "2014": ("12.0.6024.0", "SP3"), "2016": ("13.0.6300.2", "SP3"),
    "2017": ("14.0.1000.169", "RTM"), "2019": ("15.0.2000.5", "RTM"), "2022": ("16.0.1000.6", "RTM"),
    "2025": ("17.0.1000.7", "RTM"),
}  # fmt: skip
_AZURE_BUILD, _AZURE_MAJOR = "12.0.2000.8", 17
# name: EngineEdition, Edition
_EDITIONS = {"developer": (3, "Developer Edition (64-bit)"), "azure": (5, "SQL Azure"), "managed": (8, "SQL Azure")}
# What came with which major version; functions, then views of sys, then the rest.
_SINCE = {
    "STRING_SPLIT": 13, "JSON_VALUE": 13, "JSON_QUERY": 13, "ISJSON": 13, "DATEDIFF_BIG": 13, "COMPRESS": 13,
    "STRING_AGG": 14, "TRIM": 14, "CONCAT_WS": 14, "TRANSLATE": 14, "CURRENT_TIMEZONE": 16, "CURRENT_TIMEZONE_ID": 16,
    "GENERATE_SERIES": 16, "GREATEST": 16, "LEAST": 16, "DATETRUNC": 16, "DATE_BUCKET": 16,
    "sys.time_zone_info": 13, "sys.dm_os_host_info": 14,
    "AT TIME ZONE": 13, "narrow rights": 16,
}  # fmt: skip
_LACKS = {
    "azure": {"sys.database_recovery_status", "sys.dm_server_services", "other databases"},
    "managed": {"sys.dm_server_services", "cdc.cdc_jobs"},
    "developer": {"cdc.cdc_jobs"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Version:
    """`year` and `edition` as the options name them."""

    year: str
    edition: str

    def __post_init__(self) -> None:
        if self.year not in _BUILDS or self.edition not in _EDITIONS:
            raise ValueError(f"version is one of {', '.join(_BUILDS)}, edition one of {', '.join(_EDITIONS)}")

    @property
    def is_azure(self) -> bool:
        return self.edition != "developer"

    @property
    def build(self) -> str:
        return _AZURE_BUILD if self.is_azure else _BUILDS[self.year][0]

    @property
    def level(self) -> str:
        return "RTM" if self.is_azure else _BUILDS[self.year][1]

    @property
    def numbers(self) -> tuple[int, int, int]:
        major, minor, build = self.build.split(".")[:3]
        return int(major), int(minor), int(build)

    @property
    def is_first_2012(self) -> bool:
        return self.build == "11.0.2100.60"

    def has(self, what: str) -> bool:
        """A function in capitals, a view as sys.name or cdc.name, or one of the other words above."""
        major = _AZURE_MAJOR if self.is_azure else self.numbers[0]
        return major >= _SINCE.get(what, 0) and what not in _LACKS[self.edition]


class Properties:
    """SERVERPROPERTY's values and @@VERSION, on Linux."""

    def __init__(self, server_name: str, version: Version) -> None:
        self.server_name = server_name
        self.version = version
        engine_edition, edition = _EDITIONS[version.edition]
        self.product = "Microsoft SQL Azure" if version.is_azure else f"Microsoft SQL Server {version.year}"
        self.version_text = (
            f"{self.product} ({version.level}) - {version.build} (X64) \n\tOct  8 2022 05:58:25 \n\tCopyright (C) Microsoft "
            f"Corporation\n\t{edition} on Linux (stand-in) <X64>"
        )
        major, minor, build = (None if version.is_first_2012 else str(number) for number in version.numbers)
        text = nvarchar(128)
        self.values: dict[str, tuple[SqlType, object]] = {
            "edition": (text, edition),
            "editionid": (SqlType("bigint"), -2117995310),
            "engineedition": (INT, engine_edition),
            "productversion": (text, version.build),
            "productmajorversion": (text, major),
            "productminorversion": (text, minor),
            "productbuild": (text, build),
            "productlevel": (text, version.level),
            "productupdatelevel": (text, None),
            "servername": (text, server_name),
            "machinename": (text, server_name),
            "computernamephysicalnetbios": (text, server_name),
            "instancename": (text, None),
            "collation": (text, "SQL_Latin1_General_CP1_CI_AS"),
            "lcid": (INT, 1033),
            "isclustered": (INT, 0),
            "ishadrenabled": (INT, 0),
            "isintegratedsecurityonly": (INT, 0),
            "issingleuser": (INT, 0),
            "isfulltextinstalled": (INT, 0),
            "isxtpsupported": (INT, 1),
            "ispolybaseinstalled": (INT, 0),
            "isadvancedanalyticsinstalled": (INT, 0),
            "islocaldb": (INT, 0),
            "hadrmanagerstatus": (INT, 2),
            "processid": (INT, 1),
            "sqlcharset": (SqlType("tinyint"), 1),
            "sqlcharsetname": (text, "iso_1"),
            "sqlsortorder": (SqlType("tinyint"), 52),
            "sqlsortordername": (text, "nocase_iso"),
            "resourceversion": (text, f"{version.numbers[0]}.00.{version.numbers[2]}"),
            "buildclrversion": (text, "v4.0.30319"),
        }
