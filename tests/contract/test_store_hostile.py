"""Names and values made to break out of a statement, on a real server."""

import pytest
from pydantic import BaseModel, Field, create_model

from durable_ingest import Table
from durable_ingest.errors import ContractError
from tests.contract import store_kit
from tests.contract.store_kit import Bench, Item

pytestmark = pytest.mark.database
bench = store_kit.bench

NAMES = [
    "`",
    "``",
    "`; DROP TABLE bystander; -- x",
    "x` (id) VALUES (9) -- x",
    "x`) VALUES (9); #",
    "--",
    "-- x",
    "#",
    "/*",
    "*/",
    "/*!99999 x*/",
    "%",
    "%%s",
    "%(name)s",
    "'",
    '"',
    "\\`",
    "\\",
    ";",
    "@@x",
    "\u02cb",  # looks like a backtick
    "\uff40",  # the same, full width
    "\u0430",  # looks like the letter a
    "values",
    "new",
    "durable_ingest_new",
    "DURABLE_INGEST_NEW",
    "x" * 64,
    "\u4e00" + "x" * 63,
]


def quoted(name: str) -> str:
    """Quote a name, for the tests' own statements."""
    return "`" + name.replace("`", "``") + "`"


@pytest.mark.parametrize("name", NAMES)
def test_a_table_of_any_name(bench: Bench, name: str) -> None:
    """Its rows come to it, in it alone, and are guarded."""
    bench.sql("CREATE TABLE bystander (id INT PRIMARY KEY)")
    columns = "id INT PRIMARY KEY, name VARCHAR(20), seq DECIMAL(39)"
    bench.sql(f"CREATE TABLE {quoted(name)} ({columns})")
    drain = bench.drain(Table(name, Item, key="id", sequence="seq"))
    assert drain({"id": 1, "name": "a"}, {"id": 2, "name": "b"}).stored == [0, 1]
    assert drain({"id": 1, "name": "c"}).stored == [0]
    assert bench.sql(f"SELECT id, name FROM {quoted(name)} ORDER BY id") == [(1, "c"), (2, "b")]  # noqa: S608 - quoted
    assert bench.sql("SELECT * FROM bystander") == []


@pytest.mark.parametrize("name", [*NAMES, "a.dot", "a`.`dot", "."])
@pytest.mark.parametrize("role", ["value", "key", "sequence", "version"])
def test_a_column_of_any_name(bench: Bench, name: str, role: str) -> None:
    """In each of the places of a statement that name it."""
    names = {"key": "k", "value": "v", "version": "n", "sequence": "s"} | {role: name}
    model: type[BaseModel] = create_model(
        "Row",
        key=(str, Field(alias=names["key"])),
        value=(str, Field(alias=names["value"])),
        version=(int, Field(alias=names["version"])),
    )
    table = Table(
        "rows_of_odd_columns",
        model,
        key="key",
        version="version" if role == "version" else None,
        sequence=names["sequence"] if role == "sequence" else None,
    )
    bench.sql(
        f"CREATE TABLE rows_of_odd_columns ({quoted(names['key'])} VARCHAR(9) PRIMARY KEY,"
        f" {quoted(names['value'])} VARCHAR(9), {quoted(names['version'])} BIGINT,"
        f" {quoted(names['sequence'])} DECIMAL(39))"
    )
    drain = bench.drain(table)
    for number, value in [(1, "old"), (2, "new")]:
        row = {names["key"]: "a", names["value"]: value, names["version"]: number}
        assert drain(row).stored == [0]
    if role in ("sequence", "version"):  # an older write, refused or not, is known as one
        late = {names["key"]: "a", names["value"]: "v" * 10, names["version"]: 1}
        settings = {"sequence": 7} if role == "sequence" else {}
        assert drain(store_kit.sent(table, late, **settings)).stored == [0]
    assert bench.sql(f"SELECT {quoted(names['value'])} FROM rows_of_odd_columns") == [("new",)]  # noqa: S608 - quoted


@pytest.mark.parametrize(
    ("ours", "theirs"), [("items", "\u0456tems"), ("items", "it\u00e9ms"), ("items", "Items")]
)
def test_a_look_alike_is_another_table(bench: Bench, ours: str, theirs: str) -> None:
    """It is not taken for the contract's, neither by the check nor by a write."""
    bench.sql(f"CREATE TABLE {quoted(theirs)} (id VARCHAR(9))")
    held = bench.drain(Table(ours, Item, key="id"))({"id": 1, "name": "x"})
    assert held.faults == {0: "misconfigured"}
    assert f"{ours!r} does not exist" in held.held[0]
    bench.sql(f"CREATE TABLE {quoted(ours)} (id INT PRIMARY KEY, name VARCHAR(9))")
    assert bench.drain(Table(ours, Item, key="id"))({"id": 1, "name": "x"}).stored == [0]
    assert bench.sql(f"SELECT * FROM {quoted(theirs)}") == []  # noqa: S608 - quoted


