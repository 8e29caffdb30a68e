// The plane of h λ with the region in which a step shrinks: h scales the cloud of eigenvalues, γ moves the disc.

/** Where the eigenvalues of the page come from; nothing where there are none. */
function cloudOf() {
  if (run.claims) return null;
  if (tables.has("eigenvalues")) {
    const own = table("eigenvalues");
    return { own, group: "layer", of: "Jacobians of the model's layers", undo: [Number(spec.step_size ?? 1), Number(spec.damping ?? 0)], linearised: true };
  }
  const own = table("spectra");
  if (!own) return null;
  if (run.command === "sweep" && isLinear) return { own, group: "member", of: "layers", scales: true };
  if (run.command === "sweep") {
    const members = table("members");
    return { own, group: "member", of: "Jacobians", fixed: [members.at("step_size", 0), members.at("damping", 0)] };
  }
  if (run.of === "M") return { own, group: "member", of: "steps", undo: [Number(spec.step_size ?? 1), Number(spec.damping ?? 0)] };
  return { own, group: "member", of: "matrices" };
}

const cloud = cloudOf();

/** With what the cloud is drawn: Jacobians of one grid point of a nonlinear sweep are steps already, and stay. */
function lens() {
  const { h, g } = cloud.fixed ? { h: 1, g: 0 } : current();
  const { growth, name } = INTEGRATORS[cloud.fixed ? "euler" : state.by];
  return { h, g, name, growth, factor: ([re, im]) => growth([h * re - g, h * im]) };
}

/** How far the picture reaches at least, for the region in which a step shrinks to be seen. */
const REACH = { euler: 1.25, heun: 1.9, rk4: 3.1, "backward-euler": 2.2, "exponential-euler": 1.5 };

/** The factor that gives a member of a sweep its exact radius. */
const gains = (() => {
  const members = table("members");
  if (!cloud?.scales || spec.radius_kind !== "exact" || !members?.has("spectral_radius")) return null;
  return new Map(Array.from(members.column("member"), (member, i) => [member, 1 / members.at("spectral_radius", i)]));
})();

/** The eigenvalues λ of f that are shown: of one member or layer, or of all, at the present radius. */
function shownEigenvalues() {
  const { own, group, undo, scales } = cloud;
  const { rho, cell } = current();
  const [re, im, owner] = ["re", "im", group].map((name) => own.column(name));
  const outer = outerKeys.filter((key) => own.has(key)).map((key) => [own.column(key), cells.at(key, cell)]);
  const chosen = group === "layer" ? state.layer : state.member === "all" ? null : Number(state.member);
  const model = own.has("model") ? own.column("model") : null;
  const shift = Number(spec.shift ?? 0);
  const shown = [];
  for (let i = 0; i < re.length; i++) {
    if (chosen !== null && owner[i] !== chosen) continue;
    if (model && model[i] !== "trained") continue;
    if (!outer.every(([column, value]) => column[i] === value)) continue;
    if (scales) {
      const factor = rho * (gains?.get(owner[i]) ?? 1);
      shown.push([factor * re[i] - shift, factor * im[i]]);
    } else if (cloud.fixed) {
      shown.push([re[i] - 1, im[i]]);
    } else if (undo) {
      shown.push([(re[i] - 1 + undo[1]) / undo[0], im[i] / undo[0]]);
    } else shown.push([re[i], im[i]]);
  }
  return shown;
}

/** How far |Φ| must be from 1 to count: the band of the run's arithmetic, of the cell, member or layer that is shown. */
function bandOfPlane() {
  const there = cloud.fixed ? () => nearestCell({ step_size: cloud.fixed[0], damping: cloud.fixed[1] }) : () => current().cell;
  if (cells?.has("bands_predicted")) return cells.at("bands_predicted", there());
  const own = table("layers") ?? table("members");
  if (!own?.has("band")) return 0;
  const chosen = cloud.group === "layer" ? state.layer : state.member;
  const isShown = (_, row) => (!own.has("model") || own.at("model", row) === "trained") && (chosen === "all" || own.at(cloud.group, row) === Number(chosen));
  return Math.max(0, ...own.column("band").filter(isShown).filter(Number.isFinite));
}

