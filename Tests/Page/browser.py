"""A browser that has the console's page open, and what it needs: for check.py."""

import importlib.util
import json
import pathlib
import re
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request

try:
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    webdriver = By = Keys = None
    WebDriverException = Exception

HERE = pathlib.Path(__file__).resolve().parent
AXE_FILES = ["axe_playwright_python/axe.min.js", "axe_selenium_python/node_modules/axe-core/axe.min.js"]


class Wrong(Exception):
    """The page does not do what it should."""


def missing():
    """What has to be installed first."""
    found = [] if webdriver else ["selenium from PyPI"]
    return found + [f"Debian's {name}" for name, program in [("chromium", "chromium"), ("chromium-driver", "chromedriver")]
                    if not shutil.which(program)]


def axe():
    """The text of axe-core, from whichever of its packages is there."""
    for name in AXE_FILES:
        found = importlib.util.find_spec(name.split("/")[0])
        if found and found.origin:
            path = pathlib.Path(found.origin).parent.parent / name
            if path.exists():
                return path.read_text(encoding="utf-8")
    return None


class Mock:
    """The server of made-up data, in a process of its own."""

    def __init__(self, *flags):
        command = [sys.executable, str(HERE / "mock.py"), *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def order(self, what):
        urllib.request.urlopen(f"{self.url}mock/{what}", timeout=10).read()


class Program:
    """An application with a console, in a process of its own."""

    def __init__(self, path):
        self.path = path
        self.start("0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, port):
        self.process = subprocess.Popen([self.path, "--console", port], stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self.process.stdout.readline())[0]

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def order(self, what):
        """The same as mock.py's order of that name: `restart?seconds=S`."""
        self.stop()
        time.sleep(float(what.rpartition("=")[2]))
        self.start(str(urllib.parse.urlsplit(self.url).port))


class Page:
    """A browser that has the page open."""

    def __init__(self, url, token=None, width=1600, height=1000):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for flag in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.browser, self.url, self.token = webdriver.Chrome(options=options, service=service), url, token
        self.size(width, height)
        self.browser.get(url)
        if token:
            self.until("the page asks for the token", lambda: self.one("#token-text").is_displayed())
            self.one("#token-text").send_keys(token + Keys.ENTER)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.quit()

    def size(self, width, height):
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def dark(self, is_dark):
        value = "dark" if is_dark else "light"
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": value}]})

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def run(self, script, *values):
        return self.browser.execute_script(script, *values)

    def go(self, *parts):
        place = "#/" + "/".join(urllib.parse.quote(part, safe="") for part in parts)
        self.run("location.hash = arguments[0]", place)
        self.until(f"{place} opens", lambda: self.text("#view h2") != "" and self.run("return location.hash") == place)

    def press(self, words, inside="#view"):
        button = next((one for one in self.all(f"{inside} button") if one.text == words), None)
        if button is None:
            raise Wrong(f"there is no button '{words}'")
        self.run("arguments[0].scrollIntoView({ block: 'center' })", button)
        button.click()

    def until(self, what, holds, seconds=10.0):
        """Waits until something holds, and returns how long that took."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            try:
                if holds():
                    return time.monotonic() - begun
            except WebDriverException:
                pass  # It was drawn anew in between.
            time.sleep(0.02)
        raise Wrong(f"not within {seconds:.0f} s: {what}")

    def get(self, path):
        request = urllib.request.Request(urllib.parse.urljoin(self.url, path))
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def complaints(self):
        """What the browser's console has; that nobody answered during a restart is no fault of the page."""
        return [entry["message"] for entry in self.browser.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING") and "Failed to load resource" not in entry["message"]]

    def save(self, options, name):
        if options.screenshots:
            pathlib.Path(options.screenshots).mkdir(parents=True, exist_ok=True)
            self.browser.save_screenshot(str(pathlib.Path(options.screenshots) / f"{name}.png"))
