// A drawing's place on the canvas, as sketch/place.py finds it: where its face is, and what brings it
// to where the training faces are.

import { AVERAGE_FACE } from "../face.js";
import { draw } from "./pen.js";
import { extent, pointsOf, through } from "./smooth.js";

const CANVAS = 512;
const LOOK = 48; // cells per side in which faces are looked for
const FINE = 8; // pixels per cell of the raster that cells are made of
const [ROW, COLUMN, SIDE] = [15, 8, 32]; // of the window of the average face, in cells
const SCALES = Array.from({ length: 15 }, (_, k) => Math.exp((k - 3) * 0.12));
const FULL = 0.85 * CANVAS; // what a drawing fills at least once its face is placed
const GOOD_ENOUGH = 0.6;
const NO_FACE = 0.15;
const [LINE, GAP] = [3, 7]; // pixels of half the canvas: what a line closes, and what a pen may leave open
const FEATURES = 4; // apart from each other in an outline make a face of it
const OUTLINE = { x: 256, y: 278, size: 335 };
// Eyes from each other and from the mouth, in shares of that size, as training faces have them at most.
const [APART, BELOW] = [145 / 335, 150 / 335];
const [NEARLY, MOST_TIMES] = [1.1, 1.3]; // times so far do no harm; more is something else than a face's
const [FAR, OTHER] = [70, 1.4]; // pixels and times that such an outline is off at most

/** What brings chains to where faces belong: point * scale + (right, down). */
export function placing(chains, anew = false) {
  const stay = { scale: 1, right: 0, down: 0 };
  if (!chains.length) return stay;
  const [large, first, enlarged] = largeEnough(chains);
  const size = extent(large.flatMap(pointsOf));
  const raster = draw(large, LOOK * FINE);
  const places = SCALES.map((scale) => bestPlace(raster, scale, size));
  const best = places.reduce((top, { score }, k) => (score > places[top].score ? k : top), 0);
  const found = places[best];
  const whereItIs = (how) => large.map((chain) => placed(chain, how));
  const scoreIn = (drawing) => scores(drawing, LOOK, size).at(LOOK / 2, LOOK / 2);
  const scoreOf = (how) => scoreIn(draw(whereItIs(how), LOOK * FINE));
  if (found.score < NO_FACE) return first;
  const here = scoreIn(raster);
  const outline = outlinedFace(large);
  if (!(anew || enlarged) && here >= GOOD_ENOUGH * found.score) {
    if (!outline || !isOff(outline)) return first;
    const moved = byOutline(outline);
    return scoreOf(moved) > here ? after(first, moved) : first;
  }
  const how = outline ? byOutline(outline) : byPlace(places, best);
  // An outline is found more easily, and whole, where it is large.
  const again = outlinedFace(whereItIs(how), false);
  if (again) return after(first, after(how, byOutline(again)));
  // A thick pen joins eyes to brows, and those to the hair.
  const joined = outlinedFace(whereItIs(how), false, 1);
  if (!joined || isOff(joined)) return after(first, how);
  const better = after(how, byOutline(joined));
  return after(first, scoreOf(better) >= GOOD_ENOUGH * scoreOf(how) ? better : how);
}

/** What brings an outline to where those of training faces are. */
function byOutline(outline) {
  const scale = OUTLINE.size / outline.size;
  return { scale, right: OUTLINE.x - outline.x * scale, down: OUTLINE.y - outline.y * scale };
}

/** Whether an outline is where, or as large as, none is in a drawing with the training crop. */
function isOff({ x, y, size }) {
  const share = size / OUTLINE.size;
  return Math.max(Math.abs(x - OUTLINE.x), Math.abs(y - OUTLINE.y)) > FAR || !(share > 1 / OTHER && share < OTHER);
}

/** What brings the best place there, between two scales, about the middle of the face. */
function byPlace(places, best) {
  const found = places[best];
  const step = peak(places.map(({ score }) => score), best) - best;
  const scale = found.scale * (SCALES[1] / SCALES[0]) ** step;
  const [x, y] = AVERAGE_FACE[0];
  const [faceX, faceY] = [(x - found.right) / found.scale, (y - found.down) / found.scale];
  return { scale, right: x - faceX * scale, down: y - faceY * scale };
}

export const placed = (chain, { scale, right, down }) =>
  chain.map((value, i) => value * scale + (i % 2 ? down : right));

/** One placing, and then another. */
const after = (one, other) => ({
  scale: one.scale * other.scale,
  right: one.right * other.scale + other.right,
  down: one.down * other.scale + other.down,
});

