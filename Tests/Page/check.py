#!/usr/bin/env python3
"""Opens the console's page in Chromium, and uses it as a person would.

    check.py [--screenshots DIRECTORY] [--only WORD]         with mock.py, which it starts
    check.py --program PATH [--screenshots …] [--only …]     with an application, for example demo: PATH --console PORT
    check.py --url URL [--token TOKEN] [--screenshots …]     with a console that runs

Needs Debian's `chromium` and `chromium-driver`, and PyPI's `selenium`; it installs nothing. With PyPI's
`axe-playwright-python` or `axe-selenium-python` it also looks for what keeps people out. If it has started what it looks
at, the page must also survive a restart; with mock.py also ask for a token, show hostile keys as text, and be quick with
300 nodes. Ends with 1 if anything is wrong, with 2 if something that it needs is missing.
"""

import argparse
import json
import sys
import time

import made_up
from browser import Keys, Mock, Page, Program, WebDriverException, Wrong, axe, missing

MANY = 300
# What a person takes for at once, on two busy cores.
DRAWN_SECONDS, SEARCHED_SECONDS, UPDATED_MS = 5.0, 2.5, 150


# MARK: What holds for every console


def draws(page, _):
    """draws each node and topic of the topology"""
    page.until("the graph is drawn", lambda: page.all(".map .node"))
    topology = page.get("/topology")
    nodes = [node for part in topology["subtopologies"] for node in part["nodes"]]
    if len(nodes) > 120:
        return f"{len(nodes)} nodes, folded"
    drawn = page.run("return [...document.querySelectorAll('.map .node title')].map((one) => one.textContent)")
    absent = [node["name"] for node in nodes if not any(text.split("\n")[0] == node["name"] for text in drawn)]
    if absent:
        raise Wrong(f"these nodes are not drawn: {absent}")
    if page.text("#application") != topology["application"]:
        raise Wrong("the application's name is not shown")
    return f"{len(nodes)} nodes, {len(drawn) - len(nodes)} topics"


def updates(page, _):
    """shows new figures by itself"""
    page.until("the state is shown", lambda: page.text("#state") not in ("", "connecting …", "not connected"))
    page.until("rates stand at the edges", lambda: "/s" in page.text(".map .flow.wet text"))
    figures, edges = page.text("#figures"), page.text(".map .flows")
    took = page.until("figures change", lambda: page.text("#figures") != figures)
    page.until("rates change", lambda: page.text(".map .flows") != edges)
    return f"after {took:.1f} s"


def explains(page, _):
    """has the reasons of explain at the top, as sentences"""
    # Those of one kind at one node are told once.
    reasons = {(one["kind"], one.get("node", one["sentence"])) for one in page.get("/explain")["reasons"]}
    if not reasons:
        return "there are none"
    page.until("the reasons are shown", lambda: len(page.all("#why .reason")) == min(len(reasons), 3))
    if len(reasons) > 3:
        page.one("#more-reasons").click()
        page.until("all are shown", lambda: len(page.all("#why .reason")) == len(reasons))
        page.one("#more-reasons").click()
    return f"{len(reasons)} reasons"


def opens_node(page, _):
    """opens a node with a click, and another with the keyboard alone"""
    page.go("")
    node = next((one for one in page.all(".map .node:not(.topic)") if one.is_displayed()), None)
    if node is None:
        return "all are folded"
    node.click()
    page.until("the node is opened", lambda: len(page.all("#view .spark")) == 2)
    page.run("document.querySelector('.map [tabindex=\"0\"]').focus()")
    first = page.run("return document.activeElement.getAttribute('aria-label')")
    for _ in range(2):
        page.browser.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    second = page.run("return document.activeElement.getAttribute('aria-label')")
    if first == second:
        raise Wrong("the arrow keys do not move in the graph")
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    page.until("Enter opens what has the focus", lambda: page.run("return document.activeElement.tagName") == "H2")
    return f"{first}; {second}"


def shows_process(page, _):
    """shows tasks, memory and lag of the process"""
    page.go("")
    status = page.get("/status")
    page.until("the tasks are listed", lambda: all(
        task["id"] in page.text("#view") for task in sorted(status["tasks"], key=lambda task: -len(task["waitsFor"]))[:1]))
    if status.get("memory") and "MiB" not in page.text("#view"):
        raise Wrong("the memory is not shown")
    if status.get("disk") and "free" not in page.text("#view"):
        raise Wrong("the disk is not shown")
    return f"{len(status['tasks'])} tasks"


