"""What the image installs, as a CycloneDX list (SBOM): `make sbom` writes it.

It names each package of requirements.txt with its version and licence. The same
requirements give the same file, except for the time and the serial number.
"""

import sys
from importlib.metadata import PackageNotFoundError, metadata

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement

from api.app import VERSION
from tests.source import ROOT

PLACE = ROOT / ".data/sbom.json"


def requirements() -> list[Requirement]:
    """Return what requirements.txt pins."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [
        Requirement(line.removesuffix("\\").strip())
        for line in lines
        if line and line[0] not in "# "
    ]


def licence_of(name: str) -> str | None:
    """Return the licence that the installed package states; None if it states none."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        # Of another platform.
        return None
    stated = about.get("License-Expression") or about.get("License") or ""
    classifiers = about.get_all("Classifier") or ()
    named = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith("License ::")]
    # Some packages put the whole text there.
    return stated if 0 < len(stated) < 80 else next(iter(named), None)


def component(requirement: Requirement) -> Component:
    version = next(iter(requirement.specifier)).version
    licence = licence_of(requirement.name)
    return Component(
        name=requirement.name,
        version=version,
        type=ComponentType.LIBRARY,
        bom_ref=f"{requirement.name}=={version}",
        purl=PackageURL("pypi", name=requirement.name, version=version),
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
    )


def bill() -> Bom:
    """Return the list: the server, and the packages that it needs."""
    made = Bom(components=map(component, requirements()))
    made.metadata.component = Component(
        name="backhaul",
        version=VERSION,
        type=ComponentType.APPLICATION,
        bom_ref="backhaul",
    )
    made.register_dependency(made.metadata.component, made.components)
    return made


def text() -> str:
    """Return the list as JSON."""
    return f"{JsonV1Dot6(bill()).output_as_string(indent=1)}\n"


def main() -> None:
    """Write the list."""
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(text())
    sys.stdout.write(f"{PLACE.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
