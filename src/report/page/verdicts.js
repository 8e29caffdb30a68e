// The essay's claims: one card each, with what was predicted, what was measured, and the verdict.

const VERDICTS = {
  holds: { text: "holds", sign: "✓" },
  holds_conditionally: { text: "holds under conditions", sign: "◐" },
  wrong: { text: "wrong", sign: "✗" },
  undecidable: { text: "cannot be decided here", sign: "?" },
};

const claims = Array.isArray(run.claims) ? run.claims : [];
const verdictOf = (claim) => VERDICTS[claim.verdict] ?? { text: String(claim.verdict).replaceAll("_", " "), sign: "·" };

/** Records of numbers, however they were written down: a list of {name, value, error, unit}, or an object of numbers. */
function records(own) {
  if (own === null || own === undefined) return [];
  if (Array.isArray(own)) return own.map((record) => (typeof record === "object" && record !== null ? record : { name: "", value: record }));
  if (typeof own === "object") return "value" in own ? [own] : Object.entries(own).map(([name, value]) => ({ name: name.replaceAll("_", " "), ...(typeof value === "object" && value !== null ? value : { value }) }));
  return [{ name: "", value: own }];
}

const errorOf = (record) => record.error ?? record.standard_error ?? record.tolerance;

/** A value with its error and unit. */
function amount(record) {
  if (!record) return "";
  const { value } = record;
  const text = typeof value === "number" ? brief(value, 5) : value === null || value === undefined ? "missing" : String(value);
  const error = Number.isFinite(errorOf(record)) && errorOf(record) > 0 ? ` ± ${brief(errorOf(record), 2)}` : "";
  return `${text}${error}${record.unit ? ` ${record.unit}` : ""}`;
}

/** Measured beside predicted, by name. */
function comparison(claim) {
  const [measured, predicted] = [records(claim.measured), records(claim.predicted)];
  const names = [...new Set([...measured, ...predicted].map((record) => String(record.name ?? "")))];
  if (names.length === 0) return null;
  const find = (list, name, i) => list.find((record) => String(record.name ?? "") === name) ?? (name === "" ? list[i] : undefined);
  const rows = names.map((name, i) => {
    const [seen, said] = [find(measured, name, i), find(predicted, name, i)];
    return make("tr", {}, [make("th", { scope: "row" }, name || "value"), make("td", {}, amount(seen)), make("td", {}, amount(said)), make("td", {}, deviation(seen, said))]);
  });
  const head = make("tr", {}, ["", "measured", "predicted", "apart by"].map((text) => make("th", { scope: "col" }, text)));
  return make("div", { class: "scroll" }, make("table", {}, [make("thead", {}, head), make("tbody", {}, rows)]));
}

/** How far a measurement is from its prediction, in its own errors where it has one. */
function deviation(seen, said) {
  if (typeof seen?.value !== "number" || typeof said?.value !== "number") return "";
  const apart = seen.value - said.value;
  const error = Math.hypot(errorOf(seen) || 0, errorOf(said) || 0);
  return error > 0 ? `${brief(apart / error, 2)} σ` : signed(apart, 2);
}

const TRUTHS = { holds: "✓ holds", fails: "✗ fails", undecided: "? undecided" };

/** What the claim says of single numbers, each with its criterion and whether it is true. */
function statements(claim) {
  const rows = claim.statements.map((own) => {
    const theory = Number.isFinite(own.predicted) ? amount({ value: own.predicted, error: own.tolerance }) : "";
    return make("tr", {}, [
      make("th", { scope: "row" }, [own.says, make("div", { class: "quiet" }, own.name)]),
      make("td", { "data-head": "measured " }, amount({ value: own.value, error: own.standard_error, unit: own.unit })),
      make("td", { "data-head": "theory " }, theory),
      make("td", { "data-head": "true if " }, own.criterion ?? ""),
      make("td", { class: `truth ${own.truth}` }, TRUTHS[own.truth] ?? String(own.truth ?? "")),
    ]);
  });
  const head = make("tr", {}, ["statement", "measured", "theory", "true if", ""].map((text) => make("th", { scope: "col" }, text)));
  return make("div", { class: "scroll" }, make("table", { class: "statements" }, [make("thead", {}, head), make("tbody", {}, rows)]));
}

