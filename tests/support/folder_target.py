"""A directory as the target: what tests/e2e/conftest.py's Target is for a bucket."""

from __future__ import annotations

from pathlib import Path

from tests.support.judge import Object

_PRIVATE = "_cdc_to_s3/.store"


class FolderTarget:
    """`file://` over an existing folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"file://{folder}"

    def keys(self, under: str = "") -> list[str]:
        """All files whose path from the folder begins with `under`, in byte order, but the store's own."""
        paths = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
        wanted = (path for path in paths if path.startswith(under) and not path.startswith(_PRIVATE))
        return sorted(wanted, key=str.encode)

    def get(self, key: str) -> Object:
        return Object(key, (self.folder / key).read_bytes(), self._metadata(key))

    def _metadata(self, key: str) -> dict[str, str]:
        """From the sidecar: lines "meta <name> <value>". The state document has none."""
        sidecar = self.folder / _PRIVATE / "meta" / key
        if key.startswith("_cdc_to_s3/") and not sidecar.exists():
            return {}
        lines = sidecar.read_text().splitlines()
        assert sum(line.startswith("object ") for line in lines) == 1, f"the sidecar of {key} knows several contents"
        return dict(line.removeprefix("meta ").split(" ", 1) for line in lines if line.startswith("meta "))

    def put(self, key: str, data: bytes) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, key: str) -> None:
        (self.folder / key).unlink()

    def objects(self, database: str, table: str) -> list[Object]:
        """Everything in a table's folder; all of it must be objects of ours."""
        return [self.get(key) for key in self.keys(f"{database}/{table}/cdc/")]

    def state_key(self, database: str) -> str:
        return f"_cdc_to_s3/{database}.json"
