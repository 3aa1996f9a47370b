#!/usr/bin/env python3
"""Checks the rules of the project's style that neither the compiler nor the formatter checks.

    tidy.py [repository]                  checks the Swift files and the pages that git knows
    tidy.py --commits RANGE [repository]  checks the subjects of a range's commits, `main..` for example; merges are passed over

Each rule is a function below, with its purpose. A line that has to break one says why, after `// tidy:`.
"""

import pathlib
import re
import subprocess
import sys

LONGEST_LINE = 120
LONGEST_FUNCTION = 60
LONGEST_FILE = 500
LONGEST_SUBJECT = 120

# Parts of names that say nothing about the purpose of a type.
EMPTY_WORDS = ["Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Impl", "Internal", "Base", "Misc", "Common"]

# Established terms that contain such a part.
KNOWN_NAMES = {"InternalTopicNames", "InternalTopicSettings", "InternalTopics"}


class Source:
    """A Swift file: its lines, and the same lines without the contents of strings and comments."""

    def __init__(self, path, text):
        self.path = path
        self.lines = text.split("\n")
        if self.lines and not self.lines[-1]:
            self.lines.pop()
        # `expressions` have what stands in `\(…)` too.
        self.code, self.expressions = (view.split("\n")[: len(self.lines)] for view in masked(text))
        # What the types of the project conform to.
        self.conformances = Conformances([])

    @property
    def is_test(self):
        return self.path.startswith(("Tests/", "Examples/")) or self.path == "Package.swift"

    def comment(self, number):
        """The comment in or above a line; empty if there is none."""
        found = self.lines[number][len(self.code[number].rstrip()):].strip()
        if found.startswith("//"):
            return found
        above = self.lines[number - 1].strip() if number > 0 else ""
        return above if above.startswith("//") else ""


def masked(text):
    """The text with comments replaced by blanks, and the contents of strings by zeros; and the same with what is interpolated.

    The quotes stay.
    """
    out, expressions, place, end = [], [], 0, len(text)

    def blank(piece, filling=" "):
        add("".join("\n" if letter == "\n" else filling for letter in piece))

    def add(piece):
        out.append(piece)
        expressions.append(piece)

    while place < end:
        if text.startswith("//", place):
            stop = text.find("\n", place)
            stop = end if stop < 0 else stop
            blank(text[place:stop])
            place = stop
        elif text.startswith("/*", place):
            stop = text.find("*/", place)
            stop = end if stop < 0 else stop + 2
            blank(text[place:stop])
            place = stop
        elif match := re.compile(r'(#*)("""|")').match(text, place):
            stop, inner = string(text, match.end(), match[1], match[2])
            add(match[0])
            place = match.end()
            for first, last in inner:
                blank(text[place:first], "\0")
                blank(text[first:last], "\0")
                expressions[-1] = masked(text[first:last])[1]
                place = last
            blank(text[place:stop], "\0")
            place = stop
        elif match := re.compile(r"(#+)/(?=[^\s])").match(text, place):
            stop = text.find("/" + match[1], match.end())
            stop = match.end() if stop < 0 else stop + 1 + len(match[1])
            blank(text[place:stop], "\0")
            place = stop
        else:
            add(text[place])
            place += 1
    return "".join(out), "".join(expressions)


def string(text, place, hashes, quote):
    """The place after the closing quote, and the bounds of what is interpolated, `\\(…)`, which may contain strings."""
    interpolated = []
    while place < len(text):
        if text.startswith(quote + hashes, place):
            return place + len(quote) + len(hashes), interpolated
        if text.startswith("\\" + hashes + "(", place):
            depth, place = 1, place + len(hashes) + 2
            first = place
            while place < len(text) and depth:
                inner = re.compile(r'(#*)("""|")').match(text, place)
                if inner:
                    place, _ = string(text, inner.end(), inner[1], inner[2])
                    continue
                depth += {"(": 1, ")": -1}.get(text[place], 0)
                place += 1
            interpolated.append((first, place - 1))
        elif text[place] == "\\" and not hashes:
            place += 2
        elif text[place] == "\n" and quote == '"':
            return place, interpolated
        else:
            place += 1
    return place, interpolated


