"""Where a stop is: its country and state, and whether it is in a big city."""

from typing import Any

import pytest

from geo.distance import destination
from geo.points import Point
from geo.subdivisions import COUNTRY_OF
from places.regions import Region, is_urban, region_of

CHICAGO, TORONTO = Point(41.8781, -87.6298), Point(43.6532, -79.3832)
MONTERREY, EL_PASO = Point(25.6714, -100.3093), Point(31.7600, -106.4850)
WINDSOR = Point(42.3001, -83.0165)
NUEVO_LAREDO, OTAY_MESA = Point(27.4600, -99.5300), Point(32.5520, -116.9380)
RURAL_TEXAS = Point(31.8, -99.2)
ON_THE_BORDER = Point(29.32, -103.6)
ACROSS_A_RIVER = Point(42.96, -79.06)
"""In Ontario, 9 km from a town of New York and 11 km from one of its own."""
BERLIN = Point(52.52, 13.40)
OCEAN = Point(35.0, -55.0)


class TestTheAddress:
    @pytest.mark.parametrize(
        ("point", "address", "expected"),
        [
            (CHICAGO, {"country": "US", "state": "IL"}, ("US", "IL")),
            (CHICAGO, {"country": "US", "state": " il "}, ("US", "IL")),
            # It is believed against the position.
            (CHICAGO, {"country": "US", "state": "IN"}, ("US", "IN")),
            (WINDSOR, {"country": "CA"}, ("CA", "ON")),
            (WINDSOR, {"state": "ON"}, ("CA", "ON")),
            (MONTERREY, {"country": "MX", "state": "NLE"}, ("MX", "NLE")),
            # No code: the nearest city of the country.
            (MONTERREY, {"country": "MX", "state": "Nuevo León"}, ("MX", "NLE")),
            (CHICAGO, {"country": "US", "state": "Illinois"}, ("US", "IL")),
            (BERLIN, {"country": "DE", "state": "BE"}, ("DE", None)),
            # Country and state contradict each other: a form's default was left.
            (TORONTO, {"country": "US", "state": "ON"}, ("CA", "ON")),
            (BERLIN, {"country": "US", "state": "ON"}, ("US", None)),
            (ON_THE_BORDER, {"country": "US", "state": "COA"}, ("US", "TX")),
            # A country is named that nobody chose, as `AddressIn` does.
            (TORONTO, {"country": "US", "state": None}, ("CA", "ON")),
            (TORONTO, {"country": "US", "state": "Ontario"}, ("CA", "ON")),
            (MONTERREY, {"country": "US"}, ("MX", "NLE")),
            (MONTERREY, {"country": "US", "state": "TX"}, ("MX", "NLE")),
            (CHICAGO, {"country": "MX", "state": "NLE"}, ("US", "IL")),
            # Beside a border, the position does not contradict the address.
            (EL_PASO, {"country": "MX"}, ("MX", "CHH")),
            (NUEVO_LAREDO, {"country": "US", "state": "TX"}, ("US", "TX")),
            (OTAY_MESA, {"country": "US"}, ("US", "CA")),
        ],
    )
    def test_decides(
        self, point: Point, address: dict[str, Any], expected: tuple[str, str | None]
    ) -> None:
        assert region_of(point, address)[:2] == expected


class TestThePosition:
    @pytest.mark.parametrize(
        ("point", "expected"),
        [
            (CHICAGO, ("US", "IL")),
            (TORONTO, ("CA", "ON")),
            (MONTERREY, ("MX", "NLE")),
            (EL_PASO, ("US", "TX")),
            (WINDSOR, ("CA", "ON")),
            # Small towns beside a city of the other country.
            (Point(46.4953, -84.3453), ("US", "MI")),  # Sault Ste. Marie
            (Point(42.9709, -82.4249), ("US", "MI")),  # Port Huron
            (Point(27.5036, -99.5075), ("US", "TX")),  # Laredo
            (NUEVO_LAREDO, ("MX", "TAM")),
            (RURAL_TEXAS, ("US", "TX")),
            (Point(61.2181, -149.9003), ("US", "AK")),
            (Point(19.4326, -99.1332), ("MX", "CMX")),
        ],
    )
    @pytest.mark.parametrize("address", [None, {}, {"country": None, "state": None}])
    def test_decides_without_an_address(
        self, point: Point, address: Any, expected: tuple[str, str]
    ) -> None:
        assert region_of(point, address)[:2] == expected

    @pytest.mark.parametrize("point", [ON_THE_BORDER, ACROSS_A_RIVER, BERLIN, OCEAN])
    def test_says_nothing_near_a_border_and_far_from_all_cities(
        self, point: Point
    ) -> None:
        assert region_of(point) == Region(None, None, is_urban=False)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (CHICAGO, True),
        (TORONTO, True),
        (MONTERREY, True),
        (Point(43.6532, -79.6), True),
        (RURAL_TEXAS, False),
        (ON_THE_BORDER, False),
        (Point(42.8864, -78.8784), False),  # Buffalo has 280,000 people.
    ],
)
def test_a_place_near_the_centre_of_a_big_city_is_urban(
    point: Point, expected: bool
) -> None:
    assert is_urban(point) is expected
    assert region_of(point).is_urban is expected


def test_a_city_reaches_25_kilometres() -> None:
    denver = Point(39.7392, -104.9847)

    assert is_urban(destination(denver, 70, 24_900))
    assert not is_urban(destination(denver, 70, 25_100))


def test_no_state_is_of_two_countries() -> None:
    assert len(COUNTRY_OF) == 51 + 13 + 32
