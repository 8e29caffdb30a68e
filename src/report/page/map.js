// The stability map: a quantity of every cell over two keys of the grid, with the predicted line, the observed zero
// contour and the Transformer; or curves where the grid has one key only.

/** What the map can show. Quantities around 0 are hatched where they are above it. */
const QUANTITIES = [
  { key: "observed_rate_median", text: "growth observed", unit: "nats a step", around: true, most: 0.5 },
  { key: "predicted_rate_median", text: "growth promised by eigenvalues", unit: "nats a step", around: true, most: 0.5 },
  { key: "gap", text: "gap: observed less promised", unit: "nats a step", around: true, most: 0.5 },
  { key: "norm_rate_median", text: "growth of the norm", unit: "nats a step", around: true, most: 0.5 },
  { key: "log_growth_median", text: "growth over all steps", unit: "nats", around: true, most: 50 },
  { key: "unstable_fraction", text: "share predicted to grow", unit: "of members", most: 1 },
  { key: "grew_fraction", text: "share that grew", unit: "of members", most: 1 },
  { key: "diverged_fraction", text: "share beyond the threshold", unit: "of members", most: 1 },
  { key: "log_peak_growth_median", text: "peak on the way", unit: "nats", most: 50 },
  { key: "observations_token_similarity", text: "likeness of tokens at the end", unit: "cosine", most: 1 },
  { key: "observations_attention_entropy", text: "entropy of attention at the end", unit: "nats", most: 5 },
];

const known = (quantity) => (quantity.key === "gap" ? cells.has("predicted_rate_median") : cells.has(quantity.key));

function valueOf(key, row) {
  if (key === "gap") return cells.at("observed_rate_median", row) - cells.at("predicted_rate_median", row);
  return cells.at(key, row);
}

/** A rate, 0 where its band leaves open on which side of it it is. */
function settled(key, band, row) {
  const value = cells.at(key, row);
  return Math.abs(value) <= cells.at(band, row) ? 0 : value;
}

function mapAxes() {
  const pair = [state.x, state.y].filter((key) => freeKeys.includes(key));
  const byLength = [...freeKeys].sort((a, b) => gridAxes.get(b).values.length - gridAxes.get(a).values.length);
  const inner = byLength.filter((key) => INNER.includes(key));
  const free = [...["step_size", "radius"].filter((key) => freeKeys.includes(key)), ...inner, ...byLength];
  const [x] = [...pair, ...free];
  const [y] = [pair[1], ...free].filter((key) => key && key !== x);
  return [x, y];
}

/** The rows of the map by column and row of the picture, at the other keys of a cell. */
function slice(cell, x, y) {
  const others = gridKeys.filter((key) => key !== x && key !== y);
  const fixed = others.map((key) => [columnOf(key), columnOf(key)[cell]]);
  const [xs, ys] = [gridAxes.get(x).values, gridAxes.get(y).values];
  const [placesX, placesY] = [xs, ys].map((list) => new Map(list.map((value, i) => [value, i])));
  const rows = new Int32Array(xs.length * ys.length).fill(-1);
  const [columnX, columnY] = [columnOf(x), columnOf(y)];
  for (let row = 0; row < cells.rows; row++) {
    if (fixed.every(([column, value]) => column[row] === value)) rows[placesY.get(columnY[row]) * xs.length + placesX.get(columnX[row])] = row;
  }
  return { xs, ys, rows, at: (i, j) => rows[j * xs.length + i] };
}

/** How far colours reach: as far as the values, but not beyond what says nothing more. */
function reach(quantity) {
  let most = 0;
  for (let row = 0; row < cells.rows; row++) {
    const value = Math.abs(valueOf(quantity.key, row));
    if (Number.isFinite(value)) most = Math.max(most, value);
  }
  return Math.min(quantity.most, most) || 1;
}

