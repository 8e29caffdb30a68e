// Lines where a grid of values crosses zero, and hatching of cells.

/** Growth beyond this counts as this, so that a frozen cell does not drag a line to itself. */
const FAR = 1;

/** The segments of the zero contour of `at(column, row)`, between the centres of the cells. */
function zeroContour(xs, ys, at) {
  const segments = [];
  const value = (i, j) => {
    const own = at(i, j);
    return Number.isNaN(own) ? NaN : Math.max(-FAR, Math.min(FAR, own));
  };
  const cross = (i, j, k, l) => {
    const [a, b] = [value(i, j), value(k, l)];
    const share = a / (a - b);
    return [xs[i] + share * (xs[k] - xs[i]), ys[j] + share * (ys[l] - ys[j])];
  };
  for (let i = 0; i + 1 < xs.length; i++) {
    for (let j = 0; j + 1 < ys.length; j++) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const above = corners.map(([a, b]) => value(a, b));
      if (above.some(Number.isNaN)) continue;
      const points = [];
      for (let side = 0; side < 4; side++) {
        const next = (side + 1) % 4;
        if (above[side] > 0 !== above[next] > 0) points.push(cross(...corners[side], ...corners[next]));
      }
      for (let p = 0; p + 1 < points.length; p += 2) segments.push([points[p], points[p + 1]]);
    }
  }
  return segments;
}

/** Borders between places: halfway between neighbours, and as far beyond the last ones. */
function borders(places) {
  const inner = places.slice(1).map((place, i) => (place + places[i]) / 2);
  const first = places.length > 1 ? places[0] - (places[1] - places[0]) / 2 : places[0] - 20;
  const last = places.length > 1 ? places.at(-1) + (places.at(-1) - places.at(-2)) / 2 : places[0] + 20;
  return [first, ...inner, last];
}

/** Rising diagonals over a rectangle of a canvas, continued from cell to cell. */
function hatch(context, x, y, width, height, colour) {
  const spacing = 9;
  context.save();
  context.beginPath();
  context.rect(x, y, width, height);
  context.clip();
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  for (let sum = Math.floor((x + y) / spacing) * spacing; sum <= x + y + width + height; sum += spacing) {
    context.moveTo(sum - y - height, y + height);
    context.lineTo(sum - y, y);
  }
  context.stroke();
  context.restore();
}