# MARK: The rules


# A line that has nothing but a string, an operator before it, and what closes or separates after it.
ONLY_A_STRING = re.compile(r"""\s*(?:(?:\+|==|[?:])\s)?#*"(?:"")?\0*[,;)\]]*$""")


def widths(source):
    """Lines are short enough for two files side by side."""
    for number, line in enumerate(source.lines):
        # Messages are easier to find if they are not split, and multi-line strings are as wide as they are shown.
        if source.code[number].startswith("\0") or ONLY_A_STRING.match(source.code[number]):
            continue
        if len(line) > LONGEST_LINE:
            yield number, f"the line has {len(line)} characters; {LONGEST_LINE} are possible"


def file_sizes(source):
    """A file can be read in one go."""
    if len(source.lines) > LONGEST_FILE:
        yield LONGEST_FILE, f"the file has {len(source.lines)} lines; {LONGEST_FILE} are possible: part it"


ATTRIBUTES = r"(?:@[\w.]+(?:\((?:[^()]|\([^()]*\))*\))?\s+)*"
FUNCTION = re.compile(
    rf"^\s*{ATTRIBUTES}(?:[a-z]+(?:\([a-z]+\))?\s+)*"
    r"(?:func\s+(\S+?)[(<\s]|(init|subscript)[?(<]|(deinit)\b|var\s+(\w+)\s*:[^=]*\{$)")


def function_sizes(source):
    """A function fits on a screen, and so does a property that is computed."""
    for number, line in enumerate(source.code):
        match = FUNCTION.match(line)
        if not match:
            continue
        length = body_length(source.code, number)
        if length > LONGEST_FUNCTION:
            name = match[1] or match[2] or match[3] or match[4]
            yield number, f"{name} has {length} lines; {LONGEST_FUNCTION} are possible: part it"


def body_length(code, first):
    """The number of lines between the braces of a declaration; 0 if it has none."""
    depth, parentheses, begun = 0, 0, None
    for number in range(first, len(code)):
        for letter in code[number]:
            parentheses += {"(": 1, ")": -1}.get(letter, 0)
            if letter == "{" and (depth or not parentheses):
                begun = number if begun is None else begun
                depth += 1
            elif letter == "}" and begun is not None and (depth or not parentheses):
                depth -= 1
                if depth == 0:
                    return max(number - begun - 1, 0)
            elif letter == "}" and begun is None and not parentheses:
                return 0
        if begun is None and number > first and FUNCTION.match(code[number]):
            return 0
    return 0


TYPE = re.compile(r"\b(?:struct|class|enum|protocol|actor|typealias)\s+([A-Z]\w*)")


def names(source):
    """A type's name says what it is for."""
    for number, line in enumerate(source.code):
        for match in TYPE.finditer(line):
            if match[1] in KNOWN_NAMES:
                continue
            parts = re.findall(r"[A-Z][a-z0-9]*", match[1])
            empty = [part for part in parts if part in EMPTY_WORDS]
            if empty:
                yield number, f"'{empty[0]}' in {match[1]} says nothing: find the noun"


DECLARATION = re.compile(
    r"^\s*(?:@[\w.]+(?:\([^)]*\))?\s+)*(?:(?:nonisolated|static|final|class|mutating|override|indirect|convenience|required)\s+)*"
    r"(?:public|package)\s+(?!import\b|extension\b|override\b|internal\b)(?:\w+(?:\([a-z]+\))?\s+)*?"
    r"(func|var|let|init|subscript|struct|class|enum|protocol|actor|typealias|macro)\b\s*(\S*)")

