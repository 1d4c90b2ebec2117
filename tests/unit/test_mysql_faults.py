"""Error codes: what each means for a message."""

import pytest

from durable_ingest.mysql.codes import CLIENT_CODES, CODES, SQLSTATE_CLASSES
from durable_ingest.mysql.faults import classify, describe
from durable_ingest.rows import Fault

U, C, R, D, M = (
    Fault.UNAVAILABLE,
    Fault.CONTENDED,
    Fault.REJECTED,
    Fault.DEPENDENT,
    Fault.MISCONFIGURED,
)


@pytest.mark.parametrize(
    ("code", "sqlstate", "text", "expected"),
    [
        (0, None, "", U),
        (2002, None, "Can't connect to local server through socket", U),
        (2003, None, "Can't connect to MySQL server on 'db' ([Errno 111])", U),
        (2004, None, "", U),
        (2005, None, "Unknown server host 'db'", U),
        (2006, "HY000", "MySQL server has gone away", U),
        (2013, "HY000", "Lost connection to MySQL server during query", U),
        (1040, "08004", "Too many connections", U),
        (1053, "08S01", "Server shutdown in progress", U),
        (1203, "42000", "User u has already more than 'max_user_connections'", U),
        (1226, "42000", "User 'u' has exceeded the 'max_user_connections' resource", U),
        (1290, "HY000", "running with the --read-only option so it cannot execute", U),
        (1290, "HY000", "running with the --super-read-only option", U),
        (1290, "HY000", "running with the super_read_only option", U),
        (1290, "HY000", "running with the --secure-file-priv option", M),
        (1290, "HY000", "running with the --skip-grant-tables option", M),
        (1317, "70100", "Query execution was interrupted", U),
        (1792, "25006", "Cannot execute statement in a READ ONLY transaction.", U),
        (1836, "HY000", "Running in read-only mode", U),
        (1205, "HY000", "Lock wait timeout exceeded; try restarting transaction", C),
        (1213, "40001", "Deadlock found when trying to get lock", C),
        (1062, "23000", "Duplicate entry 'x' for key 'customers.email'", D),
        (1452, "23000", "Cannot add or update a child row", D),
        (1406, "22001", "Data too long for column 'name' at row 1", R),
        (1264, "22003", "Out of range value for column 'n' at row 1", R),
        (1292, "22007", "Incorrect datetime value: 'x' for column 'at' at row 1", R),
        (3140, "22032", "Invalid JSON text", R),
        (3819, "HY000", "Check constraint 'positive' is violated.", R),
        (4025, "23000", "CONSTRAINT `positive` failed for `d`.`t`", R),
        (1153, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes", R),
        (1146, "42S02", "Table 'd.t' doesn't exist", M),
        (1054, "42S22", "Unknown column 'x' in 'field list'", M),
        (1044, "42000", "Access denied for user 'u'@'%' to database 'd'", M),
        (1045, "28000", "Access denied for user 'u'@'h'", M),
        (1049, "42000", "Unknown database 'd'", M),
        (1142, "42000", "INSERT command denied to user", M),
        (1364, "HY000", "Field 'x' doesn't have a default value", M),
    ],
)
def test_a_code_means_what_it_means(
    code: int, sqlstate: str | None, text: str, expected: Fault
) -> None:
    """Whatever its SQLSTATE class would say, and with or without it."""
    assert classify(code, sqlstate, text) is expected
    assert classify(code, None, text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Column 'id' cannot be null", D),
        ("Column 'ID' cannot be null", D),
        ("Column 'name' cannot be null", R),
        ("Column 'identity' cannot be null", R),
        ("another text", R),
    ],
)
def test_null_in_a_key_column_is_another_rows_unique_value(text: str, expected: Fault) -> None:
    """The upsert's own alarm; in another column it is the row's fault."""
    assert classify(1048, "23000", text, ["id"]) is expected


@pytest.mark.parametrize(
    ("sqlstate", "expected"),
    [
        ("08S01", U),
        ("25006", U),
        ("70100", U),
        ("22003", Fault.UNKNOWN),
        ("23000", D),
        ("40001", C),
        ("28000", M),
        ("42000", M),
        ("HY000", Fault.UNKNOWN),
        ("45000", Fault.UNKNOWN),
        ("", Fault.UNKNOWN),
        (None, Fault.UNKNOWN),
    ],
)
def test_an_unknown_code_goes_by_its_sqlstate(sqlstate: str | None, expected: Fault) -> None:
    """And without one it is unknown: held until there is evidence."""
    assert classify(9999, sqlstate, "") is expected
    assert classify(None, sqlstate, "") is expected


def test_no_class_of_sqlstates_rejects() -> None:
    """It is not known of an unknown code that it is the row's: MariaDB's 167 is not."""
    assert R not in SQLSTATE_CLASSES.values()
    assert classify(167, "22003", "Out of range value for column 'n' at row 1") is M


