"""Writes TOML; the standard library only reads it.

What is written here reads back as exactly the same values, whatever a string holds: quotes, backslashes,
control characters, carriage returns, text that looks like TOML. Text of several lines is written as several
lines, so that a person can read and edit it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from runway_lab.errors import BadValue

__all__ = ["dumps", "quoted"]

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')
_ESCAPED_IN_LINES = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\\]")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def dumps(table: Mapping[str, Any]) -> str:
    """A table as TOML text.

    >>> print(dumps({"title": 'A "good" one', "run": {"steps": 3}}), end="")
    title = "A \\"good\\" one"
    <BLANKLINE>
    [run]
    steps = 3
    """
    return "\n".join(_table(table, ())).strip("\n") + "\n"


def quoted(text: str) -> str:
    """A string between quotation marks, on one line.

    >>> quoted("two" + chr(10) + "lines")
    '"two\\\\nlines"'
    """
    _encodable(text)
    return '"' + _ESCAPED.sub(_escape, text) + '"'


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    """The plain values first: whatever follows a table's header belongs to that table."""
    lines, below = [], []
    for key, value in table.items():
        name = (*path, key)
        if isinstance(value, Mapping):
            below += ["", f"[{_dotted(name)}]", *_table(value, name)]
        elif isinstance(value, list | tuple) and value and all(isinstance(each, Mapping) for each in value):
            for each in value:
                below += ["", f"[[{_dotted(name)}]]", *_table(each, name)]
        elif isinstance(value, str) and "\n" in value:
            lines.append(f"{_key(key)} = {_lines(value)}")
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    return lines + below


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case int() | float():
            return repr(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple():
            return "[" + ", ".join(_value(each) for each in value) + "]"
        case Mapping():
            return "{" + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + "}"
    raise BadValue(
        f"{value!r} is a {type(value).__name__}, which a TOML file cannot hold.",
        hint="Use text, numbers, true or false, dates, lists and tables.",
    )


def _lines(text: str) -> str:
    _encodable(text)
    body = _ESCAPED_IN_LINES.sub(_escape, text).replace('"""', '""\\"')
    if body.endswith('"'):
        body = body[:-1] + '\\"'
    return f'"""\n{body}"""'


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadValue(f"The text {text!r} has half a character in it.", hint="Replace it.") from error


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(_key(each) for each in path)


def _key(key: str) -> str:
    if not isinstance(key, str):
        raise BadValue(f"{key!r} cannot be a key in a TOML file.", hint="Keys are text.")
    return key if _BARE_KEY.fullmatch(key) else quoted(key)
