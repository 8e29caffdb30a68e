// Scales: from values to places on a figure, with ticks that read well.

/** Round numbers between two ends. */
function roundTicks(low, high, most) {
  const span = high - low || 1;
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * span; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}

function powerTicks(low, high, most) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const every = Math.max(1, Math.ceil((last - first + 1) / most));
  const ticks = [];
  for (let k = first; k <= last; k += every) ticks.push(10 ** k);
  if (ticks.length >= 3 || most < 3) return ticks;
  const between = [];
  for (let k = first - 1; k <= last; k++) for (const m of [1, 2, 5]) between.push(m * 10 ** k);
  return between.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001).map((tick) => Number(tick.toPrecision(6)));
}

/** Linear up to ±1 and logarithmic beyond, so that decay and explosion fit on one axis. */
const bend = (value) => (Math.abs(value) <= 1 ? value : Math.sign(value) * (1 + Math.log10(Math.abs(value))));
const unbend = (place) => (Math.abs(place) <= 1 ? place : Math.sign(place) * 10 ** (Math.abs(place) - 1));

function bentTicks(low, high, most) {
  const ends = [bend(low), bend(high)];
  const every = Math.max(1, Math.ceil((ends[1] - ends[0]) / most));
  const ticks = [];
  for (let k = Math.ceil(ends[0] / every) * every; k <= ends[1] + 1e-9; k += every) ticks.push(unbend(k));
  return ticks;
}

const KINDS = {
  linear: { to: (value) => value, from: (place) => place, ticks: roundTicks },
  log: { to: Math.log10, from: (place) => 10 ** place, ticks: powerTicks },
  bent: { to: bend, from: unbend, ticks: bentTicks },
};

/** A scale of a kind from values between `low` and `high` to places between `start` and `end`. */
function scale(kind, [low, high], [start, end]) {
  const { to, from, ticks } = KINDS[kind];
  const [a, b] = [to(low), to(high)];
  const span = b - a || 1;
  const at = (value) => start + ((to(value) - a) / span) * (end - start);
  at.back = (place) => from(a + ((place - start) / (end - start)) * span);
  at.ticks = (most) => ticks(low, high, most);
  at.kind = kind;
  at.ends = [low, high];
  return at;
}

/** The ends of all values that are finite, a little wider; `near` are values that have to be seen too. */
function ends(all, near = [], kind = "linear") {
  let [low, high] = [Infinity, -Infinity];
  for (const value of [all, near].flatMap((list) => [...list])) {
    if (!Number.isFinite(value) || (kind === "log" && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return kind === "log" ? [0.1, 10] : [-1, 1];
  const { to, from } = KINDS[kind];
  const [a, b] = [to(low), to(high)];
  const room = (b - a || Math.abs(a) * 0.1 || 1) * 0.06;
  return [from(a - room), from(b + room)];
}

/** Are these values spaced by factors rather than by differences? Then their logarithms are the more even ones. */
function isGeometric(list) {
  if (list.length < 3 || list[0] <= 0) return false;
  const uneven = (places) => {
    const gaps = places.slice(1).map((place, i) => place - places[i]);
    return Math.max(...gaps) / Math.min(...gaps);
  };
  return uneven(list.map(Math.log)) < uneven(list);
}
