// A trained model: its layers, its texts under other step sizes, and the exponents of long products.

/** One small chart after the other, each with a heading and a reading. */
function smallCharts(body, list) {
  const grid = make("div", { class: "small" });
  body.append(grid);
  for (const own of list) {
    const frame = make("div", { id: own.id });
    const reading = make("figcaption", { class: "reading" });
    grid.append(make("figure", {}, [make("h3", {}, own.name), frame, reading]));
    listen(() => {
      const { series, rules, x, y, said } = own.of();
      chart(frame, { name: own.name, x, y, series, rules, height: 230 });
      say(reading, said);
    });
  }
}

/** A line of the i-th kind. */
const lineOf = (i, name, points, more = {}) => ({ name, colour: lineColour(i), dash: DASHES[i % DASHES.length], points, mark: i, size: 2.2, ...more });

const BY_LAYER = [
  { key: "spectral_radius", name: "spectral radius of the layer's Jacobian", label: "max |λ(J)|", rule: 1, kind: "log" },
  { key: "outside_unit_circle", name: "eigenvalues outside the unit circle", label: "count" },
  { key: "growing_modes", name: "modes with Re λ above 1", label: "count" },
  { key: "norm", name: "largest gain of a layer", label: "‖J‖", rule: 1, kind: "log" },
  { key: "product_log_norm", name: "gain of all layers so far", label: "ln ‖product of J‖ (nats)", rule: 0 },
  { key: "state_norm", name: "norm of the state before the layer", label: "‖x‖", kind: "log" },
  { key: "relative_step", name: "step of the layer against the state", label: "‖x after − x‖/‖x‖", kind: "log" },
  { key: "departure_from_normality", name: "departure from normality", label: "Henrici" },
];

/** Values of a column by layer, one line for each model (trained and its controls), over the last token of the first text. */
function byLayer(own, key) {
  const models = own.has("model") ? distinct(own.column("model")) : ["trained"];
  const order = ["trained", ...models.filter((model) => model !== "trained")];
  const [text, token] = [own.at("text", 0), Math.max(...own.column("token"))];
  return order.map((model, i) => {
    const points = [];
    for (let row = 0; row < own.rows; row++) {
      if ((own.has("model") && own.at("model", row) !== model) || own.at("text", row) !== text || own.at("token", row) !== token) continue;
      points.push({ x: own.at("layer", row), y: own.at(key, row) });
    }
    return lineOf(i, model, points.sort((a, b) => a.x - b.x));
  });
}

function buildLayers(body) {
  const own = table("layers");
  const there = BY_LAYER.filter(({ key }) => own.has(key) && own.column(key).some(Number.isFinite));
  const list = there.map(({ key, name, label, rule, kind }) => ({
    id: `layers-${key}`,
    name,
    of: () => {
      const series = byLayer(own, key);
      const points = series[0].points.filter((point) => Number.isFinite(point.y));
      const most = points.reduce((a, b) => (b.y > a.y ? b : a), points[0]);
      const rules = [...(rule === undefined ? [] : [{ y: rule, text: "neutral" }]), { x: state.layer, text: "" }];
      return { series, rules, x: { label: "layer" }, y: { label, kind }, said: most ? `Largest at layer ${most.x}: ${brief(most.y, 4)}.` : "" };
    },
  }));
  smallCharts(body, list);
  const layer = make("input", { type: "range", id: "slide-layer", min: 0, max: Math.max(...own.column("layer")), step: 1, "aria-label": "layer of the plane of eigenvalues", oninput: () => choose({ layer: Number(layer.value) }) });
  const field = make("output", {});
  body.prepend(make("label", { class: "slider" }, [make("span", {}, "layer of the plane of eigenvalues"), layer, field]));
  listen(() => {
    layer.value = state.layer;
    say(field, String(state.layer));
  });
}

/** A value of a text over step size, a line for each friction; or over friction where there is one step size. */
function overSteps(own, key) {
  const [over, by] = distinct(own.column("step_size")).length > 1 ? ["step_size", "damping"] : ["damping", "step_size"];
  const lines = distinct(own.column(by)).slice(0, 6).map((value, i) => {
    const points = [];
    for (let row = 0; row < own.rows; row++) if (own.at(by, row) === value) points.push({ x: own.at(over, row), y: own.at(key, row) });
    return lineOf(i, `${SHORT[by]} = ${brief(value)}`, points.sort((a, b) => a.x - b.x));
  });
  return { lines, over };
}

