"""Rows of change tables in wire form."""

from __future__ import annotations


class ChangeCache:
    def forget(self, object_id: int) -> None:
        """The change table's rows are not what they were."""
