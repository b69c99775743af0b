// The eraser: takes whole strokes or the part of them that it covers.

import { between, withoutPart, withoutWhole } from "../drawing.js";

export const eraser = {
  name: "eraser",
  cursor: (paper) => paper.reach / paper.zoom,

  start: () => ({ last: null }),

  go(paper, gesture, { x, y, at }) {
    const without = paper.wholeStrokes ? withoutWhole : withoutPart;
    const reach = eraser.cursor(paper);
    const { drawing } = paper.editor;
    let { strokes } = drawing;
    for (const [px, py] of between(gesture.last, x, y, reach / 2)) {
      strokes = without(strokes, px, py, reach);
      if (paper.mirror) strokes = without(strokes, 2 * paper.axis - px, py, reach);
    }
    gesture.last = [x, y];
    if (strokes !== drawing.strokes) paper.editor.preview({ ...drawing, strokes }, at);
  },
};
