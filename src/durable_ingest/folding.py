"""Text as MySQL's default collations compare it."""

from __future__ import annotations

import unicodedata


def folded(text: str) -> str:
    """Write text so that what MySQL takes for equal reads the same; see `scalars.canonical`."""
    for _ in range(2):
        decomposed = unicodedata.normalize("NFKD", text)
        text = "".join(map(_folded_character, decomposed)).casefold()
    return text.rstrip(" ")


def _folded_character(character: str) -> str:
    """Fold what Unicode's own decomposition and case folding leave apart."""
    if character.isascii():
        return character if character.isprintable() or character in "\t\n\v\f\r" else ""
    if character > "\uffff":
        return _BEYOND_UTF8MB3
    if unicodedata.category(character) in _IGNORABLE:
        return ""
    if character.isspace():
        return " "
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    if "\u30a1" <= character <= "\u30f6":
        character = chr(ord(character) - _KATAKANA_TO_HIRAGANA)
    return _LETTERS.get(character, character)


_IGNORABLE = ("Mn", "Me", "Mc", "Cf", "Cc", "Lm", "Sk")
_BEYOND_UTF8MB3 = "\ufffd"
_KATAKANA_TO_HIRAGANA = 0x60
_LETTERS = {
    "æ": "ae", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o", "œ": "oe", "ґ": "г",
    "Æ": "ae", "Ð": "d", "Đ": "d", "Ħ": "h", "Ł": "l", "Ø": "o", "Œ": "oe", "Ґ": "г",
    **dict(zip("ぁぃぅぇぉっゃゅょゎゕゖ", "あいうえおつやゆよわかけ", strict=True)),
    **dict(zip("ㇰㇱㇲㇳㇴㇵㇶㇷ", "くしすとぬはひふ", strict=True)),
    **dict(zip("ㇸㇹㇺㇻㇼㇽㇾㇿ", "へほむらりるれろ", strict=True)),
}  # fmt: skip
