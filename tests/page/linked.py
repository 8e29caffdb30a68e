"""The links between views and with the address, by pointer and by keys, and the views of other folders.

Usage: linked.py LINEAR TRANSFORMER TRAINED CLAIMS, four folders with their reports"""

import json
import pathlib
import sys

import numpy
import pandas

from browser import Page, browse, near, numbers

SAID = ["#map-reading", "#outside", "#badge", "#gap", "#pins", "#plane-reading", "#paths-reading"]


def cell_at(page):
    """The values of the sliders."""
    return [page.value(field) for field in ("h", "rho", "g")]


def address(page, browser, path):
    """A link shows the same page; one that makes no sense shows the page as it is at first."""
    for field, value in [("h", 0.37), ("g", 0.2), ("rho", 0.8), ("re", -1.25), ("im", 0.5)]:
        page.fill(field, value)
    page.click('#mode button[data-value="rk4"]')
    page.choose("#quantity", "gap")
    page.choose("#owner", "2")
    page.press("#map-frame svg", "Enter", "ArrowRight", "ArrowUp", "Enter")
    said = {own: page.text(own) for own in SAID}
    link = page.address()
    assert all(word in link for word in ("h=", "pins=", "by=rk4", "q=gap", "member=2")), link
    with Page(browser, path, link) as again:
        assert {own: again.text(own) for own in SAID} == said, "the link shows another page"
        assert again.address() == link
        assert again.page.locator("#pins button").count() == 2
    with Page(browser, path) as first:
        said = {own: first.text(own) for own in SAID}
    with Page(browser, path, "#h=abc&pins=zz.-1.99999999&by=foo&norm=bar&q=none&member=no&layer=1e99&x=%00&theme=blue") as odd:
        odd_said = {own: odd.text(own) for own in SAID if own not in ("#outside", "#plane-reading")}
        assert odd_said == {own: said[own] for own in odd_said}, "an address without sense is not passed over"


def pins(page, folder):
    """A click pins a cell, and another one takes the pin away; arrow keys go from cell to cell."""
    table = pandas.read_parquet(folder / "cells.parquet")
    page.click("#preset-essay")
    x, y = [float(page.attribute("#here", name)) for name in ("cx", "cy")]
    lines = page.page.locator("#paths-frame path.line").count()
    page.point("#map-frame svg", x, y)
    page.page.mouse.down()
    page.page.mouse.up()
    page.page.mouse.move(2, 2)
    page.settle()
    assert page.page.locator("#pins button").count() == 1
    own = cell_at(page)
    assert ((table[["step_size", "radius", "damping"]] - own).abs().max(axis=1) < 6e-4).any(), f"{own} is no cell"
    xs, ys = sorted(table.step_size.unique()), sorted(table.radius.unique())
    here = [int(numpy.abs(numpy.array(grid) - value).argmin()) for grid, value in ((xs, own[0]), (ys, own[1]))]
    page.press("#map-frame svg", "ArrowLeft", "ArrowDown", "ArrowDown")
    moved = cell_at(page)
    assert near(moved[0], xs[here[0] - 1]) and near(moved[1], ys[max(0, here[1] - 2)]), moved
    assert page.page.locator("#paths-frame path.line").count() == 2 * lines, "the pin and the new cell are compared"
    page.press("#map-frame svg", "Enter")
    assert page.page.locator("#pins button").count() == 2
    letters = page.page.eval_on_selector_all("#map-frame .pin-letter", "(all) => all.map((own) => own.textContent)")
    assert letters == ["A", "B"], letters
    page.click("#pins button")
    assert page.page.locator("#pins button").count() == 1
    page.press("#map-frame svg", "Escape")
    assert page.page.locator("#pins button").count() == 0


