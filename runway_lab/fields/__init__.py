"""The types of a model's options, inputs and outputs.

A field validates a value, gives it a default, and carries it: as the JSON the Runway SDK speaks, or as small JSON
with raw bytes beside it. Controls, previews, validation, chaining and the network API are all derived from the
fields in a model's signature.

>>> from runway_lab.fields import Image, Number
>>> Number("How strong", default=0.5, min=0, max=1).check(0.75)
0.75
"""

from __future__ import annotations

from runway_lab.fields.field import LOCAL, NETWORK, Buffer, Field, Wire, from_description
from runway_lab.fields.files import Directory, File
from runway_lab.fields.geometry import BoundingBox, Landmarks, Point
from runway_lab.fields.moving import Audio, Video
from runway_lab.fields.picture import Image
from runway_lab.fields.plain import Any, Array, Boolean, Category, Number, Text
from runway_lab.fields.segmentation import Segmentation
from runway_lab.fields.vector import Vector

__all__ = [
    "LOCAL",
    "NETWORK",
    "Any",
    "Array",
    "Audio",
    "Boolean",
    "BoundingBox",
    "Buffer",
    "Category",
    "Directory",
    "Field",
    "File",
    "Image",
    "Landmarks",
    "Number",
    "Point",
    "Segmentation",
    "Text",
    "Vector",
    "Video",
    "Wire",
    "from_description",
]
