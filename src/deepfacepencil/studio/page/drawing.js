// What a drawing is, and everything that can be done to one: plain functions on values that never
// change, so that undoing is going back to an earlier value. Nothing here knows of the screen.
//
// A drawing is {strokes, tolerance, brush, parts, appearance, seed}. A stroke is {id, points:
// [[x, y, pressure], ...], width, group, part} on a paper of 512 x 512; the last three may be absent.
// `brush` is an Int8Array of 64 x 64 cells, 127 for 1, or null; `parts` shifts the tolerance of the
// parts of a face, {eyes: -1..1, ...}; `appearance` is what is asked for beside the lines, {skin:
// "#c08a6a", age: 40, ...}; what neither says is drawn by `seed`.

export const PAPER = 512;
export const CELLS = 64;

let strokesSoFar = 0;

export const blank = () => ({
  strokes: [], tolerance: 0, brush: null, parts: {}, appearance: {}, seed: 0,
});

export const someSeed = () => crypto.getRandomValues(new Uint32Array(1))[0];

/** A new drawing: a person of its own, as soon as there are lines. */
export const begun = () => ({ ...blank(), seed: someSeed() });

export const stroke = (points, id = ++strokesSoFar, about = {}) => ({ ...about, id, points });

/** The same stroke under another name or with other points; what it is besides stays. */
export const restroked = (one, points, id = ++strokesSoFar) => ({ ...one, id, points });

/** Strokes as they come from outside: [x, y, x, y, ...]. */
export const drawn = (lines) =>
  lines.map((line) =>
    stroke(Array.from({ length: line.length / 2 }, (_, i) => [line[2 * i], line[2 * i + 1], 0.5])),
  );

export const isEmpty = (drawing) => drawing.strokes.length === 0;

/** A coordinate as the server takes it: strokes may leave the paper, and farther off none is seen. */
export const near = (value) => Math.min(Math.max(value, -PAPER), 2 * PAPER);

/** The points of a stroke as photos are asked for with: x, y, x, y, ... */
export const flat = ({ points }) => points.flatMap(([x, y]) => [near(x), near(y)]);

/** Coordinates are kept to a tenth of a pixel: what is saved is what was drawn. */
export const tenth = (value) => Math.round(value * 10) / 10;

const MOST_STATES = 300;

export class Editor extends EventTarget {
  // The drawing on the table, all its earlier states, and those that were undone. Events: "change",
  // whose detail is {at, settled, committed}.
  #past = [];
  #now = begun();
  #future = [];
  #draft = null;

  get drawing() {
    return this.#draft ?? this.#now;
  }

