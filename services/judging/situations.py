"""What a search knows of a driver and their truck, and where each figure is from."""

# scope: a driver of the actor's company, or of a job.

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Self

from sqlalchemy import Row, bindparam, literal_column, select
from sqlalchemy.orm import Session

from freight.costs import (
    CENTS_PER_KM,
    COST_CENTS_PER_KM,
    COST_CURRENCY,
    HOUR_CENTS,
)
from freight.opening import HomeEvery
from freight.preferences import Preference
from freight.situation import Situation
from geo.points import Point
from models.fleet.drivers import Driver
from models.fleet.trucks import Truck
from models.people.organisations import Organisation
from places.regions import region_of
from places.zones import zone_of

OVER_AFTER = timedelta(days=1)


class CostSource(StrEnum):
    """Whose figure a cost is. DEFAULT: ours. IMPLAUSIBLE: ours too, as the figure on
    file cannot be right."""

    TRUCK = "truck"
    COMPANY = "company"
    DEFAULT = "default"
    IMPLAUSIBLE = "implausible"


@dataclass(frozen=True)
class Known:
    """A situation, and for its reader where the costs are from."""

    situation: Situation
    cost_empty_source: CostSource
    cost_loaded_source: CostSource
    hour_source: CostSource

    def to_record(self) -> dict[str, Any]:
        """Return the situation as JSON values, with the labels beside its fields."""
        return self.situation.to_record() | {
            "cost_empty_source": self.cost_empty_source,
            "cost_loaded_source": self.cost_loaded_source,
            "hour_source": self.hour_source,
            "cost_empty_is_default": _is_ours(self.cost_empty_source),
            "cost_loaded_is_default": _is_ours(self.cost_loaded_source),
        }


IS_CREW = """
    exists (select from drivers mate join members m on m.id = mate.member_id
        where mate.truck_id = {driver}.truck_id and mate.id <> {driver}.id
        and mate.availability <> 'off_duty' and m.deactivated_at is null)
"""
"""Whether another driver of the truck is with the driver."""


class Company(NamedTuple):
    """What a search asks of the driver's company and of their truck's crew.

    countries: where the company may carry freight; None if that is only its country.
    is_crew: another driver of the truck is with them: not off duty, nor gone.
    """

    country: str
    countries: Sequence[str] | None
    cost_cents_per_km: float | None
    hour_cents: int | None
    is_crew: bool

    @classmethod
    def columns(cls) -> tuple[Any, ...]:
        """Return what a query selects, beside the driver and their organisation."""
        return (
            Organisation.country.label("country"),
            Organisation.countries.label("countries"),
            Organisation.cost_cents_per_km.label("cost_cents_per_km"),
            Organisation.hour_cents.label("hour_cents"),
            literal_column(IS_CREW.format(driver="drivers")).label("is_crew"),
        )

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the company of a row that has `columns`, maybe among others."""
        return cls(*(getattr(row, name) for name in cls._fields))


COMPANY = (
    select(*Company.columns())
    .select_from(Driver)
    .join(Organisation, Organisation.id == Driver.org_id)
    .where(Driver.id == bindparam("driver_id"))
)
"""Made once: to make it takes longer than to run it."""


def company_of(session: Session, driver: Driver) -> Company:
    """Return the driver's company as a search asks of it."""
    return Company.of(session.execute(COMPANY, {"driver_id": driver.id}).one())


def situation_of(
    driver: Driver,
    truck: Truck,
    company: Company,
    *,
    drop: Point,
    home: Point,
    free_at: datetime,
    radius_m: float | None = None,
) -> Known:
    """Return what is known of the driver and the truck at the drop.

    As `at_sight`, and with the countries and the zone of the places.
    """
    known = at_sight(
        *(driver, truck, company),
        drop=drop,
        home=home,
        free_at=free_at,
        radius_m=radius_m,
    )
    situation = replace(
        known.situation,
        drop_country=region_of(drop).country,
        home_country=region_of(home).country,
        zone=zone_of(home),
    )
    return replace(known, situation=situation)


