"""Where a driver may go, when they are home each week, and what they prefer."""

import json
from typing import Any

import pytest

from freight.roles import Role
from tests.world import Caller, World

HOME_EVERY = {"weekday": "fri", "at": "18:00", "zone": "America/Chicago"}
LANE = {"kind": "lane", "from_state": "TX", "to_state": "ON", "cents": 5_000}
HARD = {"kind": "no_state", "state": "NLE", "is_hard": True}
ALL = {"is_hard": False, "cents": 0, "state": None, "from_state": None}
ALL |= {"to_state": None}


def path(driver: Caller) -> str:
    return f"/v1/drivers/{driver.driver_id}"


def refusal(answer: Any) -> tuple[str, str]:
    assert (answer.status, answer.code) == (422, "invalid-request")
    (error,) = answer["errors"]
    return error["pointer"], error["detail"]


class TestWishes:
    def test_of_a_new_driver_are_none(self, driver: Caller) -> None:
        shown = driver.get(path(driver))

        assert (shown["countries"], shown["home_every"]) == (None, None)
        assert (shown["rank_by"], shown["preferences"]) == ("gain", [])

    @pytest.mark.parametrize("who", ["driver", "boss"])
    def test_are_kept_and_shown_to_driver_and_desk(
        self, boss: Caller, driver: Caller, who: str
    ) -> None:
        caller = {"driver": driver, "boss": boss}[who]
        changes = {"rank_by": "home_time", "home_every": HOME_EVERY}

        after = caller.patch(path(driver), changes | {"preferences": [LANE, HARD]})

        assert after.status == 200
        assert after.body.items() >= changes.items()
        assert after["preferences"] == [ALL | LANE, ALL | HARD]
        assert boss.get(path(driver)).body == driver.get(path(driver)).body
        assert driver.get("/v1/me")["driver"] == after.body
        # What was shown may be sent again.
        again = {name: after[name] for name in ("home_every", "preferences")}
        assert driver.patch(path(driver), again).body == after.body
        empty = driver.patch(path(driver), {"home_every": None, "preferences": []})
        assert (empty["home_every"], empty["preferences"]) == (None, [])

    @pytest.mark.parametrize("word", ["gain", "home_time", "gain_per_hour", "co2"])
    def test_every_order_is_taken(self, driver: Caller, word: str) -> None:
        assert driver.patch(path(driver), {"rank_by": word})["rank_by"] == word

    @pytest.mark.parametrize(
        ("fields", "pointer", "words"),
        [
            ({"rank_by": "pay"}, "rank_by", ""),
            ({"rank_by": None}, "rank_by", ""),
            ({"home_every": {"weekday": "fri", "at": "18:00"}}, "home_every/zone", ""),
            ({"home_every": HOME_EVERY | {"weekday": 5}}, "home_every/weekday", ""),
            (
                {"home_every": HOME_EVERY | {"at": "24:00"}},
                "home_every/at",
                "00:00 to 23:59",
            ),
            ({"home_every": HOME_EVERY | {"at": "6 pm"}}, "home_every/at", "00:00"),
            ({"home_every": HOME_EVERY | {"at": "18:00\n"}}, "home_every/at", "00:00"),
            (
                {"home_every": HOME_EVERY | {"zone": "Chicago"}},
                "home_every/zone",
                "IANA",
            ),
        ],
        ids=str,
    )
    def test_out_of_form_are_pointed_at_and_nothing_changes(
        self, driver: Caller, fields: dict[str, Any], pointer: str, words: str
    ) -> None:
        before = driver.get(path(driver)).body

        found, told = refusal(driver.patch(path(driver), fields))

        assert found == f"#/{pointer}"
        assert words in told
        assert driver.get(path(driver)).body == before