  /** The drawing without what is being done to it at this moment. */
  get settled() {
    return this.#now;
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** All states, to be kept and loaded; states share what they have in common. */
  get history() {
    return { past: this.#past.slice(-MOST_STATES), now: this.#now, future: this.#future };
  }

  /** A state to look at while the hand moves; `at` is the time of the event that made it. */
  preview(drawing, at = performance.now()) {
    this.#draft = drawing;
    this.#changed(at, false);
  }

  commit(drawing = this.drawing, at = performance.now()) {
    this.#draft = null;
    const changed = drawing !== this.#now;
    if (changed) {
      this.#past.push(this.#now);
      this.#now = drawing;
      this.#future = [];
    }
    this.#changed(at, true, changed);
  }

  cancel() {
    if (!this.#draft) return;
    this.#draft = null;
    this.#changed(performance.now(), false);
  }

  /** Another drawing altogether, with its own past. */
  load({ past = [], now, future = [] }) {
    this.#past = [...past];
    this.#future = [...future];
    this.#draft = null;
    this.#now = now;
    for (const { strokes } of [...past, now, ...future]) {
      // Groups are numbered with them: a new one is not to be an old one.
      for (const { id, group } of strokes) {
        strokesSoFar = Math.max(strokesSoFar, Number(id) || 0, Number(group) || 0);
      }
    }
    this.#changed(performance.now(), true);
  }

  undo() {
    this.#step(this.#past, this.#future);
  }

  redo() {
    this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    this.#draft = null;
    if (!from.length) return;
    to.push(this.#now);
    this.#now = from.pop();
    this.#changed(performance.now(), true);
  }

  #changed(at, settled, committed = false) {
    this.dispatchEvent(new CustomEvent("change", { detail: { at, settled, committed } }));
  }
}

/** The strokes on the other side of a vertical axis. */
export const mirrored = (points, axis) => points.map(([x, y, p]) => [tenth(2 * axis - x), y, p]);

export function bounds(strokes) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { points } of strokes) {
    for (const [x, y] of points) {
      left = Math.min(left, x);
      top = Math.min(top, y);
      right = Math.max(right, x);
      bottom = Math.max(bottom, y);
    }
  }
  return { left, top, right, bottom };
}

/** x and y as a transformation sends them: (a x + c y + e, b x + d y + f). */
export const transformed = (one, [a, b, c, d, e, f]) =>
  restroked(
    one,
    one.points.map(([x, y, p]) => [tenth(a * x + c * y + e), tenth(b * x + d * y + f), p]),
    one.id,
  );

/** Scaled by `scale`, then moved. */
export const moved = (one, scale, right, down) =>
  transformed(one, [scale, 0, 0, scale, right, down]);

/** What scales by `sx` and `sy` and then turns by `angle`, all about a place. */
export function about([x, y], sx, sy, angle = 0) {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [a, b, c, d] = [cos * sx, sin * sx, -sin * sy, cos * sy];
  return [a, b, c, d, x - a * x - c * y, y - b * x - d * y];
}

/** The same strokes under new names, and their groups too. */
export function copied(strokes) {
  const groups = new Map();
  return strokes.map((one) => {
    if (one.group && !groups.has(one.group)) groups.set(one.group, ++strokesSoFar);
    return restroked(one.group ? { ...one, group: groups.get(one.group) } : one, one.points);
  });
}

/** The strokes as one group; null for none again. */
export const grouped = (strokes, ids, together) => {
  const group = together ? ++strokesSoFar : undefined;
  return strokes.map((one) => (ids.has(one.id) ? { ...one, group } : one));
};

/** The ids, and those of all strokes that are in a group with one of them. */
export function withGroups(strokes, ids) {
  const groups = new Set(strokes.filter(({ id }) => ids.has(id)).map(({ group }) => group));
  groups.delete(undefined);
  return new Set([
    ...ids, ...strokes.filter(({ group }) => groups.has(group)).map(({ id }) => id),
  ]);
}

function distanceToSegment(x, y, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/** Whether a stroke passes within `reach` of a place. */
export function passes({ points }, x, y, reach) {
  if (points.length === 1) return Math.hypot(points[0][0] - x, points[0][1] - y) <= reach;
  return points.some((point, i) => i && distanceToSegment(x, y, points[i - 1], point) <= reach);
}

/** The topmost stroke at a place. */
export const strokeAt = (strokes, x, y, reach) =>
  strokes.findLast((one) => passes(one, x, y, reach));

export const inside = ({ points }, { left, top, right, bottom }) =>
  points.some(([x, y]) => x >= left && x <= right && y >= top && y <= bottom);

/** Places from the last one, without it, to this one, at most `step` apart. */
export function between(last, x, y, step) {
  if (!last) return [[x, y]];
  const count = Math.ceil(Math.hypot(x - last[0], y - last[1]) / step);
  return Array.from({ length: count }, (_, i) => [
    last[0] + ((x - last[0]) * (i + 1)) / count,
    last[1] + ((y - last[1]) * (i + 1)) / count,
  ]);
}

export const withoutWhole = (strokes, x, y, reach) => {
  const kept = strokes.filter((one) => !passes(one, x, y, reach));
  return kept.length === strokes.length ? strokes : kept;
};

/** Without what an eraser of radius `reach` covers: a stroke may fall into pieces. */
export function withoutPart(strokes, x, y, reach) {
  if (!strokes.some((one) => passes(one, x, y, reach))) return strokes;
  return strokes.flatMap((one) => {
    if (!passes(one, x, y, reach)) return [one];
    const pieces = [[]];
    for (const point of dense(one.points, Math.min(2, reach))) {
      if (Math.hypot(point[0] - x, point[1] - y) > reach) pieces.at(-1).push(point);
      else if (pieces.at(-1).length) pieces.push([]);
    }
    return pieces
      .filter((points) => points.length > 1)
      .map((points) => restroked({ ...one, part: undefined }, points));
  });
}

/** A point at least every `step` pixels, so that a stroke can be cut where the eraser was. */
function dense(points, step) {
  const all = [points[0]];
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    const steps = Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / step);
    for (let k = 1; k < steps; k++) {
      all.push(a.map((value, axis) => value + ((b[axis] - value) * k) / steps));
      all.at(-1)[0] = tenth(all.at(-1)[0]);
      all.at(-1)[1] = tenth(all.at(-1)[1]);
    }
    all.push(b);
  }
  return all;
}

/** The brush's cells after a dab at a place: `wish` is -1, 0 or 1. Null when nothing is left. */
export function painted(brush, x, y, reach, wish) {
  const cells = brush ? brush.slice() : new Int8Array(CELLS * CELLS);
  const cell = PAPER / CELLS;
  for (let row = 0; row < CELLS; row++) {
    for (let column = 0; column < CELLS; column++) {
      const away = Math.hypot((column + 0.5) * cell - x, (row + 0.5) * cell - y) / reach;
      if (away >= 1) continue;
      const at = row * CELLS + column;
      const share = Math.min(1, 1.6 * (1 - away));
      const value = cells[at] + (127 * wish - cells[at]) * share * 0.6;
      cells[at] = Math.abs(value) < 4 ? 0 : Math.round(value);
    }
  }
  return cells.some(Boolean) ? cells : null;
}
