// Puts the views together that the folder has data for.

const hasGrid = cells !== undefined && cells.has("observed_rate_median");
const isSweepOf = ["sweep", "spectrum", "lyapunov"].includes(run.command);

/** One mode explains the map and the plane beside it; elsewhere it comes last. */
const MODE = {
  id: "mode", there: isSweepOf || claims.length > 0, heading: "One mode", wide: !hasGrid && cloud === null, build: buildMode,
  text: "dx/dt = λ x has a solution; a layer takes steps. At λ = −5 and h = 1 Euler's steps explode where the solution decays.",
};

/** The views in the order of the page. */
const VIEWS = [
  { id: "verdicts", there: claims.length > 0, heading: "Verdicts", wide: true, build: buildVerdicts, text: "What the essay claims, what was measured, and whether it holds. Each card has the command that runs it again." },
  { id: "map", there: hasGrid, heading: "Stability map", build: buildMap, text: "Growth a step of the median member at every grid point. Point at a cell and all figures show it; click, or press Enter, to pin it for comparison." },
  { id: "paths", there: hasGrid && recordedAt.size > 0, heading: "Promise and trajectory", build: buildPaths, text: "How far states really grow along the depth, against the straight line that eigenvalues promise." },
  { id: "plane", there: cloud !== null, heading: "Eigenvalues and the disc of a step", build: buildPlane, text: cloud?.fixed ? "Eigenvalues Φ of the step's Jacobians, and the disc in which a mode shrinks." : "h scales the cloud of h λ, γ moves the disc of Euler's step. Outside of it a mode grows at every step. Click an eigenvalue to follow it as a mode." },
  ...(MODE.wide ? [] : [MODE]),
  { id: "depth", there: alongThere.length > 0, heading: "Along the depth", wide: true, build: buildDepth, text: "What else changes from layer to layer: medians over the recorded members, with the middle 80 %." },
  { id: "layers", there: table("layers") !== undefined, heading: "The model's layers", wide: true, build: buildLayers, text: "The Jacobian of every layer at the last token of the first text, and of the same layers with other weights as controls." },
  { id: "texts", there: textCells !== undefined, heading: "The model at other step sizes", wide: true, build: buildTexts, text: "How well the trained model predicts a text when its step size or its friction is another." },
  { id: "exponents", there: Boolean(table("exponents") ?? table("exponents_by_layer")), heading: "Lyapunov exponents", wide: true, build: buildExponents, text: "Growth of perturbations by long products of layers, in natural logarithms a step." },
  ...(MODE.wide ? [MODE] : []),
  { id: "trust", there: true, heading: "Trust, but verify", wide: true, build: buildTrust, text: "What was run, what the words mean, and the numbers behind the figures." },
];

/** What the run found, in a sentence. */
function headline() {
  const own = run.headline;
  if (claims.length) {
    const words = { holds: ["holds", "hold"], holds_conditionally: ["holds under conditions", "hold under conditions"], wrong: ["is wrong", "are wrong"], undecidable: ["cannot be decided here", "cannot be decided here"] };
    const parts = Object.entries(words).map(([kind, [one, more]]) => [claims.filter((claim) => claim.verdict === kind).length, one, more]);
    return `Of ${plural(claims.length, "claim")} ${parts.filter(([number]) => number > 0).map(([number, one, more]) => `${count(number)} ${number === 1 ? one : more}`).join(", ")}.`;
  }
  if (own?.seen_to_explode !== undefined && own.seen_to_explode !== null) {
    const differ = own.differ ? `they differ at ${count(own.differ)}` : "they nowhere differ";
    const what = isLinear ? "states" : "perturbations";
    return `Most ${what} explode at ${count(own.seen_to_explode)} of ${plural(own.grid_points, "grid point")}; eigenvalues promise it at ${count(own.predicted_to_explode)}, and ${differ}.`;
  }
  const exponents = run.exponents;
  if (Array.isArray(exponents)) {
    const positive = exponents.filter((own_) => (own_?.mean ?? own_) > 0).length;
    return `${positive} of ${plural(exponents.length, "exponent")} are positive.`;
  }
  if (run.spectral_radius?.median !== undefined) return `The median spectral radius is ${brief(run.spectral_radius.median, 4)}; ${percent(run.outside_unit_circle_fraction)} of the eigenvalues are outside the unit circle.`;
  return "";
}

function wear() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

function start() {
  document.getElementById("title").textContent = page.title;
  document.getElementById("headline").textContent = headline();
  follow(location.hash);
  const main = document.getElementById("main");
  const shown = VIEWS.filter((view) => view.there);
  listen(wear);
  if (shown.some((view) => ["map", "plane", "mode"].includes(view.id))) buildControls(document.getElementById("controls"));
  for (const view of shown) {
    const { own, body } = section(view.id, view.heading, view.text, view.wide);
    main.append(own);
    view.build(body);
  }
  wear();
  const theme = document.getElementById("theme");
  theme.addEventListener("click", () => choose({ theme: isDark() ? "light" : "dark" }));
  document.getElementById("print").addEventListener("click", () => print());
  prefersDark.addEventListener("change", redraw);
  addEventListener("hashchange", () => {
    // An anchor is no address of choices.
    if (location.hash && !location.hash.includes("=")) return;
    follow(location.hash);
    redraw();
  });
  let printing = null;
  addEventListener("beforeprint", () => {
    printing = state.theme;
    state.theme = "light";
    for (const own of listeners) own();
  });
  addEventListener("afterprint", () => {
    state.theme = printing;
    redraw();
  });
  // A figure that was drawn anew under the pointer is not told that the pointer leaves.
  document.addEventListener("pointermove", ({ target }) => {
    if (!target.closest(".map, svg.chart")) hideTip();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    redraw();
  });
  redraw();
}

start();