def presets(page, folder):
    """The essay's step explodes fourfold; at 1/√L it decays; with a norm growth is linear."""
    depth = json.loads((folder / "run.json").read_text())["spec"]["depth"]
    page.fill("h", 0.2)
    page.click("#preset-essay")
    assert cell_at(page) == [1, 1, 0] and "Φ = −4: × 4 per step" in page.text("#badge"), page.text("#badge")
    assert page.page.text_content("#transformer-mark") == "Transformer: h = 1, γ = 0"
    page.click("#preset-depth")
    assert near(page.value("h"), depth**-0.5), page.value("h")
    assert float(page.attribute("#badge", "data-factor")) == abs(1 - 5 / numpy.sqrt(depth))
    assert page.page.locator("#pins button").count() == 1, "beside h = 1"
    page.click("#preset-norm")
    assert "pre norm" in page.text("#badge") and near(numbers(page.text("#badge").split("|x| is")[1])[0], 41)


def plane(page, _):
    """The mode that grows most is followed, and an eigenvalue can be clicked."""
    page.click("#preset-essay")
    page.click("#largest")
    largest = numbers(page.text("#plane-reading"))[-1]
    assert near(float(page.attribute("#badge", "data-factor")), largest, 1e-3), "the mode is the largest"
    before = page.address()
    spot = page.page.eval_on_selector("#mode-mark", "(own) => own.getAttribute('transform').match(/[\\d.-]+/g).map(Number)")
    page.fill("re", -5)
    page.fill("im", 0)
    page.point("#plane-frame svg", *spot)
    assert "Φ =" in page.text("#tip")
    page.page.mouse.down()
    page.page.mouse.up()
    page.settle()
    assert page.address() == before, "the eigenvalue under the pointer is the mode"


def sliders(page, _):
    """Sliders move by pointer and by keys, and what they say is what the fields say."""
    page.slide("h", 0.5)
    assert page.value("h") == 0.5
    page.press("#slide-h", "ArrowRight", "ArrowRight", "PageUp")
    assert near(page.value("h"), 0.62, 1e-9), page.value("h")
    page.fill("g", 7)
    assert page.value("g") == 1, "beyond its end a field is at its end"
    page.fill("g", 0)


def paper(page, _):
    """Light and dark, and print on white."""
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.page.evaluate(ground)
    page.click("#theme")
    assert page.page.evaluate(ground) != light and "theme=dark" in page.address()
    page.page.emulate_media(media="print")
    assert not page.page.is_visible("#controls"), "sliders are of no use on paper"
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.page.evaluate("document.documentElement.dataset.theme") == "light"
    page.page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.page.emulate_media(media="screen")
    page.settle()
    assert page.page.evaluate("document.documentElement.dataset.theme") == "dark"


