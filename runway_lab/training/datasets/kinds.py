"""What the doctor can find about a picture, in words, and what can be done about it.

A decision is one of three: a picture is left out (`skip`), mended (`fix`), or used as it is (`keep`). Each kind offers
those that make sense; the first of them holds unless somebody says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runway_lab.errors import BadValue, Unknown, shorten, suggest

__all__ = ["KINDS", "Kind", "decided"]

SKIP, FIX, KEEP = "skip", "fix", "keep"


@dataclass(frozen=True)
class Kind:
    """A kind of finding: its heading, what it means, and what each decision does, the default first."""

    name: str
    title: str
    means: str
    choices: Mapping[str, str] = field(hash=False)

    @property
    def default(self) -> str:
        """What is done unless somebody decides otherwise."""
        return next(iter(self.choices))


LEFT_OUT, AS_THEY_ARE = "left out", "used as they are"

_ALL = (
    Kind(
        "unreadable",
        "Unreadable",
        "Damaged, empty, locked, or something else under the name of a picture.",
        {SKIP: LEFT_OUT},
    ),
    Kind(
        "truncated",
        "Cut short",
        "The file ends before the picture does: a download or a copy was interrupted.",
        {SKIP: LEFT_OUT},
    ),
    Kind(
        "too_large",
        "Too large to open",
        "More pixels or bytes than this machine is asked to open (the setting max_image_megapixels).",
        {SKIP: LEFT_OUT},
    ),
    Kind(
        "other",
        "Not pictures",
        "Other things that lie among the pictures: texts, films, links to folders and the like.",
        {SKIP: LEFT_OUT},
    ),
    Kind(
        "hidden",
        "Hidden files",
        "Files that your system or a program keeps out of sight, often small copies of other pictures.",
        {SKIP: LEFT_OUT, KEEP: AS_THEY_ARE},
    ),
    Kind(
        "one_colour",
        "All black or one colour",
        "There is nothing to see: a lens cap, an empty page, a fade in a film.",
        {SKIP: LEFT_OUT, KEEP: AS_THEY_ARE},
    ),
    Kind(
        "glitched",
        "Glitched",
        "Part of the picture was lost and filled with gray or green, or its colours jump in the middle.",
        {SKIP: LEFT_OUT, KEEP: AS_THEY_ARE},
    ),
    Kind(
        "too_small",
        "Too small",
        "They would have to be enlarged by more than a quarter, and a model learns the blur of that.",
        {SKIP: LEFT_OUT, FIX: "enlarged"},
    ),
    Kind(
        "wrong_ratio",
        "Wrong ratio",
        "Much longer or higher than the pictures of this dataset, so that cropping cuts away more than half.",
        {KEEP: "cropped like the others", FIX: "kept whole, with blurred borders", SKIP: LEFT_OUT},
    ),
    Kind(
        "gray",
        "Gray",
        "No colour, among pictures that have some. A model will paint some gray ones too.",
        {KEEP: AS_THEY_ARE, SKIP: LEFT_OUT},
    ),
    Kind("transparent", "Transparent", "You can look through parts of them.", {FIX: "laid on white", SKIP: LEFT_OUT}),
    Kind(
        "animated", "Animated", "More than one picture in a file.", {FIX: "the first picture is used", SKIP: LEFT_OUT}
    ),
    Kind(
        "rotated",
        "Turned by the camera",
        "Stored lying on their side, with a remark how to hold them.",
        {FIX: "turned upright", KEEP: "used as they are stored", SKIP: LEFT_OUT},
    ),
    Kind(
        "wrong_extension",
        "Wrong ending",
        "The name says another format than the file has.",
        {FIX: "read as what they are", SKIP: LEFT_OUT},
    ),
    Kind("cmyk", "Colours for print", "CMYK instead of red, green and blue.", {FIX: "converted", SKIP: LEFT_OUT}),
    Kind("deep", "16 bits", "Finer shades than a screen shows.", {FIX: "brought to 8 bits", SKIP: LEFT_OUT}),
    Kind(
        "duplicate", "Exact duplicates", "The same file again.", {SKIP: "left out but for the first", KEEP: "all used"}
    ),
    Kind(
        "near_duplicate",
        "Near duplicates",
        "They look like another one: a burst, a resized copy, a still scene. Many of them make a model repeat itself.",
        {KEEP: "all used", SKIP: "left out but for the first"},
    ),
    Kind("left_out", "Left out by hand", "You left them out.", {SKIP: LEFT_OUT, KEEP: "used after all"}),
)

KINDS: Mapping[str, Kind] = {each.name: each for each in _ALL}
"""Every kind by its name, the most serious first."""

_WHOLE = Kind(
    "wrong_ratio",
    "Wrong ratio",
    "Of another shape than the pictures of this dataset.",
    {FIX: "kept whole, with blurred borders", SKIP: LEFT_OUT},
)
_SEEN_THROUGH = Kind(
    "transparent", "Transparent", "You can look through parts of them.", {KEEP: "kept transparent", SKIP: LEFT_OUT}
)


def kind_of(name: str, crop: str = "center", channels: str = "rgb") -> Kind:
    """The kind as it is for such a dataset: where nothing is cropped, shapes are mended; RGBA keeps what is clear."""
    if name == "wrong_ratio" and crop == "none":
        return _WHOLE
    if name == "transparent" and channels == "rgba":
        return _SEEN_THROUGH
    return KINDS[name]


def decided(
    decisions: Mapping[str, str], crop: str = "center", channels: str = "rgb", film: bool = False
) -> dict[str, str]:
    """A decision for every kind: those given, the defaults for the rest. Words for what makes no sense.

    >>> decided({"gray": "skip"})["gray"]
    'skip'
    >>> decided({"grey": "skip"})
    Traceback (most recent call last):
    runway_lab.errors.Unknown: The doctor finds nothing called 'grey'. Did you mean 'gray'?
    """
    made = {name: kind_of(name, crop, channels).default for name in KINDS}
    if film:
        made["near_duplicate"] = SKIP
    for name, decision in decisions.items():
        if name not in KINDS:
            raise Unknown(f"The doctor finds nothing called {shorten(name)}.", hint=suggest(name, KINDS))
        choices = kind_of(name, crop, channels).choices
        if decision not in choices:
            allowed = ", ".join(f"{each!r} ({words})" for each, words in choices.items())
            raise BadValue(
                f"{KINDS[name].title}: {shorten(decision)} cannot be done there.", hint=f"Allowed: {allowed}."
            )
        made[name] = decision
    return made