# Requirements of the standard library's protocols: documented there.
WITNESSES = re.compile(
    r"^(description|debugDescription|hash|==|<|encode|makeIterator|makeAsyncIterator|next|errorDescription|hashValue|rawValue|"
    r"startIndex|endIndex|id|customMirror)\b|^(==|<)")


SCOPE = re.compile(
    r"(?<!import )\b(struct|class|enum|actor|protocol|extension)\s+(?!func\b|var\b|let\b|subscript\b)([\w.]+)([^{}]*)\{")
REQUIREMENT = re.compile(rf"^\s+{ATTRIBUTES}(?:mutating\s+|static\s+)*(?:(?:func|var|associatedtype)\s+(\w+)|(init|subscript)\b)")


def scopes(source):
    """The types and extensions in a file: kind, name, what is named after the colon, the lines of its braces."""
    text = "\n".join(source.code)
    for match in SCOPE.finditer(text):
        depth, place = 1, match.end()
        while place < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            place += 1
        head = re.sub(r"<[^<>]*(?:<[^<>]*>[^<>]*)*>", "", re.split(r"\bwhere\b", match[3])[0])
        parents = set(re.findall(r"[A-Z]\w*", head.partition(":")[2]))
        first, last = text.count("\n", 0, match.end()), text.count("\n", 0, place)
        yield match[1], match[2].split(".")[-1], parents, first, last


class Conformances:
    """What the types of the project conform to, by their names within a module, and what its protocols require."""

    def __init__(self, sources):
        self.parents, self.requirements = {}, {}
        for source in sources:
            for kind, name, parents, first, last in scopes(source):
                # A type that another module has is known by its name alone.
                for key in [(self.module(source), name), name]:
                    self.parents.setdefault(key, set()).update(parents)
                if kind == "protocol":
                    self.requirements.setdefault(name, set()).update(required(source.code[first + 1: last]))

    @staticmethod
    def module(source):
        return source.path.split("/")[:2][-1]

    def demand(self, source, number, name):
        """Whether the type around a line has to have something of this name: its protocol documents it."""
        around = [name for _, name, _, first, last in scopes(source) if first < number < last]
        left, seen = around[-1:], set()
        while left:
            type = left.pop()
            if name in self.requirements.get(type, ()):
                return True
            if type not in seen:
                seen.add(type)
                left += self.parents.get((self.module(source), type)) or self.parents.get(type, ())
        return False


def required(body):
    """The names of the requirements in the lines of a protocol."""
    depth = 0
    for line in body:
        match = REQUIREMENT.match(line)
        if match and depth == 0:
            yield match[1] or match[2]
        depth += line.count("{") - line.count("}")


def documentation(source):
    """Users of a declaration can read its purpose without reading its code."""
    if source.is_test:
        return
    for number, line in enumerate(source.code):
        match = DECLARATION.match(line)
        if not match or WITNESSES.match(match[2]):
            continue
        # Inside the package, name and type are enough for properties, and initialisers set the properties.
        if match[1] in ("let", "var", "init") and not re.search(r"\bpublic\b", line):
            continue
        above = number - 1
        # Attributes, which may take several lines, and conditions stand between the two.
        for first in range(number - 1, max(number - 5, -1), -1):
            if source.lines[first].strip().startswith(("@", "#if")):
                above = first - 1
            elif not source.lines[first].strip() or source.lines[first].strip().startswith(("///", "}")):
                break
        is_documented = False
        while above >= 0 and (text := source.lines[above].strip()).startswith("///"):
            is_documented = is_documented or text != "///"
            above -= 1
        if not is_documented and not source.conformances.demand(source, number, re.match(r"\w*", match[2])[0]):
            yield number, f"{match[1]} {match[2].split('(')[0].split(':')[0]} has no documentation"


