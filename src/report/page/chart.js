// A chart of lines with bands, drawn as SVG: axes with units, marks, and a reading under the pointer or by arrow keys.

const EDGE = { left: 58, right: 14, top: 12, bottom: 44 };

/** The frame of a figure: grid lines, ticks and labels. */
function axes(x, y, { width, height, edge }) {
  const parts = [];
  const line = (attributes) => draw("line", { class: "grid", ...attributes });
  for (const tick of x.scale.ticks(Math.max(2, Math.floor(width / 90)))) {
    const at = x.scale(tick);
    parts.push(line({ x1: at, x2: at, y1: edge.top, y2: height - edge.bottom }));
    parts.push(draw("text", { class: "tick", x: at, y: height - edge.bottom + 16, "text-anchor": "middle" }, brief(tick)));
  }
  for (const tick of y.scale.ticks(Math.max(2, Math.floor(height / 48)))) {
    const at = y.scale(tick);
    parts.push(line({ y1: at, y2: at, x1: edge.left, x2: width - edge.right }));
    parts.push(draw("text", { class: "tick", x: edge.left - 6, y: at + 4, "text-anchor": "end" }, brief(tick)));
  }
  const middle = (edge.top + height - edge.bottom) / 2;
  const turned = `rotate(-90 13 ${middle})`;
  parts.push(draw("text", { class: "label", x: (edge.left + width - edge.right) / 2, y: height - 8, "text-anchor": "middle" }, x.label));
  parts.push(draw("text", { class: "label", x: 13, y: middle, "text-anchor": "middle", transform: turned }, y.label));
  return parts;
}

/** The path through points; a missing one breaks it. */
function path(points) {
  let text = "";
  let pen = "M";
  for (const [x, y] of points) {
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      pen = "M";
      continue;
    }
    text += `${pen}${x.toFixed(2)},${y.toFixed(2)}`;
    pen = "L";
  }
  return text;
}

/** The closed path between the lower and the upper ends of a band. */
function bandPath(points, x, y) {
  const known = points.filter((point) => Number.isFinite(point.low) && Number.isFinite(point.high));
  if (known.length < 2) return "";
  const upper = known.map((point) => [x(point.x), y(point.high)]);
  const lower = known.map((point) => [x(point.x), y(point.low)]).reverse();
  return `${path([...upper, ...lower])}Z`;
}

/** A mark of one of several shapes. */
function markShape(shape, x, y, size, attributes) {
  const at = `translate(${x.toFixed(2)} ${y.toFixed(2)})`;
  const shapes = [
    ["circle", { r: size }],
    ["rect", { x: -size, y: -size, width: 2 * size, height: 2 * size }],
    ["path", { d: `M0,${-1.2 * size}L${1.1 * size},${0.8 * size}L${-1.1 * size},${0.8 * size}Z` }],
    ["path", { d: `M0,${-1.3 * size}L${1.3 * size},0L0,${1.3 * size}L${-1.3 * size},0Z` }],
  ];
  const [tag, own] = shapes[shape % shapes.length];
  return draw(tag, { transform: at, ...own, ...attributes });
}

/** What a line is, in a legend. */
function legend(series) {
  const item = (own) =>
    make("li", {}, [
      draw("svg", { width: 34, height: 12, "aria-hidden": "true" }, [
        own.band && draw("rect", { x: 0, y: 1, width: 34, height: 10, fill: own.colour, opacity: 0.2 }),
        own.line !== false && draw("line", { x1: 0, x2: 34, y1: 6, y2: 6, stroke: own.colour, "stroke-width": 2, "stroke-dasharray": own.dash }),
        own.mark !== undefined && markShape(own.mark, 17, 6, 3.5, { fill: own.colour }),
      ].filter(Boolean)),
      own.name,
    ]);
  return make("ul", { class: "legend" }, series.filter((own) => own.name).map(item));
}

/**
 * Draws a chart into `place`. A series has a name, a colour, a dash and points {x, y, low, high}; `marks` are places
 * where it has one; `rules` are lines at a value: {y or x, text}.
 */