function buildMap(body) {
  const bar = make("div", { class: "bar" });
  const frame = make("div", { class: "map", id: "map-frame" });
  const under = make("div", { class: "keys" });
  const reading = make("ul", { class: "reading lines", id: "map-reading" });
  body.append(bar, frame, under, reading);
  reachable(frame);
  const pick = make("select", { id: "quantity", "aria-label": "Quantity of the map", onchange: () => choose({ q: pick.value }) },
    QUANTITIES.filter(known).map(({ key, text, unit }) => make("option", { value: key }, `${text} (${unit})`)));
  const swap = freeKeys.length > 2
    ? ["x", "y"].map((side) => {
        const own = make("select", { id: `axis-${side}`, onchange: () => choose({ [side]: own.value }) }, freeKeys.map((key) => make("option", { value: key }, gridAxes.get(key).label)));
        return { side, own, label: make("label", {}, [side === "x" ? "across " : "up ", own]) };
      })
    : [];
  bar.append(pick, ...swap.map(({ label }) => label));
  const slices = make("div", { class: "choices", role: "group", "aria-label": "Friction of the map" });
  bar.append(slices);
  listen(() => {
    const quantity = QUANTITIES.filter(known).find(({ key }) => key === state.q) ?? QUANTITIES.filter(known)[0];
    const { cell } = current();
    const [x, y] = mapAxes();
    pick.value = quantity.key;
    for (const { side, own } of swap) own.value = side === "x" ? x : y;
    const frictions = [x, y].includes("damping") ? [] : gridAxes.get("damping").values;
    slices.replaceChildren(...(frictions.length > 1 && frictions.length < 6
      ? frictions.map((g) => make("button", { type: "button", "data-value": g, "aria-pressed": String(g === cells.at("damping", cell)), onclick: () => choose({ g }) }, `γ = ${brief(g)}`))
      : []));
    if (y) drawMap(frame, under, { quantity, x, y, cell });
    else drawCurve(frame, under, { quantity, x: x ?? "step_size", cell });
    reading.replaceChildren(...cellLines(cell).map((line) => make("li", {}, line)));
  });
}

function drawMap(frame, under, { quantity, x, y, cell }) {
  const { xs, ys, at } = slice(cell, x, y);
  const width = Math.max(260, frame.clientWidth);
  const height = Math.round(Math.min(520, Math.max(280, width * 0.72)));
  const edge = { ...EDGE, top: 26 };
  const [axisX, axisY] = [gridAxes.get(x), gridAxes.get(y)];
  const place = ({ kind, values: list }, from, to) => {
    const own = scale(kind, [list[0], list.at(-1)], [0, 1]);
    const lines = borders(list.map((value) => own(value)));
    const stretch = (share) => from + ((share - lines[0]) / (lines.at(-1) - lines[0])) * (to - from);
    const whole = (value) => stretch(own(value));
    return Object.assign(whole, { lines: lines.map(stretch), ticks: own.ticks, back: (pixel) => own.back(lines[0] + ((pixel - from) / (to - from)) * (lines.at(-1) - lines[0])) });
  };
  const scaleX = place(axisX, edge.left, width - edge.right);
  const scaleY = place(axisY, height - edge.bottom, edge.top);
  const most = reach(quantity);
  const canvas = paint(frame, { width, height, xs, ys, at, scaleX, scaleY, quantity, most });
  const svg = overlay({ width, height, edge, xs, ys, at, scaleX, scaleY, axisX, axisY, cell, x, y });
  const had = frame.contains(document.activeElement);
  frame.style.height = `${height}px`;
  frame.replaceChildren(canvas, svg);
  if (had) svg.focus({ preventScroll: true });
  frame.shown = { xs, ys, at, scaleX, scaleY, cell };
  under.replaceChildren(...mapLegend(quantity, most, x, y, cell));
}

/** Colours the cells. */
function paint(frame, { width, height, xs, ys, at, scaleX, scaleY, quantity, most }) {
  const { canvas, context } = sharpCanvas(width, height);
  for (let j = 0; j < ys.length; j++) {
    for (let i = 0; i < xs.length; i++) {
      const row = at(i, j);
      const value = row < 0 ? NaN : valueOf(quantity.key, row);
      const [left, right] = [scaleX.lines[i], scaleX.lines[i + 1]];
      const [bottom, top] = [scaleY.lines[j], scaleY.lines[j + 1]];
      const missing = isDark() ? "#707070" : "#a8a8a8";
      const colour = Number.isNaN(value) ? null : rampColour(value / most);
      context.fillStyle = colour ? css(colour) : missing;
      context.fillRect(left, top, right - left + 0.6, bottom - top + 0.6);
      if (quantity.around && value > 0) {
        hatch(context, left, top, right - left, bottom - top, hatching(colour));
      }
    }
  }
  return canvas;
}

/** Darker than every cell on light paper, lighter on dark: a change between the two would look like a boundary. */
function hatching(colour) {
  const light = (colour[0] * 0.3 + colour[1] * 0.59 + colour[2] * 0.11) / 255;
  return isDark() ? `rgba(255,255,255,${0.3 + 0.5 * light ** 2})` : `rgba(0,0,0,${0.28 + 0.5 * (1 - light) ** 2})`;
}

