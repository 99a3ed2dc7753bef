"""Writing a model: about ten lines, in a file or in a cell of a notebook.

>>> from runway_lab.sdk import command
>>> from runway_lab.fields import Number
>>> @command(inputs={"a": Number(), "b": Number()}, outputs={"sum": Number()})
... def add(a, b):
...     return a + b
"""

from __future__ import annotations

from runway_lab.sdk.definition import Definition, command, definition_of, setup

__all__ = ["Definition", "command", "definition_of", "setup"]
