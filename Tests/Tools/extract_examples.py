#!/usr/bin/env python3
"""Turns the examples in the documentation into tests.

An example is a Swift block in a documentation comment of the DSL (Sources/Moldau) or of another library, or in a page
(README.md, Docs, the articles of Sources/Moldau/Moldau.docc). Lines of the form

    // orders: o1=ada 120, o2=bob 30

state the input and output of its topology: `Example.swift` says how they are read. A line that ends with a comma continues on
the next one. An example without such lines must only compile, unless it uses `#expect`. A block of a page with a file name after
the word `swift` is that file of the package in Tests/Newcomer, which the pages describe; it is built, tested and run with
everything else.

    extract_examples.py <repository>          writes Tests/DocumentationTests/Generated and Tests/Newcomer
    extract_examples.py <repository> --check  exits with 1 if the files there differ from what would be written, or if a public
                                              operator has no example. "As `join`, …" refers to another operator's example.
"""

import pathlib
import re
import sys

DATA = re.compile(r"^// ([a-z][\w-]*): (.*)$")
OPERATOR = re.compile(r"^\s*(?:@\w+ )*public (?:static |mutating )?(?:func (\w+)|(init)\()")
HEADER = [
    "// Made by Tests/Tools/extract_examples.py from the documentation. Do not edit: `make examples` does.",
    "// swift-format-ignore-file",
    "",
]
IMPORTS = {"import Moldau", "import Testing"}
LIBRARY_IMPORTS = {
    "import Foundation", "import Logging", "import MoldauClient", "import MoldauClusterKafka", "import MoldauServiceLifecycle",
    "import MoldauTesting", "import Tracing",
}
LONGEST = 450
NAMED = re.compile(r"^```swift ([\w./-]+\.swift)$")
# Libraries that the tests of the examples cannot import, as they are built only on request.
NOT_BUILT = {"MoldauProtobuf"}
# What examples of other libraries than Moldau use without saying where it comes from.
CONTEXT = {
    "app": "StreamsApplication", "topology": "Topology", "logger": "Logger", "cluster": "ClientOptions",
    "consumer": "Consumer<String, String>", "producer": "Producer<String, String>",
    "driver": "TopologyTestDriver",
    "lines": "Topic<String, String>", "clicks": "Topic<String, String>", "orders": "Topic<String, String>",
    "counts": "Topic<String, Int64>", "wordCounts": "TableStoreName<String, Int64>",
    "bill": "@escaping @Sendable (String) async throws -> Void",
    "offsets": "[TopicPartition: Offset]", "metadata": "ConsumerGroupMetadata",
}
NO_OPERATORS = ["StreamsApplication.swift", "TopicWriter.swift", "GraphNode.swift"]


