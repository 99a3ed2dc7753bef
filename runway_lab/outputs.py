"""What a model answered: its outputs by name.

The bytes that arrived are kept as they are, and each output is decoded when somebody first asks for it: a picture
that is only passed on to a screen is never decoded on the way.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runway_lab.errors import suggest
from runway_lab.fields import LOCAL, Buffer, Field, Image, Segmentation, Wire
from runway_lab.frames import unpack_value

__all__ = ["Outputs"]


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
        self._fields = fields
        self._data = data
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
                raise KeyError(f"There is no output {name!r}. {suggest(name, self._data)}")
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
        data = self._data[name]
        if isinstance(data, dict) and isinstance(data.get("buffer"), int):
            return data, self._buffers[data["buffer"]]
        return None

    def to_json(self) -> dict[str, Any]:
        """The outputs as the Runway SDK would send them."""
        return {name: self._fields[name].to_json(self[name]) for name in self}

    def __repr__(self) -> str:
        return f"Outputs({', '.join(f'{name}={_short(self[name])}' for name in self)})"

    def _repr_html_(self) -> str:
        figures = "".join(_figure(self._fields[name], self[name]) for name in self)
        return f'<div style="display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start">{figures}</div>'


def _short(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"array of shape {tuple(shape)}"
    if hasattr(value, "size") and hasattr(value, "mode"):
        return f"picture of {value.size[0]}x{value.size[1]}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _figure(field: Field, value: Any) -> str:
    """One output for a page. All of a model's words are escaped: they may come from anywhere."""
    if value is not None and isinstance(field, (Image, Segmentation)):
        picture = field.paint(value) if isinstance(field, Segmentation) else value
        uri = Image(channels=_channels(picture), default_output_format="PNG").to_json(picture)
        shown = f'<img alt="{html.escape(field.name)}" src="{uri}" style="max-width:100%;image-rendering:auto">'
    elif value is not None and field.type == "audio":
        data = base64.b64encode(value.wav()).decode("ascii")
        shown = f'<audio controls src="data:audio/wav;base64,{data}"></audio>'
    elif value is not None and field.type == "video":
        shown = f'<video controls loop muted style="max-width:100%" src="{field.to_json(value)}"></video>'
    else:
        plain = field.to_json(value)
        text = plain if isinstance(plain, str) else json.dumps(plain, indent=1, ensure_ascii=False)
        text = text if len(text) <= 4000 else text[:4000] + " ..."
        shown = f'<pre style="margin:0;white-space:pre-wrap">{html.escape(text)}</pre>'
    return f'<figure style="margin:0">{shown}<figcaption>{html.escape(field.name)}</figcaption></figure>'


def _channels(picture: Any) -> int:
    if hasattr(picture, "mode"):
        return {"L": 1, "RGBA": 4}.get(picture.mode, 3)
    return int(picture.shape[2]) if picture.ndim == 3 else 1
