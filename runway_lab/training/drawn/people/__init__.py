"""People: who they are, their features, their hair, and what they wear; `faces` puts them together."""

from __future__ import annotations

__all__: list[str] = []
