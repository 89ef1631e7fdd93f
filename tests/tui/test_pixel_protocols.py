"""Pictures sent to a terminal come out as they went in."""

from __future__ import annotations

import base64
import io
import random
import re

import pytest
from PIL import Image

from tui.pixel_protocols import (
    CHUNK,
    indexed_png,
    kitty_transmission,
    sixel,
    through_tmux,
)


def read_sixel(text: str) -> dict[tuple[int, int], int]:
    body = text.split("q", 1)[1].removesuffix("\x1b\\")
    body = re.sub(r'^"[\d;]+|#\d+;2;\d+;\d+;\d+', "", body)
    x = top = color = 0
    pixels: dict[tuple[int, int], int] = {}
    for choice, repeat, letter in re.findall(r"#(\d+)|(?:!(\d+))?([?-~$-])", body):
        if choice:
            color = int(choice)
        elif letter == "$":
            x = 0
        elif letter == "-":
            x, top = 0, top + 6
        else:
            for _ in range(int(repeat or 1)):
                for bit in range(6):
                    if ord(letter) - 63 >> bit & 1:
                        pixels[x, top + bit] = color
                x += 1  # noqa: SIM113
    return pixels


def test_a_sixel_picture_decodes_to_the_same_pixels() -> None:
    chance, width, height = random.Random(1), 37, 23
    indices = bytes(chance.choice((0, 0, 0, 5, 39)) for _ in range(width * height))
    palette = tuple((6 * i, 6 * i, 6 * i) for i in range(40))
    pixels = read_sixel(sixel(indices, width, height, palette))
    assert pixels == {
        (x, y): indices[y * width + x] for y in range(height) for x in range(width)
    }


def read_png(data: bytes) -> tuple[int, int, bytes]:
    """Width, height and red, green and blue of every pixel."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    return (*image.size, image.tobytes())


def png_of(sequences: list[str]) -> bytes:
    """The file that kitty is sent in pieces."""
    found = [re.fullmatch(r"\x1b_G([^;]*);(.*)\x1b\\", s) for s in sequences]
    return base64.b64decode("".join(match[2] for match in found if match))


@pytest.mark.parametrize(("width", "colors"), [(61, 40), (61, 16), (60, 16), (61, 2)])
def test_a_kitty_picture_decodes_to_the_same_pixels(width: int, colors: int) -> None:
    chance = random.Random(2)
    indices = bytes(chance.randrange(colors) for _ in range(width * 50))
    palette = tuple((3 * i, 6 * i, 255 - i) for i in range(colors))
    file = indexed_png(indices, width, 50, palette)
    sequences = kitty_transmission(file, 7)
    wanted = b"".join(bytes(palette[index]) for index in indices)
    assert read_png(png_of(sequences)) == (width, 50, wanted)


def test_kitty_is_sent_allowed_pieces() -> None:
    sequences = kitty_transmission(random.Random(2).randbytes(9000), 7)
    found = [re.fullmatch(r"\x1b_G([^;]*);(.*)\x1b\\", s) for s in sequences]
    heads = [match[1] for match in found if match]
    pieces = [match[2] for match in found if match]
    assert len(pieces) == len(sequences) > 1
    assert all(len(piece) <= CHUNK for piece in pieces)
    assert heads[0] == "a=t,f=100,i=7,q=2,m=1"
    assert heads[1:] == ["m=1"] * (len(heads) - 2) + ["m=0"]


def test_sixel_takes_one_letter_for_a_run_and_none_for_its_empty_end() -> None:
    text = sixel(bytes([1] * 90 + [0] * 10) * 12, 100, 12, ((0, 0, 0), (255, 255, 255)))
    body = text.split("#1;2;100;100;100")[1].removesuffix("\x1b\\")
    assert body == "#1!100~$#0!90?!10~-#1!100~$#0!90?!10~"


def test_tmux_gives_back_what_was_in_its_envelope() -> None:
    inner = kitty_transmission(b"\0" * 12, 1)[0]
    wrapped = through_tmux(inner)
    body = wrapped.removeprefix("\x1bPtmux;").removesuffix("\x1b\\")
    assert body.replace("\x1b\x1b", "\x1b") == inner
