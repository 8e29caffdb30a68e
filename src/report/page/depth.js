// What changes along the depth besides growth: the radius of the Jacobians, the likeness of tokens, the entropy of
// attention, and how large and how damped a step is in effect.

const linearised = table("linearised");

const ALONG = [
  { key: "radius", name: "radius of the Jacobian", label: "spectral radius", rule: 1, text: "neutral" },
  { key: "growth", name: "norm of the state", label: "ln ‖x‖/‖x at 0‖ (nats)", rule: 0, text: "" },
  { key: "token_similarity", name: "likeness of tokens", label: "mean cosine (1: collapse)", rule: 1, text: "rank collapse" },
  { key: "attention_entropy", name: "entropy of attention", label: "nats" },
  { key: "cosine", name: "memory of the start", label: "cosine of x and its start" },
  { key: "effective_step", name: "effective step", label: "‖h f‖/‖x‖" },
  { key: "effective_damping", name: "effective friction", label: "1 − ‖x before‖/‖x after‖", rule: 0, text: "" },
];

/** The radius of the Jacobians along the depth at a cell. */
function radiusAlong(row) {
  const keys = gridKeys.filter((key) => linearised.has(key));
  const points = [];
  for (let at = 0; at < linearised.rows; at++) {
    if (!keys.every((key) => linearised.at(key, at) === cells.at(key, row))) continue;
    const value = (part) => linearised.at(`spectral_radius_${part}`, at);
    points.push({ x: linearised.at("step", at), y: value("median"), low: value("q10"), high: value("q90") });
  }
  return points;
}

/** Which of the quantities the folder has. */
const alongThere = ALONG.filter(({ key }) => {
  if (!cells || isLinear) return false;
  if (key === "radius") return linearised !== undefined;
  return bands?.has(`${key}_median`) && bands.column(`${key}_median`).some(Number.isFinite);
});

function buildDepth(body) {
  const grid = make("div", { class: "small" });
  body.append(grid);
  const frames = alongThere.map((own) => {
    const frame = make("div", { id: `along-${own.key}` });
    const reading = make("figcaption", { class: "reading" });
    grid.append(make("figure", {}, [make("h3", {}, own.name), frame, reading]));
    return { ...own, frame, reading };
  });
  listen(() => {
    for (const { key, name, label, rule, text, frame, reading } of frames) {
      const series = compared().map((own) => ({ ...own, band: true, spread: "80 % of members", points: key === "radius" ? radiusAlong(own.row) : along(own.row, key), mark: key === "radius" ? own.mark : undefined }));
      chart(frame, { name, x: { label: "step k" }, y: { label }, series, rules: rule === undefined ? [] : [{ y: rule, text }], height: 220 });
      const points = series[0]?.points ?? [];
      const [first, last] = [points[0], points.at(-1)];
      say(reading, last ? `${name}: ${brief(first.y)} at step ${first.x}, ${brief(last.y)} at step ${last.x}.` : "Not recorded at this cell.");
    }
  });
}
