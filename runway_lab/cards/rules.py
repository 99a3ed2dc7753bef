"""What a value in a card may be. Each check answers with what is allowed, or with nothing where all is well."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any
from urllib.parse import urlsplit

__all__ = [
    "CATEGORIES",
    "MODULE",
    "OPEN_MODULES",
    "Check",
    "are_options",
    "are_type_names",
    "is_address",
    "is_category",
    "is_file_name",
    "is_id",
    "is_inside",
    "is_kind",
    "is_not_negative",
    "is_said",
    "is_sha256",
    "is_spdx",
]

CATEGORIES = ("extract & identify", "generate", "transform")

_ID_PART = r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
_ID = re.compile(rf"{_ID_PART}/{_ID_PART}")
MODULE = re.compile(r"runway_lab\.models\.[a-z][a-z0-9_]*")
OPEN_MODULES = ("runway_lab.models.stylegan",)
"""Code of this package that anybody's card may name: it reads the card's own weights, as data."""
_TYPE_NAME = re.compile(r"[a-z][a-z0-9_]*")
_SPDX = re.compile(r"[A-Za-z0-9.+:-]+( (AND|OR|WITH) [A-Za-z0-9.+:-]+)*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)

Check = Callable[[Any], str]
"""What is wrong is answered with what is allowed; an empty answer means that all is well."""


def is_id(value: str) -> str:
    fine = _ID.fullmatch(value) and not any(_WINDOWS_DEVICE.fullmatch(part) for part in value.split("/"))
    return "" if fine else 'group/name in small letters, digits, "-", "_" and ".", like upscale/x2'


def is_said(value: str) -> str:
    return "" if value.strip() else "some text"


def is_category(value: str) -> str:
    return "" if value in CATEGORIES else f"one of {', '.join(map(repr, CATEGORIES))}"


def is_address(value: str) -> str:
    allowed = "an address that begins with http:// or https://"
    if not value:
        return ""
    if not value.isascii() or any(character <= " " or character in '"<>\\^`{|}\x7f' for character in value):
        return allowed
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        # "https://github.com@elsewhere.org" leads elsewhere.
        fine = fine and "@" not in parts.netloc
    except ValueError:
        fine = False
    return "" if fine else allowed


def is_inside(value: str) -> str:
    parts = value.split("/")
    fine = (
        value.isprintable()
        and not re.search(r'[\\:*?"<>|]', value)
        and all(part and not part.startswith(".") and part.rstrip(". ") == part for part in parts)
        and not any(_WINDOWS_DEVICE.fullmatch(part) for part in parts)
        and len(value) <= 200
    )
    return "" if fine else "a file inside the card's folder, like pictures/one.jpg"


def is_file_name(value: str) -> str:
    taken = value.endswith((".part", ".part.json"))
    return "another name: .part is for downloads under way" if taken else is_inside(value)


def is_sha256(value: str) -> str:
    return "" if not value or _SHA256.fullmatch(value) else "64 small hexadecimal digits"


def is_spdx(value: str) -> str:
    return "" if not value or _SPDX.fullmatch(value) else "an SPDX identifier, like MIT or CC-BY-NC-SA-4.0"


def are_type_names(values: tuple[str, ...]) -> str:
    return "" if all(_TYPE_NAME.fullmatch(each) for each in values) else "names of types, like image or vector"


def is_kind(value: str) -> str:
    return "" if value in ("code", "paper", "more") else "one of 'code', 'paper', 'more'"


def is_not_negative(value: float) -> str:
    return "" if 0 <= value < 2**63 else "zero or more"


def are_options(table: Mapping[str, Any]) -> str:
    allowed = "text, numbers, true or false, dates, and lists and tables of them"

    def fine(value: Any) -> bool:
        if type(value) is list:
            return all(map(fine, value))
        if type(value) is dict:
            return all(type(key) is str and fine(each) for key, each in value.items())
        return type(value) in (str, int, float, bool, date, datetime, time)

    return "" if fine(table) else allowed