function chart(place, { name, x, y, series, rules = [], height = 300, extra = () => [], tip = true, showLegend = true }) {
  const width = Math.max(260, place.clientWidth || 480);
  const edge = EDGE;
  const all = series.flatMap((own) => own.points);
  const xs = x.ends ?? ends(all.map((point) => point.x), [], x.kind);
  const reach = all.flatMap((point) => [point.y, point.low, point.high]);
  const ys = y.ends ?? ends(reach, rules.flatMap((rule) => (rule.y === undefined ? [] : [rule.y])), y.kind);
  const scaleX = scale(x.kind ?? "linear", xs, [edge.left, width - edge.right]);
  const scaleY = scale(y.kind ?? "linear", ys, [height - edge.bottom, edge.top]);
  const clip = `clip-${place.id || name.replace(/\W/g, "")}`;
  const area = { x: edge.left, y: edge.top, width: width - edge.left - edge.right, height: height - edge.top - edge.bottom };
  const inside = draw("g", { "clip-path": `url(#${clip})` });
  for (const rule of rules) {
    if (rule.y !== undefined) inside.append(draw("line", { class: "rule", x1: edge.left, x2: width - edge.right, y1: scaleY(rule.y), y2: scaleY(rule.y) }));
    else inside.append(draw("line", { class: "rule", x1: scaleX(rule.x), x2: scaleX(rule.x), y1: edge.top, y2: height - edge.bottom }));
    const at = rule.y !== undefined ? { x: width - edge.right - 4, y: scaleY(rule.y) + (scaleY(rule.y) < edge.top + 14 ? 13 : -4), "text-anchor": "end" } : { x: scaleX(rule.x) + (scaleX(rule.x) > width * 0.6 ? -4 : 4), y: edge.top + 12, "text-anchor": scaleX(rule.x) > width * 0.6 ? "end" : "start" };
    inside.append(draw("text", { class: "tick", ...at }, rule.text ?? ""));
  }
  for (const own of series) {
    if (own.band) inside.append(draw("path", { class: "band", d: bandPath(own.points, scaleX, scaleY), fill: own.colour }));
    const points = own.points.map((point) => [scaleX(point.x), scaleY(point.y)]);
    if (own.line !== false) inside.append(draw("path", { class: "line", d: path(points), stroke: own.colour, "stroke-dasharray": own.dash, "stroke-width": own.width ?? 2 }));
    if (own.errors) {
      for (const point of own.points.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high))) {
        const at = scaleX(point.x);
        inside.append(draw("line", { class: "error", x1: at, x2: at, y1: scaleY(point.low), y2: scaleY(point.high), stroke: own.colour }));
      }
    }
    if (own.mark !== undefined) {
      for (const [at, up] of points) if (Number.isFinite(up)) inside.append(markShape(own.mark, at, up, own.size ?? 3, { fill: own.colour }));
    }
  }
  inside.append(...extra(scaleX, scaleY));
  const cursor = draw("line", { class: "cursor", y1: edge.top, y2: height - edge.bottom, visibility: "hidden" });
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": name, tabindex: tip ? 0 : undefined }, [
    draw("clipPath", { id: clip }, draw("rect", area)),
    ...axes({ ...x, scale: scaleX }, { ...y, scale: scaleY }, { width, height, edge }),
    inside,
    cursor,
  ]);
  if (tip) readable(svg, { cursor, series, scaleX, x, y });
  const had = place.contains(document.activeElement);
  place.replaceChildren(svg, ...(showLegend ? [legend(series)] : []));
  if (had && tip) svg.focus({ preventScroll: true });
  return { scaleX, scaleY };
}

/** Lets the pointer and the arrow keys read values off a chart. */
function readable(svg, { cursor, series, scaleX, x, y }) {
  const places = distinct(series.flatMap((own) => own.points.map((point) => point.x)).filter(Number.isFinite));
  let place = 0;
  const read = (index, clientX, clientY) => {
    place = Math.max(0, Math.min(places.length - 1, index));
    const at = places[place];
    cursor.setAttribute("x1", scaleX(at));
    cursor.setAttribute("x2", scaleX(at));
    cursor.setAttribute("visibility", "visible");
    const lines = [`${x.label}: ${brief(at, 4)}`];
    for (const own of series) {
      const point = own.points.find((candidate) => candidate.x === at);
      if (!point || own.silent) continue;
      const spread = Number.isFinite(point.low) ? ` (${brief(point.low)} to ${brief(point.high)}${own.spread ? `, ${own.spread}` : ""})` : "";
      lines.push(`${own.name || y.label}: ${brief(point.y, 4)}${spread}`);
    }
    showTip(clientX, clientY, lines.slice(0, 12));
  };
  const leave = () => {
    cursor.setAttribute("visibility", "hidden");
    hideTip();
  };
  svg.addEventListener("pointermove", (event) => {
    if (places.length === 0) return;
    const box = svg.getBoundingClientRect();
    const at = scaleX.back(((event.clientX - box.left) * svg.viewBox.baseVal.width) / box.width);
    let nearest = 0;
    places.forEach((value, i) => {
      if (Math.abs(value - at) < Math.abs(places[nearest] - at)) nearest = i;
    });
    read(nearest, event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (step === undefined || places.length === 0) return;
    event.preventDefault();
    const box = svg.getBoundingClientRect();
    read(place + step, box.left + box.width / 2, box.top + 20);
  });
}
