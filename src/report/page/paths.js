// Growth along the depth at the current cell and the pins: the middle of the recorded members, and what the eigenvalues
// promise.

const bands = table("bands");

/** The rows of each recorded grid point by its cell, in the order of the steps; points follow one after the other. */
const recordedAt = (() => {
  if (!bands || !cells) return new Map();
  const keys = gridKeys.filter((key) => bands.has(key) && cells.has(key));
  const name = (own, row) => keys.map((key) => own.at(key, row)).join(" ");
  const cellOf = new Map(Array.from({ length: cells.rows }, (_, row) => [name(cells, row), row]));
  const found = new Map();
  let [cell, steps] = [-1, Infinity];
  for (let row = 0; row < bands.rows; row++) {
    if (bands.at("step", row) <= steps) cell = cellOf.get(name(bands, row));
    steps = bands.at("step", row);
    if (!found.has(cell)) found.set(cell, []);
    found.get(cell).push(row);
  }
  return found;
})();

/** The quantiles of a quantity along the depth at a cell; none where it was not recorded. */
function along(row, quantity) {
  const rows = recordedAt.get(row);
  if (!rows || !bands.has(`${quantity}_median`)) return [];
  const value = (part, at) => bands.at(`${quantity}_${part}`, at);
  const points = rows.map((at) => ({ x: bands.at("step", at), y: value("median", at), low: value("q10", at), high: value("q90", at) }));
  return points.filter((point) => Number.isFinite(point.y));
}

const recordedMembers = () => run.trajectory_members ?? Math.min(...(run.combinations ?? []).map((own) => own.trajectory_members ?? Infinity));

/** Why states need not grow as eigenvalues promise. */
function reasonOfGap() {
  if (!isLinear) return "the Jacobians along a trajectory differ, and their product grows by its Lyapunov exponent";
  if (spec.weights === "tied") return `layers that are not normal take many steps to the long run, and ${plural(depthOf(), "step")} are not that yet`;
  return "different layers grow by the Lyapunov exponent of their product, not by the eigenvalues of one";
}

function buildPaths(body) {
  const frame = make("div", { id: "paths-frame" });
  const badge = make("p", { class: "badge", id: "gap", role: "status" });
  const reading = make("p", { class: "reading", id: "paths-reading" });
  body.append(badge, frame, reading);
  listen(() => {
    const quantity = bands.has("perturbation_median") ? "perturbation" : "growth";
    const what = quantity === "perturbation" ? "ln ‖δx‖/‖δx at 0‖ (nats)" : "ln ‖x‖/‖x at 0‖ (nats)";
    const series = [];
    const gaps = [];
    for (const own of compared()) {
      const points = along(own.row, quantity);
      if (points.length === 0) continue;
      const rate = cells.at("predicted_rate_median", own.row);
      const last = points.at(-1);
      series.push({ ...own, points, band: true, spread: "80 % of the recorded members", mark: undefined });
      if (Number.isFinite(rate)) {
        series.push({ name: series.length === 1 ? "dotted: the eigenvalues' promise" : "", silent: true, colour: own.colour, dash: "1 5", width: 2.2, points: points.map(({ x }) => ({ x, y: rate * x })) });
        gaps.push({ own, x: last.x, from: rate * last.x, to: last.y });
      }
    }
    const bracket = (x, y) => gaps.flatMap(({ own, x: at, from, to }, i) => {
      const left = x(at) - 3 - 5 * i;
      const label = draw("text", { class: "gap-name", x: left - 6, y: (y(from) + y(to)) / 2 + 4, "text-anchor": "end", fill: own.colour }, `gap ${signed(to - from)} nats`);
      const bar = draw("path", { class: "gap-bar", d: `M${left},${y(from)}V${y(to)}`, stroke: own.colour });
      return Math.abs(y(from) - y(to)) < 14 ? [bar] : [bar, label];
    });
    chart(frame, { name: "Growth along the depth", x: { label: "step k" }, y: { label: what }, series, rules: [{ y: 0, text: "neutral" }], extra: bracket, height: 470 });
    sayGap(badge, reading);
  });
}

function sayGap(badge, reading) {
  const { cell } = current();
  const [seen, promised] = [spreadOf(cell, "observed_rate"), spreadOf(cell, "predicted_rate")];
  const gap = seen.middle - promised.middle;
  badge.dataset.gap = String(gap);
  if (!Number.isFinite(gap)) {
    badge.replaceChildren("no promise is known here");
    say(reading, "");
    return;
  }
  const apart = seen.low > promised.high || promised.low > seen.high;
  badge.replaceChildren(make("b", {}, `gap ${signed(gap)} a step`), ` over the later half: promised ${signed(promised.middle, 4)}, observed ${signed(seen.middle, 4)}`);
  const missing = recordedAt.has(cell) ? "" : " At this cell no trajectories were recorded, so none are drawn.";
  const members = recordedMembers();
  const basis = Number.isFinite(members) ? ` Bands are the middle 80 % of ${count(members)} recorded members; rates are medians over the later half of the depth and all ${count(cells.at("members", cell))} members.` : "";
  say(reading, (apart ? `The two differ beyond their 95 % intervals: ${reasonOfGap()}.` : "The two agree within their 95 % intervals.") + basis + missing);
}
