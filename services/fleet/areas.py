"""Operating areas and no-go areas, drawn by a company or a driver."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from geo.areas import MAX_DRAWN_VERTICES
from geo.fences import InvalidFence, PolygonFence
from geo.points import ROADS_SOUTH
from models.fleet.areas import Area, AreaKind
from models.people.organisations import Organisation
from runtime.errors import Conflict, Invalid, NotFound
from services.fleet import drivers
from services.kernel.actors import Actor
from services.kernel.versions import Precondition

MOST_AREAS = 50
"""Most areas that a company may share, and most of one driver's own. A search tests
each of them for every candidate."""

MOST_VERTICES = MAX_DRAWN_VERTICES // 2
"""Most vertices of all shared areas together, and of a driver's own areas together. A
search for the driver uses both sets, and together they always fit into one search."""


class TooManyAreas(Conflict):
    """More areas, or more vertices, than one search can test."""

    code = "too-many-areas"
    title = "Too many areas"


def visible_areas(actor: Actor) -> Select[Area]:
    """Return the company's areas; a driver sees the shared ones and their own."""
    seen = select(Area).where(Area.org_id == actor.org_id).order_by(Area.id)
    if actor.driver_id is not None and not actor.is_dispatcher:
        seen = seen.where(
            or_(Area.driver_id.is_(None), Area.driver_id == actor.driver_id)
        )
    return seen


def get_area(session: Session, actor: Actor, area_id: UUID) -> Area:
    """Return the area.

    Raises: NotFound.
    """
    area = session.scalar(visible_areas(actor).where(Area.id == area_id))
    if area is None:
        raise NotFound(f"You have no area {area_id}.")
    return area


def put_area(
    session: Session,
    actor: Actor,
    area_id: UUID,
    precondition: Precondition,
    *,
    kind: AreaKind,
    name: str,
    geometry: dict[str, Any],
    driver_id: UUID | None = None,
) -> Area:
    """Draw the area with this id, or redraw the version the client has seen.

    A driver draws only their own areas. Locks: the company, then the area.
    Raises: Invalid, NotFound, TooManyAreas, PreconditionRequired, VersionMismatch.
    """
    # scope: `_check_own` checks the row's company and driver.
    if not actor.is_dispatcher:
        driver_id = actor.driver_id
    if driver_id is not None:
        drivers.get_driver(session, actor, driver_id)
    fence = _fence(geometry)
    _queue_up(session, actor)
    area = session.get(Area, area_id, with_for_update=True, populate_existing=True)
    if area is None:
        precondition.check_missing(area_id)
    else:
        _check_own(actor, area)
        precondition.check(area)
    _check_room(session, actor, area_id, driver_id, fence)
    values = {
        "kind": kind,
        "name": name,
        # Without the foreign members that GeoJSON allows: they are not ours to keep.
        "geometry": fence.to_geojson(),
        "driver_id": driver_id,
    }
    if area is None:
        session.execute(
            insert(Area)
            .values(id=area_id, org_id=actor.org_id, **values)
            .on_conflict_do_nothing(index_elements=[Area.id])
        )
        area = session.get(Area, area_id, with_for_update=True)
        if area is None:
            raise NotFound(f"You have no area {area_id}.")
        _check_own(actor, area)
    for column, value in values.items():
        setattr(area, column, value)
    session.flush()
    return area


def erase_area(
    session: Session, actor: Actor, area_id: UUID, precondition: Precondition
) -> None:
    """Erase the area, if it is still the version the client has seen.

    Locks: the area. Raises: NotFound, PreconditionRequired, VersionMismatch.
    """
    # scope: `_check_own` checks the row's company and driver.
    area = session.get(Area, area_id, with_for_update=True)
    if area is None:
        raise NotFound(f"You have no area {area_id}.")
    _check_own(actor, area)
    precondition.check(area)
    session.delete(area)


def fences_for(
    session: Session, *, org_id: UUID, driver_id: UUID
) -> tuple[tuple[PolygonFence, ...], tuple[PolygonFence, ...]]:
    """Return the driver's (operating, no-go) fences: the shared ones and their own."""
    # scope: a job asks for one driver of one company.
    areas = session.scalars(
        select(Area)
        .where(
            Area.org_id == org_id,
            or_(Area.driver_id.is_(None), Area.driver_id == driver_id),
        )
        .order_by(Area.id)
    ).all()

    def of(kind: AreaKind) -> tuple[PolygonFence, ...]:
        return tuple(
            PolygonFence.from_geojson(area.geometry)
            for area in areas
            if area.kind is kind
        )

    return of(AreaKind.OPERATING), of(AreaKind.NO_GO)


def _fence(geometry: dict[str, Any]) -> PolygonFence:
    try:
        fence = PolygonFence.from_geojson(geometry)
    except InvalidFence as error:
        raise Invalid("#/geometry", str(error)) from None
    if fence.southmost < ROADS_SOUTH:
        raise Invalid(
            "#/geometry",
            f"No road has the latitude {fence.southmost:g}. Are lat and lon swapped? A"
            " position is [longitude, latitude].",
        )
    return fence


def _check_own(actor: Actor, area: Area) -> None:
    is_own = area.org_id == actor.org_id and (
        actor.is_dispatcher or area.driver_id == actor.driver_id
    )
    if not is_own:
        raise NotFound(f"You have no area {area.id}.")


def _queue_up(session: Session, actor: Actor) -> None:
    """Let one member of a company draw at a time: `_check_room` must see all areas."""
    # scope: a lock on the actor's own company.
    session.execute(
        select(Organisation.id)
        .where(Organisation.id == actor.org_id)
        .with_for_update(key_share=True)
    )


def _check_room(
    session: Session,
    actor: Actor,
    area_id: UUID,
    driver_id: UUID | None,
    fence: PolygonFence,
) -> None:
    # scope: the areas of the actor's own company.
    others = session.scalars(
        select(Area.geometry).where(
            Area.org_id == actor.org_id,
            Area.driver_id.is_not_distinct_from(driver_id),
            Area.id != area_id,
        )
    ).all()
    whose = "The driver's areas" if driver_id else "The company's shared areas"
    if len(others) >= MOST_AREAS:
        raise TooManyAreas(f"{whose} are limited to {MOST_AREAS}: erase one first.")
    drawn = sum(PolygonFence.from_geojson(other).vertices for other in others)
    if drawn + fence.vertices > MOST_VERTICES:
        raise TooManyAreas(
            f"{whose} would have {drawn + fence.vertices} vertices together; at most"
            f" {MOST_VERTICES} are allowed. Use fewer vertices, or erase an area."
        )
