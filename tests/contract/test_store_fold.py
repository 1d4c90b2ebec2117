"""Keys that a real server's collation takes for equal share a message group."""

import unicodedata
from collections import defaultdict
from string import ascii_lowercase

import pytest

from durable_ingest.scalars import canonical
from tests.contract import store_kit
from tests.contract.store_kit import Bench, run

pytestmark = pytest.mark.database
bench = store_kit.bench

# Known to be apart: phonetic digraphs, medieval and insular letters, which no key has.
DIGRAPHS = "ʣʦʪʫƾƍ"
EXOTIC = {
    "utf8mb4_general_ci": "ß",  # = s there, and = ss in the others
    "utf8mb4_unicode_ci": DIGRAPHS,
    "utf8mb4_0900_ai_ci": DIGRAPHS
    + "ĿŀȸȹᵹᵺỺỻꙨꙩꙪꙫꙬꙭꙮꚘꚙꚚꚛꜨꜩꜲꜳꜴꜵꜶꜷꜸꜹꜺꜻꜼꜽꝎꝏꝠꝡꝹꝺꝻꝼꝽꞂꞃꞄꞅꞆꞇꞚꞛꞜꞝꞞꞟꞠꞡꞢꞣꞤꞥꞦꞧꞨꞩ",
}
# Above U+FFFF the older collations take all characters for one, the digits that look like ASCII's
# and Japanese ones too; utf8mb4_0900_ai_ci takes digits for digits. These are the zeros.
LOOKALIKE_ZEROS = "\U0001d7ce\U0001d7d8\U0001d7e2\U0001d7ec\U0001d7f6\U0001fbf0"
FOREIGN_ZEROS = "𐒠𑁦𑃰𑄶𑇐𑋰𑑐𑓐𑙐𑛀𑜰𑣠𑱐𖩠𖭐𞥐"
ZEROS = {
    "utf8mb4_general_ci": LOOKALIKE_ZEROS,
    "utf8mb4_unicode_ci": LOOKALIKE_ZEROS,
    "utf8mb4_0900_ai_ci": FOREIGN_ZEROS,
}
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "HIRAGANA", "KATAKANA", "FULLWIDTH", "HALFWIDTH")
COLLATIONS = ("utf8mb4_0900_ai_ci", "utf8mb4_general_ci", "utf8mb4_unicode_ci")


def letters() -> list[str]:
    """List the letters of the scripts, below U+10000, and every decimal digit."""
    return [
        chr(point)
        for point in range(0x30, 0x20000)
        if unicodedata.category(chr(point)) == "Nd"
        or (
            point < 0x10000
            and unicodedata.category(chr(point)) in ("Lu", "Ll", "Lt", "Lo")
            and unicodedata.name(chr(point), "").startswith(SCRIPTS)
        )
    ]


def apart(bench: Bench, collation: str) -> set[str]:
    """Find texts whose canonical form is another than that of most texts of their weight."""
    connection = bench.connect()
    run(
        connection,
        "CREATE TEMPORARY TABLE texts (id INT PRIMARY KEY,"
        f" text VARCHAR(4) CHARACTER SET utf8mb4 COLLATE {collation})",
    )
    # What one letter may be equal to: 'æ' = 'ae', 'ß' = 'ss'.
    pairs = [one + two for one in ascii_lowercase for two in ascii_lowercase]
    texts = [*letters(), *pairs, "ffi", "ffl"]
    values = ", ".join(connection.escape((n, text)) for n, text in enumerate(texts))
    run(connection, f"INSERT INTO texts VALUES {values}")  # noqa: S608 - escaped
    same: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for number, weight in run(connection, "SELECT id, HEX(WEIGHT_STRING(text)) FROM texts"):
        same[weight][canonical(texts[number])].append(texts[number])
    found: set[str] = set()
    for forms in same.values():
        # A pair of letters is what its ligature should read as, however many ligatures it has.
        usual = max(forms, key=lambda f: (len(f) > 1 and f in forms[f], len(forms[f]), f))
        found.update(*(forms[form] for form in forms if form != usual))
    return found


@pytest.mark.parametrize("collation", COLLATIONS)
def test_equal_keys_share_a_canonical_form(bench: Bench, collation: str) -> None:
    """Every letter and digit, but for a few exotic ones, on the servers that have the collation."""
    known = bench.server.execute("SHOW COLLATION WHERE Collation = %s", (collation,))
    assert bool(known) == (bench.server.flavour == "mysql" or "0900" not in collation)
    if known:
        digits = {chr(ord(zero) + n) for zero in ZEROS[collation] for n in range(10)}
        different = apart(bench, collation) ^ (set(EXOTIC[collation]) | digits)
        assert sorted(f"{char} U+{ord(char[0]):04X}" for char in different) == []
