"""What the server says of itself."""

from __future__ import annotations

from standin.engine.types import INT, nvarchar
from standin.model import SqlType

_VERSION = "16.0.1000.6"


class Properties:
    """SERVERPROPERTY's values and @@VERSION, of a SQL Server 2022 Developer Edition on Linux."""

    def __init__(self, server_name: str) -> None:
        self.server_name = server_name
        self.version_text = (
            f"Microsoft SQL Server 2022 (RTM) - {_VERSION} (X64) \n\tOct  8 2022 05:58:25 \n\tCopyright (C) 2022 Microsoft "
            "Corporation\n\tDeveloper Edition (64-bit) on Linux (stand-in) <X64>"
        )
        text = nvarchar(128)
        self.values: dict[str, tuple[SqlType, object]] = {
            "edition": (text, "Developer Edition (64-bit)"),
            "editionid": (SqlType("bigint"), -2117995310),
            "engineedition": (INT, 3),
            "productversion": (text, _VERSION),
            "productmajorversion": (text, "16"),
            "productminorversion": (text, "0"),
            "productbuild": (text, "1000"),
            "productlevel": (text, "RTM"),
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
            "resourceversion": (text, "16.00.1000"),
            "buildclrversion": (text, "v4.0.30319"),
        }
