"""Operating areas and no-go areas, drawn by a company or a driver."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from errors import Conflict, Invalid, NotFound
from geo.fences import InvalidFence, PolygonFence
from models.areas import Area, AreaKind
from services import drivers
from services.actors import Actor

MOST_AREAS = 50
"""For one company: each is tested for every candidate of a search."""


class TooManyAreas(Conflict):
    """The company has drawn as many areas as it may."""

    code = "too-many-areas"
    title = "Too many areas"


def visible_areas(actor: Actor) -> Select[Area]:
    """Return the company's areas; a driver sees the shared ones and his own."""
    seen = select(Area).where(Area.org_id == actor.org_id).order_by(Area.id)
    if actor.driver_id is not None and not actor.is_dispatcher:
        seen = seen.where(
            or_(Area.driver_id.is_(None), Area.driver_id == actor.driver_id)
        )
    return seen


def put_area(
    session: Session,
    actor: Actor,
    area_id: UUID,
    *,
    kind: AreaKind,
    name: str,
    geometry: dict[str, Any],
    driver_id: UUID | None = None,
) -> Area:
    """Draw or redraw the area of this id. Safe to repeat.

    A driver draws for himself only. Raises: Invalid, NotFound, TooManyAreas.
    """
    if not actor.is_dispatcher:
        driver_id = actor.driver_id
    if driver_id is not None:
        drivers.get_driver(session, actor, driver_id)
    try:
        PolygonFence.from_geojson(geometry)
    except InvalidFence as error:
        raise Invalid("#/geometry", str(error)) from None
    area = session.get(Area, area_id, with_for_update=True)
    if area is None:
        _check_room(session, actor)
        area = Area(id=area_id, org_id=actor.org_id)
        session.add(area)
    else:
        _check_own(actor, area)
    area.kind = kind
    area.name = name
    area.geometry = geometry
    area.driver_id = driver_id
    session.flush()
    return area


def erase_area(session: Session, actor: Actor, area_id: UUID) -> None:
    """Erase the area.

    Raises: NotFound.
    """
    area = session.get(Area, area_id, with_for_update=True)
    if area is None:
        raise NotFound(f"No area {area_id} of yours.")
    _check_own(actor, area)
    session.delete(area)


def fences_for(
    session: Session, *, org_id: UUID, driver_id: UUID
) -> tuple[tuple[PolygonFence, ...], tuple[PolygonFence, ...]]:
    """Return the (operating, no-go) fences that hold for a driver."""
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


def _check_own(actor: Actor, area: Area) -> None:
    is_own = area.org_id == actor.org_id and (
        actor.is_dispatcher or area.driver_id == actor.driver_id
    )
    if not is_own:
        raise NotFound(f"No area {area.id} of yours.")


def _check_room(session: Session, actor: Actor) -> None:
    drawn = select(func.count()).select_from(Area).where(Area.org_id == actor.org_id)
    if (session.scalar(drawn) or 0) >= MOST_AREAS:
        raise TooManyAreas(f"A company keeps at most {MOST_AREAS} areas: erase one.")