/** Axes, lines and marks over the colours. */
function overlay({ width, height, edge, xs, ys, at, scaleX, scaleY, axisX, axisY, cell, x, y }) {
  const [px, py] = [xs.map((value) => scaleX(value)), ys.map((value) => scaleY(value))];
  const contour = (key, band, attributes) => {
    if (!cells.has(key)) return null;
    const segments = zeroContour(px, py, (i, j) => (at(i, j) < 0 ? NaN : settled(key, band, at(i, j))));
    const halo = draw("path", { class: "halo", d: segments.map(path).join("") });
    return [halo, draw("path", { class: "contour", d: segments.map(path).join(""), ...attributes })];
  };
  const frame = axes({ scale: scaleX, label: axisX.label }, { scale: scaleY, label: axisY.label }, { width, height, edge }).filter((part) => part.tagName === "text");
  const marks = [];
  const transformer = transformerAt(x, y, cell);
  if (transformer) {
    const left = transformer.x === undefined ? null : scaleX(transformer.x);
    const up = transformer.y === undefined ? null : scaleY(transformer.y);
    for (const kind of ["transformer-halo", "transformer"]) {
      if (left !== null) marks.push(draw("line", { class: kind, x1: left, x2: left, y1: edge.top, y2: height - edge.bottom }));
      if (up !== null) marks.push(draw("line", { class: kind, y1: up, y2: up, x1: edge.left, x2: width - edge.right }));
    }
    const near = left ?? width - edge.right - 4;
    const anchor = near > width / 2 ? "end" : "start";
    marks.push(draw("text", { class: "transformer-name", id: "transformer-mark", x: near, y: left === null ? up - 5 : edge.top - 8, "text-anchor": anchor }, "Transformer: h = 1, γ = 0"));
  }
  const spot = (row, attributes, letter) => {
    const [left, up] = [scaleX(columnOf(x)[row]), scaleY(columnOf(y)[row])];
    return [draw("circle", { cx: left, cy: up, r: letter ? 9 : 7, ...attributes }), letter ? draw("text", { class: "pin-letter", x: left, y: up + 4, "text-anchor": "middle" }, letter) : null];
  };
  const shown = new Set(xs.flatMap((_, i) => ys.map((__, j) => at(i, j))));
  pins().forEach((row, i) => {
    if (shown.has(row)) marks.push(...spot(row, { class: "pin", fill: lineColour(i + 1) }, LETTERS[i]));
  });
  marks.push(...spot(cell, { class: "here-halo" }), ...spot(cell, { class: "here", id: "here" }));
  return draw("svg", { class: "over", viewBox: `0 0 ${width} ${height}`, width, height, tabindex: 0, role: "application", "aria-label": "Stability map: arrow keys move, Enter pins, Escape takes all pins away", "aria-describedby": "map-reading" }, [
    contour("predicted_rate_median", "bands_predicted", { "stroke-dasharray": "7 4", id: "predicted-line" }),
    contour("observed_rate_median", "bands_observed", { id: "observed-line" }),
    ...frame,
    ...marks,
  ].flat().filter(Boolean));
}

/** Where h = 1 and γ = 0 are on a map, if its other keys allow for it. */
function transformerAt(x, y, cell) {
  const wanted = { step_size: 1, damping: 0 };
  const fixed = Object.entries(wanted).filter(([key]) => key !== x && key !== y);
  if (!fixed.every(([key, value]) => Math.abs(cells.at(key, cell) - value) < 1e-9)) return null;
  const inside = (key) => {
    const list = gridAxes.get(key).values;
    return wanted[key] >= list[0] && wanted[key] <= list.at(-1) ? wanted[key] : undefined;
  };
  const found = { x: x in wanted ? inside(x) : undefined, y: y in wanted ? inside(y) : undefined };
  return found.x === undefined && found.y === undefined ? null : found;
}

/** Lets the pointer and the keys move over the cells that a frame shows, and pin them. */
function reachable(frame) {
  const under = (event) => {
    if (!frame.shown) return -1;
    const { xs, ys, at, scaleX, scaleY } = frame.shown;
    const box = frame.getBoundingClientRect();
    const [left, up] = [event.clientX - box.left, event.clientY - box.top];
    const i = scaleX.lines.findLastIndex((line) => line <= left);
    const j = scaleY.lines.findLastIndex((line) => line >= up);
    return i < 0 || j < 0 || i >= xs.length || j >= ys.length ? -1 : at(i, j);
  };
  const leave = () => {
    hover(null);
    hideTip();
  };
  frame.addEventListener("pointermove", (event) => {
    if (!frame.shown) return;
    const row = under(event);
    if (row < 0) return leave();
    if (event.pointerType !== "touch") hover(row);
    showTip(event.clientX, event.clientY, cellLines(row));
  });
  frame.addEventListener("pointerleave", () => frame.shown && leave());
  frame.addEventListener("click", (event) => {
    const row = under(event);
    if (row >= 0) pin(row);
  });
  frame.addEventListener("keydown", (event) => frame.shown && goOn(event, frame.shown));
}

