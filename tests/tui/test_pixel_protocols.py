"""Pictures sent to a terminal come out as they went in."""

from __future__ import annotations

import base64
import random
import re
import zlib

from tui.pixel_protocols import CHUNK, kitty_transmission, sixel, through_tmux


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
                        assert (x, top + bit) not in pixels
                        pixels[x, top + bit] = color
                x += 1  # noqa: SIM113
    return pixels


def test_a_sixel_picture_decodes_to_the_same_pixels() -> None:
    chance, width, height = random.Random(1), 37, 23
    indices = bytes(chance.choice((0, 0, 0, 5, 39)) for _ in range(width * height))
    palette = [(6 * i, 6 * i, 6 * i) for i in range(40)]
    pixels = read_sixel(sixel(indices, width, height, palette))
    assert pixels == {
        (x, y): indices[y * width + x] for y in range(height) for x in range(width)
    }


def test_a_kitty_picture_decodes_to_the_same_pixels_in_allowed_pieces() -> None:
    rgb = random.Random(2).randbytes(3 * 60 * 50)
    sequences = kitty_transmission(rgb, 60, 50, 7)
    found = [re.fullmatch(r"\x1b_G([^;]*);(.*)\x1b\\", s) for s in sequences]
    heads = [match[1] for match in found if match]
    pieces = [match[2] for match in found if match]
    assert len(pieces) == len(sequences) > 1
    assert all(len(piece) <= CHUNK for piece in pieces)
    assert heads[0] == "a=t,f=24,o=z,s=60,v=50,i=7,q=2,m=1"
    assert heads[1:] == ["m=1"] * (len(heads) - 2) + ["m=0"]
    assert zlib.decompress(base64.b64decode("".join(pieces))) == rgb


def test_tmux_gives_back_what_was_in_its_envelope() -> None:
    inner = kitty_transmission(b"\0" * 12, 2, 2, 1)[0]
    wrapped = through_tmux(inner)
    body = wrapped.removeprefix("\x1bPtmux;").removesuffix("\x1b\\")
    assert body.replace("\x1b\x1b", "\x1b") == inner
