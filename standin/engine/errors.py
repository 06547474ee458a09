"""SQL Server's errors by number, with its texts (sys.messages), and the stand-in's own 40000."""

from __future__ import annotations

from standin.model import SqlError

UNSUPPORTED = 40000  # the stand-in's own: a statement it does not understand

# Errors that end the batch and roll back the transaction, as conversion failures and deadlocks do.
BATCH_ABORTING_AND_ROLLING_BACK = frozenset({241, 242, 245, 248, 295, 1205, 8114, 8169, 3960})
# Errors found while compiling: the rest of the batch does not run, the transaction stays.
BATCH_ABORTING = frozenset(
    {40000, 102, 104, 105, 120, 137, 156, 170, 195, 201, 205, 206, 207, 208, 209, 213, 257, 402, 8120, 8144, 8145, 8146}
    | {911, 916, 319, 134, 1087, 4104, 1033, 4145}
)


def unsupported(what: str, text: str = "") -> SqlError:
    """What the stand-in has no answer for; the statement's text goes along, so that a test's log shows it."""
    tail = f" in: {text.strip()[:1500]}" if text else ""
    return SqlError(UNSUPPORTED, f"stand-in: unsupported {what}{tail}")


def syntax_error(near: str, line: int = 1) -> SqlError:
    return SqlError(102, f"Incorrect syntax near '{near}'.", 15, 1, line)


def invalid_object(name: str) -> SqlError:
    return SqlError(208, f"Invalid object name '{name}'.")


def invalid_column(name: str) -> SqlError:
    return SqlError(207, f"Invalid column name '{name}'.")


def undeclared_variable(name: str) -> SqlError:
    return SqlError(137, f'Must declare the scalar variable "{name}".', 15, 2)


def overflow(target: str, source: str = "expression") -> SqlError:
    return SqlError(8115, f"Arithmetic overflow error converting {source} to data type {target}.", 16, 2)


def permission_denied(permission: str, name: str, database: str, schema: str) -> SqlError:
    return SqlError(
        229,
        f"The {permission} permission was denied on the object '{name}', database '{database}', schema '{schema}'.",
        14,
        5,
    )
