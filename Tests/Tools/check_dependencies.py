#!/usr/bin/env python3
"""Refuses imports that break the layers or that the manifest does not name, and products that build more than they should.

The table in Docs/Architecture.md is the rule, target by target: a layer may import the layers listed for it and no others.
The compiler alone would let a target import whatever Package.swift happens to name, and often also what a neighbor names.

    check_dependencies.py [repository]
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from tidy import masked

# The table of the layers: target, what it owns, what it may import, and what of other packages.
TABLE = pathlib.Path(__file__).resolve().parent.parent.parent / "Docs/Architecture.md"
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|([^|]*)\|$", re.MULTILINE)
ALLOWED = {
    target: set(re.findall(r"`(\w+)`", own + others)) for target, own, others in ROW.findall(TABLE.read_text())
}

# Packages that only some products may build, and what to say of others.
NETWORKED = {
    "MoldauServer", "MoldauClient", "MoldauClientEmbedded", "MoldauClientServiceLifecycle", "MoldauClientTracing",
    "MoldauClusterKafka", "MoldauConsole", "moldau",
}
RESERVED = [
    ({"swift-nio", "swift-nio-ssl", "swift-crypto", "swift-asn1"}, NETWORKED, "only the server and the client need"),
    ({"hummingbird", "swift-http-types"}, {"MoldauConsole"}, "only the console needs"),
    ({"swift-metrics"}, {"MoldauMetrics"}, "only who exports metrics needs"),
    ({"swift-distributed-tracing"}, {"MoldauTracing", "MoldauClientTracing", "MoldauConsole"}, "only who traces needs"),
    ({"swift-configuration"}, {"MoldauSettings", "moldau"}, "only who reads settings needs"),
]

# What a target depends on without importing it, beside the programs that a test starts.
NOT_IMPORTED = {
    # Compiles programs that import it.
    "DiagnosticsTests": {"Moldau"},
    # Reads the declarations of the modules that were built.
    "ProjectTests": {"MoldauTesting", "MoldauServer"},
}

# Modules of the toolchain or the system: allowed everywhere.
SYSTEM = {"Dispatch", "Foundation", "FoundationEssentials", "Synchronization", "Glibc", "Musl", "Darwin"}

# Variables by which Package.swift leaves out targets and dependencies.
LEAVING_OUT = {"MOLDAU_TESTS", "MOLDAU_ONLY", "MOLDAU_CONSOLE"}

IMPORT = re.compile(
    r"^[ \t]*(?:(?:@\w+(?:\([^)]*\))?|public|package|internal|fileprivate|private)\s+)*"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.MULTILINE)


def imports(file):
    """The modules that a Swift file imports, each with its line; those in strings and comments are not among them."""
    text = file.read_text(encoding="utf-8")
    found = list(IMPORT.finditer(text))
    if found and re.search(r'"|/\*', text[: found[-1].start()]):
        found = list(IMPORT.finditer(masked(text)[0]))
    return [(match[1], text.count("\n", 0, match.start(1)) + 1) for match in found]


def described(package):
    """What the manifest of a package says, with everything that it can have."""
    environment = {name: value for name, value in os.environ.items() if name not in LEAVING_OUT}
    with tempfile.TemporaryDirectory() as scratch:
        return json.loads(subprocess.run(
            ["swift", "package", "--package-path", package, "--scratch-path", scratch, "dump-package"],
            check=True, capture_output=True, env=environment).stdout)


def declared(target):
    """The names of the targets and products that a target depends on."""
    return [next(iter(dependency.values()))[0] for dependency in target["dependencies"]]


def module(name):
    """The module of a target; that of a product too, as the products in use have modules of their names."""
    return re.sub(r"\W", "_", name)


def complaints(root):
    """One sentence for each import that the table does not allow, and for each of its rows and words that is not so."""
    for target in sorted(path for path in (root / "Sources").iterdir() if path.is_dir()):
        if target.name not in ALLOWED:
            yield f"{target.name}: not in the table of Docs/Architecture.md; say there what it may import"
            continue
        allowed, imported = SYSTEM | ALLOWED[target.name], set()
        for file in sorted(target.rglob("*.swift")):
            for name, line in imports(file):
                imported.add(name)
                if name not in allowed:
                    yield (
                        f"{file.relative_to(root)}:{line}: {target.name} must not import {name}; "
                        f"it may import {', '.join(sorted(allowed - SYSTEM)) or 'no target'}")
        if TABLE.is_relative_to(root):
            for name in sorted(ALLOWED[target.name] - imported):
                yield f"Docs/Architecture.md: {target.name} does not import {name}"
    for name in ALLOWED:
        if TABLE.is_relative_to(root) and not (root / "Sources" / name).is_dir():
            yield f"Docs/Architecture.md: there is no target {name}"


def differences(root, package, manifest):
    """One sentence for each import that a target does not declare, and for each declaration without an import."""
    for target in manifest["targets"]:
        name, is_test = target["name"], target["type"] == "test"
        folder = package / (target.get("path") or f"{'Tests' if is_test else 'Sources'}/{name}")
        left_out = [folder / path for path in target["exclude"]]
        files = [
            file for file in sorted(folder.rglob("*.swift")) if not any(file.is_relative_to(path) for path in left_out)]
        if not files:
            continue  # In C, or the example of a test.
        allowed = {module(dependency) for dependency in declared(target)} | SYSTEM | ({"Testing"} if is_test else set())
        imported = set()
        for file in files:
            for other, line in imports(file):
                if other not in allowed:
                    yield f"{file.relative_to(root)}:{line}: {name} does not declare that it depends on {other}"
                imported.add(other)
        needed = NOT_IMPORTED.get(name, set()) | (started(manifest, files) if is_test else set())
        for dependency in declared(target):
            if module(dependency) not in imported and dependency not in needed:
                place = (package / "Package.swift").relative_to(root)
                yield f"{place}: {name} declares that it depends on {dependency}, but does not import it"


def started(manifest, files):
    """The programs whose names, or those of their products, are in some files."""
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    names = {target["name"]: {target["name"]} for target in manifest["targets"] if target["type"] == "executable"}
    for product in manifest["products"]:
        for target in product["targets"]:
            if target in names:
                names[target].add(product["name"])
    return {target for target, called in names.items() if any(f'"{name}"' in text for name in called)}


def needless_packages(manifest):
    """One sentence for each package that a product builds although it is not for it."""
    targets = {target["name"]: target["dependencies"] for target in manifest["targets"]}

    def packages(name, seen):
        for dependency in targets[name]:
            if "product" in dependency:
                yield dependency["product"][1]
            else:
                other = (dependency.get("byName") or dependency.get("target"))[0]
                if other not in seen:
                    seen.add(other)
                    yield from packages(other, seen)

    for product in manifest["products"]:
        for reserved, users, reason in RESERVED:
            if product["name"] in users:
                continue
            for target in product["targets"]:
                for package in sorted(set(packages(target, set())) & reserved):
                    yield f"the product {product['name']} builds {package}, which {reason}"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent.parent).resolve()
    found = list(complaints(root))
    for manifest in sorted([*root.glob("Package.swift"), *root.glob("Tests/*/Package.swift")]):
        content = described(manifest.parent)
        found += differences(root, manifest.parent, content)
        if manifest.parent == root:
            found += needless_packages(content)
    for complaint in found:
        print(complaint)
    print(
        f"{len(found)} imports, declarations or packages to mend" if found
        else "every import follows the layers and is declared, and no product builds more than it needs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
