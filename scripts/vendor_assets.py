"""Takes the page's third-party scripts from npm, at pinned versions, into dashboards/web/static/vendor/.

    python scripts/vendor_assets.py           needs npm and its registry; run it only to change a version
    python scripts/vendor_assets.py --check   compares the committed files with vendor/VENDOR.json, offline

`npm pack` downloads each package; its sha256 must be the one below, so that two people get the same bytes. What was
taken, with versions, sums and licences, is written to VENDOR.json, which the tests hold against the files.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "dashboards" / "web" / "static" / "vendor"


@dataclass(frozen=True)
class Package:
    """One npm package: what is taken from it, under which name, and what is changed in it."""

    name: str
    version: str
    sha256: str  # of the packed archive
    licence: str
    files: dict[str, str]  # path in the package → name in vendor/
    replace: dict[str, str] = field(default_factory=dict)


PACKAGES = (
    Package(
        "vega",
        "6.4.0",
        "3521fb6ff68a94a40323954f0ba4484ba4014b157bfd37f89a3b063082320c42",
        "BSD-3-Clause",
        {"build/vega.min.js": "vega.min.js"},
    ),
    Package(
        "vega-lite",
        "6.5.0",
        "811230a6bfd2cdbfc359d0c38f624a90df86657b7f251b67be88bcc4eee32b7f",
        "BSD-3-Clause",
        {"build/vega-lite.min.js": "vega-lite.min.js"},
    ),
    Package(
        "vega-interpreter",
        "2.3.2",
        "b83489633c1320e9d6f839781f0c84c661a5ca2666fe38cb83f7c52a531fffec",
        "BSD-3-Clause",
        {"build/vega-interpreter.js": "vega-interpreter.js"},
        # A bare name needs an import map, which the page's policy forbids (it is inline). vega itself exports the same.
        {"from 'vega-util'": "from './vega-util.js'"},
    ),
)
SHIM = """// Written by scripts/vendor_assets.py: what vega-interpreter imports, as the vega script already brought it.
export const { ascending, isString, DisallowedObjectProperties } = globalThis.vega;
"""


def main() -> int:
    """0 done or all as recorded, 1 otherwise."""
    if sys.argv[1:] == ["--check"]:
        wrong = differences()
        print("\n".join(wrong) or "vendor: as recorded")
        return bool(wrong)
    VENDOR.mkdir(parents=True, exist_ok=True)
    record = [take(package) for package in PACKAGES]
    (VENDOR / "vega-util.js").write_text(SHIM, encoding="utf-8")
    record.append(
        {"name": "vega-util.js", "licence": "Apache-2.0", "files": {"vega-util.js": _sha256_of("vega-util.js")}}
    )
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    (VENDOR / "VENDOR.json").write_text(text, encoding="utf-8")
    print("\n".join(f"{path.name:24} {path.stat().st_size:>8,}" for path in sorted(VENDOR.iterdir())))
    return 0


def take(package: Package) -> dict[str, object]:
    """Download, verify, unpack and record one package."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = f"{package.name}@{package.version}"
        command = ["npm", "pack", "--silent", wanted]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - all of it is ours
        (archive,) = Path(folder).glob("*.tgz")
        found = hashlib.sha256(archive.read_bytes()).hexdigest()
        if found != package.sha256:
            sys.exit(f"{wanted}: sha256 is {found}, expected {package.sha256}. Nothing of it was written.")
        with tarfile.open(archive) as tar:
            contents = {name: _read(tar, path) for path, name in package.files.items()}
            contents[f"{package.name}.LICENSE"] = _read(tar, "LICENSE")
    for name, data in contents.items():
        for old, new in package.replace.items() if name.endswith(".js") else ():
            if old.encode() not in data:
                sys.exit(f"{wanted}: {name} has no {old!r} to replace")
            data = data.replace(old.encode(), new.encode())
        (VENDOR / name).write_bytes(data)
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "archive_sha256": package.sha256,
        "changes": package.replace,
        "files": {name: _sha256_of(name) for name in contents},
    }


def _read(tar: tarfile.TarFile, path: str) -> bytes:
    member = tar.extractfile(f"package/{path}")
    if member is None:
        sys.exit(f"no {path} in the archive")
    return member.read()


def _sha256_of(name: str) -> str:
    return hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()


def differences() -> list[str]:
    """What is not as VENDOR.json says: changed, missing or unknown files."""
    record = json.loads((VENDOR / "VENDOR.json").read_text(encoding="utf-8"))
    expected: dict[str, str] = {name: sha for entry in record for name, sha in entry["files"].items()}
    there = {path.name for path in VENDOR.iterdir()} - {"VENDOR.json"}
    wrong = [f"{name}: not in VENDOR.json" for name in sorted(there - set(expected))]
    for name, sha in sorted(expected.items()):
        if name not in there:
            wrong.append(f"{name}: missing")
        elif _sha256_of(name) != sha:
            wrong.append(f"{name}: not the file that was recorded")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
