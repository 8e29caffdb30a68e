// What the reader has chosen, kept in the address so that a link shows the same page.

/** Choices and what they are at first; names are those in the address. */
const FIRST = {
  h: 1, // step size
  rho: 1, // radius
  g: 0, // friction
  re: -5, // the mode's λ
  im: 0,
  by: spec.integrator in INTEGRATORS ? spec.integrator : "euler", // integrator of the mode and of the plane
  norm: "none", // of the mode
  q: "", // quantity of the map
  x: "", // axes of the map
  y: "",
  pins: [], // cells, by their rows
  member: "all", // of the plane
  layer: 0, // of a trained model
  verdict: "all",
  theme: "auto",
};

const state = { ...FIRST, outer: {} };
/** A cell under the pointer: for as long as it is there every view shows it. */
let hovered = null;
const listeners = [];

function listen(draw) {
  listeners.push(draw);
}

let waiting = false;
/** Draws everything once, before the next frame. */
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    for (const draw of listeners) draw();
  });
}

/** Changes choices, the address and every view. */
function choose(changes) {
  Object.assign(state, changes);
  history.replaceState(null, "", address());
  redraw();
}

function hover(cell) {
  if (cell === hovered) return;
  hovered = cell;
  redraw();
}

/** The address of the present choices: only those that are not the first. */
function address() {
  const words = new URLSearchParams();
  for (const [key, first] of Object.entries(FIRST)) {
    const value = key === "pins" ? state.pins.join(".") : state[key];
    if (String(value) !== (key === "pins" ? "" : String(first))) words.set(key, value);
  }
  for (const [key, value] of Object.entries(state.outer)) words.set(`at.${key}`, value);
  return `#${words}`;
}

/** Reads the choices of an address; what does not make sense is passed over. */
function follow(text) {
  const words = new URLSearchParams(text.replace(/^#/, ""));
  Object.assign(state, FIRST, { pins: [], outer: {} });
  for (const [key, value] of words) {
    if (key.startsWith("at.") && Number.isFinite(Number(value))) state.outer[key.slice(3)] = Number(value);
    if (!(key in FIRST)) continue;
    if (key === "pins") state.pins = value.split(".").filter((pin) => /^\d+$/.test(pin)).map(Number);
    else if (typeof FIRST[key] !== "number") state[key] = value;
    else if (value !== "" && Number.isFinite(Number(value))) state[key] = Number(value);
  }
  if (!(state.by in INTEGRATORS)) state.by = FIRST.by;
  if (!["none", "pre", "post"].includes(state.norm)) state.norm = FIRST.norm;
}
