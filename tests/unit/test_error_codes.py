"""Every error that servers gave is the fault that it has to be."""

import pymysql
import pytest
from pymysql.err import raise_mysql_exception

from durable_ingest.mysql.codes import CODES
from durable_ingest.mysql.faults import classify
from tests.measured import Measured, measured

MEASURED = measured()


def named(given: Measured) -> str:
    """Name a test."""
    return f"{given.server}-{given.code}-{given.sqlstate}-{given.fault}"


@pytest.mark.parametrize("given", MEASURED, ids=named)
def test_a_measured_error_is_the_fault_that_it_has_to_be(given: Measured) -> None:
    """By its code, whatever PyMySQL's class."""
    assert classify(given.code, given.sqlstate, given.text, ["id"], ["id", "name"]) == given.fault


def test_both_servers_and_every_fault_are_among_them() -> None:
    """The list is whole, and no line stands twice."""
    assert len(MEASURED) > 150
    assert {given.server for given in MEASURED} == {"mysql", "mariadb"}
    assert {given.fault for given in MEASURED} == set(map(str, CODES))
    lines = [(g.server, g.code, g.sqlstate, g.fault) for g in MEASURED]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("given", [g for g in MEASURED if g.sqlstate], ids=named)
def test_pymysql_raises_it_with_this_class(given: Measured) -> None:
    """As read from the wire; a class alone never says the fault."""
    packet = b"\xff" + given.code.to_bytes(2, "little") + f"#{given.sqlstate}{given.text}".encode()
    with pytest.raises(pymysql.Error) as caught:
        raise_mysql_exception(packet)
    assert (type(caught.value).__name__, caught.value.args[0]) == (given.exception, given.code)
    assert getattr(caught.value, "sqlstate", None) == given.sqlstate


def test_no_class_of_pymysqls_says_the_fault() -> None:
    """OperationalError is refused connections, refused rows and wrong set-ups alike."""
    faults = {g.fault for g in MEASURED if g.exception == "OperationalError"}
    assert faults >= {"unavailable", "contended", "rejected", "misconfigured", "unknown"}
