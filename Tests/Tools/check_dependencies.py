#!/usr/bin/env python3
"""Refuses imports that break the layers or that the manifest does not name, and products that build more than they should.

The table below is the project's rule, target by target: a layer may import the layers listed for it and no others. The
compiler alone would let a target import whatever Package.swift happens to name, and often also what a neighbor names.

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

# The project's own targets that a target may import.
ALLOWED = {
    "CChecksum": [],
    "CCompression": [],
    "CFiles": [],
    "CRocksDB": [],
    "CPrefetch": [],
    "MoldauRecords": ["CChecksum", "CCompression"],
    "MoldauJSON": ["MoldauRecords"],
    "MoldauProtobuf": ["MoldauRecords"],
    "MoldauLog": ["MoldauRecords", "CFiles"],
    "MoldauBroker": ["MoldauRecords", "MoldauLog"],
    "MoldauWire": ["MoldauRecords"],
    "MoldauCluster": ["MoldauRecords"],
    "MoldauClusterEmbedded": ["MoldauRecords", "MoldauLog", "MoldauCluster", "MoldauBroker"],
    "MoldauNetwork": ["MoldauWire"],
    "MoldauServer": [
        "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauWire", "MoldauNetwork", "MoldauClusterEmbedded", "CMemory",
    ],
    "MoldauClient": ["MoldauRecords", "MoldauWire", "MoldauNetwork"],
    "MoldauClientEmbedded": ["MoldauClient", "MoldauClusterEmbedded", "MoldauServer"],
    "MoldauClientServiceLifecycle": ["MoldauClient"],
    "MoldauClusterKafka": ["MoldauRecords", "MoldauCluster", "MoldauClusterEmbedded", "MoldauClient"],
    "MoldauSettings": ["MoldauRecords"],
    "MoldauState": ["MoldauRecords", "CFiles", "CPrefetch", "CRocksDB"],
    "MoldauTopology": ["MoldauRecords", "MoldauState"],
    "MoldauRuntime": ["MoldauRecords", "MoldauState", "MoldauTopology", "MoldauCluster"],
    "Moldau": [
        "MoldauRecords", "MoldauJSON", "MoldauLog", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster",
        "MoldauClusterEmbedded", "Signals",
    ],
    "MoldauServiceLifecycle": ["Moldau"],
    "MoldauConsole": ["Moldau", "MoldauRecords", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster"],
    "MoldauMetrics": ["Moldau"],
    "MoldauSpans": ["MoldauRecords"],
    "MoldauTracing": ["MoldauRecords", "MoldauTopology", "MoldauRuntime", "MoldauSpans"],
    "MoldauClientTracing": ["MoldauRecords", "MoldauClient", "MoldauSpans"],
    "MoldauTesting": ["MoldauRecords", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster"],
    "MoldauSimulation": [
        "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauState", "MoldauTopology", "MoldauRuntime",
        "MoldauCluster", "MoldauClusterEmbedded", "Moldau",
    ],
    "Signals": [],
    "CMemory": [],
    "MoldauCLI": [
        "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauCluster", "MoldauClusterEmbedded", "MoldauServer",
        "MoldauClient", "MoldauClientEmbedded", "MoldauClusterKafka", "MoldauSettings", "Signals", "CMemory",
    ],
}

# The modules of other packages that a target may import.
ALLOWED_PACKAGES = {
    "MoldauProtobuf": ["SwiftProtobuf"],
    "MoldauBroker": ["Logging"],
    "MoldauClusterEmbedded": ["Logging"],
    "MoldauRuntime": ["Logging"],
    "MoldauSimulation": ["Logging"],
    "Moldau": ["Logging"],
    "MoldauServiceLifecycle": ["ServiceLifecycle"],
    "MoldauConsole": [
        "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdTLS", "NIOCore", "NIOSSL", "Logging",
        "ServiceLifecycle",
    ],
    "MoldauMetrics": ["CoreMetrics"],
    "MoldauSpans": ["Tracing"],
    "MoldauTracing": ["Tracing"],
    "MoldauClientTracing": ["Tracing"],
    "MoldauServer": [
        "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS", "SwiftASN1", "Logging", "ServiceLifecycle",
    ],
    "MoldauNetwork": ["Crypto", "CryptoExtras", "NIOCore"],
    "MoldauClient": ["NIOCore", "NIOPosix", "NIOSSL"],
    "MoldauClientEmbedded": ["NIOCore"],
    "MoldauClientServiceLifecycle": ["ServiceLifecycle"],
    "MoldauSettings": ["Configuration"],
    "MoldauCLI": ["ArgumentParser", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL"],
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
        found = list(IMPORT.finditer(masked(text)))
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
    """One sentence for each import that the table does not allow, and for each target that it does not list."""
    for target in sorted(path for path in (root / "Sources").iterdir() if path.is_dir()):
        if target.name not in ALLOWED:
            yield f"{target.name}: not in the table of Tests/Tools/check_dependencies.py; say there what it may import"
            continue
        allowed = SYSTEM | set(ALLOWED[target.name]) | set(ALLOWED_PACKAGES.get(target.name, []))
        for file in sorted(target.rglob("*.swift")):
            for name, line in imports(file):
                if name not in allowed:
                    yield (
                        f"{file.relative_to(root)}:{line}: {target.name} must not import {name}; "
                        f"it may import {', '.join(sorted(allowed - SYSTEM)) or 'no target'}")


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
