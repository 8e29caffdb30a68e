// One mode: dx/dt = λ x as it is, against the steps of an integrator; and the same mode with a norm.

/** The time that is shown. */
const LONG = 6;
const MOST_DOTS = 600;

/** A step of one mode: with a norm the layer sees x/|x|, or the step ends on the circle. */
function stepOf(h, g) {
  const own = [state.re, state.im];
  const z = [h * state.re - g, h * state.im];
  const factor = INTEGRATORS[state.by].growth(z);
  if (state.norm === "none") return (x) => times(factor, x);
  if (state.norm === "pre") return (x) => add(scaled(x, 1 - g), scaled(times(own, x), h / (modulus(x) || 1)));
  const euler = add([1 - g, 0], scaled(own, h));
  return (x) => {
    const next = times(euler, x);
    return scaled(next, 1 / (modulus(next) || 1));
  };
}

/** The states after 0, 1, 2, ... steps from 1. */
function states(h, g, steps) {
  const step = stepOf(h, g);
  const all = [[1, 0]];
  for (let k = 0; k < steps; k++) {
    const next = step(all[k]);
    if (!(modulus(next) < 1e150)) break;
    all.push(next);
  }
  return all;
}

/** The solution of dx/dt = (λ − γ/h) x. */
function exact(h, g, t) {
  return exponential([(state.re - (h > 0 ? g / h : 0)) * t, state.im * t]);
}

function buildMode(body) {
  const bar = make("div", { class: "bar" });
  const badge = make("p", { class: "badge", id: "badge", role: "status" });
  const frame = make("div", { id: "mode-frame" });
  const reading = make("p", { class: "reading", id: "mode-reading" });
  body.append(bar, badge, frame, reading);
  const field = (key, label) => {
    const own = make("input", { type: "number", step: 0.1, id: `field-${key}`, "aria-label": `${label} of λ`, onchange: () => choose({ [key]: Number(own.value) || 0 }) });
    return own;
  };
  const [re, im] = [field("re", "real part"), field("im", "imaginary part")];
  const integrators = make("div", {});
  const norms = make("div", {});
  bar.append(make("label", {}, ["λ = ", re, " + ", im, " i"]), integrators, norms);
  listen(() => {
    const { h, g } = current();
    for (const [own, key] of [[re, "re"], [im, "im"]]) if (document.activeElement !== own) own.value = Number(state[key].toPrecision(5));
    integrators.replaceChildren(oneOf("Integrator", Object.entries(INTEGRATORS).map(([key, { name }]) => [key, name]), state.by, (by) => choose({ by, norm: by === "euler" ? state.norm : "none" })));
    norms.replaceChildren(oneOf("Norm", [["none", "no norm"], ["pre", "pre norm"], ["post", "post norm"]], state.norm, (norm) => choose({ norm, by: norm === "none" ? state.by : "euler" })));
    drawMode(frame, h, g);
    sayMode(badge, reading, h, g);
  });
}

function drawMode(frame, h, g) {
  const steps = h > 0 ? Math.min(MOST_DOTS, Math.floor(LONG / h + 1e-9)) : MOST_DOTS;
  const dots = states(h, g, steps).map(([value], k) => ({ x: k * h, y: value }));
  const { name } = INTEGRATORS[state.by];
  const series = [];
  const rules = [{ y: 0, text: "" }];
  if (state.norm === "none") {
    const fine = Array.from({ length: 241 }, (_, i) => (i / 240) * LONG);
    series.push({ name: "solution", colour: lineColour(0), width: 2.5, silent: true, points: fine.map((t) => ({ x: t, y: exact(h, g, t)[0] })) });
  } else {
    const plain = { ...state };
    Object.assign(state, { norm: "none" });
    series.push({ name: "without a norm", colour: lineColour(0), dash: "8 4", points: states(h, g, steps).map(([value], k) => ({ x: k * h, y: value })) });
    Object.assign(state, { norm: plain.norm });
  }
  const label = state.norm === "none" ? `steps of ${name}` : `${name} with ${state.norm} norm`;
  series.push({ name: label, colour: lineColour(1), dash: "2 3", width: 1.2, mark: 0, size: dots.length > 60 ? 2 : 4, points: dots });
  const most = Math.max(...series.flatMap((own) => own.points.map((point) => Math.abs(point.y))));
  const kind = most > 20 ? "bent" : "linear";
  const y = { label: kind === "bent" ? "Re x (logarithmic beyond ±1)" : "Re x", kind };
  chart(frame, { name: "One mode", x: { label: "time t = k h", ends: [0, LONG] }, y, series, rules, height: 340 });
}

function sayMode(badge, reading, h, g) {
  const z = [h * state.re - g, h * state.im];
  const factor = INTEGRATORS[state.by].growth(z);
  const size = modulus(factor);
  if (state.norm !== "none") {
    const last = states(h, g, 80).at(-1);
    const law = state.norm === "pre" ? `|x| is ${brief(modulus(last))} after 80 steps; without the norm ${brief(size ** 80)}` : "|x| = 1 after every step: only the direction moves";
    badge.replaceChildren(make("b", {}, `${state.norm} norm`), `: ${law}`);
    say(reading, state.norm === "pre"
      ? `The layer sees x/|x|, so a step adds at most h |λ| = ${brief(h * Math.hypot(state.re, state.im))}: with fixed weights growth is linear, not exponential.`
      : "A norm behind the layer sets |x| back to 1: of one mode only the direction is left, and among several the one that grows most takes over.");
    badge.dataset.factor = "";
    return;
  }
  const { word, sign } = fate(size);
  const turn = Math.abs(state.im) > 1e-12 ? `, turning by ${brief((Math.atan2(factor[1], factor[0]) * 180) / Math.PI)}°` : factor[0] < 0 ? ", changing its sign" : "";
  badge.replaceChildren(make("b", {}, `Φ = ${complexText(factor)}: × ${brief(size)} per step`), `${turn}. ${sign} ${word}`);
  badge.dataset.factor = String(size);
  const truth = exponential(z);
  const same = Math.abs(size - modulus(truth)) <= 0.01 * modulus(truth) + 1e-9;
  const shrinks = modulus(truth) < 1 - 1e-9;
  const wrong = shrinks && size > 1 ? "the step explodes where the solution decays" : !shrinks && size < 1 ? "the step decays where the solution grows" : "the fate is right, the rate is not";
  say(reading, `With λ = ${complexText([state.re, state.im])} the solution multiplies by ${brief(modulus(truth))} in a step of h = ${brief(h)}; ${INTEGRATORS[state.by].name}'s Φ = ${INTEGRATORS[state.by].law} multiplies by ${brief(size)}: ${same ? "they agree" : wrong}.`);
}
