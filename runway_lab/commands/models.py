"""`runway-lab models`: find a model, read its card, get its weights, run it on a file."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runway_lab.commands import Commands
from runway_lab.errors import BadValue

if TYPE_CHECKING:
    from runway_lab.cards import ModelCard
    from runway_lab.fields import Field
    from runway_lab.outputs import Outputs

__all__ = ["add", "get", "value_of"]


def add(commands: Commands) -> None:
    """Enter the group."""
    parser = commands.add(
        "models",
        lambda chosen: _overview(parser),
        heading="Models",
        line="find a model, read about it, run it on a file",
        examples=(
            "runway-lab models list",
            "runway-lab models search planets",
            "runway-lab models show upscale/x2",
            "runway-lab models run upscale/x2 --input photo.jpg --output large.png",
            "runway-lab models run generate/planets --input z=7 --output planet.png",
        ),
    )
    group = parser.add_subparsers(metavar="what to do", title="What to do")

    def enter(name: str, run: Callable[[argparse.Namespace], int], line: str) -> argparse.ArgumentParser:
        made = group.add_parser(name, help=line, description=f"{line[0].upper()}{line[1:]}.", allow_abbrev=False)
        made.set_defaults(run=run)
        return made

    listing = enter("list", _list, "every model, those that ship and your own")
    listing.add_argument("--json", action="store_true", help="the same for a program to read")

    search = enter("search", _search, "models by words, and by what they do; a slip of the finger is forgiven")
    search.add_argument("words", nargs="*", help="what you look for")
    search.add_argument("--category", help='"extract & identify", "generate" or "transform"')
    search.add_argument("--input", help="a type it takes, such as image or text")
    search.add_argument("--output", help="a type it gives")
    search.add_argument("--license", help="its licence, such as MIT")
    search.add_argument("--publisher", help="who made it")
    search.add_argument("--offline", action="store_true", help="only those that run without a download")
    search.add_argument("--json", action="store_true", help="the same for a program to read")

    show = enter("show", _show, "what a model's card says")
    show.add_argument("id", help="such as upscale/x2")

    enter("stop", _stop, "end every model that runs on this machine, in notebooks too")

    get = enter("get", _get, "fetch what a model needs; its licence is shown first")
    get.add_argument("id", help="such as upscale/x2")
    get.add_argument("--agree", action="store_true", help="agree to the licence without being asked")

    run = enter("run", _run, "ask a model something from the shell")
    run.add_argument("id", help="a model's id, a folder with a model.py, or a .py file")
    run.add_argument(
        "-i", "--input", action="append", default=[], metavar="[NAME=]VALUE",
        help="an input: words, a number, or a file; for a vector a seed or an .npy file",
    )  # fmt: skip
    run.add_argument(
        "-o", "--output", action="append", default=[], metavar="[NAME=]FILE",
        help="where an output goes; without it, words are printed and pictures saved in this folder",
    )  # fmt: skip
    run.add_argument("-c", "--command", help="what it is asked to do; else the first it can")
    run.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the model")
    run.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps")
    run.add_argument("--threads", type=int, help="how many cores it may use")


def _overview(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 0


def _list(chosen: argparse.Namespace) -> int:
    from runway_lab import catalog

    return _print_cards(catalog.all(), chosen.json)


def _search(chosen: argparse.Namespace) -> int:
    from runway_lab import catalog

    found = catalog.search(
        " ".join(chosen.words),
        category=chosen.category,
        input=chosen.input,
        output=chosen.output,
        license=chosen.license,
        publisher=chosen.publisher,
        offline=chosen.offline or None,
    )
    if not found and not chosen.json:
        print("No model fits. Fewer words may find more; runway-lab models list shows all.")
        return 1
    return _print_cards(found, chosen.json)


def _print_cards(cards: list[ModelCard], as_json: bool) -> int:
    if as_json:
        about = [{"id": each.id, "title": each.title, "tagline": each.tagline, "category": each.category,
                  "inputs": each.characteristics.inputs, "outputs": each.characteristics.outputs,
                  "licence": each.licence.id} for each in cards]  # fmt: skip
        print(json.dumps(about, indent=1, ensure_ascii=False))
        return 0
    width = max((len(each.id) for each in cards), default=0)
    room = max(shutil.get_terminal_size().columns - width - 4, 30)
    for each in cards:
        print(f"{each.id:<{width}}  {textwrap.shorten(_plain(each.tagline or each.title), room, placeholder=' ...')}")
    return 0


def _show(chosen: argparse.Namespace) -> int:
    from runway_lab import catalog, library

    card = catalog.card(chosen.id)
    about = card.characteristics
    absent = library.missing(card)
    width = min(shutil.get_terminal_size().columns, 100)
    facts = {
        "Kind": card.category,
        "Takes": ", ".join(about.inputs),
        "Gives": ", ".join(about.outputs),
        "Published": str(about.published or ""),
        "Publisher": ", ".join(each.name for each in card.publishers),
        "Licence": " - ".join(part for part in (card.licence.id, card.licence.note) if part),
        "Learned from": card.learned_from,
        "Limits": card.limits,
        "Performance": card.performance,
        "Memory": f"about {about.memory_mb} MB" if about.memory_mb else "",
        "Here": "no, runway-lab models get " + card.id if absent else "yes",
        "Links": ", ".join(each.url for each in card.links),
    }
    print(f"{_plain(card.title)} ({card.id})\n{_plain(card.tagline)}\n")
    for paragraph in card.overview.strip().split("\n\n"):
        for item in re.split(r"\n(?=\s*- )", paragraph):
            words = _plain(re.sub(r"\*\*|`", "", item))
            print(textwrap.fill(words, width, subsequent_indent="  " if words.startswith("- ") else ""))
        print()
    for name, words in facts.items():
        if words.strip():
            plain = _plain(re.sub(r"\*\*|`", "", words))
            print(textwrap.fill(f"{name + ':':<14}{plain}", width, subsequent_indent=" " * 14))
    return 0


def _stop(chosen: argparse.Namespace) -> int:
    import runway_lab as rl

    count = rl.stop_all(everywhere=True)
    print(f"Stopped {count} model{'' if count == 1 else 's'}." if count else "No model is running.")
    return 0


def _get(chosen: argparse.Namespace) -> int:
    from runway_lab import catalog

    return get(catalog.card(chosen.id), chosen.agree)


def get(card: ModelCard, agreed: bool) -> int:
    """Fetches the files of a card, after its licence was shown and agreed to."""
    from runway_lab import library

    if not library.missing(card):
        print(f"{card.id} is all here.")
        return 0

    def agree(card: ModelCard) -> bool:
        licence = card.licence
        print(f"Licence of {card.id}: {licence.id or 'not stated'} {licence.link}".rstrip())
        if licence.note:
            print(_plain(licence.note))
        if agreed:
            return True
        return input("Do you agree? [y/N] ").strip().lower() in ("y", "yes") if sys.stdin.isatty() else False

    def progress(done: int, total: int, speed: float) -> None:
        share = f"{done / total:4.0%}" if total else ""
        sys.stderr.write(f"\r{done / 1e6:.1f} of {total / 1e6:.1f} MB {share} {speed / 1e6:.1f} MB/s   ")

    library.fetch(card, agree, progress if sys.stderr.isatty() else None)
    print(f"{card.id} is all here.")
    return 0


def _run(chosen: argparse.Namespace) -> int:
    import runway_lab as rl

    options = {name: _guess(text) for name, text in _pairs(chosen.option, "--option", None).items()}
    with rl.run(chosen.id, rl.Here(spare=False), device=chosen.device, threads=chosen.threads, **options) as model:
        command = model.signature.command(chosen.command)
        first_input, first_output = next(iter(command.inputs), None), next(iter(command.outputs))
        given = _pairs(chosen.input, "--input", first_input, command.inputs)
        inputs = {name: value_of(command.inputs[name], text) for name, text in given.items() if name in command.inputs}
        inputs |= {name: text for name, text in given.items() if name not in command.inputs}
        for name, field in command.inputs.items():
            if field.type == "vector" and name not in inputs and field.required:
                inputs[name] = value_of(field, str(_new_seed(name)))
        places = {
            name: Path(text) for name, text in _pairs(chosen.output, "--output", first_output, command.outputs).items()
        }
        for name in places:
            if name not in command.outputs:
                raise BadValue(f"{command.name!r} gives no {name!r}.", hint=f"It gives: {', '.join(command.outputs)}.")
        outputs = model.query(command.name, **inputs)
        for name in outputs:
            _deliver(model.name, outputs, name, places.get(name))
    return 0


def _pairs(words: list[str], flag: str, first: str | None, known: Mapping[str, Any] | None = None) -> dict[str, str]:
    """What was given by name; a value without a name is for the first of them."""
    found: dict[str, str] = {}
    for each in words:
        name, equals, text = each.partition("=")
        if equals and (known is None or name in known or name.isidentifier()):
            found[name] = text
        elif first is not None:
            found[first] = each
        else:
            raise BadValue(f"{flag} {each} has no name.", hint=f"Write {flag} name=value.")
    return found


def value_of(field: Field, text: str) -> Any:
    """What words on a command line mean for a field.

    >>> from runway_lab.fields import Boolean, Number, Vector
    >>> value_of(Number(), "0.5"), value_of(Boolean(), "yes"), value_of(Vector(4), "7").shape
    (0.5, True, (4,))
    """
    from runway_lab.fields import Vector

    if field.type in ("text", "category", "image", "segmentation", "audio", "video", "file"):
        return text
    if isinstance(field, Vector):
        if text.lstrip("-").isdigit() and int(text) >= 0:
            return field.sample(int(text))
        return Path(text).read_bytes() if Path(text).is_file() else _guess(f"[{text.strip('[]')}]")
    if field.type == "boolean" and text.lower() in ("yes", "no", "true", "false", "on", "off"):
        return text.lower() in ("yes", "true", "on")
    return _guess(text)


def _guess(text: str) -> Any:
    """Numbers, lists and yes or no as what they are; everything else is words."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _new_seed(name: str) -> int:
    import secrets

    seed = secrets.randbelow(10_000)
    print(f"{name} is a random vector with the seed {seed}; --input {name}={seed} gives it again.", file=sys.stderr)
    return seed