function buildPlane(body) {
  const bar = make("div", { class: "bar" });
  const frame = make("div", { class: "map plane", id: "plane-frame" });
  const under = make("div", { class: "keys" });
  const badge = make("p", { class: "badge", id: "outside", role: "status" });
  const reading = make("p", { class: "reading", id: "plane-reading" });
  body.append(bar, badge, frame, under, reading);
  const owners = distinct(cloud.own.column(cloud.group));
  const named = cloud.group === "layer" ? owners.map((value) => [value, `layer ${value}`]) : [["all", `all ${count(owners.length)}`], ...owners.map((value) => [value, `${cloud.group} ${value}`])];
  const key = cloud.group === "layer" ? "layer" : "member";
  const pick = make("select", { id: "owner", "aria-label": `Eigenvalues of which ${cloud.group}`, onchange: () => choose({ [key]: key === "layer" ? Number(pick.value) : pick.value }) },
    named.map(([value, text]) => make("option", { value }, text)));
  const largest = make("button", { type: "button", id: "largest" , onclick: () => {
    const { factor } = lens();
    const best = shownEigenvalues().reduce((a, b) => (modulus(factor(b)) > modulus(factor(a)) ? b : a));
    choose({ re: best[0], im: Math.abs(best[1]) });
  } }, "follow the mode that grows most");
  bar.append(pick, ...(cloud.fixed ? [] : [largest]));
  listen(() => {
    pick.value = String(state[key]);
    const shown = shownEigenvalues();
    const result = drawPlane(frame, under, shown);
    const share = shown.length ? result.outside / shown.length : NaN;
    badge.replaceChildren(make("b", {}, `${count(result.outside)} of ${count(shown.length)} outside`), ` (${percent(share)})${result.open ? `, ${count(result.open)} on the circle within rounding` : ""}`);
    const { h, g, name } = lens();
    const [own, friction] = (cloud.fixed ?? cloud.undo ?? []).map((value) => brief(value));
    if (cloud.fixed) return say(reading, `At h = ${own} and γ = ${friction}, the middle of the grid, ${percent(share)} of the modes of these ${cloud.of} grow; the largest factor is ${brief(result.largest, 4)}. They were computed there alone, so h and γ do not move them.`);
    const guess = cloud.linearised ? ` They were computed at h = ${own} and γ = ${friction}; elsewhere the cloud is moved as if f were linear, which is a guess.` : "";
    say(reading, `At h = ${brief(h)} and γ = ${brief(g)}, ${percent(share)} of the modes of these ${cloud.of} grow with every step of ${name}; the largest factor is ${brief(result.largest, 4)}.${guess}`);
  });
}

function drawPlane(frame, under, shown) {
  const { h, g, growth, name } = lens();
  const band = bandOfPlane();
  const width = Math.max(260, frame.clientWidth);
  const height = Math.round(Math.min(520, Math.max(280, width * 0.72)));
  let reachOut = REACH[cloud.fixed ? "euler" : state.by];
  for (const [re, im] of shown) reachOut = Math.max(reachOut, Math.abs(h * re + 1) * 0.75, Math.abs(h * im) * 1.05);
  const inner = { width: width - EDGE.left - EDGE.right, height: height - EDGE.top - EDGE.bottom };
  const unit = Math.min(inner.height / (2 * reachOut), inner.width / (2.6 * reachOut));
  const middle = -0.6;
  const halfX = inner.width / unit / 2;
  const halfY = inner.height / unit / 2;
  const x = scale("linear", [middle - halfX, middle + halfX], [EDGE.left, width - EDGE.right]);
  const y = scale("linear", [-halfY, halfY], [height - EDGE.bottom, EDGE.top]);
  const { canvas, context } = sharpCanvas(width, height);
  context.beginPath();
  context.rect(EDGE.left, EDGE.top, inner.width, inner.height);
  context.clip();
  const factor = (z) => modulus(growth([z[0] - g, z[1]]));
  const tile = 4;
  context.fillStyle = isDark() ? "rgba(86,180,233,.16)" : "rgba(0,114,178,.10)";
  for (let left = EDGE.left; left < width - EDGE.right; left += tile) {
    for (let top = EDGE.top; top < height - EDGE.bottom; top += tile) {
      if (factor([x.back(left + tile / 2), y.back(top + tile / 2)]) < 1) context.fillRect(left, top, tile, tile);
    }
  }
  const radius = shown.length > 4000 ? 1.3 : shown.length > 800 ? 2 : 2.6;
  const [inside, out] = [lineColour(0), lineColour(1)];
  const result = { outside: 0, open: 0, largest: 0 };
  const places = shown.map((own) => {
    const z = scaled(own, h);
    const size = factor(z);
    if (size > 1 + band) result.outside++;
    else if (size >= 1 - band) result.open++;
    result.largest = Math.max(result.largest, size);
    const at = [x(z[0]), y(z[1])];
    context.beginPath();
    if (size > 1 + band) {
      context.strokeStyle = out;
      context.lineWidth = 1.4;
      context.moveTo(at[0] - radius, at[1] - radius);
      context.lineTo(at[0] + radius, at[1] + radius);
      context.moveTo(at[0] - radius, at[1] + radius);
      context.lineTo(at[0] + radius, at[1] - radius);
      context.stroke();
    } else {
      context.fillStyle = inside;
      context.arc(at[0], at[1], radius * 0.8, 0, 2 * Math.PI);
      context.fill();
    }
    return at;
  });
  const svg = planeOverlay({ width, height, x, y, factor, g, h });
  frame.style.height = `${height}px`;
  frame.replaceChildren(canvas, svg);
  pointable(svg, places, shown);
  const isModeSeen = Math.abs(h * state.re - middle) < halfX && Math.abs(h * state.im) < halfY;
  const dot = draw("svg", { width: 12, height: 12, "aria-hidden": "true" }, draw("circle", { cx: 6, cy: 6, r: 3, fill: inside }));
  const cross = draw("svg", { width: 12, height: 12, "aria-hidden": "true" }, draw("path", { d: "M2,2L10,10M2,10L10,2", stroke: out, "stroke-width": 1.6 }));
  under.replaceChildren(make("ul", { class: "legend" }, [
    make("li", {}, [dot, " shrinks: |Φ| < 1"]),
    make("li", {}, [cross, " grows: |Φ| > 1"]),
    make("li", {}, [make("span", { class: "disc" }), cloud.fixed ? " |Φ| < 1" : ` where a step of ${name} shrinks`]),
    cloud.fixed ? "" : make("li", {}, isModeSeen ? "◇ the mode that is followed" : `◇ the mode that is followed, λ = ${complexText([state.re, state.im])}, is beyond the picture`),
  ]));
  return result;
}

