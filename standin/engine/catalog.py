"""What a server knows of its databases: schemas, tables, columns, indexes, users, rights, capture instances.

Held in memory; the rows themselves lie in SQLite under physical names (t<object id>, c<column id>), so that
renames and odd names cost nothing."""

from __future__ import annotations

import itertools
import uuid
from dataclasses import dataclass, field
from typing import Any

from standin.engine.clock import lsn_bytes
from standin.engine.errors import invalid_object
from standin.model import Column, SqlError, SqlType


@dataclass(slots=True)
class UserType:
    """A type of CREATE TYPE: another name for `base`, or with a `base` of 'udt' a CLR type."""

    schema: str
    name: str
    user_type_id: int
    base: SqlType
    nullable: bool = True


@dataclass(slots=True)
class ColumnDef:
    """`default` and `computed` are T-SQL texts. `column_id` is never used again after a DROP COLUMN."""

    name: str
    type: SqlType
    column_id: int
    nullable: bool = True
    identity: tuple[int, int] | None = None
    default: str | None = None
    default_name: str = ""
    computed: str | None = None
    persisted: bool = False
    collation: str = ""
    sparse: bool = False
    user_type: UserType | None = None

    @property
    def physical(self) -> str:
        return f"c{self.column_id}"

    def model(self) -> Column:
        return Column(self.name, self.type, self.nullable, self.identity is not None, self.computed is not None)


@dataclass(slots=True)
class Index:
    name: str
    index_id: int
    columns: list[tuple[str, bool]]  # name, descending
    unique: bool
    clustered: bool
    kind: str = ""  # 'PK', 'UQ' or '' for a plain index
    object_id: int = 0  # of the constraint


@dataclass(slots=True)
class Table:
    object_id: int
    database_id: int
    schema: str
    name: str
    columns: list[ColumnDef]
    indexes: list[Index] = field(default_factory=list)
    checks: list[tuple[str, str]] = field(default_factory=list)
    check_sql: list[tuple[str, str]] = field(default_factory=list)  # checks as SQLite conditions over NEW
    check_functions: dict[str, Any] = field(default_factory=dict)  # what those conditions call (Env.functions)
    create_date: int = 0  # datetime
    modify_date: int = 0
    identity_value: int | None = None
    columns_max: int = 0  # the highest column id ever used
    temporary: bool = False
    change_table: bool = False
    bare: bool = False  # no undo records and triggers yet (standin.engine.physical)

    @property
    def physical(self) -> str:
        return f"temp.x{self.object_id}" if self.temporary else f"t{self.object_id}"

    @property
    def undo(self) -> str:
        return f"p{self.object_id}"

    @property
    def log(self) -> str:
        return f"l{self.object_id}"

    def find(self, name: str) -> ColumnDef | None:
        """In a database that knows no case there is one at most; in another one the exact name wins."""
        lowered = name.lower()
        found = [c for c in self.columns if c.name.lower() == lowered]
        return next((c for c in found if c.name == name), found[0] if found else None)

    def column(self, name: str) -> ColumnDef:
        found = self.find(name)
        if found is None:
            raise SqlError(207, f"Invalid column name '{name}'.")
        return found

    @property
    def stored(self) -> list[ColumnDef]:
        return [c for c in self.columns if c.computed is None]

    @property
    def primary_key(self) -> Index | None:
        return next((i for i in self.indexes if i.kind == "PK"), None)

    def key_columns(self) -> set[str]:
        """Lower-case names of the columns whose change CDC sees as delete and insert (unique and clustering keys)."""
        return {n.lower() for i in self.indexes if i.unique or i.clustered for n, _ in i.columns}


@dataclass(slots=True)
class Instance:
    """A capture instance. `columns`: the captured columns as they were when it was made, in source order."""

    name: str
    source: Table
    change_table: Table
    columns: list[ColumnDef]
    net_changes: bool
    role: str | None
    index_name: str | None
    filegroup: str | None
    partition_switch: bool
    key: list[str]

    def change_columns(self) -> list[ColumnDef]:
        """The change table's columns that stand for `columns`, in that order."""
        return [c for c in self.change_table.columns if not c.name.startswith("__$")]


@dataclass(slots=True)
class Principal:
    name: str
    principal_id: int
    kind: str  # 'S' user, 'R' role
    login: str | None = None
    roles: set[str] = field(default_factory=set)  # lower-case names


@dataclass(slots=True, frozen=True)
class Grant:
    """`securable`: ('object', id), ('schema', lower name), ('database', ''), ('sys' or 'msdb', lower name of a view), or ('server', '')."""

    principal: str
    permission: str
    securable: tuple[str, int | str]
    deny: bool = False


FIXED_ROLES = ("public", "db_owner", "db_datareader", "db_datawriter", "db_ddladmin", "db_accessadmin")
FIXED_ROLES += ("db_securityadmin", "db_backupoperator", "db_denydatareader", "db_denydatawriter")


def _new_guid() -> bytes:
    return uuid.uuid4().bytes


@dataclass(slots=True)
class Recovery:
    """Which history a database has (sys.database_recovery_status): its family of backups outlives restores, and each
    recovery after a restore begins a fork."""

    database_guid: bytes = field(default_factory=_new_guid)
    family_guid: bytes = field(default_factory=_new_guid)
    fork_guid: bytes = field(default_factory=_new_guid)
    first_fork_guid: bytes = b""
    fork_point: int = 0  # the log record after which the fork began

    def __post_init__(self) -> None:
        self.first_fork_guid = self.first_fork_guid or self.fork_guid

    def begin_fork(self, record: int) -> None:
        self.first_fork_guid, self.fork_guid, self.fork_point = self.fork_guid, _new_guid(), record