def _deliver(model: str, outputs: Outputs, name: str, place: Path | None) -> None:
    """Writes one output to its file, or shows it: words and numbers are printed, pictures saved here."""
    field, value = outputs.fields[name], outputs[name]
    if place is None and not field.binary:
        plain = field.to_json(value)
        print(f"{name}: {plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)}")
        return
    endings = {"image": ".png", "segmentation": ".png", "audio": ".wav", "video": ".mp4", "vector": ".npy"}
    path = place or _free(Path(f"{model.replace('/', '-')}-{name}{endings.get(field.type, '.json')}"))
    try:
        _write(path, field, value)
    except (OSError, ValueError, KeyError) as error:
        raise BadValue(f"{path} could not be written: {error}.", hint="Choose another name or folder.") from error
    print(f"{name}: {path}")


def _write(path: Path, field: Field, value: Any) -> None:
    import numpy as np

    if field.type == "image":
        from PIL import Image as pillow

        (pillow.fromarray(value.squeeze()) if isinstance(value, np.ndarray) else value).save(path)
    elif field.type == "segmentation":
        field.paint(value).save(path)  # type: ignore[attr-defined]
    elif field.type == "audio":
        path.write_bytes(value.wav())
    elif field.type == "video":
        path.write_bytes(value.read())
    elif field.type == "vector":
        with path.open("wb") as file:
            np.save(file, value, allow_pickle=False)
    elif field.type == "text":
        path.write_text(value, encoding="utf-8")
    else:
        path.write_text(json.dumps(field.to_json(value), ensure_ascii=False) + "\n", encoding="utf-8")


def _free(path: Path) -> Path:
    """This name, or the next that nothing has: what is there is not written over."""
    number, wanted = 1, path
    while path.exists():
        number += 1
        path = wanted.with_stem(f"{wanted.stem}-{number}")
    return path


def _plain(words: str) -> str:
    """Words of a card for a terminal: one line, and no control characters, which could do anything there."""
    return " ".join("".join(each if each.isprintable() or each.isspace() else "?" for each in words).split())
