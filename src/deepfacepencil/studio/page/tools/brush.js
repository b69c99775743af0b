// The freedom brush: paints where the network keeps to the strokes and where it helps.

import { between, painted } from "../drawing.js";

export const brush = {
  name: "brush",
  cursor: (paper) => paper.brushReach,

  start: () => ({ last: null }),

  go(paper, gesture, { x, y, at }) {
    const { drawing } = paper.editor;
    const { brushReach: reach, brushWish: wish } = paper;
    let cells = drawing.brush;
    for (const [px, py] of between(gesture.last, x, y, reach / 3)) {
      cells = painted(cells, px, py, reach, wish);
      if (paper.mirror) cells = painted(cells, 2 * paper.axis - px, py, reach, wish);
    }
    gesture.last = [x, y];
    paper.editor.preview({ ...drawing, brush: cells }, at);
  },
};
