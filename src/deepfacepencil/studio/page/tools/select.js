// Select: chooses strokes by touching them or by a box around them, then moves and scales them.

import { PAPER, bounds, inside, moved, strokeAt } from "../drawing.js";

const HANDLE = 7; // half a handle, in pixels of the screen

/** The box around what is chosen. Strokes may leave the paper; the handles stay in reach. */
function frame(paper) {
  const { left, top, right, bottom } = bounds(paper.chosen);
  const room = 8 / paper.scale;
  const within = (value) => Math.min(Math.max(value, room), PAPER - room);
  return {
    left: within(left - room), top: within(top - room),
    right: within(right + room), bottom: within(bottom + room),
  };
}

const corners = ({ left, top, right, bottom }) => [
  [left, top], [right, top], [right, bottom], [left, bottom],
];

/** What a drag does that starts on a handle, on a stroke, or beside both. */
const scaling = {
  go(paper, { from, around: [ax, ay] }, { x, y, at }) {
    const length = Math.hypot(from[0] - ax, from[1] - ay);
    const scale = Math.max(0.05, Math.hypot(x - ax, y - ay) / length);
    paper.changeChosen((one) => moved(one, scale, ax * (1 - scale), ay * (1 - scale)), at);
  },
};

const shifting = {
  go(paper, gesture, { x, y, at }) {
    const [right, down] = [x - gesture.from[0], y - gesture.from[1]];
    gesture.moved ||= Math.hypot(right, down) > 2 / paper.scale;
    if (gesture.moved) paper.changeChosen((one) => moved(one, 1, right, down), at);
  },
};

const boxing = {
  go(paper, gesture, { x, y }) {
    const [fx, fy] = gesture.from;
    gesture.box = {
      left: Math.min(x, fx), right: Math.max(x, fx),
      top: Math.min(y, fy), bottom: Math.max(y, fy),
    };
    const found = paper.editor.drawing.strokes.filter((one) => inside(one, gesture.box));
    paper.choose([...gesture.already, ...found.map((one) => one.id)]);
  },
};

export const select = {
  name: "select",

  start(paper, { x, y, shift }) {
    const from = [x, y];
    if (paper.selected.size) {
      const places = corners(frame(paper));
      const near = (HANDLE + 4) / paper.scale;
      const corner = places.findIndex(
        ([cx, cy]) => Math.max(Math.abs(cx - x), Math.abs(cy - y)) < near,
      );
      if (corner >= 0) return { does: scaling, from, around: places[(corner + 2) % 4] };
    }
    const hit = strokeAt(paper.editor.drawing.strokes, x, y, 8 / paper.scale);
    const chosen = new Set(shift || paper.selected.has(hit?.id) ? paper.selected : []);
    if (hit && shift && chosen.has(hit.id)) chosen.delete(hit.id);
    else if (hit) chosen.add(hit.id);
    paper.choose(chosen);
    return hit ? { does: shifting, from } : { does: boxing, from, already: chosen };
  },

  go: (paper, gesture, point) => gesture.does.go(paper, gesture, point),

  draw(paper, gesture, context, { accent, paper: ground }) {
    context.strokeStyle = accent;
    context.lineWidth = 1.25 / paper.scale;
    if (gesture?.box) outlined(context, gesture.box);
    if (!paper.selected.size) return;
    const box = frame(paper);
    outlined(context, box);
    context.fillStyle = ground;
    const half = HANDLE / paper.scale;
    for (const [x, y] of corners(box)) {
      context.beginPath();
      context.rect(x - half, y - half, 2 * half, 2 * half);
      context.fill();
      context.stroke();
    }
  },
};

const outlined = (context, { left, top, right, bottom }) =>
  context.strokeRect(left, top, right - left, bottom - top);