class Example:
    """An example's place, data lines and code; `imports` are those that are not in IMPORTS."""

    def __init__(self, place, line, code):
        self.place, self.line = place, line
        self.data, self.code = [], []
        self.imports = {line for line in code if line.startswith("import ")}
        goes_on = False
        for text in code:
            match = DATA.match(text)
            if match:
                self.data.append(text[3:])
            elif goes_on:
                self.data[-1] += " " + text.removeprefix("//").strip()
            else:
                self.code.append(text)
            goes_on = (match or goes_on) and text.endswith(",")
        self.text = "\n".join(self.code)
        self.statements = [line for line in self.code if not line.startswith("import ")]
        self.effects = "async throws" if "await " in self.text else "throws"
        self.bound = set(re.findall(r"\b(?:let|var|for try await) (\w+)", self.text))
        for names in re.findall(r"\blet \((.*?)\)|\{ ([\w, ]+) in\b", self.text):
            self.bound.update("".join(names).split(", "))

    def used(self, names):
        """Those of the names that the code uses without declaring them."""
        return [n for n in names if n not in self.bound and re.search(rf"(?<![.\w\"]){n}\b(?!:)", self.text)]

    def function(self, name):
        """For examples of other libraries than Moldau: a test, or a function that is only compiled."""
        used = self.used(CONTEXT)
        lines = self.statements + [
            f"_ = {name}" for name in re.findall(r"^(?:let|var) (\w+)", self.text, re.MULTILINE)]
        parameters = ", ".join(f"{name}: {CONTEXT[name]}" for name in used)
        test = "@Test " if "#expect" in self.text and not used else ""
        head = [f"    {test}func `{name}`({parameters}) {self.effects} {{"]
        return head + [" " * 8 + line if line else "" for line in lines] + ["    }"]

    def test(self, members, topics, name):
        text, bound, effects = self.text, self.bound, self.effects
        lines = [f"let {member} = example.{member}" for member in self.used(members)] + self.statements
        isTest = not self.data and "#expect" in text
        if "topology" in bound and not isTest:
            lines.append("example.topology = topology")
        if not self.data and not isTest:
            lines += [f"_ = {name}" for name in re.findall(r"^let (\w+)", text, re.MULTILINE)]
        shown = dict.fromkeys(line.split(":")[0] for line in self.data)
        lines += [f'example.show("{n}", {n})' for n in shown if n in bound or n in topics]
        while lines and not lines[0]:
            lines.pop(0)
        if isTest:
            head, foot, indent = [f"    @Test func `{name}`() {effects} {{"], ["    }"], 8
        elif not self.data:
            head, foot, indent = [f"    func `{name}`(_ example: Example) {effects} {{"], ["    }"], 8
        else:
            head = [f"    @Test func `{name}`() throws {{", "        try Example.run("]
            head += ['            """'] + [f"            {line}" for line in self.data] + ['            """']
            head, foot, indent = head + ["        ) { example in"], ["        }", "    }"], 12
        return head + [" " * indent + line if line else "" for line in lines] + foot


def blocks(lines):
    """The fenced Swift blocks: the number of the first line, and the lines."""
    inside, found = None, []
    for number, line in enumerate(lines):
        if inside is None and line == "```swift":
            inside = number + 1
        elif inside is not None and line.startswith("```"):
            found.append((inside, lines[inside:number]))
            inside = None
    return found


def read_page(root, path):
    name = str(path.relative_to(root))
    return [Example(name, number, code) for number, code in blocks(path.read_text().split("\n"))], []


def pages(root):
    """All pages: the README, those in Docs, and the articles of the library."""
    articles = sorted((root / "Sources/Moldau/Moldau.docc").glob("*.md"))
    return [root / "README.md"] + sorted((root / "Docs").glob("*.md")) + articles


def newcomer(root):
    """The text of each file of the package that the pages describe, by its path; and the errors."""
    files, errors = {}, []
    for page in pages(root):
        inside = None
        for line in page.read_text().split("\n"):
            match = NAMED.match(line)
            if inside is not None and line == "```":
                files[inside] += "\n".join(lines) + "\n"
                inside = None
            elif inside is not None:
                lines.append(line)
            elif match:
                inside, lines = match.group(1), []
                if inside in files:
                    errors.append(f"{page.relative_to(root)}: {inside} is told twice")
                files[inside] = ""
    return files, errors


def declarations(lines):
    """The lines of a source file that follow a documentation comment, or none: number, line, the comment's first line, comment."""
    comment, start = [], 0
    for number, line in enumerate(lines):
        if line.strip().startswith("///"):
            start = start if comment else number
            comment.append(line.strip()[3:].removeprefix(" "))
        elif not re.fullmatch(r"\s*@\w+(\(.*\))?", line):
            yield number, line, start, comment
            comment = []


def read_source(root, path):
    """The examples of a source file, and the errors in its operators' documentation."""
    name, lines = str(path.relative_to(root / "Sources/Moldau")), path.read_text().split("\n")
    examples, errors, shown, referring = [], [], set(), []
    for number, line, start, comment in declarations(lines):
        own = []
        declared = re.search(r"\b(?:func|struct|class|enum|init)\b ?(\w*)", line)
        if comment and line.strip():
            title = (declared.group(1) or "init") if declared else line.split()[0]
            own = [Example(f"{name}: {title}", start + n, code) for n, code in blocks(comment)]
            examples += own
        match = OPERATOR.match(line)
        is_operator = path.name not in NO_OPERATORS and comment[:1] != ["Does not exist."]
        if match and is_operator and (match.group(1) or "extension Topology {" in lines):
            operator = match.group(1) or "init"
            refers = re.match(r"As `(?:\w+\.)?(\w+)", comment[0]) if comment else None
            if any(example.data for example in own):
                shown.add(operator)
            elif refers:
                referring.append((number + 1, operator, refers.group(1)))
            else:
                errors.append(f"Sources/Moldau/{name}:{number + 1}: {operator} has no example with its results")
    for number, operator, other in referring:
        if other not in shown:
            errors.append(f"Sources/Moldau/{name}:{number}: {operator} refers to {other}, which has no example here")
    return examples, errors


