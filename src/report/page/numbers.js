// Numbers as text, complex numbers as [re, im], and the growth factors of the integrators.

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** A number to some significant digits, with a true minus sign and powers of ten where they are shorter. */
function brief(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "missing";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text;
  if (size !== 0 && (size >= 1e5 || size < 1e-4)) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
    const power = [...String(Number(exponent))].map((digit) => RAISED[digit]).join("");
    text = `${Number(mantissa)} · 10${power}`;
  } else if (size >= 10 ** digits) {
    text = Math.round(value).toLocaleString("en-US");
  } else {
    text = String(Number(value.toPrecision(digits)));
  }
  return text.replace("-", "−");
}

/** The same with its sign. */
function signed(value, digits = 3) {
  return value > 0 ? `+${brief(value, digits)}` : brief(value, digits);
}

function count(value) {
  return Number(value).toLocaleString("en-US");
}

function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

function percent(share) {
  return Number.isNaN(share) ? "missing" : `${brief(100 * share)} %`;
}

const add = ([a, b], [c, d]) => [a + c, b + d];
const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
const scaled = ([a, b], factor) => [a * factor, b * factor];
const modulus = ([a, b]) => Math.hypot(a, b);
const inverse = ([a, b]) => {
  const square = a * a + b * b;
  return square === 0 ? [Infinity, 0] : [a / square, -b / square];
};
const exponential = ([a, b]) => [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)];

/** 1 + z + z²/2! + ... up to a degree. */
function series(z, degree) {
  let sum = [1, 0];
  let term = [1, 0];
  for (let k = 1; k <= degree; k++) {
    term = scaled(times(term, z), 1 / k);
    sum = add(sum, term);
  }
  return sum;
}

/** The growth factor Φ(z) of a step of f(x) = λ x, with z = h λ − γ (src/integrator.rs has the same table). */
const INTEGRATORS = {
  euler: { name: "Euler", growth: (z) => series(z, 1), law: "1 + z" },
  heun: { name: "Heun", growth: (z) => series(z, 2), law: "1 + z + z²/2" },
  rk4: { name: "RK4", growth: (z) => series(z, 4), law: "1 + z + z²/2 + z³/6 + z⁴/24" },
  "backward-euler": { name: "backward Euler", growth: ([a, b]) => inverse([1 - a, -b]), law: "1/(1 − z)" },
  "exponential-euler": { name: "exponential Euler", growth: exponential, law: "e to the z" },
};

/** A complex number as text. */
function complexText([re, im], digits = 3) {
  if (Math.abs(im) < 1e-12 * Math.max(1, Math.abs(re))) return brief(re, digits);
  return `${brief(re, digits)} ${im < 0 ? "−" : "+"} ${brief(Math.abs(im), digits)} i`;
}

/** What becomes of a mode whose factor has this modulus. */
function fate(size) {
  if (Math.abs(size - 1) < 1e-9) return { word: "neutral", sign: "◆" };
  return size > 1 ? { word: "explodes", sign: "▲" } : { word: "decays", sign: "▼" };
}