/** Arrow keys go to the next cell, Enter pins, Escape takes all pins away. */
function goOn(event, { xs, ys, at, cell }) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
  if (event.key === "Escape") return choose({ pins: [] });
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    return pin(cell);
  }
  if (dx === 0 && dy === 0) return;
  event.preventDefault();
  const place = xs.flatMap((_, i) => ys.map((__, j) => [i, j])).find(([i, j]) => at(i, j) === cell) ?? [0, 0];
  const [i, j] = [Math.max(0, Math.min(xs.length - 1, place[0] + dx)), Math.max(0, Math.min(ys.length - 1, place[1] + dy))];
  if (at(i, j) >= 0) chooseCell(at(i, j));
}

/** What colours, hatching and lines are. */
function mapLegend(quantity, most, x, y, cell) {
  const steps = Array.from({ length: 25 }, (_, i) => (quantity.around ? -1 + i / 12 : i / 24));
  const ramp = make("span", { class: "ramp", style: `background:linear-gradient(to right, ${steps.map((step) => css(rampColour(step))).join(",")})` });
  const low = quantity.around ? `≤ ${brief(-most)}` : "0";
  const items = [make("li", {}, [`${quantity.text}: ${low} `, ramp, ` ≥ ${brief(most)} ${quantity.unit}`])];
  if (quantity.around) items.push(make("li", {}, [make("span", { class: "hatched" }), " hatched: above 0"]));
  const line = (dash) => draw("svg", { width: 34, height: 10, "aria-hidden": "true" }, draw("line", { class: "contour", x1: 0, x2: 34, y1: 5, y2: 5, "stroke-dasharray": dash }));
  items.push(make("li", {}, [line(""), " observed: neutral"]), make("li", {}, [line("7 4"), " promised by eigenvalues: neutral"]));
  const legendOfMap = make("ul", { class: "legend" }, items);
  const canShow = cells && ["step_size", "damping"].every((key) => gridAxes.get(key).values.some((value) => Math.abs(value - (key === "step_size" ? 1 : 0)) < 1e-9));
  if (transformerAt(x, y, cell) || !canShow) return [legendOfMap];
  const go = make("button", { type: "button", onclick: () => choose({ g: 0, h: 1 }) }, "show the slice with the Transformer: h = 1, γ = 0");
  return [legendOfMap, go];
}

/** Where only one key has several values. */
function drawCurve(frame, under, { quantity, x, cell }) {
  frame.style.height = "";
  frame.shown = null;
  const axis = gridAxes.get(x);
  const rows = axis.values.map((value) => nearestCell({ ...Object.fromEntries(gridKeys.map((key) => [key, columnOf(key)[cell]])), [x]: value }));
  const name = quantity.key.replace(/_median$/, "");
  const points = rows.map((row) => {
    const own = spreadOf(row, name);
    return { x: columnOf(x)[row], y: valueOf(quantity.key, row), low: own.q10, high: own.q90 };
  });
  const series = [{ name: `${quantity.text}, median`, colour: lineColour(0), points, band: true, mark: 0, spread: "80 % of members" }];
  if (quantity.key === "observed_rate_median" && cells.has("predicted_rate_median")) {
    series.push({ name: "promised by eigenvalues", colour: lineColour(1), dash: "2 3", points: rows.map((row) => ({ x: columnOf(x)[row], y: cells.at("predicted_rate_median", row) })) });
  }
  const rules = quantity.around ? [{ y: 0, text: "neutral" }] : [];
  const transformer = { step_size: 1, damping: 0 }[x];
  if (transformer !== undefined && transformerAt(x, "", cell)) rules.push({ x: transformer, text: "Transformer: h = 1, γ = 0" });
  rules.push({ x: columnOf(x)[cell], text: "" });
  chart(frame, { name: quantity.text, x: { label: axis.label, kind: axis.kind }, y: { label: `${quantity.text}, ${quantity.unit}` }, series, rules });
  under.replaceChildren();
}