/** The chains, enlarged if they are too small to look for a face in them; how; and whether. */
function largeEnough(chains) {
  const points = chains.flatMap(pointsOf);
  const size = extent(points);
  const stay = { scale: 1, right: 0, down: 0 };
  if (!(size > 0 && size < CANVAS / 2)) return [chains, stay, false];
  const middle = [0, 1].map((axis) => {
    const values = points.map((point) => point[axis]);
    const all = (choose) => values.reduce((a, b) => choose(a, b));
    return (all(Math.max) + all(Math.min)) / 2;
  });
  const scale = (0.8 * CANVAS) / size;
  const [right, down] = middle.map((value) => CANVAS / 2 - value * scale);
  const how = { scale, right, down };
  return [chains.map((chain) => placed(chain, how)), how, true];
}

/** How much is drawn in each of size x size cells: one line makes a 1, and so do ten. */
function cellsOf(raster, size) {
  const gain = ((LOOK * FINE) / size) * 1.25 / 255;
  const shares = shrunk(raster, LOOK * FINE, size).map((value) => Math.min(1, value * gain));
  return blurred(Float32Array.from(shares), size, 0.75);
}

/** A square raster, each pixel the mean of those it covers. */
function shrunk(raster, from, to) {
  const step = from / to;
  const spans = Array.from({ length: to }, (_, k) => {
    const middle = (k + 0.5) * step;
    return [Math.max(0, Math.trunc(middle - step / 2 + 0.5)),
            Math.min(from, Math.trunc(middle + step / 2 + 0.5))];
  });
  const wide = new Float64Array(from * to);
  for (let row = 0; row < from; row++) {
    spans.forEach(([begin, end], k) => {
      let sum = 0;
      for (let i = begin; i < end; i++) sum += raster[row * from + i];
      wide[row * to + k] = Math.round(sum / (end - begin));
    });
  }
  const small = new Float64Array(to * to);
  spans.forEach(([begin, end], k) => {
    for (let column = 0; column < to; column++) {
      let sum = 0;
      for (let i = begin; i < end; i++) sum += wide[i * to + column];
      small[k * to + column] = Math.round(sum / (end - begin));
    }
  });
  return small;
}

/** Values of a square, blurred; its borders are mirrors. */
function blurred(values, size, sigma) {
  const reach = Math.trunc(4 * sigma + 0.5);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, k) =>
    Math.exp((-0.5 * (k - reach) ** 2) / sigma ** 2));
  const total = weights.reduce((a, b) => a + b);
  const mirrored = (i) => (i < 0 ? -1 - i : i >= size ? 2 * size - 1 - i : i);
  for (const stride of [size, 1]) {
    const before = values;
    values = new Float32Array(size * size);
    const other = stride === 1 ? size : 1;
    for (let line = 0; line < size; line++) {
      for (let i = 0; i < size; i++) {
        let sum = 0;
        for (let k = -reach; k <= reach; k++) {
          sum += weights[k + reach] * before[line * other + mirrored(i + k) * stride];
        }
        values[line * other + i * stride] = sum / total;
      }
    }
  }
  return values;
}

let template = null;

/** The window of the average face, about its mean. */
function averageFace() {
  if (template) return template;
  const chains = AVERAGE_FACE.map(([x, y, rx, ry, from, to]) =>
    through(Array.from({ length: 24 }, (_, k) => {
      const angle = ((from + ((to - from) * k) / 23) * Math.PI) / 180;
      return [x + Math.cos(angle) * rx, y + Math.sin(angle) * ry];
    })));
  const cells = cellsOf(draw(chains, LOOK * FINE), LOOK);
  template = new Float64Array(SIDE * SIDE);
  for (let row = 0; row < SIDE; row++) {
    const from = (ROW + row) * LOOK + COLUMN;
    template.set(cells.subarray(from, from + SIDE), row * SIDE);
  }
  const mean = template.reduce((a, b) => a + b) / template.length;
  return (template = template.map((value) => value - mean));
}

