"""The tables of `make bench-size`: columns in T-SQL, and rows as literals, the same in every run."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_WORDS = [
    "amber",
    "anchor",
    "apple",
    "arrow",
    "autumn",
    "basket",
    "beacon",
    "birch",
    "bottle",
    "bridge",
    "button",
    "candle",
    "carbon",
    "castle",
    "cedar",
    "chapel",
    "cherry",
    "cinder",
    "clover",
    "cobalt",
    "copper",
    "coral",
    "cotton",
    "crystal",
    "dancer",
    "desert",
    "dragon",
    "eagle",
    "ember",
    "falcon",
    "feather",
    "fiddle",
    "forest",
    "garden",
    "ginger",
    "glacier",
    "granite",
    "hammer",
    "harbor",
    "hazel",
    "helmet",
    "hollow",
    "island",
    "ivory",
    "jasmine",
    "juniper",
    "kettle",
    "ladder",
    "lantern",
    "lemon",
    "lilac",
    "linen",
    "magnet",
    "maple",
    "marble",
    "meadow",
    "mirror",
    "mosaic",
    "nectar",
    "nickel",
    "oasis",
    "olive",
    "onyx",
    "orchard",
    "otter",
    "pebble",
    "pepper",
    "pigeon",
    "pillar",
    "planet",
    "plum",
    "prairie",
    "quartz",
    "quill",
    "raven",
    "ribbon",
    "river",
    "saddle",
    "saffron",
    "salmon",
    "sapphire",
    "shadow",
    "silver",
    "sparrow",
    "spruce",
    "stone",
    "summer",
    "temple",
    "thunder",
    "timber",
    "tulip",
    "valley",
    "velvet",
    "violet",
    "walnut",
    "willow",
    "winter",
]


@dataclass(frozen=True)
class Made:
    """`columns`: name to T-SQL type, behind `id int`. `row`: their literals."""

    name: str
    what: str
    rows: int
    columns: dict[str, str]
    row: Callable[[random.Random, int], list[str]]

    def literals(self) -> Iterator[list[str]]:
        chance = random.Random(self.name)
        for number in range(self.rows):
            yield [str(number), *self.row(chance, number)]


def _guid(chance: random.Random) -> str:
    return f"'{str(uuid.UUID(int=chance.getrandbits(128), version=4)).upper()}'"


def _time(chance: random.Random, number: int, digits: int) -> str:
    """Rises with the row, as times of entries do."""
    seconds = number * 7 + chance.randrange(7)
    day, hour, minute, second = seconds // 86400 + 1, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
    fraction = f".{chance.randrange(10**digits):0{digits}}" if digits else ""
    return f"'2024-{day // 28 % 12 + 1:02}-{day % 28 + 1:02}T{hour:02}:{minute:02}:{second:02}{fraction}'"


def _text(chance: random.Random, words: int) -> str:
    return "N'" + " ".join(chance.choice(_WORDS) for _ in range(words)) + "'"


def _or_null(chance: random.Random, share: float, literal: str) -> str:
    return "NULL" if chance.random() < share else literal


_MIXED = {
    "customer": "int NOT NULL",
    "status": "tinyint NOT NULL",
    "kind": "smallint NULL",
    "big": "bigint NOT NULL",
    "active": "bit NOT NULL",
    "price": "decimal(9,2) NOT NULL",
    "total": "decimal(19,4) NULL",
    "rate": "decimal(38,10) NULL",
    "paid": "money NULL",
    "ratio": "float NULL",
    "country": "char(2) NOT NULL",
    "city": "nvarchar(40) NOT NULL",
    "email": "nvarchar(80) NULL",
    "note": "nvarchar(200) NULL",
    "born": "date NULL",
    "opened": "datetime NOT NULL",
    "changed": "datetime2(7) NOT NULL",
    "clock": "time(3) NULL",
    "rowguid": "uniqueidentifier NOT NULL",
    "token": "varbinary(16) NULL",
}


def _mixed(chance: random.Random, number: int) -> list[str]:
    city = chance.choice(_WORDS)
    return [
        str(chance.randrange(5000)),
        str(chance.choice((1, 1, 1, 2, 3, 4))),
        _or_null(chance, 0.2, str(chance.randrange(300))),
        str(10**12 + number * 17),
        str(chance.randrange(2)),
        f"{chance.randrange(10**6) / 100:.2f}",
        _or_null(chance, 0.1, f"{chance.randrange(10**9) / 10**4:.4f}"),
        _or_null(chance, 0.1, f"{chance.randrange(1000)}.{chance.randrange(10**10):010}"),
        _or_null(chance, 0.1, f"{chance.randrange(200) * 5}.00"),
        _or_null(chance, 0.1, repr(chance.random())),
        f"'{chance.choice(('DE', 'FR', 'BR', 'US', 'IN', 'JP'))}'",
        f"N'{city.title()}'",
        _or_null(chance, 0.1, f"N'{chance.choice(_WORDS)}.{chance.choice(_WORDS)}{number}@example.com'"),
        _or_null(chance, 0.5, _text(chance, chance.randrange(3, 14))),
        _or_null(
            chance, 0.1, f"'{chance.randrange(1940, 2005)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}'"
        ),
        _time(chance, number, 3),
        _time(chance, number, 7),
        _or_null(chance, 0.1, f"'{chance.randrange(24):02}:{chance.randrange(60):02}:00.000'"),
        _guid(chance),
        _or_null(chance, 0.3, f"0x{chance.getrandbits(128):032X}"),
    ]


def _sparse(chance: random.Random, number: int) -> list[str]:
    return [
        _or_null(chance, 0.97, str(chance.randrange(10**6)) if at % 2 else f"N'{chance.choice(_WORDS)}'")
        for at in range(200)
    ]


TABLES = (
    Made("Mixed", "27 mixed columns", 30_000, _MIXED, _mixed),
    Made(
        "Sparse",
        "200 columns, 97 % NULL",
        10_000,
        {f"c{at:03}": "int NULL" if at % 2 else "nvarchar(40) NULL" for at in range(200)},
        _sparse,
    ),
    Made(
        "Texts",
        "text of 1 to 10 KB",
        3_000,
        {"body": "nvarchar(max) NULL"},
        lambda chance, _: [_text(chance, chance.randrange(150, 1500))],
    ),
    Made(
        "Keys",
        "uniqueidentifier, datetime2, decimal(38,10)",
        100_000,
        {"g": "uniqueidentifier NOT NULL", "at": "datetime2(7) NOT NULL", "amount": "decimal(38,10) NOT NULL"},
        lambda chance, number: [
            _guid(chance),
            _time(chance, number, 7),
            f"{chance.randrange(10**6)}.{chance.randrange(10**10):010}",
        ],
    ),
)