def requirements(source):
    """Who conforms to a protocol of the package, or uses it, can read what each requirement means."""
    if source.is_test:
        return
    for kind, name, _, first, last in scopes(source):
        if kind != "protocol" or not re.search(r"\b(?:package|public)\b", source.code[first]):
            continue
        for number in range(first + 1, last):
            match = REQUIREMENT.match(source.code[number])
            above = number - 1
            while source.lines[above].strip().startswith("@"):
                above -= 1
            if match and not source.lines[above].strip().startswith("///"):
                yield number, f"{match[1] or match[2]} of {name} has no documentation"


# What runs in the simulator, where a seed replays a run.
REPLAYED = re.compile(r"Sources/(Moldau|Moldau(Broker|Cluster|Log|Records|Runtime|Simulation|State|Topology|Wire))/")
REAL_WORLD = re.compile(
    r"\b(?:ContinuousClock|SuspendingClock|SystemRandomNumberGenerator|clock_gettime|gettimeofday|arc4random\w*)\b"
    r"|\b(?:Date|UUID)\(\)|\.random\(in:(?!.*\busing:)|\bThread\.sleep\b")


def determinism(source):
    """Clocks and randomness come in from outside; a parameter may have the real ones as its default."""
    if not REPLAYED.match(source.path):
        return
    for number, line in enumerate(source.code):
        found = REAL_WORLD.search(line)
        if found and not re.search(r"\w: [^=]*= ", line[:found.start()]):
            yield number, f"'{found[0]}' makes runs differ: let it come in from outside"


def unchecked(source):
    """A type that the compiler does not check says why it may be shared by threads."""
    for number, line in enumerate(source.code):
        if "@unchecked Sendable" in line and not source.is_test and "nchecked" not in source.comment(number):
            yield number, "'@unchecked Sendable' without a comment that says why it is safe"


def open_ends(source):
    """Files contain no open tasks: they are done, or left out."""
    for number, line in enumerate(source.lines):
        found = re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line[len(source.code[number].rstrip()):])
        if found:
            yield number, f"{found[1]}: do it or leave it out"


CODE_IN_COMMENT = re.compile(
    r"^\s*//(?!/)\s*(?:(?:let|var)\s+\w+\s*(?::\s*\w+\s*)?=|(?:try|await)\s+[\w.]+\(|return\b.*[();]$|(?:if|guard|for|while|switch)\s.*\{$"
    r"|func\s+\w+\(|import\s+\w+$|\}\s*$|[\w.]+\([^)]*\)$|[\w.]+\s=\s\w+$)")


def dead_code(source):
    """Code is not kept in comments: old code is in the history."""
    for number, line in enumerate(source.lines):
        if CODE_IN_COMMENT.match(line):
            yield number, "code in a comment: delete it"


FORCE = re.compile(r"(?<=[\w)\]>}])!(?![=\w])|\btry!|\bas!")


def force_unwraps(source):
    """A forced unwrap or cast says why it cannot fail."""
    if source.path.startswith("Tests/"):
        return
    for number, line in enumerate(source.expressions):
        first = number
        while first > 0 and FORCE.search(source.expressions[first - 1]):
            first -= 1  # One comment is enough for lines that follow one another.
        if FORCE.search(line) and not source.comment(number) and not source.comment(first):
            yield number, "a '!' without a comment that says why the value is there"


def sabotage(source):
    """Code that makes deliberate mistakes is in no release build."""
    if not source.path.startswith("Sources/"):
        return
    depths = []
    for number, line in enumerate(source.code):
        word = line.strip()
        if word.startswith("#if"):
            depths.append(word == "#if SABOTAGE")
        elif word.startswith("#else") and depths:
            depths[-1] = False
        elif word.startswith("#endif") and depths:
            depths.pop()
        elif "sabotage" in line.lower() and not any(depths):
            yield number, "mistakes that are made on purpose stand between `#if SABOTAGE` and `#endif`"


MARKUP_FROM_TEXT = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|srcdoc|document\.write|eval|new Function)\b")


