// The sliders that all views share, and the presets.

/** What a preset chooses; h = 1/√L needs the depth. */
const PRESETS = {
  essay: { name: "essay", title: "dx/dt = −5 x at h = 1, and the Transformer: h = 1, γ = 0", choices: () => ({ h: 1, g: 0, rho: 1, re: -5, im: 0, by: "euler", norm: "none" }) },
  depth: { name: "1/√L", title: "h = 1/√L beside h = 1: independent layers then grow by √e in all, however deep", choices: () => ({ h: 1 / Math.sqrt(depthOf()), g: 0, rho: 1, re: -5, im: 0, by: "euler", norm: "none" }) },
  norm: { name: "pre or post norm", title: "the same growing mode with a norm before or behind the layer", choices: () => ({ h: 1, g: 0, rho: 1, re: 0.5, im: 0, by: "euler", norm: "pre" }) },
};

function depthOf() {
  return state.outer.depth ?? (Number(spec.depth) || 80);
}

function preset(key) {
  const choices = PRESETS[key].choices();
  const changes = { ...choices, pins: [] };
  if (cells && key === "depth") changes.pins = [nearestCell({ step_size: 1, radius: 1, damping: 0, ...state.outer })];
  choose(changes);
}

/** A slider with a field for its number. */
function slider({ key, label, low, high, step, title }) {
  const attributes = { min: low, max: high, "aria-label": title };
  const range = make("input", { type: "range", id: `slide-${key}`, step: "any", ...attributes, oninput: () => choose({ [key]: Number(range.value) }) });
  const field = make("input", {
    type: "number", id: `field-${key}`, step, ...attributes,
    onchange: () => {
      const value = Math.max(low, Math.min(high, Number(field.value)));
      if (field.value === "" || !Number.isFinite(value)) return redraw();
      field.value = value;
      choose({ [key]: value });
    },
    onblur: redraw,
  });
  range.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const value = Number((Math.round((Number(range.value) + by * step) / step) * step).toPrecision(12));
    choose({ [key]: Math.max(low, Math.min(high, value)) });
  });
  const own = make("label", { class: "slider", title }, [make("span", {}, label), range, field]);
  own.show = (value) => {
    range.value = value;
    if (document.activeElement !== field) field.value = Number(value.toPrecision(4));
  };
  return own;
}

function buildControls(place) {
  const top = (key, least) => (cells ? Math.max(least, ...gridAxes.get(key).values) : least);
  const sliders = {
    h: slider({ key: "h", label: "h", low: 0, high: top("step_size", 2), step: 0.01, title: "step size h; the Transformer has 1" }),
    g: slider({ key: "g", label: "γ", low: 0, high: 1, step: 0.01, title: "friction γ; the Transformer has 0" }),
  };
  if (cells) {
    sliders.rho = slider({ key: "rho", label: "ρ", low: 0, high: top("radius", 2), step: 0.01, title: "spectral radius ρ of the layer" });
  }
  const outer = outerKeys.map((key) => {
    const options = gridAxes.get(key).values.map((value) => make("option", { value }, brief(value)));
    const own = make("select", { id: `at-${key}`, onchange: () => choose({ outer: { ...state.outer, [key]: Number(own.value) } }) }, options);
    return { key, own, label: make("label", { class: "slider" }, [make("span", {}, gridAxes.get(key).label), own]) };
  });
  const buttons = Object.entries(PRESETS).map(([key, { name, title }]) => make("button", { type: "button", id: `preset-${key}`, title, onclick: () => preset(key) }, name));
  const comparison = make("div", { class: "pins", id: "pins" });
  place.append(
    make("div", { class: "choices", role: "group", "aria-label": "Presets" }, buttons),
    ...Object.values(sliders),
    ...outer.map(({ label }) => label),
    comparison,
  );
  place.hidden = false;
  listen(() => {
    const { h, rho, g, cell } = current();
    sliders.h.show(h);
    sliders.g.show(g);
    sliders.rho?.show(rho);
    for (const { key, own } of outer) own.value = String(cells.at(key, cell));
    const chip = (row, i) =>
      make("button", { type: "button", style: `--line:${lineColour(i + 1)}`, title: "take this pin away", onclick: () => choose({ pins: state.pins.filter((other) => other !== row) }) }, [
        make("b", {}, LETTERS[i]),
        ` ${cellName(row)} `,
        make("span", { "aria-hidden": "true" }, "×"),
      ]);
    comparison.replaceChildren(...pins().map(chip));
  });
}
