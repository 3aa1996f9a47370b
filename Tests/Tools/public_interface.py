#!/usr/bin/env python3
"""Writes down what the libraries offer to other packages, so that no declaration becomes public unnoticed or undocumented.

    public_interface.py <repository>          writes Tests/ProjectTests/PublicInterface.txt
    public_interface.py <repository> --check  exits with 1 if the file differs
    public_interface.py <repository> --modules  prints the modules that other packages can import

The first two exit with 1 if a declaration has no documentation comment, of its own or inherited from the requirement that it
fulfils, or if DocC warns: of a link that leads nowhere, or of a comment that describes only some parameters.

The modules are those of the manifest's libraries, and the project's own that they re-export. The declarations come from what
`swift build` has built (debug, in `.build`, or in the folder that BUILT names); a module that is missing is an error. MODULE
names a single other module, to test this program itself. One line per declaration: module, kind, path, declaration.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from check_dependencies import described

# Libraries that are built only on request.
ON_REQUEST = {
    # With the trait Protobuf; its tests are a package of their own.
    "MoldauProtobuf",
}

EXPORTED = re.compile(
    r"^[ \t]*@_exported\s+public\s+import\s+(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)", re.MULTILINE)


def modules(root):
    """The modules of the libraries, and those of this package that they re-export, sorted."""
    manifest = described(root)
    own = {target["name"] for target in manifest["targets"]}
    libraries = [product for product in manifest["products"] if "library" in product["type"]]
    left = [target for product in libraries if product["name"] not in ON_REQUEST for target in product["targets"]]
    found = set()
    while left:
        module = left.pop()
        if module in found or module not in own:
            continue
        found.add(module)
        for file in (root / "Sources" / module).rglob("*.swift"):
            left += EXPORTED.findall(file.read_text(encoding="utf-8"))
    return sorted(found)


def target():
    told = subprocess.run(["swift", "-print-target-info"], check=True, capture_output=True, text=True).stdout
    return json.loads(told)["target"]["unversionedTriple"]


def graphs(built, module, triple, folder):
    """The symbols of a module, and those that it adds to types of others."""
    command = ["swift", "symbolgraph-extract", "-module-name", module, "-I", str(built / "Modules"), "-target", triple]
    command += ["-minimum-access-level", "public", "-skip-synthesized-members", "-output-dir", folder]
    # The modules in C, ours and those of other packages.
    maps = {map.parent.name: map for map in built.glob("*.build/module.modulemap")}
    for map in built.resolve().parents[1].glob("checkouts/*/Sources/*/include/module.modulemap"):
        maps.setdefault(f"{map.parents[1].name}.build", map)
    for map in maps.values():
        command += ["-Xcc", f"-fmodule-map-file={map}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"public_interface.py: {module} cannot be read; build the package first (swift build)\n{done.stderr}")
    for path in pathlib.Path(folder).glob(f"{module}*.symbols.json"):
        if path.name.split(".")[0].split("@")[0] == module:
            yield from json.loads(path.read_text())["symbols"]


def place(symbol):
    """The file and the line of a declaration, as an editor shows them."""
    location = symbol.get("location")
    if location is None:
        return "somewhere"
    return f"{location['uri'].removeprefix('file://')}:{location['position']['line'] + 1}"


PROBLEM = re.compile(r"^(?:error|warning): (.*)\n *--> (.*?:\d+):", re.MULTILINE)


def documentation_problems(root, module, folder):
    """What DocC says about a module's documentation comments and articles, made from the symbols in a folder."""
    command = ["docc", "convert", "--additional-symbol-graph-dir", folder, "--output-path", f"{folder}/{module}.doccarchive"]
    command += ["--fallback-display-name", module, "--fallback-bundle-identifier", module, "--warnings-as-errors"]
    catalogue = root / f"Sources/{module}/{module}.docc"
    # DocC shortens paths to the folder that it runs in.
    done = subprocess.run(
        command + [str(catalogue)] * catalogue.exists(), cwd=root, capture_output=True, text=True)
    if done.returncode == 0:
        return []
    return [f"{place}: {text}" for text, place in PROBLEM.findall(done.stderr + done.stdout)] or [
        f"{module}: {done.stderr}{done.stdout}"]


def interface(root, built, names):
    """The lines of the file, and what is wrong with the documentation."""
    lines, problems, triple = set(), set(), target()
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        conversions = []
        for module in names:
            (own := pathlib.Path(folder) / module).mkdir()
            for symbol in graphs(built, module, triple, own):
                path = ".".join(symbol["pathComponents"])
                declaration = " ".join("".join(f["spelling"] for f in symbol["declarationFragments"]).split())
                kind = symbol["kind"]["identifier"].removeprefix("swift.")
                lines.add(f"{module} {kind} {path}: {declaration}")
                if not symbol.get("docComment", {}).get("lines"):
                    problems.add(f"{place(symbol)}: {kind} {path} has no documentation comment")
            conversions.append(pool.submit(documentation_problems, root, module, own))
        for conversion in conversions:
            problems.update(conversion.result())
    return sorted(lines), sorted(problem.replace(f"{root}/", "") for problem in problems)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    names = [os.environ["MODULE"]] if "MODULE" in os.environ else modules(root)
    if "--modules" in sys.argv:
        print("\n".join(names))
        return
    lines, problems = interface(root, pathlib.Path(os.environ.get("BUILT", root / ".build/debug")), names)
    for problem in problems:
        print(problem)
    file = root / "Tests/ProjectTests/PublicInterface.txt"
    if "--check" not in sys.argv:
        file.write_text("\n".join(lines) + "\n")
        print(f"{len(lines)} public declarations")
        sys.exit(1 if problems else 0)
    there = file.read_text().splitlines() if file.exists() else []
    changes = [f"- {line}" for line in sorted(set(there) - set(lines))]
    changes += [f"+ {line}" for line in sorted(set(lines) - set(there))]
    for line in changes:
        print(line)
    if changes:
        print("the public interface has changed; if it is meant, `make interface` writes it down")
    sys.exit(1 if changes or problems else 0)


main()