def libraries(root):
    """The examples of each library but Moldau, by its name."""
    found = {}
    for path in sorted((root / "Sources").glob("*/**/*.swift")):
        library = path.relative_to(root / "Sources").parts[0]
        if library in NOT_BUILT | {"Moldau"}:
            continue
        for _, line, start, comment in declarations(path.read_text().split("\n")):
            declared = re.search(r"\b(?:func|struct|class|protocol|init|extension)\b ?(\w*)", line)
            place = f"{library}: {declared and declared.group(1) or path.stem}"
            # The comments of the package's own declarations are no documentation for users.
            if not re.search(r"\b(?:package|private|fileprivate)\b", line):
                for number, code in blocks(comment):
                    found.setdefault(library, []).append(Example(place, start + number, code))
    return found


def chunks(texts):
    """The texts joined into chunks of at most LONGEST lines, with an empty line between two texts."""
    pieces = []
    for text in texts:
        if pieces and len(pieces[-1]) + len(text) < LONGEST:
            pieces[-1] += [""] + text
        else:
            pieces.append(list(text))
    return pieces


def generate(root):
    """The text of each generated file, by its name; and the errors."""
    preamble = (root / "Tests/DocumentationTests/Example.swift").read_text()
    members = re.findall(r"^    (?:private\(set\) )?(?:lazy )?(?:var|let) (\w+)", preamble, re.MULTILINE)
    topics = re.findall(r"var (\w+) = Topic<", preamble)
    folders = [path for path in (root / "Sources/Moldau").iterdir() if path.is_dir() and path.suffix != ".docc"]
    sources = {folder.name: sorted(folder.glob("*.swift")) for folder in folders}
    sources["Application"] = sorted((root / "Sources/Moldau").glob("*.swift"))
    sources["Pages"] = pages(root)
    files, errors = {}, []

    def add(group, examples, imports, render):
        names, texts = {}, []
        for example in examples:
            count = names[example.place] = names.get(example.place, 0) + 1
            texts.append(render(example, example.place + (f" ({count})" if count > 1 else "")))
        imports = sorted(imports.union(*(example.imports for example in examples)))
        for number, chunk in enumerate(chunks(texts)):
            name = f"{group}Examples{number + 1 if number else ''}"
            files[f"{name}.swift"] = "\n".join(HEADER + imports + ["", f"struct {name} {{"] + chunk + ["}", ""])

    for group, paths in sorted(sources.items()):
        examples = []
        for path in paths:
            found, wrong = (read_page if path.suffix == ".md" else read_source)(root, path)
            examples += found
            errors += wrong
        add(group, examples, IMPORTS, lambda example, name: example.test(members, topics, name))
    for library, examples in libraries(root).items():
        add(library, examples, IMPORTS | LIBRARY_IMPORTS | {f"import {library}"}, Example.function)
    return files, errors


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    target = root / "Tests/DocumentationTests/Generated"
    files, errors = generate(root)
    package, wrong = newcomer(root)
    errors += wrong
    for folder, wanted, pattern in [(target, files, "*.swift"), (root / "Tests/Newcomer", package, "**/*.swift")]:
        there = {str(path.relative_to(folder)): path for path in folder.glob(pattern) if ".build" not in path.parts}
        if "--check" in sys.argv:
            for name in sorted(wanted.keys() | there.keys()):
                if name not in there or there[name].read_text() != wanted.get(name):
                    errors.append(f"{name} is not what the documentation says: run `make examples`")
            continue
        for path in there.values():
            path.unlink()
        for name, text in wanted.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    print("\n".join(errors), end="\n" if errors else "")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