def depth(page, folder):
    """The figures along the depth are quantiles of the recorded members and of the Jacobians."""
    frame = pandas.read_parquet(folder / "trajectories.parquet")
    start = frame[frame.step == 0].set_index(["member", "step_size", "radius", "damping"]).norm
    frame["growth"] = numpy.log(frame.norm / start.loc[list(zip(frame.member, frame.step_size, frame.radius, frame.damping))].to_numpy())
    frame["perturbation"] = frame.log_perturbation_growth
    cells = pandas.read_parquet(folder / "cells.parquet")
    cell = cells.iloc[len(cells) // 2]
    for field, name in [("h", "step_size"), ("g", "damping"), ("rho", "radius")]:
        page.fill(field, repr(float(cell[name])))
    own = frame[(frame.step_size == cell.step_size) & (frame.radius == cell.radius) & (frame.damping == cell.damping)]
    last = int(own.step.max())
    for figure in ["along-growth", "along-token_similarity", "along-attention_entropy", "along-effective_step", "along-cosine", "paths-frame"]:
        column = "perturbation" if figure == "paths-frame" else figure.removeprefix("along-")
        wanted = own[own.step == last][column].quantile([0.5, 0.1, 0.9]).to_numpy()
        page.press(f"#{figure} svg", *["PageDown"] * 5)
        line = page.text("#tip").split("\n")[1]
        assert all(near(*pair) for pair in zip(numbers(line.split(":")[1])[:3], wanted, strict=True)), f"{figure}: {line} is not {wanted}"
    jacobians = pandas.read_parquet(folder / "linearised.parquet")
    own = jacobians[(jacobians.step_size == cell.step_size) & (jacobians.radius == cell.radius) & (jacobians.damping == cell.damping)]
    page.press("#along-radius svg", *["PageDown"] * 2)
    line = page.text("#tip").split("\n")[1]
    assert near(numbers(line.split(":")[1])[0], own.iloc[-1].spectral_radius_median), line


def fixed(page, folder):
    """Jacobians of one grid point stay what they are wherever the sliders are."""
    spectra = pandas.read_parquet(folder / "spectra.parquet")
    modulus = numpy.hypot(spectra.re, spectra.im)
    band = pandas.read_parquet(folder / "cells.parquet").bands_predicted.max()
    for h, g in [(1, 0), (0.2, 0.6)]:
        page.fill("h", h)
        page.fill("g", g)
        said = numbers(page.text("#outside"))
        assert said[1] == len(spectra) and (modulus > 1 + band).sum() <= said[0] <= (modulus > 1 - band).sum(), said
        assert near(numbers(page.text("#plane-reading"))[-1], modulus.max(), 1e-3), page.text("#plane-reading")


def trained(page, folder):
    """Layers are those of the table, and the plane shows the eigenvalues of the layer that is chosen."""
    layers = pandas.read_parquet(folder / "layers.parquet")
    own = layers[(layers.model == "trained") & (layers.text == layers.text[0]) & (layers.token == layers.token.max())]
    for name in ["spectral_radius", "norm", "state_norm"]:
        said = numbers(page.text(f"#layers-{name} + figcaption"))
        assert said[0] == own.layer[own[name].idxmax()] and near(said[1], own[name].max()), f"{name}: {said}"
    eigenvalues = pandas.read_parquet(folder / "eigenvalues.parquet")
    for layer in own.layer:
        page.slide("layer", int(layer))
        values = eigenvalues[(eigenvalues.model == "trained") & (eigenvalues.layer == layer)]
        said = numbers(page.text("#outside"))
        wanted = own[own.layer == layer].outside_unit_circle.item()
        assert said[:2] == [wanted, len(values)], f"layer {layer}: {said}, not {wanted} of {len(values)}"


def verdicts(page, folder):
    """A card for each claim, with its numbers; buttons show those of one verdict."""
    claims = json.loads((folder / "run.json").read_text())["claims"]
    cards = page.page.locator("article.verdict")
    assert cards.count() == len(claims)
    for claim in claims:
        text = page.text(f"#claim-{claim['id']}")
        assert claim["claim"] in text and claim["command"] in text, claim["id"]
        for own in claim.get("statements", []) or claim["measured"]:
            assert own["value"] is None or any(near(number, own["value"], 1e-4) for number in numbers(text)), f"{own['name']}: {own['value']} is not in {text}"
        for graph in ["graph", "graph_of_model"]:
            drawn = page.page.locator(f"#{graph.replace('_', '-')}-{claim['id']} svg.chart").count()
            assert drawn == (1 if claim.get(graph) else 0), f"{drawn} figures for the {graph} of {claim['id']}"
    for verdict in {claim["verdict"] for claim in claims}:
        page.click(f'#verdicts .bar button[data-value="{verdict}"]')
        seen = page.page.eval_on_selector_all("article.verdict:not([hidden])", "(all) => all.map((own) => own.dataset.verdict)")
        assert seen == [verdict] * sum(claim["verdict"] == verdict for claim in claims), seen
        assert f"verdict={verdict}" in page.address()
    page.click('#verdicts .bar button[data-value="all"]')


def main(linear, transformer, model, *essays):
    checks = {linear: [pins, presets, plane, sliders, paper], transformer: [depth, fixed], model: [trained]} | {essay: [verdicts] for essay in essays}

    def work(browser):
        report = pathlib.Path(linear) / "report.html"
        with Page(browser, report) as page:
            address(page, browser, report)
        for folder, own in checks.items():
            for check in own:
                with Page(browser, pathlib.Path(folder) / "report.html") as page:
                    check(page, pathlib.Path(folder))
                print(f"{check.__name__}: as it should be")

    browse(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
