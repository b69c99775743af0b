// Select: chooses strokes by touching them or by a box around them, then moves, scales and turns them.

import { PAPER, about, bounds, inside, moved, strokeAt, transformed } from "../drawing.js";

const HANDLE = 7; // half a handle, in pixels of the screen
const STALK = 30; // from the box to the handle that turns it
const STEP = Math.PI / 12; // of turning with Shift

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

const onPaper = (y) => y > 0 && y < PAPER;

/** Handles as {x, y, does, around (what stays where it is), across, down (whether it scales so)}. */
function handles(paper) {
  const { left, top, right, bottom } = frame(paper);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const stalk = STALK / paper.scale;
  const at = (px, py, across, down) =>
    ({ x: px, y: py, does: scaling, around: [2 * x - px, 2 * y - py], across, down });
  return [
    // Above, or where the paper ends below, or inside.
    { x, y: [top - stalk, bottom + stalk].find(onPaper) ?? top + stalk, does: turning, around: [x, y] },
    at(left, top, true, true), at(right, top, true, true),
    at(right, bottom, true, true), at(left, bottom, true, true),
    at(x, top, false, true), at(right, y, true, false),
    at(x, bottom, false, true), at(left, y, true, false),
  ];
}

const ratio = (now, then, around) => {
  const share = (now - around) / (then - around || 1);
  return Math.abs(share) < 0.05 ? 0.05 : share;
};

// What a drag does that starts on a handle, on a stroke, or beside both.

const scaling = {
  go(paper, { from, handle: { around, across, down } }, { x, y, shift, at }) {
    let sx = across ? ratio(x, from[0], around[0]) : 1;
    let sy = down ? ratio(y, from[1], around[1]) : 1;
    if (across && down && !shift) {
      const length = Math.hypot(from[0] - around[0], from[1] - around[1]);
      sx = sy = Math.max(0.05, Math.hypot(x - around[0], y - around[1]) / length);
    }
    const change = about(around, sx, sy);
    paper.changeChosen((one) => transformed(one, change), at);
  },
};

const turning = {
  go(paper, { from, handle: { around } }, { x, y, shift, at }) {
    const angleOf = ([px, py]) => Math.atan2(py - around[1], px - around[0]);
    let angle = angleOf([x, y]) - angleOf(from);
    if (shift) angle = Math.round(angle / STEP) * STEP;
    const change = about(around, 1, 1, angle);
    paper.changeChosen((one) => transformed(one, change), at);
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
    const near = (HANDLE + 5) / paper.scale;
    const handle =
      paper.selected.size &&
      handles(paper).find((one) => Math.max(Math.abs(one.x - x), Math.abs(one.y - y)) < near);
    if (handle) return { does: handle.does, handle, from };
    const hit = strokeAt(paper.editor.drawing.strokes, x, y, 8 / paper.scale);
    const chosen = new Set(shift || paper.selected.has(hit?.id) ? paper.selected : []);
    if (hit && shift && chosen.has(hit.id)) {
      for (const { id, group } of paper.chosen) {
        if (id === hit.id || (group && group === hit.group)) chosen.delete(id);
      }
    } else if (hit) chosen.add(hit.id);
    paper.choose(chosen);
    return hit ? { does: shifting, from } : { does: boxing, from, already: chosen };
  },

  go: (paper, gesture, point) => gesture.does.go(paper, gesture, point),

  draw(paper, gesture, context, { accent, paper: ground }) {
    context.strokeStyle = accent;
    context.lineWidth = 1.25 / paper.scale;
    if (gesture?.box) outlined(context, gesture.box);
    if (!paper.selected.size) return;
    outlined(context, frame(paper));
    context.fillStyle = ground;
    const half = HANDLE / paper.scale;
    for (const { x, y, does } of handles(paper)) {
      context.beginPath();
      if (does === turning) context.arc(x, y, half, 0, 2 * Math.PI);
      else context.rect(x - half, y - half, 2 * half, 2 * half);
      context.fill();
      context.stroke();
    }
  },
};

const outlined = (context, { left, top, right, bottom }) =>
  context.strokeRect(left, top, right - left, bottom - top);
