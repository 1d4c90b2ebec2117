"""Values as SQL text that reads the same under every sql_mode.

PyMySQL's own escaping goes by what the server last said of NO_BACKSLASH_ESCAPES. Behind a proxy
that moves statements between sessions that may be untrue, and a value with a backslash before a
quote would end its literal early. A doubled quote and hexadecimal digits mean one thing only.
"""

from __future__ import annotations


def text_literal(text: str) -> str:
    """Write text."""
    if "\\" in text:
        return f"_utf8mb4 X'{text.encode().hex()}'"
    return "'" + text.replace("'", "''") + "'"


def literal(value: object) -> str:
    """Write None, a number, text or bytes.

    Raises:
        TypeError: the value is of another type.
    """
    match value:
        case str():
            return text_literal(value)
        case None:
            return "NULL"
        case int():
            return str(int(value))
        case float():
            text = repr(float(value))
            return text if "e" in text else text + "e0"  # without an exponent it is a DECIMAL
        case bytes():
            return f"X'{value.hex()}'"
        case _:
            msg = f"a {type(value).__name__} has no SQL"
            raise TypeError(msg)
