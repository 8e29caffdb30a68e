"""Moves what can be moved in the report of a linear sweep and compares every number with the folder's tables, as pandas
reads them, and with steps that are taken here. Usage: values.py FOLDER [REPORT [CHECK]]"""

import csv
import json
import pathlib
import sys

import numpy
import pandas

from browser import Page, browse, near, numbers

INTEGRATORS = ["euler", "heun", "rk4", "backward-euler", "exponential-euler"]


def step(integrator, z):
    """One step of x' = z x from 1, by its stages."""
    f = lambda x: z * x  # noqa: E731
    if integrator == "euler":
        return 1 + f(1)
    if integrator == "heun":
        return 1 + (f(1) + f(1 + f(1))) / 2
    if integrator == "rk4":
        k1 = f(1)
        k2 = f(1 + k1 / 2)
        k3 = f(1 + k2 / 2)
        k4 = f(1 + k3)
        return 1 + (k1 + 2 * k2 + 2 * k3 + k4) / 6
    if integrator == "backward-euler":
        return numpy.linalg.solve(numpy.array([[1 - z]], complex), [1])[0]
    return numpy.exp(z)


class Folder:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.run = json.loads((self.path / "run.json").read_text())
        self.spec = self.run["spec"]

    def table(self, name):
        return pandas.read_parquet(self.path / f"{name}.parquet")


def one_mode(page, _):
    """The badge is the factor of a step; the figure's dots are the states after 0, 1, 2, ... steps."""
    for h, g, re, im in [(1, 0, -5, 0), (0.4, 0, -5, 0), (0.3, 0.25, -2.5, 1.5), (2, 0.1, 0.4, -0.7)]:
        for field, value in [("h", h), ("g", g), ("re", re), ("im", im)]:
            page.fill(field, value)
        for integrator in INTEGRATORS:
            page.click(f'#mode button[data-value="{integrator}"]')
            factor = step(integrator, h * complex(re, im) - g)
            said = float(page.attribute("#badge", "data-factor"))
            assert abs(said - abs(factor)) <= 1e-12 * abs(factor), f"{integrator} at {h, g, re, im}: {said}, not {abs(factor)}"
            assert "× " in page.text("#badge") and near(numbers(page.text("#badge").split("×")[1])[0], abs(factor)), page.text("#badge")
            fate = "neutral" if abs(abs(factor) - 1) < 1e-9 else "explodes" if abs(factor) > 1 else "decays"
            assert fate in page.text("#badge"), page.text("#badge")
            steps = min(2, int(6 / h))
            page.press("#mode-frame svg", "ArrowRight")
            for _ in range(steps * 400):
                lines = page.text("#tip").split("\n")
                if near(numbers(lines[0])[0], steps * h):
                    break
                page.page.keyboard.press("ArrowRight")
            dot = [line for line in page.text("#tip").split("\n") if "steps of" in line]
            assert dot and near(numbers(dot[0].split(":")[1])[0], (factor**steps).real, absolute=1e-6), f"{dot} is not {factor**steps}"


def norms(page, _):
    """With a norm before the layer states grow by a constant, with one behind it they stay on the circle."""
    for field, value in [("h", 0.5), ("g", 0.1), ("re", 1.2), ("im", 0.4)]:
        page.fill(field, value)
    page.click('#mode button[data-value="pre"]')
    x = 1 + 0j
    for _ in range(80):
        x = 0.9 * x + 0.5 * complex(1.2, 0.4) * x / abs(x)
    assert near(numbers(page.text("#badge").split("|x| is")[1])[0], abs(x)), page.text("#badge")
    page.click('#mode button[data-value="post"]')
    assert "|x| = 1" in page.text("#badge")
    page.click('#mode button[data-value="none"]')


def outside(page, folder):
    """`k of n outside` counts the eigenvalues of the table that grow under a step, and the disc is where they do not."""
    spectra = folder.table("spectra")
    shift = float(folder.spec.get("shift", 0))
    bands = folder.table("cells")
    exact = folder.spec["radius_kind"] == "exact"
    radii = folder.table("members").spectral_radius.to_numpy() if exact else numpy.ones(spectra.member.max() + 1)
    for h, g, rho in [(1, 0, 1), (0.35, 0.1, 0.6), (1.8, 0.4, 1.2)]:
        for field, value in [("h", h), ("g", g), ("rho", rho)]:
            page.fill(field, value)
        for integrator in INTEGRATORS:
            page.click(f'#mode button[data-value="{integrator}"]')
            for member in ["all", "1"]:
                page.choose("#owner", member)
                own = spectra if member == "all" else spectra[spectra.member == int(member)]
                values = rho * (own.re + 1j * own.im).to_numpy() / radii[own.member] - shift
                growth = numpy.abs([step(integrator, h * value - g) for value in values])
                band = bands.bands_predicted.max()
                least, most = int((growth > 1 + band).sum()), int((growth > 1 - band).sum())
                said = numbers(page.text("#outside"))
                assert said[1] == len(own) and least <= said[0] <= most, f"{page.text('#outside')}, not {least} to {most} of {len(own)}"
        page.choose("#owner", "all")
        page.click('#mode button[data-value="euler"]')
        across, up = page.ticks("#plane-frame")
        unit = numpy.polyfit([x for _, x in across], [pixel for pixel, _ in across], 1)
        centre, radius = [float(page.attribute("#disc", name)) for name in ("cx", "r")]
        assert abs(centre - numpy.polyval(unit, g - 1)) < 0.5, "the disc is centred at γ − 1"
        assert abs(radius - unit[0]) < 0.5, "the disc has radius 1"
        height = numpy.polyfit([y for _, y in up], [pixel for pixel, _ in up], 1)
        assert abs(unit[0] + height[0]) < 0.5, "a circle is round"