def folds(page, _):
    """folds a sub-topology, and unfolds it"""
    before = len(page.all(".map .node"))
    title = "[...document.querySelectorAll('.map .title')].at(-1)"
    page.run(title + ".focus()")
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    page.until("it is folded", lambda: len(page.all(".map .node")) < before)
    page.until("its title keeps the focus", lambda: page.run(f"return document.activeElement === {title}"))
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    page.until("it is unfolded", lambda: len(page.all(".map .node")) == before)


def time_line(page, _):
    """has a time line of the rate, states and events"""
    page.until("a curve is drawn", lambda: page.all("#time .curve") and page.all("#time .band"))
    page.go("events")
    page.until("events are listed", lambda: len(page.all("#view tbody tr")) > 1)
    return f"{len(page.all('#view tbody tr'))} events"


def looks_up(page, _):
    """looks keys of a store up"""
    kinds = ("window", "session", "versioned")
    store = next((one["name"] for one in page.get("/stores")["stores"]
                  if one["isQueryable"] and one["kind"] not in kinds), None)
    if store is None:
        return "no store can be asked"
    page.go("store", store)
    page.press("Browse")
    page.until("entries are listed", lambda: page.all("#store-entries tbody button, #store-entries .faint"))
    entries = page.all("#store-entries tbody button")
    if not entries:
        return f"'{store}' is empty"
    entries[0].click()
    page.until("its value is shown", lambda: page.all("#store-answer pre"))
    return f"'{store}', {len(entries)} entries on the first page"


def tails(page, _):
    """shows the latest records of a topic, and one of them in full"""
    topic = next(one["name"] for one in page.get("/topics")["topics"] if one["role"] == "input")
    page.go("topic", topic)
    page.until("records are listed", lambda: page.all("#topic-records tbody tr"))
    places = page.all("#topic-records tbody button")
    if not places:
        return f"'{topic}' is empty"
    page.one("h1").click()  # The list waits while the pointer is over it.
    before = page.text("#topic-records tbody")
    took = page.until("newer ones follow", lambda: page.text("#topic-records tbody") != before)
    page.run("document.querySelector('#topic-records tbody button').click()")
    page.until("the record is opened", lambda: page.all("#topic-records pre"))
    return f"'{topic}', newer ones after {took:.1f} s"


def every_view(page, options):
    """is open to everybody (axe), light and dark, in each view"""
    source = axe()
    if source is None:
        return "left out: axe is not installed"
    views = [[""], ["stores"], ["topics"], ["events"], ["text"]]
    views.append(["node", page.get("/topology")["subtopologies"][0]["nodes"][0]["name"]])
    views += [["store", one["name"]] for one in page.get("/stores")["stores"][:3]]
    views.append(["topic", page.get("/topics")["topics"][0]["name"]])
    found = []
    for theme in ("light", "dark"):
        page.dark(theme == "dark")
        for view in views:
            page.go(*view)
            time.sleep(0.4)
            page.run(source + "; window.axe = axe;")
            result = page.browser.execute_async_script(
                "const done = arguments[0]; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', "
                "'wcag22aa', 'best-practice'] }).then((found) => done(found.violations.map((one) => one.id + ': ' + one.help "
                "+ ' ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + node.failureSummary))))")
            found += [f"{theme}, {'/'.join(view)}: {text}" for text in result]
    page.dark(False)
    if found:
        raise Wrong("\n    ".join(sorted(set(found))))
    return f"{len(views)} views, each light and dark"


def narrow(page, _):
    """fits a narrow window"""
    page.size(390, 844)
    page.go("")
    width = page.run("return document.documentElement.scrollWidth")
    page.size(1600, 1000)
    if width > 390:
        raise Wrong(f"at a width of 390 it is {width} wide")
    return "390 points"


def pictures(page, options):
    """is drawn for the documentation"""
    if not options.screenshots:
        return "left out: no directory is given"
    page.size(1440, 900)
    page.go("")
    # A minute of it shows what the windows and joins do.
    page.until("a minute has passed", lambda: page.get("/status")["now"] - page.get("/status")["startedAt"] > 60_000, 90)
    page.press("2 min", "#time")
    page.press("Fit", "#zoom")
    for theme in ("light", "dark"):
        page.dark(theme == "dark")
        time.sleep(1.2)
        page.save(options, f"console-{theme}")
    page.dark(False)
    if node := next((one["node"] for one in page.get("/explain")["reasons"] if "node" in one), None):
        page.go("node", node)
        time.sleep(3)  # Its curves begin when it is opened.
        page.save(options, "console-node")
    if store := next((one["name"] for one in page.get("/stores")["stores"] if one["kind"] == "window"), None):
        rows = page.get(f"/stores/{store}/windows?limit=1")["entries"]
        page.go("store", store)
        page.one("#store-key").send_keys(str(rows[0]["key"]) + Keys.ENTER)
        page.until("the windows are drawn", lambda: page.all("#store-answer svg rect"))
        page.one("h1").click()
        time.sleep(1.2)
        page.save(options, "console-windows")
    page.size(1600, 1000)
    return options.screenshots


