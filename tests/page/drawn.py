"""Opens reports at three widths on light and dark paper and looks at every figure.

Usage: drawn.py SCREENSHOTS REPORT=VIEW,VIEW,... ...
       drawn.py --picture PNG REPORT, for the README
"""

import pathlib
import sys

from browser import Page, browse

SIZES = [(390, 844), (1280, 900), (2560, 1300)]
SCHEMES = ["light", "dark"]

FIGURES = """() => [...document.querySelectorAll('main svg.chart, main svg.over')].map((svg) => ({
    of: svg.closest('section').id + ': ' + svg.getAttribute('aria-label'),
    inside: (() => { const box = svg.getBoundingClientRect(); return box.width > 200 && box.height > 150 && box.right <= innerWidth + 1; })(),
    marks: [...svg.querySelectorAll('path, circle, rect, line')].filter((own) => own.closest('clipPath') === null && !own.classList.contains('grid')).length,
    label: svg.querySelectorAll('text.label').length,
    ticks: svg.querySelectorAll('text.tick').length,
    broken: /NaN|undefined|Infinity/.test(svg.outerHTML),
}))"""

INK = """() => [...document.querySelectorAll('main canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Set();
    for (let i = 0; i < data.length; i += 4) seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    return seen.size;
})"""

OPENED = "performance.timing.loadEventEnd - performance.timing.navigationStart"

LOOSE = """() => [...document.querySelectorAll('main *')].filter((own) => own.children.length === 0 && own.closest('details:not([open])') === null)
    .map((own) => own.textContent).filter((text) => /\\b(NaN|undefined|null|\\[object)/.test(text))"""

OVERLAP = """() => {
    const found = [];
    for (const svg of document.querySelectorAll('main svg.chart, main svg.over')) {
        const ticks = [...svg.querySelectorAll('text.tick[text-anchor="middle"]')].map((own) => own.getBoundingClientRect());
        ticks.sort((a, b) => a.left - b.left);
        ticks.forEach((own, i) => { if (i > 0 && ticks[i - 1].right > own.left + 1 && Math.abs(ticks[i - 1].top - own.top) < 3) found.push(svg.getAttribute('aria-label')); });
    }
    return found;
}"""


def look(page, views):
    """All that can be said of a page without knowing its numbers."""
    there = page.page.eval_on_selector_all("main > section", "(all) => all.map((own) => own.id)")
    assert there == views, f"views {there} instead of {views}"
    width = page.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], f"wider than the screen: {width}"
    figures = page.page.evaluate(FIGURES)
    drawn = {own["of"].split(":")[0] for own in figures}
    expected = {view for view in views if view not in ("trust", "verdicts")}
    assert expected <= drawn, f"no figure in {expected - drawn}"
    for own in figures:
        assert own["inside"] and own["marks"] >= 2 and own["label"] == 2 and own["ticks"] >= 3 and not own["broken"], own
    for kinds in page.page.evaluate(INK):
        assert kinds > 3, "an empty canvas"
    loose = page.page.evaluate(LOOSE)
    assert not loose, f"not for people: {loose[:3]}"
    overlap = page.page.evaluate(OVERLAP)
    assert not overlap, f"numbers of an axis run into each other: {overlap}"


def main(shots, reports):
    pathlib.Path(shots).mkdir(parents=True, exist_ok=True)

    def work(browser):
        for report in reports:
            path, _, views = report.partition("=")
            name = pathlib.Path(path).parent.name
            quickest = 1e9
            for width, height in SIZES:
                with Page(browser, path, width=width, height=height) as page:
                    quickest = min(quickest, page.page.evaluate(OPENED))
                    for scheme in SCHEMES:
                        page.page.emulate_media(color_scheme=scheme)
                        page.settle()
                        try:
                            look(page, views.split(","))
                            assert page.page.evaluate("document.documentElement.dataset.theme") == scheme
                        except AssertionError as error:
                            raise AssertionError(f"{name} at {width} px, {scheme}: {error}") from error
                        page.page.screenshot(path=f"{shots}/{name}_{width}_{scheme}.png", full_page=True)
            size = pathlib.Path(path).stat().st_size
            assert quickest < 2000, f"{name} takes {quickest} ms to open"
            assert size < 5e6, f"{name} has {size} bytes"
            print(f"{name}: {size / 1e6:.1f} MB, opens in {quickest:.0f} ms")

    browse(work)


def picture(png, report):
    """The views of a sweep, in the slice with friction, with a pin."""

    def work(browser):
        with Page(browser, report, "#h=0.2&rho=0.4&g=0.1", width=1110, height=900) as page:
            page.press("#map-frame svg", "Enter", *["ArrowRight"] * 9, *["ArrowUp"] * 6)
            page.page.evaluate("document.activeElement.blur()")
            page.settle()
            end = page.page.locator("#plane .keys").bounding_box()["y"]
            page.page.screenshot(path=png, full_page=True, clip={"x": 0, "y": 84, "width": 1110, "height": end - 84})

    browse(work)


if __name__ == "__main__":
    picture(*sys.argv[2:]) if sys.argv[1] == "--picture" else main(sys.argv[1], sys.argv[2:])