/** How well the face is placed, for each position of the canvas over size x size cells. */
function scores(raster, size, drawn) {
  const face = averageFace();
  const energy = face.reduce((sum, value) => sum + value ** 2, 0);
  const cells = cellsOf(raster, size);
  const side = size + LOOK;
  const padded = new Float64Array(side * side);
  for (let row = 0; row < size; row++) {
    padded.set(cells.subarray(row * size, (row + 1) * size), (row + LOOK / 2) * side + LOOK / 2);
  }
  const sums = boxes(padded, side, (value) => value);
  const squares = boxes(padded, side, (value) => value ** 2);
  const all = Math.max(cells.reduce((a, b) => a + b, 0), 1e-6);
  const fills = Math.min(1, (drawn * size) / LOOK / FULL) ** 2;
  const at = (i, j, least = 0) => {
    const [row, column] = [i + ROW, j + COLUMN];
    const most = Math.min(1, Math.max(0, sums(i, j, LOOK) / all)) * fills; // of a perfect match
    if (most < least) return 0;
    let match = 0;
    for (let r = 0; r < SIDE; r++) {
      const from = (row + r) * side + column;
      for (let c = 0; c < SIDE; c++) match += padded[from + c] * face[r * SIDE + c];
    }
    const total = sums(row, column, SIDE);
    const spread = Math.max(0, squares(row, column, SIDE) - total ** 2 / face.length);
    return (match / Math.sqrt((spread + energy) * energy)) * most;
  };
  return { count: size + 1, at };
}

/** The sum over a box of a square of values. */
function boxes(values, side, of) {
  const wide = side + 1;
  const total = new Float64Array(wide * wide);
  for (let row = 0; row < side; row++) {
    let sum = 0;
    for (let column = 0; column < side; column++) {
      sum += of(values[row * side + column]);
      total[(row + 1) * wide + column + 1] = total[row * wide + column + 1] + sum;
    }
  }
  return (row, column, size) => {
    const [low, high] = [row * wide + column, (row + size) * wide + column];
    return total[high + size] - total[high] - total[low + size] + total[low];
  };
}

/** The best position for a face that needs to be scaled by about `scale`. */
function bestPlace(raster, scale, drawn) {
  const size = Math.round(LOOK * scale);
  const { count, at } = scores(raster, size, drawn);
  let [y, x, best] = [0, 0, at(0, 0)];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      const score = at(i, j, best);
      if (score > best) [y, x, best] = [i, j, score];
    }
  }
  const inside = (k) => k >= 0 && k < count;
  const around = (of, here) => {
    const three = [here - 1, here, here + 1].filter(inside);
    return here + peak(three.map(of), three.indexOf(here)) - three.indexOf(here);
  };
  const row = around((k) => at(k, x), y);
  const column = around((k) => at(y, k), x);
  const cell = CANVAS / LOOK;
  const [right, down] = [(LOOK / 2 - column) * cell, (LOOK / 2 - row) * cell];
  return { score: best, scale: size / LOOK, right, down };
}

/** The top of the parabola through the highest value and its neighbours. */
function peak(values, at) {
  if (!(at > 0 && at < values.length - 1)) return at;
  const [before, top, next] = values.slice(at - 1, at + 2);
  const bend = before - 2 * top + next;
  return bend < 0 ? at + Math.max(-0.5, Math.min(0.5, (before - next) / (2 * bend))) : at;
}

/** Middle and size of the largest closed outline with so many features in it, if any. It may have
 * gaps, as pens leave them. It is looked for in the `whole` drawing, or only on the canvas. */
function outlinedFace(chains, whole = true, least = FEATURES) {
  const points = chains.flatMap(pointsOf);
  const lowest = (axis) => points.reduce((low, at) => Math.min(low, at[axis]), Infinity);
  const [left, top] = whole ? [0, 1].map(lowest) : [0, 0];
  const scale = (CANVAS - 8) / Math.max(whole ? extent(points) : CANVAS, 1);
  const filling = chains.map((chain) => placed(chain, { scale, right: 4 - left * scale, down: 4 - top * scale }));
  const side = CANVAS / 2;
  const free = draw(filling, side).map((ink) => (ink < 64 ? 1 : 0));
  const inside = shrunkBy(free, side, LINE >> 1);
  for (const gap of [GAP, LINE]) {
    const [largest] = outlined(inside, shrunkBy(free, side, gap >> 1), side, gap >> 1, least)
      .sort((one, other) => other.size - one.size);
    if (!largest) continue;
    const { x, y, size } = largest;
    return { x: (2 * x - 4) / scale + left, y: (2 * y - 4) / scale + top, size: (2 * size) / scale };
  }
  return null;
}