# MARK: What takes made-up data


def hostile_keys(page, _):
    """shows hostile keys as text, and runs nothing of them"""
    page.go("store", "customers")
    for key in made_up.HOSTILE_KEYS:
        if any(ord(letter) < 32 for letter in key):
            continue  # A person cannot type these; they are listed below.
        page.run("document.querySelector('#store-key').value = arguments[0]; "
                 "document.querySelector('#store-key').form.requestSubmit()", key)
        name = json.dumps(key[:20])[1:-1] if key.isascii() else ""
        page.until(f"the value of {key!r:.40} is shown",
                   lambda: name in page.text("#store-answer pre") and "visits" in page.text("#store-answer pre"))
    page.press("Browse")
    page.until("they are listed", lambda: "<img src=x" in page.text("#store-entries"))
    text = page.text("#store-entries")
    if "\\x1b" not in text or "\x1b" in text:
        raise Wrong("control characters are not made visible")
    page.go("node", "per-minute")
    page.until("samples are shown", lambda: "<script>" in page.text("#view details"))
    if page.run("return document.querySelectorAll('img, iframe, body script').length") != 1:
        raise Wrong("data became markup")
    if "broken" in page.browser.title:
        raise Wrong("data was run")
    return f"{len(made_up.HOSTILE_KEYS)} keys"


def exact_numbers(page, _):
    """shows whole numbers with all their digits"""
    page.go("store", "customers")
    page.one("#store-key").send_keys("ada-003" + Keys.ENTER)
    page.until("the value is shown", lambda: page.all("#store-answer pre"))
    value = page.get("/stores/customers/get?key=ada-003")["value"]["id"]
    if str(value) not in page.text("#store-answer pre"):
        raise Wrong(f"{value} is not in {page.text('#store-answer pre')}")
    return str(value)


def no_value(page, _):
    """says why a key has no value"""
    page.go("store", "customers")
    page.one("#store-key").send_keys("nobody" + Keys.ENTER)
    page.until("the reason is shown", lambda: "has no record of this key" in page.text("#store-answer"))


def windows(page, _):
    """draws a key's windows on a time line"""
    page.go("store", "per-minute")
    page.one("#store-key").send_keys("apple" + Keys.ENTER)
    page.until("the windows are drawn", lambda: len(page.all("#store-answer svg rect")) > 5)
    return f"{len(page.all('#store-answer svg rect'))} windows"


def all_groups(page, _):
    """judges the groups of others when it is asked to"""
    page.go("")
    page.until("the lag is shown", lambda: "Lag" in page.text("#view"))
    page.run("[...document.querySelectorAll('#view label')].find((one) => one.textContent.includes('others')).click()")
    page.until("their names are shown", lambda: "reports" in page.text("#view"))
    page.run("[...document.querySelectorAll('#view label')].find((one) => one.textContent.includes('others')).click()")
    page.until("they are gone again", lambda: "reports" not in page.text("#view"))


def changes(page, _):
    """follows a store's changes"""
    page.go("store", "per-minute")
    page.press("Follow changes")
    page.until("changes come", lambda: len(page.all("#view section:last-child tbody tr")) > 3)
    page.until("their windows are shown", lambda: "1 min long" in page.text("#view section:last-child tbody"))
    page.press("Stop following")


def searched_key(page, _):
    """finds the records of a key in a topic"""
    page.go("topic", "orders")
    page.one("#view input[placeholder=any]").send_keys("ada" + Keys.ENTER)
    cells = "#topic-records tbody tr:not([hidden]) td:nth-child(3)"
    texts = f"return [...document.querySelectorAll('{cells}')].map((one) => one.textContent)"
    page.until("only its records are listed", lambda: set(page.run(texts)) == {"ada"})


def restarts(page, _):
    """survives a restart of the application, and says so"""
    page.go("")
    page.server.order("restart?seconds=2")
    page.until("it says that the connection is lost", lambda: "is lost" in page.text("#notice"))
    took = page.until("it says that the application restarted", lambda: "restarted" in page.text("#notice"), 20)
    before = page.text("#figures")
    page.until("figures change again", lambda: page.text("#figures") != before and "/s" in page.text(".map .flow.wet text"))
    return f"there again after {took:.1f} s"


