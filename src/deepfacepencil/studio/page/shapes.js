// How strokes look: their outlines, wider where they were pressed, and small pictures of drawings.
// The network sees none of this: it knows strokes as the one pen draws them.

import { getStroke } from "./vendor/perfect-freehand.js";
import { PAPER, about, bounds, transformed } from "./drawing.js";

/** A stroke as the eye sees it, in its own width unless told: wider where it was pressed. */
export const shapeOf = ({ points, width: own }, width = own ?? LINE) => outline(points, width);

function outline(points, width) {
  const pressed = points.some((point) => point[2] !== 0.5);
  const shape = getStroke(curved(points), {
    size: width, thinning: pressed ? 0.6 : 0, smoothing: 0.5, streamline: 0.1,
    simulatePressure: false, last: true,
  });
  const path = new Path2D();
  if (shape.length < 3) return path;
  path.moveTo(...middle(shape.at(-1), shape[0]));
  shape.forEach((corner, i) => {
    path.quadraticCurveTo(...corner, ...middle(corner, shape[(i + 1) % shape.length]));
  });
  path.closePath();
  return path;
}

/** With points between those that are far apart, on the curve that the server also draws. */
function curved(points) {
  const all = [points[0]];
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]];
    const [before, after] = [points[i - 2] ?? a, points[i + 1] ?? b];
    const steps = Math.ceil(Math.hypot(b[0] - a[0], b[1] - a[1]) / 4);
    for (let k = 1; k < steps; k++) {
      const t = k / steps;
      const [u, v] = [t * (1 - t) ** 2, t * t * (t - 1)];
      const share = t * t * (3 - 2 * t);
      all.push(
        a.map((from, axis) => {
          const [leaving, coming] = [(b[axis] - before[axis]) / 2, (after[axis] - from) / 2];
          return from + (b[axis] - from) * share + leaving * u + coming * v;
        }),
      );
    }
    all.push(b);
  }
  return all;
}

const middle = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

const LINE = 3; // the width of strokes that were drawn without one

/** A small picture of a drawing, dark on white, for people and files. */
export function pictureOf(drawing, size, width, [ink, paper] = ["#1c1a17", "#ffffff"]) {
  const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const context = canvas.getContext("2d");
  if (paper) {
    context.fillStyle = paper;
    context.fillRect(0, 0, size, size);
  }
  context.scale(size / PAPER, size / PAPER);
  context.fillStyle = ink;
  for (const one of drawing.strokes) context.fill(shapeOf(one, width));
  return canvas;
}

/** A small picture of strokes alone, as large as fits. */
export function pictureAround(strokes, size = 128) {
  const { left, top, right, bottom } = bounds(strokes);
  const scale = (0.86 * PAPER) / Math.max(right - left, bottom - top);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const fit = about([x, y], scale, scale);
  fit[4] += PAPER / 2 - x;
  fit[5] += PAPER / 2 - y;
  return pictureOf({ strokes: strokes.map((one) => transformed(one, fit)) }, size, 9);
}
