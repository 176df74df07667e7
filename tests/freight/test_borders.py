import pytest

from freight.borders import crossings, domestic_country


@pytest.mark.parametrize(
    ("countries", "borders", "domestic"),
    [
        (["US", "US"], 0, "US"),
        (["MX", "MX", "MX"], 0, "MX"),
        (["US", "CA"], 1, None),
        (["US", "CA", "US"], 2, None),
        (["CA", "US", "US", "MX"], 2, None),
        (["US", None], 0, None),
        ([None, None], 0, None),
        (["US", None, "CA"], 1, None),
        (["US", None, "US"], 0, None),
    ],
)
def test_borders_are_between_known_countries(
    countries: list[str | None], borders: int, domestic: str | None
) -> None:
    assert crossings(countries) == borders
    assert domestic_country(countries) == domestic