def many_nodes(options):
    """300 nodes: draws and searches them without delay"""
    with Mock("--nodes", str(MANY)) as mock, Page(mock.url) as page:
        folded = page.until("the boxes are drawn", lambda: page.all(".map .box"))
        script = """const begun = performance.now(); [...document.querySelectorAll('#zoom button')]
            .find((one) => one.textContent === 'Unfold all').click(); document.querySelector('.map').getBoundingClientRect();
            return performance.now() - begun"""
        unfolded = page.run(script) / 1000
        drawn = len(page.all(".map .node:not(.topic)"))
        page.until("rates stand at the edges", lambda: "/s" in page.text(".map .flow.wet text"))
        update = page.run("const begun = performance.now(); showAll(); document.body.getBoundingClientRect(); "
                          "return performance.now() - begun")
        page.save(options, "console-300-nodes")
        name = mock_name(page, 250)
        begun = time.monotonic()
        page.one("body").send_keys("/")
        page.browser.switch_to.active_element.send_keys(name + Keys.ENTER)
        page.until("the node is opened", lambda: page.text("#view h2") == name)
        searched = time.monotonic() - begun
        wrong = page.complaints()
    figures = (f"folded after {folded:.2f} s, all {drawn} drawn in {unfolded:.2f} s, found and opened in {searched:.2f} s, "
               f"an update takes {update:.0f} ms")
    if wrong or drawn != MANY or folded + unfolded > DRAWN_SECONDS or searched > SEARCHED_SECONDS or update > UPDATED_MS:
        raise Wrong("; ".join([figures, *wrong]))
    return figures


def mock_name(page, number):
    return [node["name"] for part in page.get("/topology")["subtopologies"] for node in part["nodes"]][number]


def token(options):
    """asks for a token if the console wants one"""
    with Mock("--token", "secret") as mock, Page(mock.url, "wrong") as page:
        time.sleep(0.5)
        page.until("a wrong token is asked for again", lambda: page.one("#token-text").is_displayed())
        page.one("#token-text").send_keys("secret" + Keys.ENTER)
        page.until("the graph is drawn", lambda: page.all(".map .node"))


def silence(options):
    """says why there is no output when there is none"""
    with Mock() as mock, Page(mock.url) as page:
        mock.order("silent")
        page.until("the title says so", lambda: page.text("#why-title") == "Why there is no output", 30)
        if "has never had a record" not in page.text("#why"):
            raise Wrong("the first reason is not shown")


EVERYWHERE = [
    draws, updates, explains, opens_node, shows_process, folds, time_line, looks_up, tails, every_view, narrow, pictures]
MADE_UP = [hostile_keys, exact_numbers, no_value, windows, all_groups, changes, searched_key, restarts]
ALONE = [many_nodes, token, silence]


def run(steps, subject, options):
    """Runs the steps, and returns how many went wrong."""
    failures = 0
    for step in steps:
        if options.only and options.only not in step.__name__:
            continue
        try:
            said = step(subject, options) if subject else step(options)
            print(f"ok     {step.__doc__}" + (f" ({said})" if said else ""), flush=True)
        except (Wrong, WebDriverException) as error:
            failures += 1
            text = str(error) if isinstance(error, Wrong) else f"{type(error).__name__}: {error.msg}"
            print(f"WRONG  {step.__doc__}: {text}", flush=True)
    return failures


def clean(page, _):
    """leaves the browser's console empty"""
    found = page.complaints()
    if found:
        raise Wrong("\n    ".join(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the address of a console that runs")
    parser.add_argument("--program", metavar="PATH", help="an application that takes --console PORT")
    parser.add_argument("--token", help="the token that it asks for")
    parser.add_argument("--screenshots", metavar="DIRECTORY", help="where pictures go")
    parser.add_argument("--only", metavar="WORD", help="only steps whose name contains it")
    options = parser.parse_args()
    if missing():
        print("missing: " + ", ".join(missing()))
        return 2
    if options.url:
        with Page(options.url, options.token) as page:
            return 1 if run([*EVERYWHERE, clean], page, options) else 0
    if options.program:
        with Program(options.program) as program, Page(program.url) as page:
            page.server = program
            return 1 if run([*EVERYWHERE, restarts, clean], page, options) else 0
    with Mock() as mock, Page(mock.url) as page:
        page.server = mock
        failures = run([*EVERYWHERE, *MADE_UP, clean], page, options)
    return 1 if failures + run(ALONE, None, options) else 0


if __name__ == "__main__":
    sys.exit(main())
