"""What is written reads back as the same values."""

from __future__ import annotations

import random
import tomllib
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from runway_lab.errors import BadValue
from runway_lab.toml import dumps, quoted

HOSTILE = [
    "",
    " ",
    '"',
    '""',
    '"""',
    '""""',
    '"""""""',
    'ends with "',
    'line\nends with "',
    'line\n""',
    'line\n"""quoted""""',
    "\\",
    "line\n\\",
    "\\\n",
    "\\u0041",
    "\n",
    "\n\n",
    "\r",
    "\r\n",
    "line\r\nline\r",
    "\x00\x01\x1f\x7f\x85\u2028\u2029\ufeff",
    "line\n\x00\t\x0b\x7f",
    "'''",
    "a = 1\n[table]\n",
    "]\n[[files]]\nurl = 'x'",
    "# no comment",
    "<script>alert(1)</script>",
    "𝕌nicode é ﷽ 🖼️",
    "{a = 1}",
    "trailing  \n  spaces  ",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_reads_back_as_it_was(text: str) -> None:
    table = {"value": text, "list": [text, text], "deep": {"er": {"text": text}}, "rows": [{"a": text}, {"a": ""}]}
    assert tomllib.loads(dumps(table)) == table
    assert tomllib.loads(f"value = {quoted(text)}")["value"] == text


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_keys_read_back_as_they_were(key: str) -> None:
    table = {key: {key: 1, "rows": [{key: [{key: "x"}, 2]}]}}
    assert tomllib.loads(dumps(table)) == table


def test_random_tables_read_back_as_they_were() -> None:
    chance = random.Random(7)

    def text() -> str:
        return "".join(chance.choice("ab\"\\\n\r\t\x00\x1b\x7f'#=[]{}.é€🖼 ") for _ in range(chance.randrange(9)))

    def value(depth: int) -> Any:
        kinds = [
            text,
            lambda: chance.randint(-(2**63), 2**63 - 1),
            lambda: chance.choice([0.0, -0.0, 1e22, 1.5e-300, float("inf"), chance.random()]),
            lambda: chance.choice([True, False]),
            lambda: date(2021, 5, 1 + chance.randrange(28)),
        ]
        if depth:
            kinds.append(lambda: [value(depth - 1) for _ in range(chance.randrange(4))])
            kinds.append(lambda: {text(): value(depth - 1) for _ in range(chance.randrange(4))})
            kinds.append(lambda: [{text(): value(depth - 1)} for _ in range(chance.randrange(3))])
        return chance.choice(kinds)()

    for _ in range(1500):
        table = {text(): value(3) for _ in range(4)}
        assert tomllib.loads(dumps(table)) == table


def test_every_kind_of_value_keeps_its_type() -> None:
    table = {
        "whole": 3,
        "real": 3.0,
        "yes": True,
        "day": date(2020, 2, 29),
        "moment": datetime(2020, 2, 29, 12, 30, 1, 5, tzinfo=UTC),
        "hour": time(23, 59, 1),
        "empty": [],
        "nothing": {},
    }
    back = tomllib.loads(dumps(table))
    assert back == table
    assert [type(value) for value in back.values()] == [type(value) for value in table.values()]


def test_text_of_several_lines_stays_readable() -> None:
    assert 'overview = """\nOne.\n\nTwo."""' in dumps({"overview": "One.\n\nTwo."})


@pytest.mark.parametrize("value", [None, object(), b"bytes", "\ud800", "line\n\udfff"])
def test_what_a_file_cannot_hold_is_refused_in_words(value: object) -> None:
    with pytest.raises(BadValue, match=r"cannot hold|half a character"):
        dumps({"key": value})
