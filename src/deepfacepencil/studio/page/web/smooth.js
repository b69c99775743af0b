// What a hand drew as smooth strokes, as studio/protocol.py makes them: chains of cubic Beziers,
// Float32Array [x, y, ...] of 3 n + 1 points, without the hand's tremor.

const FINE = 2; // pixels: the steps in which a stroke is smoothed
const JOINTS = 4; // every fourth of them becomes a joint
const KERNEL = [1, 4, 6, 4, 1].map((weight) => weight / 16);

/** A stroke [x, y, x, y, ...] as a smooth chain. */
export function smooth(flat) {
  const line = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const last = line.at(-1);
    if (!last || last[0] !== flat[i] || last[1] !== flat[i + 1]) line.push([flat[i], flat[i + 1]]);
  }
  if (extent(line) < FINE) {
    const [x, y] = [0, 1].map((axis) => mean(line.map((point) => point[axis])));
    return through([[x - 1, y], [x + 1, y]]);
  }
  const dense = pointsOf(polyline(through(line), 4)); // fast hands leave points far apart
  const along = [0];
  for (let i = 1; i < dense.length; i++) along.push(along[i - 1] + distance(dense[i - 1], dense[i]));
  const count = Math.max(2, Math.ceil(along.at(-1) / FINE));
  const fine = evenly(dense, along, count);
  const joints = Math.max(1, halfEven(count / JOINTS));
  const smoothed = Array.from({ length: joints + 1 }, (_, k) =>
    smoothedAt(fine, halfEven(k * (count / joints))));
  return through(smoothed);
}

/** The place at `at` without tremor; turned about its ends, a stroke keeps them. */
function smoothedAt(fine, at) {
  const last = fine.length - 1;
  const place = (i, axis) => {
    if (i < 0) return 2 * fine[0][axis] - fine[-i][axis];
    if (i > last) return 2 * fine[last][axis] - fine[2 * last - i][axis];
    return fine[i][axis];
  };
  return [0, 1].map((axis) =>
    KERNEL.reduce((sum, weight, k) => sum + weight * place(at + k - 2, axis), 0));
}

/** `count` + 1 places at equal distances along a line. */
function evenly(line, along, count) {
  const step = along.at(-1) / count;
  let before = 0;
  return Array.from({ length: count + 1 }, (_, k) => {
    const at = k === count ? along.at(-1) : k * step;
    while (before < along.length - 2 && along[before + 1] <= at) before++;
    const span = along[before + 1] - along[before];
    const share = span > 0 ? Math.min(1, (at - along[before]) / span) : 0;
    return [0, 1].map((axis) =>
      line[before][axis] + share * (line[before + 1][axis] - line[before][axis]));
  });
}

/** A chain of Beziers through points [[x, y], ...]: Catmull-Rom. */
export function through(line) {
  const last = line.length - 1;
  const chain = new Float32Array(2 * (3 * last + 1));
  const tangent = (i, axis) => {
    const [a, b] = [Math.max(0, i - 1), Math.min(last, i + 1)];
    return (line[b][axis] - line[a][axis]) / (b - a) / 3;
  };
  for (let i = 0; i <= last; i++) {
    for (const axis of [0, 1]) {
      chain[6 * i + axis] = line[i][axis];
      if (i < last) chain[6 * i + 2 + axis] = line[i][axis] + tangent(i, axis);
      if (i > 0) chain[6 * i - 2 + axis] = line[i][axis] - tangent(i, axis);
    }
  }
  return chain;
}

/** A chain as a line through `steps` points a curve, Float64Array [x, y, ...]. */
export function polyline(chain, steps = 8) {
  const curves = (chain.length / 2 - 1) / 3;
  const line = new Float64Array(2 * (curves * steps + 1));
  line.set(chain.subarray(0, 2));
  for (let k = 0; k < curves; k++) {
    for (let step = 1; step <= steps; step++) {
      const [t, u] = [step / steps, 1 - step / steps];
      const weights = [u ** 3, 3 * t * u ** 2, 3 * t ** 2 * u, t ** 3];
      for (const axis of [0, 1]) {
        let value = 0;
        for (let i = 0; i < 4; i++) value += weights[i] * chain[6 * k + 2 * i + axis];
        line[2 * (k * steps + step) + axis] = value;
      }
    }
  }
  return line;
}

export const pointsOf = (flat) =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);

/** The larger side of the box around points. */
export function extent(points) {
  const sides = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  });
  return Math.max(...sides);
}

const distance = (a, b) => Math.hypot(b[0] - a[0], b[1] - a[1]);
const mean = (values) => values.reduce((a, b) => a + b) / values.length;

/** Rounded as Python rounds: halves to even. */
function halfEven(value) {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 ? low + 1 : low;
}
