"""sys.*, INFORMATION_SCHEMA and msdb views: rows made from the catalogue when a plan that names them runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from standin.engine.catalog import Database
from standin.engine.env import Env, View
from standin.model import Column, SqlType

if TYPE_CHECKING:
    from standin.engine.session import EngineSession

Fill = Callable[["EngineSession", Database], Iterable[tuple[Any, ...]]]
# (schema, lower-case name) → columns, rows, whether rows change without the catalogue changing
VIEWS: dict[tuple[str, str], tuple[list[tuple[str, SqlType]], Fill, bool]] = {}


def view(schema: str, name: str, columns: list[tuple[str, SqlType]], volatile: bool = False) -> Callable[[Fill], Fill]:
    def register(fill: Fill) -> Fill:
        VIEWS[(schema, name)] = (columns, fill, volatile)
        return fill

    return register


def system_view(env: Env, database_name: str, schema: str, name: str) -> View | None:
    """The view that a name means, or None."""
    import standin.engine.views_agent
    import standin.engine.views_cdc
    import standin.engine.views_information_schema
    import standin.engine.views_objects
    import standin.engine.views_server  # noqa: F401  (all register theirs)

    lowered = schema.lower()
    database = env.session.open_database(database_name) if database_name else env.database
    key = (lowered or "sys", name.lower())
    if lowered in ("", "dbo"):
        if database.table(schema or "dbo", name) is not None:
            return None
        if database.name == "msdb":
            key = ("msdb", name.lower())
        elif not lowered and not name.lower().startswith("sys"):
            return None
    found = VIEWS.get(key)
    if found is None or not env.session.engine.version.has(f"{key[0]}.{key[1]}"):
        return None
    columns, fill, volatile = found
    env.tables.add(-1)  # depends on the catalogue alone
    return View(
        f"temp.v{database.database_id}_{key[0]}_{key[1]}",
        lambda session: fill(session, database),
        [Column(n, t) for n, t in columns],
        lambda session: None if volatile else (session.engine.catalog_version, database.version),
    )