class TestPreferences:
    @pytest.mark.parametrize(
        "record",
        [
            {"kind": "no_weekends", "is_hard": True},
            {"kind": "no_nights", "cents": 1},
            {"kind": "no_cities", "cents": 100_000},
            {"kind": "lane", "from_state": "TX", "cents": 100},
            {"kind": "lane", "to_state": "JAL", "is_hard": True, "cents": 0},
            {"kind": "no_state", "state": "QC", "cents": 100},
        ],
        ids=str,
    )
    def test_of_every_kind_are_taken(
        self, driver: Caller, record: dict[str, Any]
    ) -> None:
        after = driver.patch(path(driver), {"preferences": [record]})

        assert after["preferences"] == [ALL | record]

    @pytest.mark.parametrize(
        ("record", "field", "words"),
        [
            ({"kind": "no_hills", "cents": 1}, "kind", ""),
            ({"cents": 1}, "kind", ""),
            ({"kind": "no_nights"}, "cents", "from 1 to 100,000 cents, or is_hard"),
            ({"kind": "no_nights", "cents": 100_001}, "cents", ""),
            ({"kind": "no_nights", "cents": -5}, "cents", ""),
            ({"kind": "no_nights", "cents": 2.5}, "cents", ""),
            (
                {"kind": "no_nights", "is_hard": True, "cents": 5},
                "cents",
                "A hard preference has no price",
            ),
            ({"kind": "no_nights", "is_hard": "yes"}, "is_hard", ""),
            ({"kind": "lane", "cents": 5}, "from_state", "from_state or to_state"),
            ({"kind": "no_state", "cents": 5}, "state", "Give state."),
            ({"kind": "no_state", "cents": 5, "state": "XX"}, "state", "TX, ON or NLE"),
            ({"kind": "no_state", "cents": 5, "state": "tx"}, "state", "TX, ON or NLE"),
            (
                {"kind": "lane", "cents": 5, "from_state": "TX", "state": "TX"},
                "state",
                "lane has no state",
            ),
            (
                {"kind": "no_cities", "cents": 5, "to_state": "TX"},
                "to_state",
                "no_cities has no to_state",
            ),
            ({"kind": "no_nights", "cents": 5, "colour": "red"}, "colour", ""),
        ],
        ids=str,
    )
    def test_that_say_nothing_or_too_much_are_refused(
        self, driver: Caller, record: dict[str, Any], field: str, words: str
    ) -> None:
        given = [{"kind": "no_weekends", "cents": 7}, record]

        pointer, told = refusal(driver.patch(path(driver), {"preferences": given}))

        assert pointer == f"#/preferences/1/{field}"
        assert words in told
        assert driver.get(path(driver))["preferences"] == []

    def test_about_the_same_thing_are_refused(self, driver: Caller) -> None:
        given = [LANE, HARD, LANE | {"cents": 6_000}]

        pointer, told = refusal(driver.patch(path(driver), {"preferences": given}))

        assert (pointer, told) == (
            "#/preferences/2",
            "Another preference is about the same.",
        )
        other_way = {"kind": "lane", "from_state": "ON", "to_state": "TX", "cents": 1}
        both = [LANE, other_way]
        assert driver.patch(path(driver), {"preferences": both}).status == 200

    def test_are_at_most_twenty(self, driver: Caller) -> None:
        states = "AL AZ AR CA CO CT DE FL GA ID IL IN IA KS KY LA ME MD MA MI MN"
        given = [{"kind": "no_state", "state": s, "cents": 1} for s in states.split()]

        pointer, _ = refusal(driver.patch(path(driver), {"preferences": given}))

        assert pointer == "#/preferences"
        assert driver.patch(path(driver), {"preferences": given[:20]}).status == 200


class TestCountries:
    def test_are_set_by_the_desk_only(self, boss: Caller, driver: Caller) -> None:
        given = {"countries": ["US", "MX", "CA", "US"]}

        assert driver.patch(path(driver), given).code == "missing-permission"
        assert boss.patch(path(driver), given)["countries"] == ["CA", "MX", "US"]
        assert driver.get(path(driver))["countries"] == ["CA", "MX", "US"]
        assert boss.patch(path(driver), {"countries": None})["countries"] is None

    @pytest.mark.parametrize(
        ("countries", "pointer"),
        [
            ([], "#/countries"),
            (["us"], "#/countries/0"),
            (["US", "USA"], "#/countries/1"),
            ("US", "#/countries"),
            (["US"] * 21, "#/countries"),
        ],
        ids=str,
    )
    def test_out_of_form_are_pointed_at(
        self, boss: Caller, driver: Caller, countries: Any, pointer: str
    ) -> None:
        found, _ = refusal(boss.patch(path(driver), {"countries": countries}))

        assert found == pointer

    def test_stay_while_the_driver_has_a_load(
        self, world: World, boss: Caller, driver: Caller
    ) -> None:
        boss.patch(path(driver), {"countries": ["US"]})
        world.assign(boss, driver, world.load(world.shipper()))

        changed = boss.patch(path(driver), {"countries": ["CA", "US"]})

        assert (changed.status, changed.code) == (409, "driver-busy")
        assert boss.patch(path(driver), {"countries": ["US"]}).status == 200


NIGHT = {"from": "22:00", "until": "06:00", "zone": None}