@dataclass
class Database:
    """`version` moves with every change of the catalogue: compiled plans are valid for one version."""

    database_id: int
    name: str
    create_date: int = 0
    collation: str = "SQL_Latin1_General_CP1_CI_AS"
    cdc_enabled: bool = False
    options: dict[str, str] = field(default_factory=dict)
    state: str = "ONLINE"  # or OFFLINE, RESTORING
    access: str = "MULTI_USER"  # or SINGLE_USER
    replica_error: int = 0  # what a replica of an availability group says that does not serve
    service_broker_guid: bytes = field(default_factory=_new_guid)
    recovery: Recovery = field(default_factory=Recovery)
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    schemas: dict[str, str] = field(default_factory=dict)  # lower-case name: name
    instances: dict[str, Instance] = field(default_factory=dict)
    principals: dict[str, Principal] = field(default_factory=dict)
    grants: set[Grant] = field(default_factory=set)
    user_types: dict[tuple[str, str], UserType] = field(default_factory=dict)  # by lower-case schema and name
    assemblies: dict[str, str] = field(default_factory=dict)  # lower-case name: name
    version: int = 0
    schema_ids: dict[str, int] = field(default_factory=dict)
    # (log record, by how much later records are ahead of the LSNs they get): one entry for each restore
    restores: list[tuple[int, int]] = field(default_factory=list)
    _numbered: tuple[int, dict[int, Table]] = (-1, {})  # the tables of one version, by object id

    def lsn(self, record: int) -> bytes:
        """The LSN of the server's n-th log record in this database."""
        ahead = next((ahead for first, ahead in reversed(self.restores) if record > first), 0)
        return lsn_bytes(record - ahead)

    def go_on_from(self, record: int, now: int) -> None:
        """Records after `now` get the LSNs that came after `record`, again."""
        before = next((ahead for first, ahead in reversed(self.restores) if record > first), 0)
        self.restores.append((now, now - record + before))

    def __post_init__(self) -> None:
        for number, name in enumerate(("dbo", "guest", "INFORMATION_SCHEMA", "sys"), 1):
            self.add_schema(name, number)
        for number, name in enumerate(FIXED_ROLES):
            self.principals[name] = Principal(name, 16_384 + number if number else 0, "R")
        self.principals["dbo"] = Principal("dbo", 1, "S", "sa", {"db_owner"})
        self.principals["guest"] = Principal("guest", 2, "S")
        if self.name in ("master", "tempdb", "msdb"):
            self.grants.add(Grant("guest", "CONNECT", ("database", "")))

    def user_type(self, parts: list[str]) -> UserType | None:
        """The type of a dotted name; without a schema it is dbo's."""
        schema = parts[-2] if len(parts) > 1 and parts[-2] else "dbo"
        return self.user_types.get((schema.lower(), parts[-1].lower()))

    def resolved(self, t: SqlType) -> SqlType:
        """A declared type, of which only the name may be known yet. SqlError 2715 when there is no such type."""
        if t.name != "udt":
            return t
        found = self.user_type(list(t.udt))
        if found is None:
            raise SqlError(2715, f"Column, parameter, or variable #1: Cannot find data type {'.'.join(t.udt)}.")
        return found.base

    def add_schema(self, name: str, number: int | None = None) -> None:
        self.schemas[name.lower()] = name
        self.schema_ids[name.lower()] = number or max(self.schema_ids.values(), default=4) + 1
        self.version += 1

    def table(self, schema: str, name: str) -> Table | None:
        return self.tables.get((schema.lower(), name.lower()))

    def require(self, schema: str, name: str) -> Table:
        found = self.table(schema, name)
        if found is None:
            raise invalid_object(f"{schema}.{name}")
        return found

    def by_id(self, object_id: int) -> Table | None:
        version, numbered = self._numbered
        if version != self.version:
            version, numbered = self.version, {t.object_id: t for t in self.tables.values()}
            self._numbered = version, numbered
        return numbered.get(object_id)

    def add_table(self, table: Table) -> None:
        self.tables[(table.schema.lower(), table.name.lower())] = table
        self.version += 1

    def remove_table(self, table: Table) -> None:
        self.tables.pop((table.schema.lower(), table.name.lower()), None)
        self.grants = {g for g in self.grants if g.securable != ("object", table.object_id)}
        self.version += 1

    def add_principal(self, name: str, kind: str, login: str | None = None) -> Principal:
        number = max((p.principal_id for p in self.principals.values() if p.principal_id < 16_384), default=4)
        principal = Principal(name, max(number, 4) + 1, kind, login)
        self.principals[name.lower()] = principal
        self.version += 1
        return principal

    def instances_of(self, table: Table) -> list[Instance]:
        return [i for i in self.instances.values() if i.source is table]

    def is_captured(self, table: Table) -> bool:
        return any(i.source is table for i in self.instances.values())

    def captures(self, table: Table, column: ColumnDef) -> bool:
        return any(c is column for i in self.instances_of(table) for c in i.columns)

    def renew_broker(self) -> None:
        self.service_broker_guid = _new_guid()


class ObjectIds:
    """Object ids as a server gives them: positive, apart from each other, never used twice."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def next(self) -> int:
        return 245_575_913 + 16 * next(self._numbers)
