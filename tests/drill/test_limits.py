"""AWS' limits, scaled."""

from drill.alternatives.limits import MEGABYTE, Limits


def test_a_second_that_stands_for_a_minute_makes_all_limits_a_sixtieth() -> None:
    """Storage as well: a sixtieth of the requests come in."""
    scaled = Limits().scaled(60)
    assert (scaled.function, scaled.borrow, scaled.scan_every) == (15, 2, 1)
    assert round(scaled.gateway, 3) == 0.483
    assert scaled.storage == 512 * MEGABYTE / 60


def test_each_limit_is_printed_beside_the_real_one() -> None:
    """The documented ones and the assumed ones apart."""
    documented, assumed = Limits().scaled(60).lines(Limits())
    for text in ("15 s for 900 s", "0.4833 s for 29 s", "2 s for 120 s", "8.533 MB for 512 MB"):
        assert text in documented
    assert assumed.startswith("assumed:")
    assert "10 s idle for 600 s" in assumed
