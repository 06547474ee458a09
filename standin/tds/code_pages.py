"""Code pages as Windows has them, where Python's codecs differ. Importing registers the error handler "sqlserver" and
the codec "windows950"."""

from __future__ import annotations

import codecs

WINDOWS_950 = "windows950"


# From C6A1 to C8FE Python's 950 has Big5's kana, Cyrillic and signs; Windows has characters of one's own there, from
# U+F6B1 on, and none of those.
_PAIRS = [bytes([lead, trail]) for lead in (0xC6, 0xC7, 0xC8) for trail in (*range(0x40, 0x7F), *range(0xA1, 0xFF))][
    0x3F:
]
_OWN_OF_PAIR = {pair: chr(0xF6B1 + at) for at, pair in enumerate(_PAIRS)}
_BIG5 = {
    own: text
    for pair, own in _OWN_OF_PAIR.items()
    if (text := pair.decode("cp950", "ignore")) and text.encode("cp950") == pair
}
_TO_OWN = str.maketrans({text: own for own, text in _BIG5.items()})
_TO_BIG5 = str.maketrans(_BIG5 | dict.fromkeys(_BIG5.values(), "\ufffd"))  # U+FFFD: in no code page


def _as_windows_does(error: UnicodeError) -> tuple[str | bytes, int]:
    """Bytes without a character (81, 8D, … in 1252) stand for the C1 control of the same number, as in Windows'
    own tables, and 80 in 936 for the euro; what a code page does not have becomes '?', as SQL Server converts."""
    if isinstance(error, UnicodeDecodeError):
        if error.encoding == "gbk" and error.object[error.start] == 0x80:
            return "€", error.start + 1
        pair = error.object[error.start : error.start + 2]
        if error.encoding == "cp950" and pair in _OWN_OF_PAIR:
            return _OWN_OF_PAIR[pair], error.start + 2
        return chr(error.object[error.start]), error.start + 1
    assert isinstance(error, UnicodeEncodeError)
    code = ord(error.object[error.start])
    if error.encoding == "gbk" and code == 0x20AC:
        return b"\x80", error.start + 1
    if error.encoding == "cp950" and 0xF6B1 <= code < 0xF6B1 + len(_PAIRS):
        return _PAIRS[code - 0xF6B1], error.start + 1
    return (bytes([code]) if 0x80 <= code <= 0x9F else b"?"), error.start + 1


def _encode_950(text: str, errors: str = "strict") -> tuple[bytes, int]:
    return text.translate(_TO_BIG5).encode("cp950", errors), len(text)


def _decode_950(data: bytes, errors: str = "strict") -> tuple[str, int]:
    return bytes(data).decode("cp950", errors).translate(_TO_OWN), len(data)


def _find(name: str) -> codecs.CodecInfo | None:
    return codecs.CodecInfo(_encode_950, _decode_950, name=WINDOWS_950) if name == WINDOWS_950 else None


codecs.register_error("sqlserver", _as_windows_does)
codecs.register(_find)
