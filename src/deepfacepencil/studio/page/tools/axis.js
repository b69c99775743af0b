// The grip of the mirror's axis: no tool of its own, but what any tool does that starts on it.

import { PAPER } from "../drawing.js";

const GRIP = 16; // y of the grip, on the paper

export const axis = {
  name: "axis",

  isAt: (paper, { x, y }) =>
    paper.mirror && Math.hypot(x - paper.axis, y - GRIP) < 12 / paper.scale,

  start: () => ({}),

  go: (paper, gesture, { x }) => paper.setAxis(Math.min(PAPER - 20, Math.max(20, x))),

  finish() {},

  draw(paper, context, { accent }) {
    context.strokeStyle = context.fillStyle = accent;
    context.lineWidth = 1 / paper.scale;
    context.beginPath();
    context.moveTo(paper.axis, 0);
    context.lineTo(paper.axis, PAPER);
    context.stroke();
    context.beginPath();
    context.arc(paper.axis, GRIP, 6 / paper.scale, 0, 2 * Math.PI);
    context.fill();
  },
};
