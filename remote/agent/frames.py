"""Messages on a byte stream: a JSON object, and bytes beside it if need be.

Both ends use this file. A frame begins with a magic word and a head that checks itself,
so whatever a login shell or a background process writes between frames is stepped over.
"""

import json
import struct
import zlib
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

MAGIC = b"\x93CDK"
_HEAD = struct.Struct(">4sBIII")  # magic, flags, length of JSON and of bytes, check sum
_CHECK = struct.Struct(">I")
HEAD_BYTES = _HEAD.size + _CHECK.size
MAX_BYTES = 64 << 20
_JSON_PACKED, _BLOB_PACKED = 1, 2
_WORTH_PACKING = 512
_KEPT_NOISE = 8192

Frame = NamedTuple("Frame", [("message", Dict[str, Any]), ("blob", bytes)])


class FrameError(Exception):
    """The stream cannot be understood any more."""


def encode(message: Dict[str, Any], blob: bytes = b"") -> bytes:
    """Bytes of one frame."""
    text = json.dumps(message, separators=(",", ":")).encode("ascii")
    flags = 0
    text, packed = _pack(text)
    flags |= _JSON_PACKED if packed else 0
    blob, packed = _pack(blob)
    flags |= _BLOB_PACKED if packed else 0
    if len(text) + len(blob) > MAX_BYTES:
        size = len(text) + len(blob)
        problem = "a message of {} bytes is too large".format(size)
        raise FrameError(problem)
    total = zlib.crc32(blob, zlib.crc32(text))
    head = _HEAD.pack(MAGIC, flags, len(text), len(blob), total)
    return b"".join((head, _CHECK.pack(zlib.crc32(head)), text, blob))


def _pack(data: bytes) -> Tuple[bytes, bool]:
    if len(data) < _WORTH_PACKING:
        return data, False
    packed = zlib.compress(data, 3)
    if len(packed) > 0.9 * len(data):
        return data, False
    return packed, True


def _unpack(data: bytes) -> bytes:
    worker = zlib.decompressobj()
    try:
        plain = worker.decompress(data, MAX_BYTES)
    except zlib.error as error:
        message = "a packed message is damaged: {}".format(error)
        raise FrameError(message) from error
    if worker.unconsumed_tail or not worker.eof:
        message = "a packed message is damaged or too large"
        raise FrameError(message)
    return plain


class FrameReader:
    """Puts frames together from whatever pieces arrive."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._head: Optional[Tuple[int, int, int, int]] = None
        self.noise = bytearray()  # the last of what stood between frames

    def feed(self, data: bytes) -> List[Frame]:
        """Frames that are complete with these bytes."""
        self._data += data
        frames: List[Frame] = []
        while True:
            if self._head is None and not self._find_head():
                return frames
            assert self._head is not None
            flags, text_bytes, blob_bytes, total = self._head
            if len(self._data) < text_bytes + blob_bytes:
                return frames
            text = bytes(self._data[:text_bytes])
            blob = bytes(self._data[text_bytes : text_bytes + blob_bytes])
            del self._data[: text_bytes + blob_bytes]
            self._head = None
            if zlib.crc32(blob, zlib.crc32(text)) != total:
                message = "a message arrived damaged"
                raise FrameError(message)
            frames.append(_decode(flags, text, blob))

    def unread(self) -> bytes:
        """What came lately outside of frames."""
        return bytes(self.noise + self._data)

    def _find_head(self) -> bool:
        """Step over noise to the next head; whether there is one."""
        data = self._data
        while True:
            start = data.find(MAGIC)
            if start < 0:
                self._drop(max(0, len(data) - len(MAGIC) + 1))
                return False
            self._drop(start)
            if len(data) < HEAD_BYTES:
                return False
            head = bytes(data[: _HEAD.size])
            (check,) = _CHECK.unpack(bytes(data[_HEAD.size : HEAD_BYTES]))
            _, flags, text_bytes, blob_bytes, total = _HEAD.unpack(head)
            if zlib.crc32(head) == check and text_bytes + blob_bytes <= MAX_BYTES:
                del data[:HEAD_BYTES]
                self._head = (flags, text_bytes, blob_bytes, total)
                return True
            self._drop(1)

    def _drop(self, count: int) -> None:
        if count:
            self.noise += self._data[:count]
            del self.noise[:-_KEPT_NOISE]
            del self._data[:count]


def _decode(flags: int, text: bytes, blob: bytes) -> Frame:
    if flags & _JSON_PACKED:
        text = _unpack(text)
    if flags & _BLOB_PACKED:
        blob = _unpack(blob)
    try:
        message = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError) as error:
        text_error = "a message is not JSON: {}".format(error)
        raise FrameError(text_error) from error
    if not isinstance(message, dict):
        text_error = "a message is not a JSON object"
        raise FrameError(text_error)
    return Frame(message, blob)