@pytest.mark.parametrize("code", [2000, 2001, 2061, 2999])
def test_the_clients_own_codes_are_about_the_connection(code: int) -> None:
    """Also those that the library does not know."""
    assert code in CLIENT_CODES
    assert classify(code, None, "") is U


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1406, "Data too long for column '{}' at row 12"),
        (1264, "Out of range value for column '{}' at row 1"),
        (1265, "Data truncated for column '{}' at row 1"),
        (1366, "Incorrect integer value: 'for column 'note'' for column '{}' at row 1"),
        (1366, "Incorrect string value: '\\xE4' for column `d`.`t`.`{}` at row 1"),
        (1292, "Incorrect datetime value: 'x' for column '{}' at row 1"),
        (1048, "Column '{}' cannot be null"),
    ],
)
def test_a_column_that_no_row_holds_is_not_a_rows_fault(code: int, text: str) -> None:
    """It is of another table, which a trigger writes, or computed: other rows show whose it is."""
    columns = ["id", "name", "Note 2"]
    assert classify(code, None, text.format("note"), ["id"], columns) is Fault.UNKNOWN
    assert classify(code, None, text.format("NAME"), ["id"], columns) is R
    assert classify(code, None, text.format("note 2"), ["id"], columns) is R
    assert classify(code, None, text.format("note"), ["id"]) is R


@pytest.mark.parametrize(
    "text", ["Truncated incorrect DOUBLE value: 'of column `note` at row 1'", "Column 'x", ""]
)
def test_a_value_names_no_column(text: str) -> None:
    """Only the server's own words at their place do."""
    assert classify(1292, "22007", text, ["id"], ["name"]) is R


def test_a_code_stands_once() -> None:
    """In one fault's table, with words of its own."""
    codes = [code for table in CODES.values() for code in table]
    assert len(codes) == len(set(codes))
    assert all(text for table in CODES.values() for text in table.values())


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (
            1406,
            "Data too long for column 'name' at row 1",
            "column 'name': a value is too long for its column (MySQL error 1406)",
        ),
        (
            1048,
            "Column 'name' cannot be null",
            "column 'name': a column may not be NULL (MySQL error 1048)",
        ),
        (
            1292,
            "Incorrect datetime value: 'hush' for column 'name' at row 1",
            "column 'name': a value is no date, time or number of its column's (MySQL error 1292)",
        ),
        (
            1062,
            "Duplicate entry 'hush' for key 'customers.email'",
            "'customers.email': a value of another unique index is taken (MySQL error 1062)",
        ),
        (
            3819,
            "Check constraint 'positive' is violated.",
            "'positive': a CHECK constraint refuses the row (MySQL error 3819)",
        ),
        (
            4025,
            "CONSTRAINT `positive` failed for `d`.`t`",
            "'positive': a CHECK constraint refuses the row (MySQL error 4025)",
        ),
        (1290, "running with the --read-only option", "the server is read-only (MySQL error 1290)"),
        (2013, "Lost connection", "the connection was lost (MySQL error 2013)"),
        (0, "", "the connection is closed"),
    ],
)
def test_an_error_is_described_in_the_librarys_words(code: int, text: str, expected: str) -> None:
    """With the column, index or constraint, where the text names one."""
    assert describe(code, text, ["name"]) == expected


def test_the_upserts_own_alarm_is_described_as_what_it_means() -> None:
    """No column was given NULL by the row."""
    told = describe(1048, "Column 'id' cannot be null", ["id", "name"], None, ["id"])
    assert told.startswith("a value of another unique index is taken")
    told = describe(1048, "Column 'name' cannot be null", ["id", "name"], None, ["id"])
    assert told.startswith("column 'name': a column may not be NULL")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1062, "Duplicate entry 'a constraint 'hush' b' for key 'customers.email'"),
        (1062, "Duplicate entry 'CONSTRAINT `hush` b' for key 'customers.email'"),
        (1062, "Duplicate entry 'for key 'hush' b' for key 'customers.email'"),
        (1062, "Duplicate entry 'for key 'hush'\n' for key 'customers.email'"),
        (1366, "Incorrect string value: 'for column 'hush'' for column 'name' at row 1"),
        (1292, "Incorrect datetime value: 'hush' for column 'name' at row 1"),
        (1292, "Truncated incorrect DOUBLE value: 'hush'"),
        (1644, "a trigger's own text: hush"),
        (3140, "Invalid JSON text: \"hush\" at position 1 in value for column 't.name'."),
        (9999, "hush"),
    ],
)
def test_a_description_shows_nothing_of_the_row(code: int, text: str) -> None:
    """Also where a value looks like the server's own words."""
    assert "hush" not in describe(code, text, ["name"])
