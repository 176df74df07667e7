"""Opening hours of stops, countries, and which trailers may take the freight."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from models.loads.stops import Stop
from runtime.db import Session
from tests.services.scene import Scene
from tests.world import CHICAGO, NEW_YORK, Answer, Caller, World, utcnow

EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ALL_WEEK = [{"days": EVERY_DAY, "from": "08:00", "until": "16:00"}]
TORONTO = {"lat": 43.6532, "lon": -79.3832}


@pytest.fixture
def shipper(world: World) -> Caller:
    return world.shipper()


def stops(world: World, **fields: Any) -> list[dict[str, Any]]:
    return [
        world.stop_body("pickup", NEW_YORK, **fields),
        world.stop_body("delivery", CHICAGO, ends_h=96),
    ]


def post(world: World, shipper: Caller, **fields: Any) -> Answer:
    body = world.load_body(stops=stops(world, **fields))
    return shipper.post("/v1/loads", body)


def refusal(answer: Answer) -> tuple[str, str]:
    assert (answer.status, answer.code) == (422, "invalid-request")
    (error,) = answer["errors"]
    return error["pointer"], error["detail"]


def spans_of(load: Answer) -> list[list[int] | None]:
    query = select(Stop.opening_spans).where(Stop.load_id == UUID(load["id"]))
    with Session() as session:
        return list(session.scalars(query.order_by(Stop.sequence)))


class TestOpeningHours:
    def test_are_kept_and_cut_to_the_window(
        self, world: World, shipper: Caller
    ) -> None:
        made = post(world, shipper, opening_hours=ALL_WEEK, zone="Etc/UTC")

        assert made.status == 201
        shown = [stop["opening_hours"] for stop in made["stops"]]
        assert shown == [ALL_WEEK, None]
        assert shipper.get(f"/v1/loads/{made['id']}").body == made.body
        spans, without = spans_of(made)
        assert without is None
        assert spans
        window = [
            int(datetime.fromisoformat(made["stops"][0][f"window_{end}"]).timestamp())
            for end in ("from", "until")
        ]
        for begin, until in zip(spans[::2], spans[1::2], strict=True):
            assert window[0] <= begin < until <= window[1]
            assert 8 <= datetime.fromtimestamp(begin, UTC).hour < 16

    def test_follow_an_edit_of_the_stops(self, world: World, shipper: Caller) -> None:
        made = post(world, shipper, opening_hours=ALL_WEEK)
        path = f"/v1/loads/{made['id']}"
        before = spans_of(made)[0]
        later = [{"days": EVERY_DAY, "from": "10:00", "until": "24:00"}]

        untouched = shipper.patch(path, {"commodity": "Beer"})
        assert spans_of(untouched)[0] == before
        edited = shipper.patch(path, {"stops": stops(world, opening_hours=later)})
        assert edited["stops"][0]["opening_hours"] == later
        assert spans_of(edited)[0] not in (before, None)
        without = shipper.patch(path, {"stops": stops(world)})
        assert spans_of(without) == [None, None]

    def test_are_seen_on_the_market(self, world: World) -> None:
        """They say when a driver may come, and not who is there."""
        scene = Scene(world)
        made = post(world, scene.shipper, opening_hours=ALL_WEEK, facility="Dock 9")
        driver = scene.driver()
        scene.search(driver)

        seen = driver.get(f"/v1/loads/{made['id']}")

        assert seen["form"] == "market"
        assert seen["stops"][0]["opening_hours"] == ALL_WEEK
        assert "facility" not in seen["stops"][0]

    @pytest.mark.parametrize(
        ("hours", "where", "words"),
        [
            ([], "", ""),
            (ALL_WEEK * 15, "", ""),
            ([{"days": [], "from": "08:00", "until": "16:00"}], "/0/days", ""),
            (
                [{"days": ["mon", "mon"], "from": "08:00", "until": "16:00"}],
                "/0/days",
                "twice",
            ),
            (
                [{"days": ["Monday"], "from": "08:00", "until": "16:00"}],
                "/0/days/0",
                "",
            ),
            (
                [*ALL_WEEK, {"days": ["mon"], "from": "22:00", "until": "06:00"}],
                "/1/until",
                "over midnight, give two entries",
            ),
            ([{"days": ["mon"], "from": "08:00", "until": "08:00"}], "/0/until", ""),
            ([{"days": ["mon"], "from": "24:00", "until": "24:00"}], "/0/from", ""),
            ([{"days": ["mon"], "from": "8:00", "until": "16:00"}], "/0/from", ""),
            ([{"days": ["mon"], "from": "08:00", "until": "24:30"}], "/0/until", ""),
            ([{"days": ["mon"], "until": "16:00"}], "/0/from", ""),
            ([{"days": ["mon"], "from": 8, "until": "16:00"}], "/0/from", ""),
            ("Mon-Fri 8-16", "", ""),
        ],
        ids=str,
    )
    def test_out_of_form_are_pointed_at(
        self, world: World, shipper: Caller, hours: Any, where: str, words: str
    ) -> None:
        pointer, told = refusal(post(world, shipper, opening_hours=hours))

        assert pointer == f"#/stops/0/opening_hours{where}"
        assert words in told
        assert shipper.get("/v1/loads")["data"] == []

    def test_that_never_open_within_the_window_are_refused(
        self, world: World, shipper: Caller
    ) -> None:
        away = EVERY_DAY[(utcnow() + timedelta(days=3)).weekday()]
        hours = [{"days": [away], "from": "08:00", "until": "16:00"}]
        window: dict[str, Any] = {"starts_h": 0, "ends_h": 3, "zone": "Etc/UTC"}

        refused = post(world, shipper, opening_hours=hours, **window)
        made = post(world, shipper)
        path = f"/v1/loads/{made['id']}"
        again = {"stops": stops(world, opening_hours=hours, **window)}

        for answer in (refused, shipper.patch(path, again)):
            pointer, told = refusal(answer)
            assert pointer == "#/stops/0/opening_hours"
            assert "never opens within its window" in told
        assert shipper.get(path).body == made.body

    def test_need_a_window_of_at_most_thirty_days(
        self, world: World, shipper: Caller
    ) -> None:
        longest = stops(world, opening_hours=ALL_WEEK)[:1]
        longest[0]["window_until"] = longest[0]["window_from"]
        for days, status in ((30, 201), (366, 422)):
            until = datetime.fromisoformat(longest[0]["window_from"])
            end = (until + timedelta(days=days)).isoformat()
            pickup = longest[0] | {"window_until": end}
            drop = world.stop_body("delivery", CHICAGO) | {"window_until": end}

            body = world.load_body(stops=[pickup, drop])
            answer = shipper.post("/v1/loads", body)

            assert answer.status == status
        pointer, told = refusal(answer)
        assert pointer == "#/stops/0/opening_hours"
        assert "at most 30 days" in told


class TestCountries:
    def test_are_those_of_the_addresses(self, world: World, shipper: Caller) -> None:
        address = {"city": "Toronto", "state": "ON", "country": "CA"}
        made = post(world, shipper, **TORONTO, address=address)

        places = [(stop["country"], stop["state"]) for stop in made["stops"]]
        assert places == [("CA", "ON"), ("US", "IL")]
        assert (made["crossings"], made["domestic_country"]) == (1, None)
        home = shipper.patch(f"/v1/loads/{made['id']}", {"stops": stops(world)})
        assert (home["crossings"], home["domestic_country"]) == (0, "US")

    def test_that_no_address_names_are_those_of_the_positions(
        self, world: World, shipper: Caller
    ) -> None:
        """An address without a country is kept with that of most."""
        made = post(world, shipper, **TORONTO, address={"city": "Toronto"})

        assert made["stops"][0]["address"]["country"] == "US"
        assert (made["stops"][0]["country"], made["crossings"]) == ("CA", 1)
        assert made["domestic_country"] is None

    def test_that_the_position_tells_make_cabotage(
        self, world: World, shipper: Caller
    ) -> None:
        """Without an address, as with one."""
        load = world.load(shipper)
        carrier = world.company()
        driver = world.driver(carrier)
        with Session.begin() as session:
            session.connection().exec_driver_sql(
                "update organisations set country = 'MX' where id = %s",
                (carrier.org_id,),
            )
        given = {"load_id": load["id"], "driver_id": driver.driver_id}

        refused = carrier.post("/v1/assignments", given)

        assert refused.code == "objections"
        assert "cabotage" in [each["ground"] for each in refused["objections"]]

    def test_cannot_be_given(self, world: World, shipper: Caller) -> None:
        pointer, _ = refusal(post(world, shipper, country="CA"))

        assert pointer == "#/stops/0/country"


class TestReefers:
    @pytest.mark.parametrize("word", [True, False, None])
    def test_are_taken_as_the_poster_says(
        self, world: World, shipper: Caller, word: bool | None
    ) -> None:
        body = world.load_body(takes_reefers=word)

        made = shipper.post("/v1/loads", body)

        assert (made.status, made["takes_reefers"]) == (201, word)
        path = f"/v1/loads/{made['id']}"
        assert shipper.patch(path, {"takes_reefers": False})["takes_reefers"] is False
        assert shipper.get(path)["takes_reefers"] is False

    def test_are_not_said_by_default(self, world: World, shipper: Caller) -> None:
        made = shipper.post("/v1/loads", world.load_body())

        assert made["takes_reefers"] is None


class TestATemperature:
    RANGE = {"temperature_min_c": 2, "temperature_max_c": 8}  # noqa: RUF012

    def test_that_no_accepted_type_holds_is_refused(
        self, world: World, shipper: Caller
    ) -> None:
        refused = shipper.post("/v1/loads", world.load_body(**self.RANGE))

        pointer, told = refusal(refused)
        assert pointer == "#/temperature_min_c"
        assert told == "A temperature is given, and van cannot hold one."

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"equipment": ["van", "flatbed"]}, "temperature_min_c"),
            (
                {"temperature_min_c": -60, "temperature_max_c": -50},
                "temperature_max_c",
            ),
        ],
        ids=str,
    )
    def test_is_not_changed_into_such_a_one(
        self, world: World, shipper: Caller, change: dict[str, Any], pointer: str
    ) -> None:
        body = world.load_body(equipment=["reefer"], **self.RANGE)
        made = shipper.post("/v1/loads", body)
        path = f"/v1/loads/{made['id']}"
        assert made.status == 201

        found, _ = refusal(shipper.patch(path, change))

        assert found == f"#/{pointer}"
        assert shipper.get(path).body == made.body