def at_sight(
    driver: Driver,
    truck: Truck,
    company: Company,
    *,
    drop: Point,
    home: Point,
    free_at: datetime,
    radius_m: float | None = None,
) -> Known:
    """Return what is known of the driver and the truck without looking up places, which
    takes most of the time.

    radius_m: how far they drive empty to a pickup; None is the driver's own limit.

    A cost is the truck's, else the company's, else our default. A figure on file that
    cannot be right is replaced by the default, and that is said. The truck may go where
    both the driver and the company may.
    """
    empty, empty_source = cost_of(
        truck.cost_empty_cents_per_km, company.cost_cents_per_km
    )
    loaded, loaded_source = cost_of(
        truck.cost_loaded_cents_per_km, company.cost_cents_per_km
    )
    hour, hour_source = hour_of(truck.hour_cents, company.hour_cents)
    country = driver.country or company.country
    situation = Situation(
        drop=drop,
        home=home,
        free_at=free_at,
        currency=COST_CURRENCY,
        cost_empty_cents_per_km=empty,
        cost_loaded_cents_per_km=loaded,
        hour_cents=int(hour),
        equipment=truck.equipment,
        payload_kg=truck.payload_kg,
        deck_length_m=truck.deck_length_m,
        is_hazmat_allowed=truck.is_hazmat_allowed and driver.has_hazmat_endorsement,
        home_by_at=home_by(driver, free_at),
        max_deadhead_m=driver.max_deadhead_m if radius_m is None else radius_m,
        min_pay_cents_per_km=driver.min_pay_cents_per_km,
        is_crew=company.is_crew,
        carrier_country=company.country,
        driver_country=country,
        countries=_both(driver.countries or (country,), company),
        rank_by=driver.rank_by,
        preferences=wishes_of(driver.preferences),
    )
    return Known(situation, empty_source, loaded_source, hour_source)


def read_places() -> None:
    """Read the lists of towns now, which takes 0.3 s, so that no search waits for it
    and no two threads do it at once."""
    here = Point(0.0, 0.0)
    region_of(here), zone_of(here)


def wishes_of(records: Sequence[dict[str, Any]]) -> tuple[Preference, ...]:
    """Return the preferences on a driver's row."""
    return tuple(map(Preference.from_record, records))


def _both(of_driver: Sequence[str], company: Company) -> frozenset[str]:
    return frozenset(of_driver).intersection(company.countries or (company.country,))


def home_by(driver: Driver, free_at: datetime) -> datetime | None:
    """Return the first time by which the driver wants to be home.

    A wish for one day is over a day later: a driver who was late then wants a way home
    now, and one who forgot to take the wish back is not left without offers for good.
    """
    wishes = []
    if driver.home_by_at is not None and free_at - driver.home_by_at < OVER_AFTER:
        wishes.append(driver.home_by_at)
    if driver.home_every is not None:
        wishes.append(HomeEvery.from_record(driver.home_every).next_at(free_at))
    return min(wishes, default=None)


def cost_of(
    of_truck: float | None, of_company: float | None
) -> tuple[float, CostSource]:
    """Return what a kilometre costs, in cents, and whose figure that is."""
    found, source = _first(of_truck, of_company, COST_CENTS_PER_KM)
    least, most = CENTS_PER_KM
    if least <= found <= most:
        return found, source
    return COST_CENTS_PER_KM, CostSource.IMPLAUSIBLE


def hour_of(of_truck: int | None, of_company: int | None) -> tuple[float, CostSource]:
    """Return what an hour is worth, in cents, and whose figure that is."""
    return _first(of_truck, of_company, HOUR_CENTS)


def _first(
    of_truck: float | None, of_company: float | None, default: float
) -> tuple[float, CostSource]:
    if of_truck is not None:
        return of_truck, CostSource.TRUCK
    if of_company is not None:
        return of_company, CostSource.COMPANY
    return default, CostSource.DEFAULT


def _is_ours(source: CostSource) -> bool:
    return source in {CostSource.DEFAULT, CostSource.IMPLAUSIBLE}