def cells(page, folder):
    """The cell under the pointer is the table's, in words, in colour and in every linked view."""
    table = folder.table("cells")
    page.choose("#quantity", "observed_rate_median")
    for row in [0, len(table) // 3, len(table) // 2, len(table) - 1]:
        cell = table.iloc[row]
        for field, name in [("h", "step_size"), ("g", "damping"), ("rho", "radius")]:
            page.fill(field, repr(float(cell[name])))
        x, y = [float(page.attribute("#here", name)) for name in ("cx", "cy")]
        page.fill("h", 1.234)
        page.fill("g", repr(float(cell.damping)))
        page.point("#map-frame svg", x, y)
        lines = page.text("#map-reading").split("\n")
        found = numbers(lines[0])
        assert all(near(*pair) for pair in zip(found[-3:], [cell.step_size, cell.radius, cell.damping], strict=True)), lines[0]
        seen = numbers(next(line for line in lines if line.startswith("observed")))
        wanted = [cell.observed_rate_median, cell.observed_rate_median_interval_low, cell.observed_rate_median_interval_high]
        assert all(near(*pair) for pair in zip(seen, wanted, strict=False)), f"{seen} is not {wanted}"
        promised = numbers(next(line for line in lines if line.startswith("eigenvalues")))
        assert near(promised[0], cell.predicted_rate_median), f"{promised}"
        gap = float(page.attribute("#gap", "data-gap"))
        assert abs(gap - (cell.observed_rate_median - cell.predicted_rate_median)) < 1e-15, gap
        assert near(page.value("h"), cell.step_size), "the slider follows the pointer"
        assert "observed" in page.text("#tip")
        page.page.mouse.move(2, 2)
        page.settle()
        assert near(page.value("h"), 1.234), "and goes back when it leaves"
    colours(page, table)


def colours(page, table):
    """Every cell is red where it grows and blue where it shrinks, and each friction has its picture."""
    frame = "#map-frame canvas"
    for g in sorted(table.damping.unique()):
        page.fill("g", repr(float(g)))
        across, up = page.ticks("#map-frame")
        scale_x = numpy.polyfit([numpy.log(x) for _, x in across], [pixel for pixel, _ in across], 1)
        scale_y = numpy.polyfit([y for _, y in up], [pixel for pixel, _ in up], 1)
        part = table[table.damping == g]
        far = part[part.observed_rate_median.abs() > 0.1 * part.observed_rate_median.abs().max()]
        places = numpy.column_stack([numpy.polyval(scale_x, numpy.log(far.step_size)), numpy.polyval(scale_y, far.radius)])
        red = page.page.eval_on_selector("#map-frame canvas", RED, places.tolist())
        for rate, x in zip(far.observed_rate_median, red, strict=True):
            assert (x > 0) == (rate > 0), f"γ {g}: a cell that grows by {rate} has the wrong colour"


RED = """(own, places) => {
    const r = own.width / own.clientWidth;
    const { data } = own.getContext('2d').getImageData(0, 0, own.width, own.height);
    return places.map(([x, y]) => {
        let sum = 0;
        for (let i = -2; i <= 2; i++) for (let j = -2; j <= 2; j++) {
            const at = 4 * (Math.round((y + j) * r) * own.width + Math.round((x + i) * r));
            sum += data[at] - data[at + 2];
        }
        return sum;
    });
}"""
"""By how much there is more red than blue around some places of a canvas."""


def contours(page, folder):
    """Both lines run where the settled rates cross zero: on every border that they cross, between the two cells."""
    table = folder.table("cells")
    g = table.damping.max()
    page.fill("g", repr(float(g)))
    across, up = page.ticks("#map-frame")
    scale_x = numpy.polyfit([numpy.log(x) for _, x in across], [pixel for pixel, _ in across], 1)
    scale_y = numpy.polyfit([y for _, y in up], [pixel for pixel, _ in up], 1)
    part = table[table.damping == g].sort_values(["radius", "step_size"])
    xs, ys = sorted(part.step_size.unique()), sorted(part.radius.unique())
    px, py = numpy.polyval(scale_x, numpy.log(xs)), numpy.polyval(scale_y, ys)
    for line, name, band in [("#observed-line", "observed_rate_median", "bands_observed"), ("#predicted-line", "predicted_rate_median", "bands_predicted")]:
        rate = part[name].to_numpy().reshape(len(ys), len(xs))
        within = numpy.abs(rate) <= part[band].to_numpy().reshape(rate.shape)
        settled = numpy.clip(numpy.where(within, 0, rate), -1, 1)
        wanted = []
        for j in range(len(ys)):
            for i in range(len(xs)):
                for a, b in [(0, 1), (1, 0)]:
                    if j + a < len(ys) and i + b < len(xs) and (settled[j, i] > 0) != (settled[j + a, i + b] > 0):
                        share = settled[j, i] / (settled[j, i] - settled[j + a, i + b])
                        wanted.append((px[i] + share * (px[min(i + b, len(xs) - 1)] - px[i]) * b, py[j] + share * (py[min(j + a, len(ys) - 1)] - py[j]) * a))
        assert wanted, f"{line}: nothing crosses zero here, and the test says nothing"
        text = page.attribute(line, "d")
        drawn = {tuple(map(float, pair.split(","))) for pair in text.replace("M", " ").replace("L", " ").split()}
        for x, y in wanted:
            assert any(abs(x - a) < 0.6 and abs(y - b) < 0.6 for a, b in drawn), f"{line} does not cross at {x:.1f}, {y:.1f}"
        assert len(drawn) <= len(wanted) + 1, f"{line} crosses at {len(drawn)} places, not {len(wanted)}"


def quantiles(folder, quantity, of):
    """Quantiles over members of a quantity of the trajectories, [h, ρ, γ, step] to [10 %, 50 %, 90 %]."""
    frame = folder.table("trajectories")
    frame["value"] = of(frame)
    grouped = frame.groupby(["step_size", "radius", "damping", "step"]).value
    return grouped.quantile([0.1, 0.5, 0.9]).unstack(), quantity


def bands(page, folder):
    """The bands of the page are the quantiles of the recorded members, and the promise is the predicted rate."""
    wanted, _ = quantiles(folder, "growth", lambda frame: frame.log_growth)
    with open(page.saved("bands", "csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(wanted), f"{len(rows)} rows, not {len(wanted)}"
    for row in rows:
        own = wanted.loc[(float(row["step_size"]), float(row["radius"]), float(row["damping"]), float(row["step"]))]
        for name, value in zip(["growth_q10", "growth_median", "growth_q90"], own, strict=True):
            assert abs(float(row[name]) - value) <= 1e-7 * abs(value) + 1e-12, f"{row}: {name} is not {value}"
    table = folder.table("cells")
    cell = table.iloc[len(table) - 1]
    for field, name in [("h", "step_size"), ("g", "damping"), ("rho", "radius")]:
        page.fill(field, repr(float(cell[name])))
    page.press("#paths-frame svg", *["ArrowRight"] * 3)
    lines = page.text("#tip").split("\n")
    own = wanted.loc[(cell.step_size, cell.radius, cell.damping, numbers(lines[0])[0])]
    assert all(near(*pair) for pair in zip(numbers(lines[1].split(":")[1])[:3], own[[0.5, 0.1, 0.9]], strict=True)), f"{lines} is not {own}"
    depth = int(folder.spec["depth"])
    across, up = page.ticks("#paths-frame")
    scale_y = numpy.polyfit([pixel for pixel, _ in up], [value for _, value in up], 1)
    lines = page.page.eval_on_selector_all("#paths-frame path.line", "(all) => all.map((own) => own.getAttribute('d'))")
    end = float(lines[1].split(",")[-1])
    size = abs(cell.predicted_rate_median * depth) + 1
    assert abs(numpy.polyval(scale_y, end) - cell.predicted_rate_median * depth) < 0.02 * size, "the dotted line ends at the promise"


def downloads(page, folder):
    """What is saved from the page is what the tables hold, to the last bit."""
    for name in ["cells", "members", "spectra"]:
        table = folder.table(name)
        with open(page.saved(name, "csv"), newline="") as file:
            saved = pandas.DataFrame(csv.DictReader(file), dtype=object)
        again = json.loads(pathlib.Path(page.saved(name, "json")).read_text())
        for column in table:
            if str(table[column].dtype) in ("object", "str"):
                assert list(saved[column]) == list(table[column]) == again[column], f"{name}: {column}"
                continue
            truth = table[column].to_numpy(float, na_value=numpy.nan)
            own = numpy.array([float(text) if text else numpy.nan for text in saved[column]])
            assert numpy.array_equal(own, truth, equal_nan=True), f"{name}: {column}"
            assert numpy.array_equal(numpy.array([numpy.nan if value is None else float(value) for value in again[column]]), truth, equal_nan=True), f"{name}: {column} as JSON"


CHECKS = [one_mode, norms, outside, cells, contours, bands, downloads]


def main(folder, report=None, only=None):
    folder = Folder(folder)

    def work(browser):
        for check in CHECKS:
            if only not in (None, check.__name__):
                continue
            with Page(browser, report or folder.path / "report.html") as page:
                check(page, folder)
            print(f"{check.__name__}: as in the tables")

    browse(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