function planeOverlay({ width, height, x, y, factor, g, h }) {
  const clip = draw("clipPath", { id: "clip-plane" }, draw("rect", { x: EDGE.left, y: EDGE.top, width: width - EDGE.left - EDGE.right, height: height - EDGE.top - EDGE.bottom }));
  const inside = draw("g", { "clip-path": "url(#clip-plane)" });
  if (cloud.fixed || state.by === "euler") {
    inside.append(draw("circle", { class: "boundary", id: "disc", cx: x(g - 1), cy: y(0), r: x(1) - x(0), "data-centre": g - 1 }));
  } else {
    const columns = Array.from({ length: 121 }, (_, i) => EDGE.left + (i / 120) * (width - EDGE.left - EDGE.right));
    const rows = Array.from({ length: 101 }, (_, i) => EDGE.top + (i / 100) * (height - EDGE.top - EDGE.bottom));
    const segments = zeroContour(columns, rows, (i, j) => factor([x.back(columns[i]), y.back(rows[j])]) - 1);
    inside.append(draw("path", { class: "boundary", id: "disc", d: segments.map(path).join("") }));
  }
  const zero = [draw("line", { class: "rule", x1: x(0), x2: x(0), y1: EDGE.top, y2: height - EDGE.bottom }), draw("line", { class: "rule", y1: y(0), y2: y(0), x1: EDGE.left, x2: width - EDGE.right })];
  const mode = [x(h * state.re), y(h * state.im)];
  inside.append(...zero, ...(cloud.fixed ? [] : [markShape(3, ...mode, 6, { class: "mode-mark", id: "mode-mark" })]));
  const [across, up] = cloud.fixed ? ["Re Φ − 1", "Im Φ"] : ["Re h λ", "Im h λ"];
  const frame = axes({ scale: x, label: across }, { scale: y, label: up }, { width, height, edge: EDGE });
  return draw("svg", { class: "over", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": "Eigenvalues times the step size, and the region in which a step shrinks" }, [clip, ...frame, inside]);
}

/** Lets the pointer read an eigenvalue, and take it as the mode. */
function pointable(svg, places, shown) {
  const nearest = (event) => {
    const box = svg.getBoundingClientRect();
    const [left, up] = [event.clientX - box.left, event.clientY - box.top];
    let [best, least] = [-1, 15 ** 2];
    places.forEach(([a, b], i) => {
      const distance = (a - left) ** 2 + (b - up) ** 2;
      if (distance < least) [best, least] = [i, distance];
    });
    return best;
  };
  svg.addEventListener("pointermove", (event) => {
    const i = nearest(event);
    svg.style.cursor = i < 0 ? "" : "pointer";
    if (i < 0) return hideTip();
    const factor = lens().factor(shown[i]);
    const words = [`Φ = ${complexText(factor)}, |Φ| = ${brief(modulus(factor), 4)}`];
    showTip(event.clientX, event.clientY, cloud.fixed ? words : [`λ = ${complexText(shown[i])}`, ...words, "click to follow this mode"]);
  });
  svg.addEventListener("pointerleave", hideTip);
  svg.addEventListener("click", (event) => {
    const i = nearest(event);
    if (i >= 0 && !cloud.fixed) choose({ re: shown[i][0], im: shown[i][1] });
  });
}
