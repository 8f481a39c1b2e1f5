"""Writes a bill of materials beside each wheel of a directory: `make dist` runs it. CycloneDX 1.6, in JSON.

It names what a wheel needs, with what these need in turn, in the versions with which this environment has tested it;
what only extras need has the scope "optional". The hashes of those packages are in requirements-dev.lock.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Iterable
from email import message_from_bytes
from email.message import Message
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LONGEST_LICENCE = 100  # characters of the field License, where some have a whole text


def metadata_of(wheel: Path) -> Message:
    """The METADATA of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(archive.read(name))


class Materials:
    """Packages by name: those of the wheels, and those that are installed.

    Args:
        wheels: Metadata of the wheels, by normalized name.
    """

    def __init__(self, wheels: dict[str, Message]) -> None:
        self._wheels = wheels

    def metadata(self, name: str) -> Message:
        """A package's metadata. PackageNotFoundError: it is neither a wheel here nor installed."""
        found = self._wheels.get(canonicalize_name(name))
        return found if found is not None else distribution(name).metadata  # type: ignore[return-value]

    def needed(self, name: str, extras: Iterable[str] = ()) -> dict[str, set[str]]:
        """What a package needs, itself included: the names of what each of these needs directly, by its own name."""
        graph: dict[str, set[str]] = {}
        waiting = [(canonicalize_name(name), frozenset(extras))]
        seen = set[tuple[str, frozenset[str]]]()
        while waiting:
            package, wanted = waiting.pop()
            if (package, wanted) in seen:
                continue
            seen.add((package, wanted))
            needs = graph.setdefault(package, set())
            for line in self.metadata(package).get_all("Requires-Dist") or []:
                need = Requirement(line)
                required = need.marker is None or need.marker.evaluate({"extra": ""})
                if required or (self._asked_for(need, wanted) and self._is_here(need.name)):
                    needs.add(canonicalize_name(need.name))
                    waiting.append((canonicalize_name(need.name), frozenset(need.extras)))
        return graph

    def _asked_for(self, need: Requirement, extras: frozenset[str]) -> bool:
        return need.marker is not None and any(need.marker.evaluate({"extra": extra}) for extra in extras)

    def _is_here(self, name: str) -> bool:
        """Whether what an extra needs is installed: what is not was not tested."""
        try:
            self.metadata(name)
        except PackageNotFoundError:
            return False
        return True


def component(metadata: Message, scope: ComponentScope | None, wheel: Path | None = None) -> Component:
    """A package as a component."""
    name, version = str(metadata["Name"]), str(metadata["Version"])
    expression, licence = metadata.get("License-Expression"), metadata.get("License") or ""
    licences: list[LicenseExpression | DisjunctiveLicense] = []
    if expression:
        licences.append(LicenseExpression(expression))
    elif 0 < len(licence) <= LONGEST_LICENCE and "\n" not in licence:
        licences.append(DisjunctiveLicense(name=licence))
    purl = PackageURL("pypi", name=canonicalize_name(name), version=version)
    hashes = (
        [HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(wheel.read_bytes()).hexdigest())] if wheel else []
    )
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=purl.to_string(), purl=purl, scope=scope,
        licenses=licences, hashes=hashes,
    )  # fmt: skip


def bill_of(wheel: Path, materials: Materials) -> str:
    """The bill of materials of a wheel, as JSON."""
    metadata = metadata_of(wheel)
    own = canonicalize_name(str(metadata["Name"]))
    required = materials.needed(own)
    everything = materials.needed(own, metadata.get_all("Provides-Extra") or [])
    bom = Bom()
    made: dict[str, Component] = {own: component(metadata, None, wheel)}
    bom.metadata.component = made[own]
    for name in sorted(everything.keys() - {own}):
        scope = ComponentScope.REQUIRED if name in required else ComponentScope.OPTIONAL
        made[name] = component(materials.metadata(name), scope)
        bom.components.add(made[name])
    for name, needs in everything.items():
        bom.register_dependency(made[name], [made[need] for need in sorted(needs)])
    return str(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2))


def main(directory: Path) -> None:
    """Write the bill of each wheel."""
    wheels = sorted(directory.glob("*.whl"))
    materials = Materials({canonicalize_name(str(each["Name"])): each for each in map(metadata_of, wheels)})
    for wheel in wheels:
        bill = wheel.with_suffix(".cdx.json")
        bill.write_text(bill_of(wheel, materials) + "\n")
        print(f"{bill.name} written")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
