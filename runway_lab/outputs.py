"""What a model answered: its outputs by name.

The bytes that arrived are kept as they are, and each output is decoded when somebody first asks for it: a picture
that is only passed on to a screen is never decoded on the way.

`outputs["name"]` always works. `outputs.name` is shorter, except where a mapping already has something of that name:
an output called "items" or "keys" (or "fields", "progress", "seconds") is `outputs["items"]`.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runway_lab.errors import BadFrame, BadValue, shorten, suggest
from runway_lab.fields import LOCAL, Array, Buffer, Field, Image, Segmentation, Wire
from runway_lab.frames import unpack_value

__all__ = ["Outputs"]

MOST_SHOWN = 24
"""How many items of a list of pictures are shown on a page."""


class Outputs(Mapping[str, Any]):
    """The outputs of one command, as a mapping and as attributes.

    >>> from runway_lab.fields import Text
    >>> from runway_lab.signature import named
    >>> outputs = Outputs(named({"text": Text()}), {"text": "hello"})
    >>> outputs.text, outputs["text"]
    ('hello', 'hello')
    """

    def __init__(
        self,
        fields: Mapping[str, Field],
        data: Mapping[str, Any],
        buffers: Sequence[Buffer] = (),
        *,
        progress: float | None = None,
        seconds: float | None = None,
        wire: Wire = LOCAL,
    ) -> None:
        if not isinstance(data, Mapping):
            raise BadFrame(f"The outputs of this answer are no JSON object: {shorten(data)}.")
        self._fields = fields
        # What is none of the outputs that were announced has no type, and so no meaning.
        self._data = {name: data[name] for name in fields if name in data}
        self._buffers = [memoryview(each) for each in buffers]
        self._wire = wire
        self._values: dict[str, Any] = {}
        self.progress = progress
        """How far the model is, from 0 to 1, where it says so and this is a partial answer."""
        self.seconds = seconds
        """How long the model itself took."""

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            if name not in self._data:
                raise KeyError(f"There is no output {shorten(name)}. {suggest(name, self._data)}")
            self._values[name] = unpack_value(self._fields[name], self._data[name], self._buffers, self._wire)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._data:
            raise AttributeError(f"There is no output {name!r}. {suggest(name, self._data)}")
        return self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._data]

    @property
    def fields(self) -> Mapping[str, Field]:
        """What each output is."""
        return self._fields

    def encoded(self, name: str) -> tuple[dict[str, Any], memoryview] | None:
        """How an output arrived: its description and its bytes, or None where it is plain JSON."""
        field, data = self._fields[name], self._data[name]
        # Only some types travel as bytes: what an Any says is never taken for a description of bytes.
        if field.binary and isinstance(data, dict):
            return data, field.buffer_of(data, self._buffers)
        return None

    def to_json(self) -> dict[str, Any]:
        """The outputs as the Runway SDK would send them."""
        return {name: self._fields[name].to_json(self[name]) for name in self}

    def __repr__(self) -> str:
        return f"Outputs({', '.join(f'{name}={self._in_words(name)}' for name in self)})"

    def _in_words(self, name: str) -> str:
        try:
            value = self[name]
        except (BadFrame, BadValue):
            return "damaged"
        # A film has a size as well, but must be decoded to tell it.
        if hasattr(value, "mode") and hasattr(value, "size"):
            return f"picture of {value.size[0]}x{value.size[1]}"
        return shorten(value, 60)

    def _repr_html_(self) -> str:
        figures = "".join(self._figure(name) for name in self)
        return f'<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start">{figures}</div>'

    def _figure(self, name: str) -> str:
        try:
            shown = _shown(self._fields[name], self[name])
        except (BadFrame, BadValue) as error:
            shown = _words(str(error))
        return f'<figure style="margin:0">{shown}<figcaption>{_escaped(name)}</figcaption></figure>'


def _shown(field: Field, value: Any) -> str:
    """One value for a page. All of a model's words are escaped: they may come from anywhere."""
    if value is None:
        return _words("nothing")
    if isinstance(field, (Image, Segmentation)):
        picture = field.paint(value) if isinstance(field, Segmentation) else value
        uri = Image(channels=_channels(picture), default_output_format="PNG").to_json(picture)
        return f'<img alt="{_escaped(field.name)}" src="{uri}" style="max-width:100%;image-rendering:auto">'
    if field.type == "audio":
        data = base64.b64encode(value.wav()).decode("ascii")
        return f'<audio controls src="data:audio/wav;base64,{data}"></audio>'
    if field.type == "video":
        uri = field.to_json(value)
        if uri.startswith("data:image/gif"):
            return f'<img alt="{_escaped(field.name)}" src="{uri}" style="max-width:100%">'
        return f'<video controls loop muted style="max-width:100%" src="{uri}"></video>'
    if isinstance(field, Array) and field.binary and field.item.type != "vector":
        more = _words(f"and {len(value) - MOST_SHOWN} more") if len(value) > MOST_SHOWN else ""
        return "".join(_shown(field.item, each) for each in value[:MOST_SHOWN]) + more
    plain = field.to_json(value)
    return _words(plain if isinstance(plain, str) else json.dumps(plain, indent=1, ensure_ascii=False, default=shorten))


def _words(text: str) -> str:
    text = text if len(text) <= 4000 else text[:4000] + " ..."
    return f'<pre style="margin:0;white-space:pre-wrap">{_escaped(text)}</pre>'


def _escaped(text: str) -> str:
    # Half of a surrogate pair is text to Python and to JSON, but can be sent to no browser.
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))


def _channels(picture: Any) -> int:
    if hasattr(picture, "mode"):
        return {"L": 1, "RGBA": 4}.get(picture.mode, 3)
    return int(picture.shape[2]) if picture.ndim == 3 else 1