function buildTexts(body) {
  const own = textCells;
  const quantities = [
    { key: "cross_entropy", name: "cross-entropy of the text", label: "nats per token" },
    { key: "kl_divergence", name: "divergence from the trained model", label: "nats per token" },
    { key: "margin", name: "margin of the two words", label: "difference of logits", rule: 0 },
    { key: "log_growth", name: "growth of the state", label: "ln ‖x‖/‖x at 0‖ (nats)" },
    { key: "predicted_log_growth", name: "growth as predicted from h = 1, γ = 0", label: "ln ‖x‖/‖x at 0‖ (nats)" },
  ].filter(({ key }) => own.has(key) && own.column(key).some(Number.isFinite));
  const list = quantities.map(({ key, name, label, rule }) => ({
    id: `texts-${key}`,
    name,
    of: () => {
      const { lines, over } = overSteps(own, key);
      const rules = [...(rule === undefined ? [] : [{ y: rule, text: "" }]), { x: over === "step_size" ? 1 : 0, text: "as trained" }];
      const points = lines[0].points.filter((point) => Number.isFinite(point.y));
      const best = points.reduce((a, b) => (b.y < a.y ? b : a), points[0]);
      return { series: lines, rules, x: { label: SYMBOLS[over] }, y: { label }, said: best ? `Least at ${SHORT[over]} = ${brief(best.x)}: ${brief(best.y, 4)} (${lines[0].name}).` : "" };
    },
  }));
  const lens = table("lens");
  if (lens) list.push({ id: "lens", name: "margin by layer", of: () => marginByLayer(lens) });
  smallCharts(body, list);
}

function marginByLayer(lens) {
  const damping = lens.column("damping").reduce((a, b) => (Math.abs(b - state.g) < Math.abs(a - state.g) ? b : a));
  const lines = distinct(lens.column("step_size")).slice(0, 6).map((h, i) => {
    const points = [];
    for (let row = 0; row < lens.rows; row++) if (lens.at("step_size", row) === h && lens.at("damping", row) === damping) points.push({ x: lens.at("layer", row), y: lens.at("margin", row) });
    return lineOf(i, `h = ${brief(h)}`, points, { mark: undefined });
  });
  const words = spec.margin ? `“${spec.margin[0]}” against “${spec.margin[1]}”` : "first word against second";
  return { series: lines, rules: [{ y: 0, text: "undecided" }], x: { label: "layer" }, y: { label: "difference of logits" }, said: `${words} at γ = ${brief(damping)}; above 0 the first is ahead.` };
}

/** Exponents: how they settle, and all of them at the end. */
function buildExponents(body) {
  const own = table("exponents");
  if (own) return smallCharts(body, [{ id: "exponents-settle", name: "how the exponents settle", of: () => settling(own) }, { id: "exponents-all", name: "all exponents at the end", of: () => allExponents(own) }]);
  const byDepth = table("exponents_by_layer");
  const places = distinct(byDepth.column("place")).slice(0, 6);
  const of = () => {
    const lines = places.map((place, i) => {
      const points = [];
      for (let row = 0; row < byDepth.rows; row++) if (byDepth.at("place", row) === place) points.push({ x: byDepth.at("layers", row), y: byDepth.at("exponent", row) });
      return lineOf(i, `exponent ${place + 1}`, points, { mark: undefined });
    });
    const last = lines[0].points.at(-1);
    return { series: lines, rules: [{ y: 0, text: "neutral" }], x: { label: "layers" }, y: { label: "nats a layer" }, said: `After ${last.x} layers the first is ${signed(last.y)} a layer.` };
  };
  const list = [{ id: "exponents-layers", name: "exponents over the layers so far", of }];
  const ends = table("end_to_end");
  if (ends) list.push({ id: "exponents-ends", name: "largest growth from end to end", of: () => endToEnd(ends) });
  smallCharts(body, list);
}

/** The largest singular values of the product of all layers, as exponents. */
function endToEnd(own) {
  const points = Array.from(own.column("place"), (place, row) => ({ x: place + 1, y: own.at("exponent", row) }));
  return { series: [lineOf(0, "largest singular values", points)], rules: [{ y: 0, text: "neutral" }], x: { label: "from the largest" }, y: { label: "nats a layer" }, said: `The largest is ${signed(points[0].y, 4)} a layer: no perturbation grows more.` };
}

function exponentPoints(own, wanted) {
  const points = [];
  for (let row = 0; row < own.rows; row++) {
    const { x, keep } = wanted(row);
    const [mean, error] = [own.at("mean", row), own.at("standard_error", row)];
    if (keep) points.push({ x, y: mean, low: mean - error, high: mean + error });
  }
  return points;
}

function settling(own) {
  const shown = distinct(own.column("exponent")).slice(0, 4);
  const lines = shown.map((index, i) => lineOf(i, `exponent ${index + 1}`, exponentPoints(own, (row) => ({ x: own.at("steps", row), keep: own.at("exponent", row) === index })), { band: true, mark: undefined, spread: "± 1 standard error" }));
  const last = lines[0].points.at(-1);
  return { series: lines, rules: [{ y: 0, text: "neutral" }], x: { label: "steps averaged" }, y: { label: "nats a step" }, said: `The first is ${signed(last.y, 4)} ± ${brief(last.y - last.low, 2)} a step after ${count(last.x)} steps.` };
}

function allExponents(own) {
  const end = Math.max(...own.column("steps"));
  const points = exponentPoints(own, (row) => ({ x: own.at("exponent", row) + 1, keep: own.at("steps", row) === end }));
  const positive = points.filter((point) => point.y > 0).length;
  return { series: [lineOf(0, "mean ± 1 standard error", points, { errors: true, line: false, spread: "± 1 standard error" })], rules: [{ y: 0, text: "neutral" }], x: { label: "exponent" }, y: { label: "nats a step" }, said: `${positive} of ${points.length} exponents are positive.` };
}
