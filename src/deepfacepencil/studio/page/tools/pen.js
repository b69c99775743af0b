// The pen: adds a stroke, and with mirror drawing its twin.

import { mirrored, stroke, tenth } from "../drawing.js";

/** The strokes of a gesture, under names by which they are drawn on the paper. */
function drawn(paper, points, names = []) {
  const { width } = paper;
  const strokes = [stroke(points, names[0], { width })];
  if (paper.mirror) strokes.push(stroke(mirrored(points, paper.axis), names[1], { width }));
  return strokes;
}

const added = (paper, strokes) => {
  const { settled } = paper.editor;
  return { ...settled, strokes: [...settled.strokes, ...strokes] };
};

export const pen = {
  name: "pen",

  start: () => ({ points: [], adds: true }),

  go(paper, gesture, { x, y, pressure, at }) {
    const last = gesture.points.at(-1);
    if (last) {
      const way = 1 - 0.95 * paper.calm; // to the pointer: the rest is tremor
      [x, y] = [last[0] + (x - last[0]) * way, last[1] + (y - last[1]) * way];
      if (Math.hypot(x - last[0], y - last[1]) < 0.8) return;
    }
    gesture.points = [...gesture.points, [tenth(x), tenth(y), pressure]];
    paper.editor.preview(added(paper, drawn(paper, gesture.points, ["pen", "twin"])), at);
  },

  /** A stroke ends where the hand was lifted; from now on it and its twin go their own ways. */
  finish(paper, gesture, { x, y, at }) {
    const points = [...gesture.points];
    const [lastX, lastY, pressure] = points.at(-1);
    if (Math.hypot(x - lastX, y - lastY) > 0.8) points.push([tenth(x), tenth(y), pressure]);
    paper.editor.commit(added(paper, drawn(paper, points)), at);
  },
};
