#!/usr/bin/env python3
"""Refuses imports under Sources/ that break the layers.

The table below is the project's rule, target by target: a layer may import the layers listed for it and no others. The
compiler alone would let a target import whatever Package.swift happens to name.

    check_dependencies.py [repository]
"""

import pathlib
import re
import sys

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
    "MoldauServer": ["MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauWire", "MoldauClusterEmbedded"],
    "MoldauState": ["MoldauRecords", "CFiles", "CPrefetch", "CRocksDB"],
    "MoldauTopology": ["MoldauRecords", "MoldauState"],
    "MoldauRuntime": ["MoldauRecords", "MoldauState", "MoldauTopology", "MoldauCluster"],
    "Moldau": [
        "MoldauRecords", "MoldauJSON", "MoldauLog", "MoldauState", "MoldauTopology", "MoldauRuntime", "MoldauCluster",
        "MoldauClusterEmbedded",
    ],
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
        "MoldauRecords", "MoldauLog", "MoldauBroker", "MoldauCluster", "MoldauClusterEmbedded", "MoldauServer", "Signals",
        "CMemory",
    ],
}

# The modules of other packages that a target may import.
ALLOWED_PACKAGES = {
    "MoldauProtobuf": ["SwiftProtobuf"],
    "MoldauBroker": ["Logging"],
    "MoldauClusterEmbedded": ["Logging"],
    "MoldauRuntime": ["Logging"],
    "MoldauSimulation": ["Logging"],
    "Moldau": ["Logging", "ServiceLifecycle"],
    "MoldauServer": ["NIOCore", "NIOPosix", "Logging", "ServiceLifecycle"],
    "MoldauCLI": ["ArgumentParser"],
}

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


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent.parent).resolve()
    found = list(complaints(root))
    for complaint in found:
        print(complaint)
    print(f"{len(found)} imports against the layers" if found else "every import follows the layers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
