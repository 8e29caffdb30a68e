// Why to believe the page: what was run, on what, what is missing, what every word means, and the numbers themselves.

const REFERENCES = {
  euler: "E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, Springer 1996",
  residual: "K. He et al., Deep Residual Learning, CVPR 2016; E. Haber, L. Ruthotto, Inverse Problems 34 (2018)",
  circular: "J. Ginibre, J. Math. Phys. 6 (1965); T. Tao, V. Vu, Ann. Probab. 38 (2010)",
  product: "H. Furstenberg, H. Kesten, Ann. Math. Stat. 31 (1960); C. Newman, Comm. Math. Phys. 103 (1986)",
  transient: "L. N. Trefethen, M. Embree, Spectra and Pseudospectra, Princeton 2005",
  depth: "S. Hayou et al., Stable ResNet, AISTATS 2021; P. Marion et al., JMLR 26 (2025)",
  norm: "R. Xiong et al., On Layer Normalization in the Transformer Architecture, ICML 2020",
  collapse: "Y. Dong et al., Attention is not all you need, ICML 2021",
  wilson: "E. B. Wilson, JASA 22 (1927)",
};

const DEFINITIONS = [
  ["The layer", "x ← (1 − γ) x + h f(x)", "h is the step size, γ the friction. A Transformer has h = 1 and γ = 0.", "residual"],
  ["Growth factor", "Φ(z) = 1 + z,  z = h λ − γ", "What an Euler step multiplies the mode of the eigenvalue λ of f by. |Φ| < 1 decays, = 1 is neutral, > 1 explodes.", "euler"],
  ["Radius", "A = −μ I + ρ G/√n", "G has independent normal entries; ρ is the edge of its circular law, or each matrix's own radius where it is called exact.", "circular"],
  ["Promise", "ln max |eigenvalue of M|", "Growth a step by eigenvalues, M = (1 − γ) I + h A, or the Jacobian of a nonlinear step. A cell shows the median of the members."],
  ["Observed growth", "(ln ‖x at L‖ − ln ‖x at L/2‖)/(L/2)", "The slope over the later half of the depth L; of nonlinear layers that of a perturbation δx along the trajectory, for that is what Jacobians speak of."],
  ["Gap", "observed − promise", "Products of different layers grow by their Lyapunov exponent; layers that are not normal grow for a while before they decay.", "product"],
  ["Transient", "max over k of ‖M to the k‖ may exceed 1 although every |λ| < 1", "What eigenvalues do not see.", "transient"],
  ["1/√L", "E ‖x at L‖² = (1 + h² ρ²) to the L", "For independent layers; with h = 1/√L and ρ = 1 it tends to e.", "depth"],
  ["Pre and post norm", "x + h f(norm x)  and  norm(x + h f(x))", "With a norm before f, states grow at most linearly at fixed weights; behind it they do not grow at all.", "norm"],
  ["Likeness of tokens", "mean cosine of two tokens", "1 is rank collapse: all tokens say the same.", "collapse"],
  ["Intervals", "95 %", "Of shares Wilson's, of medians by order statistics. Bands in figures are the middle 80 % of the members.", "wilson"],
];

