"""A page in a headless browser: what it says, where things are, and everything that goes wrong."""

import os
import pathlib
import re
import shutil

from playwright.sync_api import sync_playwright

BROWSER = os.environ.get("EULERSCOPE_BROWSER") or shutil.which("chromium") or "chromium is not installed; run bash tests/run.sh"
WAIT = 10
"""Milliseconds after a change: a page draws within two frames."""


class Page:
    """An open report. Closing it fails if anything was complained about or fetched."""

    def __init__(self, browser, path, address="", width=1280, height=900, scheme="light"):
        self.trouble = []
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: message.type in ("error", "warning") and self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", lambda request: self.note(request.url))
        self.page.goto(pathlib.Path(path).resolve().as_uri() + address)
        self.settle()

    def note(self, url):
        if not url.startswith(("file:", "data:", "blob:")):
            self.trouble.append(f"fetches {url}")

    def settle(self):
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        self.page.wait_for_timeout(WAIT)

    def close(self):
        self.context.close()
        assert not self.trouble, f"the page complains: {self.trouble[:5]}"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.close()
        else:
            self.context.close()

    # What a reader does.

    def fill(self, field, value):
        """Writes a number into a field and leaves it."""
        self.page.fill(f"#field-{field}", str(value))
        self.page.press(f"#field-{field}", "Enter")
        self.page.evaluate("document.activeElement.blur()")
        self.settle()

    def slide(self, name, value):
        """Moves a slider as a pointer would."""
        move = "(own, value) => { own.value = value; own.dispatchEvent(new Event('input', { bubbles: true })); }"
        self.page.eval_on_selector(f"#slide-{name}", move, value)
        self.settle()

    def click(self, selector):
        self.page.click(selector)
        self.settle()

    def choose(self, selector, value):
        self.page.select_option(selector, value)
        self.settle()

    def press(self, selector, *keys):
        self.page.focus(selector)
        for key in keys:
            self.page.keyboard.press(key)
            self.settle()

    def point(self, selector, x, y):
        """Moves the pointer to a place of a figure, in the figure's own coordinates."""
        self.page.locator(selector).scroll_into_view_if_needed()
        box = self.page.locator(selector).bounding_box()
        self.page.mouse.move(box["x"] + x, box["y"] + y)
        self.settle()

    # What a reader sees.

    def text(self, selector):
        return self.page.inner_text(selector)

    def value(self, field):
        return float(self.page.input_value(f"#field-{field}"))

    def address(self):
        return self.page.evaluate("location.hash")

    def attribute(self, selector, name):
        return self.page.get_attribute(selector, name)

    def saved(self, table, ending):
        """A table as the page lets it be downloaded."""
        with self.page.expect_download() as download:
            self.page.click(f'button[data-table="{table}"][data-ending="{ending}"]')
        return download.value.path()

    def ticks(self, frame):
        """Where the numbers of a figure's axes are: [(pixel, value)] across and up."""
        read = """(own) => [...own.querySelectorAll('text.tick')].map((tick) => [tick.getAttribute('text-anchor'),
            Number(tick.getAttribute('x')), Number(tick.getAttribute('y')), tick.textContent])"""
        across, up = [], []
        for anchor, x, y, text in self.page.eval_on_selector(f"{frame} svg", read):
            number = parsed(text)
            if number is None:
                continue
            (across if anchor == "middle" else up).append((x, number) if anchor == "middle" else (y - 4, number))
        return across, up


NUMBER = re.compile(r"[−+]?\d[\d,]*(?:\.\d+)?(?: · 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
RAISED = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def parsed(text):
    """A number of the page, such as −1.5 · 10⁻⁴; None if the text is another."""
    found = NUMBER.fullmatch(text.strip())
    return numbers(text)[0] if found else None


def numbers(text):
    """All numbers of a text of the page."""
    found = []
    for word in NUMBER.findall(text):
        mantissa, _, power = word.replace("−", "-").replace(",", "").partition(" · 10")
        found.append(float(mantissa) * 10.0 ** int(power.translate(RAISED) or 0))
    return found


def near(found, wanted, relative=6e-3, absolute=1e-12):
    """Are two numbers the same as far as three digits say?"""
    return abs(found - wanted) <= relative * abs(wanted) + absolute


def browse(work):
    """Gives a browser to some work."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            return work(browser)
        finally:
            browser.close()
