// Lines: a drag draws a straight one, and a drag at its middle bends it.

import { mirrored, stroke, tenth } from "../drawing.js";

const STEP = Math.PI / 12; // of the direction with Shift
const EVERY = 6; // pixels between points

/** Points on the curve from one place to another that passes the middle of the line at `through`. */
function arc([ax, ay], [bx, by], [mx, my]) {
  const [cx, cy] = [2 * mx - (ax + bx) / 2, 2 * my - (ay + by) / 2];
  const long = Math.hypot(cx - ax, cy - ay) + Math.hypot(bx - cx, by - cy);
  const count = Math.max(2, Math.round(long / EVERY));
  return Array.from({ length: count + 1 }, (_, i) => {
    const [t, s] = [i / count, 1 - i / count];
    const at = (a, c, b) => tenth(s * s * a + 2 * s * t * c + t * t * b);
    return [at(ax, cx, bx), at(ay, cy, by), 0.5];
  });
}

const middle = ([ax, ay], [bx, by]) => [(ax + bx) / 2, (ay + by) / 2];

/** The drawing with the line, and its twin; `last` is told which strokes they are. */
function withLine(paper, { from, to, through, ids }) {
  const points = arc(from, to, through);
  const { settled } = paper.editor;
  const { width } = paper;
  const lines = [stroke(points, ids[0], { width })];
  if (ids[1]) lines.push(stroke(mirrored(points, paper.axis), ids[1], { width }));
  const others = settled.strokes.filter(({ id }) => !ids.includes(id));
  return { ...settled, strokes: [...others, ...lines] };
}

/** The line that can still be bent: the last one, as long as it is on the paper. */
const bendable = (paper) =>
  line.last && paper.editor.drawing.strokes.some(({ id }) => id === line.last.ids[0])
    ? line.last
    : null;

export const line = {
  name: "line",
  last: null,

  start(paper, { x, y }) {
    const last = bendable(paper);
    if (last && Math.hypot(x - last.through[0], y - last.through[1]) < 14 / paper.scale) {
      return { ...last, bends: true };
    }
    const ids = [stroke([]).id, ...(paper.mirror ? [stroke([]).id] : [])];
    return { from: [x, y], to: [x, y], through: [x, y], ids };
  },

  go(paper, gesture, { x, y, shift, at }) {
    if (gesture.bends) gesture.through = [x, y];
    else {
      const [fx, fy] = gesture.from;
      const length = Math.hypot(x - fx, y - fy);
      const angle = Math.round(Math.atan2(y - fy, x - fx) / STEP) * STEP;
      gesture.to = shift ? [fx + length * Math.cos(angle), fy + length * Math.sin(angle)] : [x, y];
      gesture.through = middle(gesture.from, gesture.to);
    }
    paper.editor.preview(withLine(paper, gesture), at);
  },

  finish(paper, gesture, { at }) {
    const { from, to, through, ids } = gesture;
    if (Math.hypot(to[0] - from[0], to[1] - from[1]) < 3) return paper.editor.cancel();
    line.last = { from, to, through, ids };
    paper.editor.commit(paper.editor.drawing, at);
  },

  draw(paper, gesture, context, { accent, paper: ground }) {
    const last = gesture ?? bendable(paper);
    if (!last) return;
    context.strokeStyle = accent;
    context.fillStyle = ground;
    context.lineWidth = 1.25 / paper.scale;
    context.beginPath();
    context.arc(...last.through, 6 / paper.scale, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  },
};
