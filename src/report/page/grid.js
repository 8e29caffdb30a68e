// The grid points of a sweep: which cell is meant, and which cells lie on a map of two keys.

const cells = table("cells")?.has("radius") ? table("cells") : undefined;
/** The cells of a trained model's sweep: what becomes of its text. */
const textCells = cells ? undefined : table("cells");
const SYMBOLS = { step_size: "step size h", radius: "radius ρ", damping: "friction γ", depth: "depth L", width: "width n", tokens: "tokens T" };
const SHORT = { step_size: "h", radius: "ρ", damping: "γ", depth: "L", width: "n", tokens: "T" };
const INNER = ["step_size", "radius", "damping"];
const isLinear = (spec.model ?? "linear") === "linear";

/** The keys that a sweep was run over, the outer ones first. */
const outerKeys = Object.keys(spec.sweep_over ?? {}).filter((key) => cells?.has(key));
const gridKeys = cells ? [...outerKeys, ...INNER] : [];

/** The column with the values of a key: over depth a scaled step size would be another at each depth. */
function columnOf(key) {
  const scaled = key === "step_size" && outerKeys.includes("depth") && cells.has("given_step_size");
  return cells.column(scaled ? "given_step_size" : key);
}

/** A key of the grid with its values. */
const gridAxes = new Map(
  gridKeys.map((key) => {
    const list = distinct(columnOf(key));
    const kind = isGeometric(list) ? "log" : "linear";
    return [key, { key, values: list, kind, label: SYMBOLS[key] ?? key.replaceAll("_", " ") }];
  }),
);

/** Keys with more than one value. */
const freeKeys = gridKeys.filter((key) => gridAxes.get(key).values.length > 1);

/** The cell nearest to some values of the keys; keys that are not given do not matter. */
function nearestCell(wanted) {
  let [best, least] = [0, Infinity];
  const parts = Object.entries(wanted).filter(([key, value]) => gridAxes.has(key) && Number.isFinite(value));
  const measured = parts.map(([key, value]) => {
    const { values, kind } = gridAxes.get(key);
    const { to } = KINDS[kind];
    const range = to(values[values.length - 1]) - to(values[0]) || 1;
    const at = to(kind === "log" ? Math.max(value, 1e-12) : value);
    return { column: INNER.includes(key) ? cells.column(key) : columnOf(key), at, range, to, weight: INNER.includes(key) ? 1 : 1e3 };
  });
  for (let row = 0; row < cells.rows; row++) {
    let distance = 0;
    for (const { column, at, range, to, weight } of measured) distance += weight * ((to(column[row]) - at) / range) ** 2;
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
}

/** The place that all views show: the cell under the pointer, or what was chosen and the cell nearest to it. */
function current() {
  if (!cells) return { h: state.h, rho: state.rho, g: state.g, cell: null };
  if (hovered !== null) {
    return { h: cells.at("step_size", hovered), rho: cells.at("radius", hovered), g: cells.at("damping", hovered), cell: hovered };
  }
  const cell = nearestCell({ step_size: state.h, radius: state.rho, damping: state.g, ...state.outer });
  return { h: state.h, rho: state.rho, g: state.g, cell };
}

/** Chooses the values of a cell. */
function chooseCell(row, more = {}) {
  const outer = Object.fromEntries(outerKeys.map((key) => [key, cells.at(key, row)]));
  choose({ h: cells.at("step_size", row), rho: cells.at("radius", row), g: cells.at("damping", row), outer, ...more });
}

/** Pins a cell for comparison, or takes the pin away; the oldest goes where there is no room. */
function pin(row) {
  const pins = state.pins.includes(row) ? state.pins.filter((other) => other !== row) : [...state.pins, row].slice(-4);
  chooseCell(row, { pins });
}

/** The pins that are cells of this sweep. */
function pins() {
  return cells ? state.pins.filter((row) => row < cells.rows) : [];
}

/** What a cell is called, without what all cells have in common. */
function cellName(row) {
  const free = gridKeys.filter((key) => freeKeys.includes(key) || INNER.includes(key));
  return free.map((key) => `${SHORT[key] ?? key} = ${brief(cells.at(key, row))}`).join(", ");
}

/** The current cell and the pins, as lines of every chart: with letter, colour and dash. */
function compared() {
  const { cell } = current();
  const lines = pins().map((row, i) => ({ row, letter: LETTERS[i], colour: lineColour(i + 1), dash: DASHES[i + 1], mark: i + 1, name: `${LETTERS[i]}: ${cellName(row)}` }));
  const own = { row: cell, letter: "", colour: lineColour(0), dash: "", mark: 0, name: cellName(cell) };
  return cell === null || pins().includes(cell) ? lines : [own, ...lines];
}

/** A median with its 95 % interval and the middle 80 % of the members. */
function spreadOf(row, name) {
  return {
    middle: cells.at(`${name}_median`, row),
    low: cells.at(`${name}_median_interval_low`, row),
    high: cells.at(`${name}_median_interval_high`, row),
    q10: cells.at(`${name}_q10`, row),
    q90: cells.at(`${name}_q90`, row),
  };
}

/** Everything about a cell, in lines. */
function cellLines(row) {
  const lines = [cellName(row)];
  const rate = (name, text) => {
    const own = spreadOf(row, name);
    if (Number.isNaN(own.middle)) return;
    const interval = Number.isFinite(own.low) ? `, median within ${signed(own.low)} to ${signed(own.high)} (95 %)` : "";
    const middle = Number.isFinite(own.q10) && Number.isFinite(own.q90) ? `; 80 % of members ${signed(own.q10)} to ${signed(own.q90)}` : "";
    lines.push(`${text} ${signed(own.middle)} a step${interval}${middle}`);
  };
  rate("observed_rate", "observed");
  rate("predicted_rate", "eigenvalues promise");
  for (const [name, text] of [["unstable_fraction", "predicted to grow"], ["grew_fraction", "grew"], ["diverged_fraction", "beyond the threshold"]]) {
    const [low, high] = ["low", "high"].map((end) => cells.at(`intervals_${name}_${end}`, row));
    if (cells.has(name)) lines.push(`${text}: ${percent(cells.at(name, row))} of members${Number.isFinite(low) ? ` (${percent(low)} to ${percent(high)})` : ""}`);
  }
  const lost = ["frozen", "collapsed", "no_spectrum"].map((name) => [name, cells.at(name, row)]).filter(([, number]) => number > 0);
  lines.push(`${count(cells.at("members", row))} members${lost.map(([name, number]) => `, ${count(number)} ${name.replace("_", " ")}`).join("")}`);
  const remarks = cells.at("remarks", row);
  if (typeof remarks === "string" && remarks) lines.push(`remark: ${remarks.replaceAll("_", " ")}`);
  return lines;
}
