// What the page knows of faces: the average proportions that the guide shows, the parts whose freedom
// can be set each by itself, and what can be asked for beside the lines.

import { CELLS, PAPER } from "./drawing.js";

// Where an average face has its features, as sketch/place.py knows them: ellipses as centre, radii, from
// and to degrees.
export const AVERAGE_FACE = [
  [256, 281, 140, 195, -25, 205],
  [319, 241, 23, 9, 0, 360],
  [193, 241, 23, 9, 0, 360],
  [326, 212, 44, 10, 180, 360],
  [186, 212, 44, 10, 180, 360],
  [256, 322, 42, 16, 0, 180],
  [256, 381, 58, 23, 0, 360],
  [256, 381, 58, 4, 0, 180],
];

const HEAD = AVERAGE_FACE[0];
const [HEAD_X, HEAD_Y, HEAD_WIDTH, HEAD_HEIGHT] = HEAD;

/** What the page shows of it: without the line between the lips, but with the whole head. */
export const GUIDE = [[...HEAD.slice(0, 4), 0, 360], ...AVERAGE_FACE.slice(1, -1)];

export const COLOURS = ["skin", "hair", "lips", "clothes", "backdrop"];

/** 1 within an ellipse, falling to 0 over its outer half. */
const blob = (x, y, rx, ry) => (px, py) =>
  Math.min(1, Math.max(0, 3 - 2 * Math.hypot((px - x) / rx, (py - y) / ry)));

/** How far out a place is: 1 on the outline of the head. */
const out = (x, y) => Math.hypot((x - HEAD_X) / HEAD_WIDTH, (y - HEAD_Y) / HEAD_HEIGHT);

const eye = [blob(193, 230, 60, 40), blob(319, 230, 60, 40)];

/** Parts of an average face and how much a place is of each, 0 to 1. */
export const PARTS = [
  { name: "eyes", label: "Eyes and brows", at: (x, y) => Math.max(eye[0](x, y), eye[1](x, y)) },
  { name: "nose", label: "Nose", at: blob(256, 305, 44, 56) },
  { name: "mouth", label: "Mouth", at: blob(256, 381, 80, 38) },
  {
    name: "outline", label: "Outline",
    at: (x, y) => (y > 210 ? Math.max(0, 1 - Math.abs(out(x, y) - 1) * 5) : 0),
  },
  {
    name: "hair", label: "Hair",
    at: (x, y) => Math.min(1, Math.max(0, (out(x, y) - (y < 210 ? 0.72 : 1.12)) * 8)),
  },
];

/** Brush and parts together, as cells like those of the brush; null where both are silent. */
export function wishes({ brush, parts }) {
  const set = PARTS.filter(({ name }) => parts[name]);
  if (!set.length) return brush;
  const cells = new Int8Array(CELLS * CELLS);
  const step = PAPER / CELLS;
  for (let i = 0; i < cells.length; i++) {
    const [x, y] = [((i % CELLS) + 0.5) * step, (Math.floor(i / CELLS) + 0.5) * step];
    let wish = brush ? brush[i] : 0;
    for (const { name, at } of set) wish += 127 * parts[name] * at(x, y);
    cells[i] = Math.max(-127, Math.min(127, Math.round(wish)));
  }
  return cells;
}