def pages(lines):
    """A page is as wide as other files, has no open tasks, and works under a policy that allows its own script alone.

    Data becomes text, never markup; there are no style attributes, no event handlers in the markup, and nothing from outside.
    """
    for number, line in enumerate(lines):
        if len(line) > LONGEST_LINE:
            yield number, f"the line has {len(line)} characters; {LONGEST_LINE} are possible"
        if found := re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield number, f"{found[1]}: do it or leave it out"
        if found := MARKUP_FROM_TEXT.search(line):
            yield number, f"{found[1]} makes markup or code from text: use nodes"
        if found := re.search(r"""<[^>]*\s(style|on[a-z]+)=["']""", line):
            yield number, f"the policy forbids the attribute '{found[1]}'"
        if found := re.search(r"""(?:src|href)=["'](?:https?:)?//|@import|url\(""", line):
            yield number, f"'{found[0]}' is from outside: a page is one document"


def exceptions(source):
    """What breaks a rule says why."""
    for number, line in enumerate(source.lines):
        if re.search(r"// tidy:\s*\S*\s*$", line):
            yield number, "'// tidy:' without a reason"


RULES = [
    widths, file_sizes, function_sizes, names, documentation, requirements, determinism, unchecked, open_ends, dead_code,
    force_unwraps, sabotage, exceptions]


def complaints(source):
    """A message for each line that breaks a rule."""
    for rule in RULES:
        for number, reason in rule(source):
            line = source.lines[min(number, len(source.lines) - 1)]
            if "// tidy:" not in line or rule is exceptions:
                yield f"{source.path}:{number + 1}: {reason}"


# Before the colon stand targets, programs or files. What git itself writes for a revert is right as well.
SUBJECT = re.compile(r"[\w.,/+()' -]*\w[\w.,/+()' -]*: \S|Revert \"")


def commit_complaints(subject):
    """The faults of a commit's first line."""
    if len(subject) > LONGEST_SUBJECT:
        yield f"it has {len(subject)} characters; {LONGEST_SUBJECT} are possible"
    if re.match(r"(?i)(wip\b|fixup!|squash!|tmp\b|temp\b)", subject):
        yield "it is not finished"
    elif not SUBJECT.match(subject):
        yield "it does not begin with a place: '<Where>: <what is now>'"
    if subject.endswith("."):
        yield "it ends with a full stop"


def git(root, *arguments):
    return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout


def files(root, ending):
    """The files that git knows; all files without git."""
    try:
        names = git(root, "ls-files", f"*.{ending}").splitlines()
    except (subprocess.CalledProcessError, FileNotFoundError):
        names = [str(path.relative_to(root)) for path in root.rglob(f"*.{ending}")]
    names = [name for name in names if "/Generated/" not in name and "DiagnosticsTests/Cases" not in name]
    return sorted(name for name in names if (root / name).exists())


def main():
    arguments = sys.argv[1:]
    commits = None
    if arguments[:1] == ["--commits"]:
        commits, arguments = arguments[1], arguments[2:]
    root = pathlib.Path(arguments[0] if arguments else pathlib.Path(__file__).parent.parent.parent).resolve()
    found = []
    if commits is not None:
        for line in git(root, "log", "--no-merges", "--format=%h %s", commits).splitlines():
            name, subject = line.split(" ", 1) if " " in line else (line, "")
            found += [f"{name} '{subject}': {reason}" for reason in commit_complaints(subject)]
    else:
        sources = [Source(name, (root / name).read_text(encoding="utf-8")) for name in files(root, "swift")]
        conformances = Conformances([source for source in sources if not source.is_test])
        for source in sources:
            source.conformances = conformances
            found += complaints(source)
        for name in files(root, "html"):
            lines = (root / name).read_text(encoding="utf-8").split("\n")
            found += [f"{name}:{number + 1}: {reason}" for number, reason in pages(lines)]
    for complaint in found:
        print(complaint)
    print(f"{len(found)} places to mend" if found else "tidy")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
