// The tables of the page. Columns are decoded when they are first asked for.

const page = JSON.parse(document.getElementById("data").textContent);
const run = page.run ?? {};
const spec = run.spec ?? {};

/** Little-endian numbers from base 64. */
function decode(text, Kind) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Kind(bytes.buffer);
}

/** All values of an encoded column: numbers, NaN where one is missing, or texts. */
function values(column) {
  if (column.f64) return decode(column.f64, Float64Array);
  if (column.f32) return Float64Array.from(decode(column.f32, Float32Array));
  if (column.list) return column.list;
  const words = column.values.some((value) => typeof value === "string" && !/^-?Infinity$/.test(value));
  const known = words ? column.values : column.values.map((value) => (value === null ? NaN : Number(value)));
  const codes = column.codes ? decode(column.codes, Uint8Array) : new Uint8Array(column.rows ?? 0);
  return words ? Array.from(codes, (code) => known[code]) : Float64Array.from(codes, (code) => known[code]);
}

/** A table: its columns by name, each with its unit and meaning. */
class Table {
  constructor(name, { row, rows, columns }) {
    Object.assign(this, { name, row, rows });
    this.described = new Map(columns.map((column) => [column.name, column]));
    this.decoded = new Map();
  }
  get names() {
    return [...this.described.keys()];
  }
  has(name) {
    return this.described.has(name);
  }
  column(name) {
    if (!this.decoded.has(name)) this.decoded.set(name, values(this.described.get(name)));
    return this.decoded.get(name);
  }
  at(name, row) {
    return this.has(name) ? this.column(name)[row] : NaN;
  }
  unit(name) {
    return this.described.get(name)?.unit ?? "";
  }
  meaning(name) {
    return this.described.get(name)?.text ?? "";
  }
}

const tables = new Map(Object.entries(page.tables).map(([name, own]) => [name, new Table(name, own)]));

/** A table that has rows; nothing if there is none of that name. */
function table(name) {
  const own = tables.get(name);
  return own && own.rows > 0 ? own : undefined;
}

/** The different values of a column in rising order. */
function distinct(column) {
  const known = [...new Set(column)];
  return typeof known[0] === "string" ? known : known.sort((a, b) => a - b);
}
