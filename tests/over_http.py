"""The same world, whose people, phones, trucks and loads are all made over the API.

For the flows, which go over HTTP from end to end, and for tests of these calls.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from freight.roles import Role
from geo.points import Point
from tests.callers import Caller
from tests.world import CHICAGO, World, utcnow


class HttpWorld(World):
    """Makes everything but companies over the public API."""

    def member(self, admin: Caller, *roles: Role, **fields: Any) -> Caller:
        """Invite a member, who accepts in a browser; return the member."""
        number = next(self.numbers)
        person = {
            "name": f"Person {number}",
            "email": f"person{number}@example.com",
            "roles": [role.value for role in roles],
        } | fields
        invited = admin.post("/v1/invitations", person)
        assert invited.status == 201, invited.body
        tokens = self.accept(invited["token"])
        assert tokens.status == 201, tokens.body
        member_id = UUID(tokens["member_id"])
        return Caller(self.app, tokens["access_token"], member_id, admin.org_id)

    def truck(self, dispatcher: Caller, **fields: Any) -> str:
        truck_id = str(uuid7())
        body = {
            "unit_number": f"T{next(self.numbers)}",
            "equipment": "van",
            "payload_kg": 20_000,
            "deck_length_m": 16.15,
        } | fields
        made = dispatcher.put(f"/v1/trucks/{truck_id}", body)
        assert made.status == 200, made.body
        return truck_id

    def driver(
        self,
        dispatcher: Caller,
        *,
        home: Point = CHICAGO,
        truck: dict[str, Any] | None = None,
        device: str | None = "",
        is_seen: bool = True,
        **fields: Any,
    ) -> Caller:
        driver = self.member(dispatcher, Role.DRIVER)
        driver_id = driver.get("/v1/me")["driver"]["id"]
        body = {
            "truck_id": self.truck(dispatcher, **(truck or {})),
            "home_lat": home.lat,
            "home_lon": home.lon,
        } | fields
        path = f"/v1/drivers/{driver_id}"
        for edited in (
            dispatcher.patch(path, body),
            driver.patch(path, {"availability": "available"}),
        ):
            assert edited.status == 200, edited.body
        driver = replace(driver, driver_id=driver_id)
        if is_seen:
            # Earlier than any position that a test reports.
            self.locate(driver, home, at=utcnow() - timedelta(minutes=10))
        if device is not None:
            self.phone(driver, device or f"ok-{driver_id}")
        return driver

    def phone(self, caller: Caller, target: str, **fields: Any) -> str:
        device_id = str(uuid7())
        body = {
            "platform": "android",
            "target_kind": "fid",
            "target": target,
            "app_version": "1.0",
            "locale": "en",
        } | fields
        made = caller.put(f"/v1/devices/{device_id}", body)
        assert made.status == 200, made.body
        return device_id

    def load(self, shipper: Caller, *places: Point, **fields: Any) -> dict[str, Any]:
        made = shipper.post("/v1/loads", self.load_body(*places, **fields))
        assert made.status == 201, made.body
        body: dict[str, Any] = made.body
        return body


def over_http(world: World) -> HttpWorld:
    """Return a world on the same database whose makers call the API."""
    return HttpWorld(world.app, world.keys, world.settings)