class TestWhenTheyAreRung:
    def test_of_a_new_driver_is_always_but_while_the_truck_moves(
        self, driver: Caller
    ) -> None:
        shown = driver.get(path(driver))

        assert (shown["quiet_hours"], shown["rings_while_moving"]) == (None, "never")

    def test_is_kept_and_shown(self, boss: Caller, driver: Caller) -> None:
        changes = {"quiet_hours": NIGHT, "rings_while_moving": "co_driver"}

        after = driver.patch(path(driver), changes)

        assert after.status == 200
        assert after.body.items() >= changes.items()
        assert boss.get(path(driver)).body.items() >= changes.items()
        zoned = NIGHT | {"zone": "America/Denver"}
        assert (
            driver.patch(path(driver), {"quiet_hours": zoned})["quiet_hours"] == zoned
        )
        assert driver.patch(path(driver), {"quiet_hours": None})["quiet_hours"] is None

    @pytest.mark.parametrize(
        ("hours", "pointer"),
        [
            ({"from": "22:00", "until": "22:00"}, "#/quiet_hours/until"),
            ({"from": "22:00", "until": "24:00"}, "#/quiet_hours/until"),
            ({"from": "22", "until": "06:00"}, "#/quiet_hours/from"),
            ({"until": "06:00"}, "#/quiet_hours/from"),
            (NIGHT | {"zone": "Chicago"}, "#/quiet_hours/zone"),
            (NIGHT | {"days": ["mon"]}, "#/quiet_hours/days"),
        ],
    )
    def test_out_of_form_is_pointed_at(
        self, driver: Caller, hours: dict[str, Any], pointer: str
    ) -> None:
        answer = driver.patch(path(driver), {"quiet_hours": hours})

        assert refusal(answer)[0] == pointer

    @pytest.mark.parametrize(
        "changes", [{"quiet_hours": NIGHT}, {"rings_while_moving": "hands_free"}]
    )
    def test_is_the_drivers_to_change_and_not_the_desks(
        self, boss: Caller, driver: Caller, changes: dict[str, Any]
    ) -> None:
        refused = boss.patch(path(driver), changes)

        assert (refused.status, refused.code) == (403, "missing-permission")
        assert driver.patch(path(driver), changes).status == 200
        # What was shown may be sent again.
        assert boss.patch(path(driver), changes).status == 200


def test_no_other_company_sees_wishes_and_costs(
    world: World, boss: Caller, driver: Caller
) -> None:
    """Not even the poster of the load that the driver carries."""
    shipper, rival = world.shipper(), world.company()
    load = world.load(shipper)
    boss.patch("/v1/organisation", {"cost_cents_per_km": 123.25, "hour_cents": 4_321})
    wishes = {"rank_by": "co2", "home_every": HOME_EVERY, "preferences": [LANE]}
    assert driver.patch(path(driver), wishes).status == 200
    world.assign(boss, driver, load)

    for other in (shipper, rival):
        assert other.get(path(driver)).status in {403, 404}
        for asked in (
            *("/v1/me", "/v1/organisation", f"/v1/loads/{load['id']}", "/v1/loads"),
            *("/v1/drivers", "/v1/trucks", "/v1/assignments", "/v1/fleet"),
            *("/v1/loads/market", "/v1/sync"),
        ):
            heard = json.dumps(other.get(asked).body)
            for secret in ("123.25", "4321", '"home_time"', '"co2"', '"lane"'):
                assert secret not in heard, (asked, secret)


def test_a_colleague_who_drives_does_not_see_them(
    world: World, boss: Caller, driver: Caller
) -> None:
    driver.patch(path(driver), {"preferences": [LANE]})

    assert world.member(boss, Role.DRIVER).get(path(driver)).status == 404


def test_an_hour_of_a_truck_is_kept_and_bounded(world: World, boss: Caller) -> None:
    truck = f"/v1/trucks/{world.truck(boss)}"
    body = {"unit_number": "T-9", "equipment": "van"}

    assert boss.get(truck)["hour_cents"] is None
    for cents in (0, 20_000):
        kept = boss.put(truck, body | {"hour_cents": cents})
        assert (kept.status, kept["hour_cents"]) == (200, cents)
    for name, value, words in (
        ("hour_cents", 20_001, "0 to 20,000"),
        ("hour_cents", -1, "0 to 20,000"),
        ("cost_empty_cents_per_km", 0, "10 to 1,000"),
        ("cost_loaded_cents_per_km", 100_000, "10 to 1,000"),
    ):
        pointer, told = refusal(boss.put(truck, body | {name: value}))
        assert pointer == f"#/{name}"
        assert words in told
    assert boss.put(truck, body)["hour_cents"] is None
