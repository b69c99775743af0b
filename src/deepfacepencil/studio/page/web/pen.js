// The one pen, as sketch/pen.py has it: strokes -> what a network sees. The outlines of lines and the
// share of each pixel that they cover are those of Anti-Grain Geometry 2.2 (Maxim Shemanarev), which
// that pen draws with: rasters differ by 3 of 255 at most, where its whole numbers round.

import { polyline } from "./smooth.js";

const CANVAS = 512;
const WIDTH = 1.25; // pixels
const FINE = 256; // parts of a pixel
const MITER = 4; // times half the width: the longest corner
const PARALLEL = 1e-8;

/** Chains as a raster (size x size): 0 for paper to 255 for stroke. */
export function draw(chains, size) {
  const raster = new Uint8Array(size * size);
  const cells = { cover: new Float64Array(size * size), area: new Float64Array(size * size) };
  for (const chain of chains) {
    const line = polyline(chain).map((value) => (value * size) / CANVAS);
    const outline = outlineOf(distinct(line), WIDTH / 2);
    if (outline.length) fill(raster, cells, size, outline);
  }
  return raster;
}

/** Points [[x, y, length to the next], ...] without those that lie on one another. */
function distinct(line) {
  const points = [];
  for (let i = 0; i < line.length; i += 2) {
    const last = points.at(-1);
    const length = last ? Math.hypot(line[i] - last[0], line[i + 1] - last[1]) : 1;
    if (length <= 1e-14) continue;
    if (last) last[2] = length;
    points.push([line[i], line[i + 1], 0]);
  }
  return points;
}

/** The polygon around a line with butt caps and mitred corners. */
function outlineOf(points, half) {
  const polygon = [];
  const last = points.length - 1;
  if (last < 1) return polygon;
  cap(polygon, points[0], points[1], points[0][2], half);
  for (let i = 1; i < last; i++) {
    corner(polygon, points[i - 1], points[i], points[i + 1], points[i - 1][2], points[i][2], half);
  }
  cap(polygon, points[last], points[last - 1], points[last - 1][2], half);
  for (let i = last - 1; i > 0; i--) {
    corner(polygon, points[i + 1], points[i], points[i - 1], points[i][2], points[i - 1][2], half);
  }
  return polygon;
}

function cap(polygon, [x, y], [nextX, nextY], length, half) {
  const [dx, dy] = [(half * (nextY - y)) / length, (half * (nextX - x)) / length];
  polygon.push([x - dx, y + dy], [x + dx, y - dy]);
}

function corner(polygon, a, b, c, before, after, half) {
  const [dx1, dy1] = [(half * (b[1] - a[1])) / before, (half * (b[0] - a[0])) / before];
  const [dx2, dy2] = [(half * (c[1] - b[1])) / after, (half * (c[0] - b[0])) / after];
  const [x1, y1, x2, y2] = [b[0] + dx1, b[1] - dy1, b[0] + dx2, b[1] - dy2];
  const met = meeting(a[0] + dx1, a[1] - dy1, x1, y1, x2, y2, c[0] + dx2, c[1] - dy2);
  if (!met) return void polygon.push([x1, y1]);
  const far = Math.hypot(b[0] - met[0], b[1] - met[1]) / (half * MITER);
  if (far <= 1) return void polygon.push(met);
  polygon.push(
    [x1 + (met[0] - x1) / far, y1 + (met[1] - y1) / far],
    [x2 + (met[0] - x2) / far, y2 + (met[1] - y2) / far],
  );
}

/** Where the line through a and b meets the one through c and d; null if they are parallel. */
function meeting(ax, ay, bx, by, cx, cy, dx, dy) {
  const below = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx);
  if (Math.abs(below) < PARALLEL) return null;
  const share = ((ay - cy) * (dx - cx) - (ax - cx) * (dy - cy)) / below;
  return [ax + share * (bx - ax), ay + share * (by - ay)];
}

/** Lays a polygon over the raster; where it covers itself it counts once. */
function fill(raster, { cover, area }, size, polygon) {
  const places = polygon.map(([x, y]) => [Math.trunc(x * FINE), Math.trunc(y * FINE)]);
  let [top, bottom] = [size - 1, 0];
  for (const [, y] of places) {
    top = Math.min(top, Math.floor(y / FINE));
    bottom = Math.max(bottom, Math.floor(y / FINE));
  }
  [top, bottom] = [Math.max(0, top), Math.min(size - 1, bottom)];
  places.forEach(([x, y], i) => {
    const [nextX, nextY] = places[(i + 1) % places.length];
    edge(cover, area, size, x / FINE, y / FINE, nextX / FINE, nextY / FINE);
  });
  for (let row = top; row <= bottom; row++) {
    let sum = 0;
    for (let at = row * size; at < (row + 1) * size; at++) {
      sum += cover[at];
      const share = Math.min(255, Math.abs(Math.floor((sum - area[at]) * 256 + 1e-7)));
      if (share === 255) raster[at] = 255;
      else if (share) raster[at] = ((255 - raster[at]) * share * 255 + (raster[at] << 16)) >> 16;
      cover[at] = area[at] = 0;
    }
  }
}

/** Adds an edge: in each cell how far down it goes, and that times its mean way from the left. */
function edge(cover, area, size, x1, y1, x2, y2) {
  if (y1 === y2) return;
  const slope = (x2 - x1) / (y2 - y1);
  const [low, high] = [Math.max(0, Math.min(y1, y2)), Math.min(size, Math.max(y1, y2))];
  const sign = y2 > y1 ? 1 : -1;
  for (let row = Math.floor(low); row < high; row++) {
    const [from, to] = [Math.max(low, row), Math.min(high, row + 1)];
    if (to > from) across(cover, area, size, row, sign, x1 + (from - y1) * slope, from, x1 + (to - y1) * slope, to);
  }
}

/** The part of an edge in one row, cut at the columns that it crosses. */
function across(cover, area, size, row, sign, x1, y1, x2, y2) {
  const [left, right] = [Math.min(x1, x2), Math.max(x1, x2)];
  const add = (column, height, inside) => {
    if (column >= size) return;
    const at = row * size + Math.max(0, column);
    cover[at] += sign * height;
    if (column >= 0) area[at] += sign * height * inside;
  };
  const first = Math.floor(left);
  if (right - left < 1e-12 || right <= first + 1) {
    return add(first, y2 - y1, (left + right) / 2 - first);
  }
  const steep = (y2 - y1) / (right - left);
  for (let column = first; column < right; column++) {
    const [from, to] = [Math.max(left, column), Math.min(right, column + 1)];
    if (to > from) add(column, (to - from) * steep, (from + to) / 2 - column);
    if (column >= size) break;
  }
}