@pytest.mark.parametrize(
    "name",
    ["", " ", "a ", "a\x00b", "a\nb", "x" * 65, "\U0001f600", "\ud800", "a.b.c", ".a", "a.", "."],
)
def test_what_no_table_can_be_called_is_refused_at_construction(name: str) -> None:
    """With a text that starts with the argument's name."""
    with pytest.raises(ContractError, match=r"\Aname: "):
        Table(name, Item, key="id")


HOSTILE = [
    "\\",
    "\\'",
    "\\' OR 1=1 -- ",
    "\\', 'x'), ('2', 'stolen', '\\",
    "'; DROP TABLE texts; -- ",
    "\\\\'",
    "%s %(id)s %%",
    "\x00",
    "\x1a\x08\n\r\t",
    "\u00bf\\'",  # in GBK, the first byte of a character and its second
    "\ubf27\u815c",
    "x' /*! UNION SELECT 1 */ -- ",
    "\U0001f600'",
    '"',
    "`",
]


class Text(BaseModel):
    """A text and its bytes."""

    id: int
    text: str
    data: bytes


TEXTS = Table("texts", Text, key="id")
TEXTS_TABLE = "CREATE TABLE texts (id INT PRIMARY KEY, text VARCHAR(60), data VARBINARY(60))"


@pytest.mark.parametrize("mode", ["", "NO_BACKSLASH_ESCAPES", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES"])
@pytest.mark.parametrize("told", [True, False])
def test_a_value_stays_a_value_in_another_sql_mode(bench: Bench, mode: str, told: bool) -> None:  # noqa: FBT001 - a parameter of pytest's
    """Also where a proxy has changed the session and the client has not been told."""
    bench.sql(TEXTS_TABLE)
    drain = bench.drain(TEXTS)
    assert drain({"id": 0, "text": "first", "data": ""}).stored == [0]
    drain.connection.execute(f"SET SESSION sql_mode = '{mode}'")
    if not told:
        drain.connection._raw.server_status ^= 512  # SERVER_STATUS_NO_BACKSLASH_ESCAPES
    rows = [{"id": n, "text": text, "data": text} for n, text in enumerate(HOSTILE)]
    assert drain(*rows).stored == list(range(len(HOSTILE)))
    assert bench.sql("SELECT * FROM texts ORDER BY id") == [
        (n, text, text.encode()) for n, text in enumerate(HOSTILE)
    ]


class Tree(BaseModel):
    """A JSON column."""

    id: int
    data: dict[str, object]


@pytest.mark.parametrize("text", [*HOSTILE, "k" * 60_000])
def test_any_text_is_a_key_and_a_value_of_a_json_column(bench: Bench, text: str) -> None:
    """NUL as well."""
    bench.sql("CREATE TABLE trees (id INT PRIMARY KEY, data JSON)")
    drain = bench.drain(Table("trees", Tree, key="id"))
    assert drain({"id": 1, "data": {text: [text]}}).stored == [0]
    ((stored,),) = bench.sql("SELECT data FROM trees")
    assert Tree.model_validate_json(f'{{"id": 1, "data": {stored}}}').data == {text: [text]}


@pytest.mark.parametrize("depth", [20, 150, 5000])
def test_a_deep_document_is_stored_or_dead_lettered(bench: Bench, depth: int) -> None:
    """Each server has its own limit; the next message of the group goes on."""
    bench.sql("CREATE TABLE trees (id INT PRIMARY KEY, data JSON)")
    drain = bench.drain(Table("trees", Tree, key="id"))
    deep = '{"id": 1, "data": {"a": ' + "[" * depth + "]" * depth + "}}"
    records = [
        store_kit.sent(TEXTS, "{}", attributes={"ingest.name": "trees"}) | {"body": body}
        for body in (deep, '{"id": 2, "data": {}}')
    ]
    outcome = drain(*records)
    assert outcome.held == {}
    assert bool(outcome.dead) == (depth > 20)
    assert bench.sql("SELECT COUNT(*) FROM trees") == [(2 - len(outcome.dead),)]


class Number(BaseModel):
    """A number of any size."""

    id: int
    n: float | int


@pytest.mark.parametrize("number", [10**400, -(10**64), 10**4299, 2**64, 1e308])
def test_a_number_that_no_column_holds_is_dead_lettered(bench: Bench, number: float) -> None:
    """And only that one."""
    bench.sql("CREATE TABLE numbers (id INT PRIMARY KEY, n BIGINT)")
    drain = bench.drain(Table("numbers", Number, key="id"))
    outcome = drain({"id": 1, "n": 1}, {"id": 2, "n": number}, {"id": 3, "n": 3})
    assert outcome.stored == [0, 2]
    assert outcome.dead.keys() == {1}
