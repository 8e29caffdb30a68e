// Elements of the page, and what is shared by all views: sections, tips, colours.

const SVG = "http://www.w3.org/2000/svg";

function filledIn(own, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) own.addEventListener(name.slice(2), value);
    else own.setAttribute(name, value === true ? "" : value);
  }
  own.append(...[children ?? []].flat(Infinity).filter((child) => child !== null && child !== undefined));
  return own;
}

/** An element of HTML. */
function make(tag, attributes, children) {
  return filledIn(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
function draw(tag, attributes, children) {
  return filledIn(document.createElementNS(SVG, tag), attributes, children);
}

/** A section of the page with a heading, an explanation and a place for its figure. */
function section(id, heading, explanation, wide = false) {
  const body = make("div", { class: "body" });
  const own = make("section", { id, class: wide ? "card wide" : "card", "aria-labelledby": `${id}-heading` }, [
    make("h2", { id: `${id}-heading` }, heading),
    make("p", { class: "explanation" }, explanation),
    body,
  ]);
  return { own, body };
}

/** Buttons of which one is pressed. */
function oneOf(label, options, chosen, choice) {
  const button = ([value, text]) =>
    make("button", { type: "button", "data-value": value, "aria-pressed": String(value === chosen), onclick: () => choice(value) }, text);
  return make("div", { class: "choices", role: "group", "aria-label": label }, options.map(button));
}

/** Sets the text of an element, and nothing if it is the same: readers of screens would say it again. */
function say(own, text) {
  if (own.textContent !== text) own.textContent = text;
}

/** Shows lines of text beside a place on the screen. */
function showTip(x, y, lines) {
  const tip = document.getElementById("tip");
  tip.replaceChildren(...lines.map((line, i) => make(i === 0 ? "strong" : "div", {}, line)));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = x + 16 + width > innerWidth ? Math.max(4, x - width - 16) : x + 16;
  tip.style.left = `${left}px`;
  tip.style.top = `${Math.max(4, Math.min(y + 16, innerHeight - height - 4))}px`;
}

function hideTip() {
  document.getElementById("tip").hidden = true;
}

/** A canvas with a pixel for each of the screen's, and its context in units of the page. */
function sharpCanvas(width, height) {
  const canvas = make("canvas", { "aria-hidden": "true" });
  const ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { canvas, context };
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return state.theme === "auto" ? prefersDark.matches : state.theme === "dark";
}

/** Red, green and blue of the paper that is shown. */
function colours() {
  return isDark() ? page.colours.dark : page.colours.light;
}

const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

/** The colour of a line. */
function lineColour(index) {
  const { lines } = colours();
  return css(lines[index % lines.length]);
}

/** The colour of a position from −1 to 1. */
function rampColour(position) {
  const { ramp } = colours();
  const place = ((Math.max(-1, Math.min(1, position)) + 1) / 2) * (ramp.length - 1);
  const index = Math.min(Math.floor(place), ramp.length - 2);
  return ramp[index].map((from, i) => Math.round(from + (ramp[index + 1][i] - from) * (place - index)));
}

/** What sets lines apart besides their colour. */
const DASHES = ["", "8 4", "2 3", "10 3 2 3", "14 4", "4 2"];
const LETTERS = "ABCDEF";