/** Faces among the parts of what is `closed` to gaps, and `shrunk` by as many pixels by it. */
function outlined(inside, closed, side, shrunk, least) {
  const faces = [];
  for (const part of parts(closed, side, side)) {
    const [top, left] = [part.top, part.left].map((at) => Math.max(0, at - shrunk + 1));
    const [bottom, right] = [part.bottom, part.right].map((at) => at + shrunk - 1);
    const [height, width] = [bottom - top, right - left];
    const background = Math.min(top, left) === 0 || Math.max(bottom, right) >= side;
    const ratio = height / width; // what is wider than high is a part of a face, under a fringe
    if (background || height * width < 0.05 * side ** 2 || !(ratio > 1 && ratio < 2)) continue;
    const here = (cell) => (Math.floor(cell / side) - top) * width + (cell % side) - left;
    let skin = new Uint8Array(height * width);
    for (const cell of part.cells) skin[here(cell)] = 1;
    if (shrunk > 1) { // between features too
      const room = skin.map((_, i) => inside[(Math.floor(i / width) + top) * side + (i % width) + left]);
      for (let k = 0; k < 3 * shrunk; k++) skin = grownBy(skin, width, height, room);
    }
    const features = parts(skin.map((value) => 1 - value), width, height).filter(
      (hole) => hole.top > 0 && hole.left > 0 && hole.bottom < height && hole.right < width);
    const share = skin.reduce((a, b) => a + b) / skin.length;
    if (features.length < least || share <= 0.4) continue; // the hair around a face
    const size = Math.sqrt(height * width) * tooFarApart(features, width, height);
    faces.push({ x: (left + right) / 2, y: (top + bottom) / 2, size });
  }
  return faces;
}

/** How many times farther eyes and mouth are apart than in any training face; 1 if hardly. The
 * mouth is the widest feature in the lower half, eyes the lowest two above it that face each other. */
function tooFarApart(features, width, height) {
  const size = Math.sqrt(height * width);
  const boxes = features.map(({ top, left, bottom, right }) => (
    { x: (left + right) / 2, y: (top + bottom) / 2, wide: right - left }));
  const low = boxes.filter(({ x, y }) => y > height / 2 && Math.abs(x - width / 2) < 0.15 * width)
    .sort((a, b) => b.wide - a.wide || b.y - a.y);
  if (!low.length) return 1;
  const mouth = low[0].y;
  const above = boxes.filter(({ y }) => y < mouth - 0.2 * height);
  const eyes = above.flatMap((a) => above.map((b) => ({ rows: a.y + b.y, apart: b.x - a.x, a, b })))
    .filter(({ a, b, apart }) => apart > 0.25 * width && Math.abs(a.y - b.y) < 0.05 * height
      && Math.abs(a.x + b.x - width) < 0.2 * width)
    .sort((one, other) => other.rows - one.rows || other.apart - one.apart);
  if (!eyes.length) return 1;
  const [{ rows, apart }] = eyes;
  const times = Math.max(apart / size / APART, (mouth - rows / 2) / size / BELOW);
  return times > NEARLY ? Math.min(times, MOST_TIMES) : 1;
}

/** A mask without what has a gap within `reach` pixels, across and down. */
function shrunkBy(mask, side, reach) {
  const least = (values, stride, i) => {
    const at = Math.floor(i / stride) % side;
    const [from, to] = [Math.max(-at, -reach), Math.min(side - 1 - at, reach)];
    for (let k = from; k <= to; k++) if (!values[i + k * stride]) return 0;
    return 1;
  };
  return [1, side].reduce((values, stride) => values.map((_, i) => least(values, stride, i)), mask);
}

/** A mask with its neighbours, corners too, as far as there is room. */
function grownBy(mask, width, height, room) {
  return mask.map((value, i) => {
    if (value || !room[i]) return value;
    const [row, column] = [Math.floor(i / width), i % width];
    for (let r = Math.max(0, row - 1); r <= Math.min(height - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(width - 1, column + 1); c++) {
        if (mask[r * width + c]) return 1;
      }
    }
    return 0;
  });
}

/** The connected parts of a mask, each with its cells and its box. */
function parts(mask, width, height) {
  const seen = new Uint8Array(mask.length);
  const found = [];
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || seen[start]) continue;
    const part = { cells: [start], top: height, left: width, bottom: 0, right: 0 };
    seen[start] = 1;
    for (let k = 0; k < part.cells.length; k++) {
      const cell = part.cells[k];
      const [row, column] = [Math.floor(cell / width), cell % width];
      part.top = Math.min(part.top, row);
      part.left = Math.min(part.left, column);
      part.bottom = Math.max(part.bottom, row + 1);
      part.right = Math.max(part.right, column + 1);
      const beside = [];
      if (row) beside.push(cell - width);
      if (row < height - 1) beside.push(cell + width);
      if (column) beside.push(cell - 1);
      if (column < width - 1) beside.push(cell + 1);
      for (const other of beside) {
        if (!mask[other] || seen[other]) continue;
        seen[other] = 1;
        part.cells.push(other);
      }
    }
    found.push(part);
  }
  return found;
}