/** Some curves of a claim, with error bars of one standard error. */
function graph(claim, own, id) {
  const { curves, x_label: across, y_label: up, log_x: isLog, neutral, reading } = own;
  const frame = make("div", { id });
  const line = (curve, i) => {
    const points = curve.x.map((x, k) => {
      const [y, error] = [curve.y[k] ?? NaN, curve.standard_error?.[k] || 0];
      return error > 0 ? { x, y, low: y - error, high: y + error } : { x, y };
    });
    return { name: curve.curve ?? curve.label, colour: lineColour(i), dash: DASHES[i % DASHES.length], points, mark: i, size: 2.6, errors: true, spread: "± 1 standard error" };
  };
  const rules = neutral ? [{ y: neutral.level, text: neutral.name }] : [];
  listen(() => {
    if (frame.clientWidth > 0) chart(frame, { name: `${claim.id}: ${up} over ${across}`, x: { label: across, kind: isLog ? "log" : "linear" }, y: { label: up }, series: curves.map(line), rules, height: 260 });
  });
  return make("figure", {}, [frame, make("figcaption", { class: "reading" }, reading ?? "")]);
}

/** The ordinary runs behind a claim. */
function runsOf(claim) {
  const lines = (claim.runs ?? []).map((own) => (typeof own === "string" ? own : own.line)).filter(Boolean);
  if (lines.length === 0) return null;
  return make("details", {}, [make("summary", {}, `the ${plural(lines.length, "run")} behind it`), ...lines.map(copied)]);
}

/** Fields that a card shows in its own way. */
const SHOWN = ["id", "claim", "experiment", "measured", "predicted", "statements", "criterion", "verdict", "said", "command", "runs", "graph", "graph_of_model", "reading", "remark", "title", "seconds"];

function card(claim) {
  const { text, sign } = verdictOf(claim);
  const line = (name, value) => (value === undefined || value === null || value === "" ? null : make("p", {}, [make("b", {}, `${name}: `), typeof value === "string" ? value : JSON.stringify(value)]));
  const more = Object.entries(claim).filter(([key, value]) => !SHOWN.includes(key) && ["string", "number", "boolean"].includes(typeof value));
  const command = Array.isArray(claim.command) ? claim.command.join(" ") : claim.command;
  const hasGraph = claim.graph?.curves?.some((curve) => curve.x?.length > 0);
  return make("article", { class: `verdict ${claim.verdict}`, id: `claim-${claim.id}`, "data-verdict": claim.verdict }, [
    make("p", { class: "seal" }, [make("span", { class: "sign", "aria-hidden": "true" }, sign), ` ${text}`]),
    make("h3", {}, claim.title ?? String(claim.id).replaceAll(/[_-]/g, " ")),
    make("blockquote", {}, claim.claim),
    line("Experiment", claim.experiment),
    claim.statements?.length ? statements(claim) : comparison(claim),
    line("Criterion", claim.criterion),
    hasGraph ? graph(claim, claim.graph, `graph-${claim.id}`) : line("Reading", claim.reading),
    claim.graph_of_model ? graph(claim, claim.graph_of_model, `graph-of-model-${claim.id}`) : null,
    line("Remark", claim.remark),
    ...more.map(([key, value]) => line(key.replaceAll("_", " "), typeof value === "number" ? brief(value) : String(value))),
    command ? copied(command) : null,
    runsOf(claim),
  ]);
}

/** A line of code that can be copied. */
function copied(text) {
  const button = make("button", { type: "button", onclick: async () => {
    await navigator.clipboard?.writeText(text).catch(() => {});
    button.textContent = "copied";
    setTimeout(() => (button.textContent = "copy"), 1500);
  } }, "copy");
  return make("div", { class: "code" }, [make("pre", {}, make("code", {}, text)), button]);
}

function buildVerdicts(body) {
  const bar = make("div", { class: "bar" });
  const cards = claims.map(card);
  const jump = (claim, own) => make("button", { type: "button", onclick: () => {
    choose({ verdict: "all" });
    requestAnimationFrame(() => own.scrollIntoView());
  } }, `${verdictOf(claim).sign} ${String(claim.id).replaceAll(/[_-]/g, " ")}`);
  const overview = make("div", { class: "choices overview", role: "group", "aria-label": "Claims" }, claims.map((claim, i) => jump(claim, cards[i])));
  body.append(bar, overview, make("div", { class: "verdicts" }, cards));
  const kinds = [...new Set([...Object.keys(VERDICTS), ...claims.map((claim) => claim.verdict)])].filter((kind) => claims.some((claim) => claim.verdict === kind));
  const options = [["all", `all ${claims.length}`], ...kinds.map((kind) => [kind, `${verdictOf({ verdict: kind }).sign} ${verdictOf({ verdict: kind }).text}: ${claims.filter((claim) => claim.verdict === kind).length}`])];
  listen(() => {
    const chosen = kinds.includes(state.verdict) ? state.verdict : "all";
    if (bar.dataset.chosen !== chosen) bar.replaceChildren(oneOf("Verdict", options, chosen, (verdict) => choose({ verdict })));
    bar.dataset.chosen = chosen;
    for (const own of cards) own.hidden = chosen !== "all" && own.dataset.verdict !== chosen;
  });
}
