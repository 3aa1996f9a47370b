#!/usr/bin/env python3
"""Refuses imports under Sources/ that break the layers, and products that build more than they should.

The table below is the project's rule, target by target: a layer may import the layers listed for it and no others. The
compiler alone would let a target import whatever Package.swift happens to name.

    check_dependencies.py [repository]
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

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
    "MoldauTracing": ["Moldau", "MoldauRecords", "MoldauTopology", "MoldauRuntime", "MoldauSpans"],
    "MoldauClientTracing": ["MoldauRecords", "MoldauClient", "MoldauSpans"],
    "MoldauTesting": [
        "MoldauRecords", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster", "Moldau",
    ],
    "MoldauSimulation": [
        "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauState", "MoldauTopology", "MoldauRuntime",
        "MoldauCluster", "MoldauClusterEmbedded", "Moldau", "MoldauTesting",
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
    "MoldauCLI": ["ArgumentParser", "Logging", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL"],
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

# Modules of the toolchain or the system: allowed everywhere.
SYSTEM = {"Dispatch", "Foundation", "FoundationEssentials", "Synchronization", "Glibc", "Musl", "Darwin"}

IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?"
    r"import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.MULTILINE)


def complaints(root):
    """One sentence for each import that the table does not allow, and for each target that it does not list."""
    for target in sorted(path for path in (root / "Sources").iterdir() if path.is_dir()):
        if target.name not in ALLOWED:
            yield f"{target.name}: not in the table of Tests/Tools/check_dependencies.py; say there what it may import"
            continue
        allowed = SYSTEM | set(ALLOWED[target.name]) | set(ALLOWED_PACKAGES.get(target.name, []))
        for file in sorted(target.rglob("*.swift")):
            for match in IMPORT.finditer(file.read_text(encoding="utf-8")):
                if match[1] not in allowed:
                    text = file.read_text(encoding="utf-8")
                    line = text.count("\n", 0, match.start(1)) + 1
                    yield (
                        f"{file.relative_to(root)}:{line}: {target.name} must not import {match[1]}; "
                        f"it may import {', '.join(sorted(allowed - SYSTEM)) or 'no target'}")


def needless_packages(root):
    """One sentence for each package that a product builds although it is not for it."""
    with tempfile.TemporaryDirectory() as scratch:
        manifest = json.loads(subprocess.run(
            ["swift", "package", "--package-path", root, "--scratch-path", scratch, "dump-package"],
            check=True, capture_output=True).stdout)
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
    if (root / "Package.swift").exists():
        found += needless_packages(root)
    for complaint in found:
        print(complaint)
    print(
        f"{len(found)} imports or packages against the layers" if found
        else "every import follows the layers, and no product builds more than it needs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