function buildTrust(body) {
  const facts = make("dl", { class: "facts" }, factsOf().filter(([, value]) => value !== "").flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
  const words = run.command === "bench" ? null : definitions();
  const parts = [[facts, ...again(), files(), downloads()], [words]].map((part) => make("div", {}, part));
  body.append(make("div", { class: "halves" }, parts));
}

/** What the run was. */
function factsOf() {
  const device = run.device ?? run.devices?.[0] ?? {};
  const facts = [
    ["Program", `eulerscope ${run.eulerscope ?? ""}`],
    ["Command", `eulerscope ${run.command ?? "run"}`],
    ["Seed", String(spec.seed ?? run.seed ?? "none")],
    ["Device", [device.kind, device.name, device.driver].filter(Boolean).join(", ") + (device.software ? " (a software driver: for correctness, not for speed)" : "")],
  ];
  if (run.stream_version !== undefined) facts.push(["Random numbers", `counter-based, stream version ${run.stream_version}: the same on every device`]);
  const time = run.timing?.total_seconds ?? run.timing?.seconds;
  if (time !== undefined) facts.push(["Time", `${brief(time)} s`]);
  const members = membersOf();
  if (members) facts.push(["Members", members]);
  if (run.interrupted) facts.push(["Interrupted", "yes: the results are those that were done"]);
  const cut = Object.entries(page.left_out ?? {}).map(([name, own]) => `${name}: ${count(own.rows)} of ${count(own.of_rows)} rows, ${own.columns} of ${own.of_columns} columns`);
  if (cut.length) facts.push(["Not in this page", `${cut.join("; ")}; the Parquet files have all`]);
  return facts;
}

/** Members asked for, done, failed and frozen. */
function membersOf() {
  const asked = Number(spec.members ?? run.matrices);
  if (!Number.isFinite(asked)) return null;
  const worst = (name, least) => (cells?.has(name) ? cells.column(name).reduce((a, b) => (least ? Math.min(a, b) : Math.max(a, b))) : undefined);
  const done = worst("members", true) ?? run.members ?? run.matrices ?? asked;
  const parts = [`${count(asked)} asked for`, `${count(done)} done`];
  const failed = worst("no_spectrum") ?? table("members")?.column("status")?.filter?.((status) => status !== "ok").length;
  if (failed !== undefined) parts.push(`${count(failed)} failed (without a spectrum, at the worst grid point)`);
  for (const name of ["frozen", "collapsed"]) {
    const number = worst(name) ?? run[name];
    if (number !== undefined) parts.push(`${count(number)} ${name}${cells ? " (at the worst grid point)" : ""}`);
  }
  return parts.join(", ");
}

/** How to run it again. */
function again() {
  const { command } = run;
  if (!command || !page.toml) return [];
  return [
    make("h3", {}, "Run it again"),
    copied(`eulerscope ${command} run.json --out again`),
    make("details", {}, [make("summary", {}, "the specification as TOML"), copied(page.toml)]),
  ];
}

function files() {
  if (Object.keys(run.files ?? {}).length === 0) return null;
  const rows = Object.entries(run.files ?? {}).map(([name, own]) => make("tr", {}, [make("td", {}, name), make("td", { class: "number" }, count(own.bytes)), make("td", { class: "hash" }, own.blake3)]));
  const head = make("tr", {}, ["file", "bytes", "BLAKE3"].map((text) => make("th", { scope: "col" }, text)));
  return make("details", {}, [make("summary", {}, `${plural(rows.length, "file")} and their hashes`), make("div", { class: "scroll" }, make("table", {}, [make("thead", {}, head), make("tbody", {}, rows)]))]);
}

function definitions() {
  const items = DEFINITIONS.flatMap(([name, law, text, reference]) => [
    make("dt", {}, name),
    make("dd", {}, [make("span", { class: "law" }, law), ` ${text} `, reference ? make("cite", {}, REFERENCES[reference]) : null]),
  ]);
  return make("details", { id: "definitions", open: true }, [make("summary", {}, "What the words mean"), make("dl", { class: "facts" }, items)]);
}

/** The tables as files, made in the page. */
function downloads() {
  if (tables.size === 0) return null;
  const rows = [...tables.values()].map((own) => {
    const name = own.name === "bands" ? "bands (of trajectories.parquet)" : own.name;
    return make("tr", {}, [
      make("th", { scope: "row", title: own.row }, name),
      make("td", { class: "number" }, count(own.rows)),
      make("td", { class: "number" }, own.names.length),
      make("td", {}, [save(own, "csv", asCsv), " ", save(own, "json", asJson)]),
      make("td", {}, meanings(own)),
    ]);
  });
  const head = make("tr", {}, ["table", "rows", "columns", "download", "columns and units"].map((text) => make("th", { scope: "col" }, text)));
  const names = [...tables.keys()].filter((name) => name !== "bands");
  const first = names.includes("cells") ? "cells" : names[0];
  const code = first ? `import pandas as pd\n\n${first} = pd.read_parquet("${first}.parquet")\nprint(${first}.attrs["columns"])  # what every column means\n${first === "cells" ? "print(cells.pivot_table(\"observed_rate_median\", \"radius\", \"step_size\"))" : `print(${first}.describe())`}` : null;
  return make("div", {}, [
    make("h3", {}, "The numbers"),
    make("div", { class: "scroll" }, make("table", { id: "tables" }, [make("thead", {}, head), make("tbody", {}, rows)])),
    code ? make("h3", {}, "In Python") : null,
    code ? copied(code) : null,
  ]);
}

/** What the columns of a table are, and its first rows, for those who open them. */
function meanings(own) {
  const details = make("details", {}, [make("summary", {}, "show")]);
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    const rows = Array.from({ length: Math.min(own.rows, 8) }, (_, row) => row);
    const cell = (name, row) => {
      const value = own.at(name, row);
      return make("td", {}, typeof value === "number" ? (Number.isNaN(value) ? "" : brief(value, 4)) : value);
    };
    const line = (name) => make("tr", {}, [make("th", { scope: "row" }, name), make("td", {}, own.unit(name)), make("td", { class: "meaning" }, own.meaning(name)), ...rows.map((row) => cell(name, row))]);
    const head = make("tr", {}, ["column", "unit", "meaning", ...rows.map((row) => `row ${row}`)].map((text) => make("th", { scope: "col" }, text)));
    details.append(make("div", { class: "scroll" }, make("table", {}, [make("thead", {}, head), make("tbody", {}, own.names.map(line))])));
  });
  return details;
}

function save(own, ending, text) {
  const button = make("button", { type: "button", "data-table": own.name, "data-ending": ending, onclick: () => {
    const link = make("a", { download: `${own.name}.${ending}`, href: URL.createObjectURL(new Blob([text(own)], { type: ending === "csv" ? "text/csv" : "application/json" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } }, ending.toUpperCase());
  return button;
}

/** A number that reads back as the same; nothing for a missing one. */
const plain = (value) => (typeof value !== "number" ? value : Number.isNaN(value) ? "" : value === Infinity ? "inf" : value === -Infinity ? "-inf" : String(value));

function asCsv(own) {
  const quoted = (value) => (/[",\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  const columns = own.names.map((name) => own.column(name));
  const lines = [own.names.join(",")];
  for (let row = 0; row < own.rows; row++) lines.push(columns.map((column) => quoted(plain(column[row]))).join(","));
  return `${lines.join("\n")}\n`;
}

function asJson(own) {
  const columns = Object.fromEntries(own.names.map((name) => [name, Array.from(own.column(name), (value) => (typeof value === "number" && !Number.isFinite(value) ? (Number.isNaN(value) ? null : String(value)) : value))]));
  return JSON.stringify(columns);
}
