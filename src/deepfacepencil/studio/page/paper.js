// The paper: shows the drawing and turns what a mouse, finger or pen does into changes of it.

import { getStroke } from "./vendor/perfect-freehand.js";
import {
  PAPER, bounds, inside, mirrored, moved, painted, stroke, strokeAt, tenth, withoutPart,
  withoutWhole,
} from "./drawing.js";

const HANDLE = 7; // half a selection handle, in pixels of the screen
const CALM = 0.62; // how much of the way to the pointer a stroke goes: the rest is tremor
const GRIP = 16; // y of the mirror axis's grip, on the paper

// Average proportions: ellipses as centre, radii, from and to in turns of the clock hand.
const GUIDE = [
  [256, 281, 140, 195, 0, 1],
  [193, 241, 25, 10, 0, 1],
  [319, 241, 25, 10, 0, 1],
  [186, 214, 44, 12, 0.5, 1],
  [326, 214, 44, 12, 0.5, 1],
  [256, 322, 38, 14, 0, 0.5],
  [256, 381, 58, 20, 0, 1],
];

export class Paper {
  // What the controls of the page set.
  tool = "pen"; // pen, eraser, select, brush or hand
  width = 3;
  reach = 14; // radius of the eraser
  wholeStrokes = false;
  mirror = false;
  axis = PAPER / 2;
  guide = true;
  brushWish = -1;
  brushReach = 48;
  veil = null; // a canvas to lay under the strokes, or null
  photo = null; // the same
  photoShare = 0.6;
  selected = new Set();

  #canvas;
  #editor;
  #colours = {};
  #shapes = new WeakMap();
  #view = { zoom: 1, x: 0, y: 0 };
  #pointers = new Map();
  #gesture = null;
  #cursor = null;
  #penSeen = false;
  #pen = null; // the pen that is down
  #holdingSpace = false;
  #asked = false;
  #before = { canvas: document.createElement("canvas"), shows: [] };

  constructor(canvas, editor, onView) {
    this.#canvas = canvas;
    this.#editor = editor;
    this.onView = onView;
    const on = (kind, does) => canvas.addEventListener(kind, does, { passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#lost(event));
    on("pointerleave", () => this.#point(null));
    on("blur", () => delete canvas.dataset.byHand);
    on("wheel", (event) => this.#wheel(event));
    on("contextmenu", (event) => event.preventDefault());
    editor.addEventListener("change", () => this.#forgetTheGone());
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.recolour();
  }

  // --- looking ---

  recolour() {
    const style = this.#canvas.style;
    for (const name of ["paper", "ink", "faint", "accent"]) {
      style.color = `var(--${name})`; // computed, it is the one of light-dark() that holds
      this.#colours[name] = getComputedStyle(this.#canvas).color;
    }
    this.refresh();
  }

  refresh() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#render();
    });
  }

  setWidth(width) {
    this.width = width;
    this.#shapes = new WeakMap();
    this.refresh();
  }

  holdSpace(held) {
    this.#holdingSpace = held;
    this.#showCursor();
  }

  setTool(tool) {
    this.#editor.cancel();
    this.#gesture = null;
    this.tool = tool;
    if (tool !== "select") this.selected.clear();
    this.#showCursor();
    this.refresh();
  }

  #showCursor() {
    this.#canvas.dataset.tool = this.#holdingSpace ? "hand" : this.tool;
  }

  #resize() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const dense = Math.min(devicePixelRatio || 1, 3);
    this.#canvas.width = Math.round(width * dense);
    this.#canvas.height = Math.round(height * dense);
    this.#render();
  }

  /** Pixels of the screen for one of the paper. */
  get #scale() {
    return (this.#canvas.clientWidth / PAPER) * this.#view.zoom || 1;
  }

  #render() {
    const context = this.#canvas.getContext("2d", { alpha: false });
    const { drawing, settled } = this.#editor;
    const k = this.#scale;
    if (this.#gesture?.kind === "pen" && !this.photo && !this.veil) {
      // The pen adds strokes at the end; what was there before is painted once for all of them.
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(this.#paintedBefore(settled), 0, 0);
      this.#aim(context);
      this.#renderStrokes(context, drawing.strokes.slice(settled.strokes.length));
    } else {
      this.#renderAll(context, drawing);
    }
    if (this.selected.size) this.#renderSelection(context, k);
    if (this.#gesture?.box) this.#renderBox(context, this.#gesture.box, k);
    if (this.#cursor) this.#renderReach(context, k);
  }

  /** A picture of the paper as it is without the stroke in hand. */
  #paintedBefore(settled) {
    const { width, height } = this.#canvas;
    const shows = [settled, this.#view, width, height, this.width, this.axis, this.mirror, this.guide,
      ...Object.values(this.#colours)];
    if (shows.some((value, i) => value !== this.#before.shows[i])) {
      Object.assign(this.#before.canvas, { width, height });
      this.#renderAll(this.#before.canvas.getContext("2d", { alpha: false }), settled);
      this.#before.shows = shows;
    }
    return this.#before.canvas;
  }

  /** From now on the context takes coordinates of the paper. */
  #aim(context) {
    const dense = this.#canvas.width / (this.#canvas.clientWidth || 1);
    const k = this.#scale * dense;
    context.setTransform(k, 0, 0, k, -this.#view.x * k, -this.#view.y * k);
  }

  #renderAll(context, drawing) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.photo ? "#fff" : this.#colours.paper;
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#aim(context);
    context.imageSmoothingQuality = "high";
    if (this.photo) this.#layer(context, this.photo, this.photoShare);
    if (this.veil) this.#layer(context, this.veil, 0.42);
    if (this.guide) this.#renderGuide(context);
    if (this.mirror) this.#renderAxis(context, this.#scale);
    this.#renderStrokes(context, drawing.strokes);
  }

  #renderStrokes(context, strokes) {
    // Over a photo the paper is white and the ink black, by day and by night.
    const ink = this.photo ? "#141414" : this.#colours.ink;
    for (const one of strokes) {
      context.fillStyle = this.selected.has(one.id) ? this.#colours.accent : ink;
      context.fill(this.#shape(one));
    }
  }

  #layer(context, picture, share) {
    context.globalAlpha = share;
    context.drawImage(picture, 0, 0, PAPER, PAPER);
    context.globalAlpha = 1;
  }

  #shape(one) {
    let shape = this.#shapes.get(one);
    if (!shape) {
      shape = outline(one.points, this.width);
      this.#shapes.set(one, shape);
    }
    return shape;
  }

  #renderGuide(context) {
    context.strokeStyle = this.#colours.faint;
    context.lineWidth = 1.2;
    context.setLineDash([5, 5]);
    for (const [x, y, rx, ry, from, to] of GUIDE) {
      context.beginPath();
      context.ellipse(x, y, rx, ry, 0, from * 2 * Math.PI, to * 2 * Math.PI);
      context.stroke();
    }
    context.beginPath();
    context.moveTo(256, 250);
    context.quadraticCurveTo(248, 290, 238, 316);
    context.stroke();
    context.setLineDash([]);
  }

  #renderAxis(context, k) {
    context.strokeStyle = context.fillStyle = this.#colours.accent;
    context.lineWidth = 1 / k;
    context.beginPath();
    context.moveTo(this.axis, 0);
    context.lineTo(this.axis, PAPER);
    context.stroke();
    context.beginPath();
    context.arc(this.axis, GRIP, 6 / k, 0, 2 * Math.PI);
    context.fill();
  }

  #chosen() {
    return this.#editor.drawing.strokes.filter((one) => this.selected.has(one.id));
  }

  #frame(k) {
    const { left, top, right, bottom } = bounds(this.#chosen());
    const room = 8 / k;
    // Strokes may leave the paper; the handles stay where a hand can take them.
    const within = (value) => Math.min(Math.max(value, room), PAPER - room);
    return {
      left: within(left - room), top: within(top - room),
      right: within(right + room), bottom: within(bottom + room),
    };
  }

  /** What was undone or erased is not chosen any more. */
  #forgetTheGone() {
    if (!this.selected.size) return;
    this.selected = new Set(this.#chosen().map((one) => one.id));
  }

  #renderSelection(context, k) {
    const box = this.#frame(k);
    this.#renderBox(context, box, k);
    context.fillStyle = this.#colours.paper;
    for (const [x, y] of corners(box)) {
      context.beginPath();
      context.rect(x - HANDLE / k, y - HANDLE / k, (2 * HANDLE) / k, (2 * HANDLE) / k);
      context.fill();
      context.stroke();
    }
  }

  #renderBox(context, { left, top, right, bottom }, k) {
    context.strokeStyle = this.#colours.accent;
    context.lineWidth = 1.25 / k;
    context.strokeRect(left, top, right - left, bottom - top);
  }

  #renderReach(context, k) {
    const reach = { eraser: this.reach / this.#view.zoom, brush: this.brushReach }[this.tool];
    if (!reach) return;
    context.strokeStyle = this.#colours.accent;
    context.lineWidth = 1.5 / k;
    context.beginPath();
    context.arc(...this.#cursor, reach, 0, 2 * Math.PI);
    context.stroke();
  }

  // --- zoom and pan ---

  zoomBy(factor, [x, y] = [PAPER / 2, PAPER / 2]) {
    const zoom = Math.min(8, Math.max(1, this.#view.zoom * factor));
    const share = this.#view.zoom / zoom;
    this.#look({ zoom, x: x - (x - this.#view.x) * share, y: y - (y - this.#view.y) * share });
  }

  fit() {
    this.#look({ zoom: 1, x: 0, y: 0 });
  }

  #look({ zoom, x, y }) {
    const most = PAPER - PAPER / zoom;
    const within = (value) => Math.min(Math.max(value, 0), most);
    this.#view = { zoom, x: within(x), y: within(y) };
    this.onView(zoom);
    this.refresh();
  }

  #panBy(right, down) {
    const k = this.#scale;
    this.#look({ ...this.#view, x: this.#view.x - right / k, y: this.#view.y - down / k });
  }

  #wheel(event) {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      this.zoomBy(Math.exp(-event.deltaY / 200), this.#place(event));
    } else {
      this.#panBy(-event.deltaX, -event.deltaY);
    }
  }

  // --- the hand ---

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    const k = this.#scale;
    return [
      (event.clientX - box.left) / k + this.#view.x,
      (event.clientY - box.top) / k + this.#view.y,
    ];
  }

  #point(place) {
    this.#cursor = place;
    if (this.tool === "eraser" || this.tool === "brush") this.refresh();
  }

  #down(event) {
    if (event.pointerType === "touch" && this.#pen !== null) return; // the palm of a hand that draws
    this.#canvas.dataset.byHand = ""; // who draws needs no ring that says where the focus is
    try {
      this.#canvas.setPointerCapture(event.pointerId);
    } catch {
      // The pointer has gone already.
    }
    if (event.pointerType === "pen") {
      this.#penSeen = true;
      this.#pen = event.pointerId;
      this.#pointers.clear(); // a palm may have been there before
      this.#gesture = null;
      this.#editor.cancel();
    }
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#pointers.size > 1) {
      this.#editor.cancel();
      this.#gesture = { kind: "pinch" };
      return;
    }
    const finger = event.pointerType === "touch" && this.#penSeen;
    const middle = event.button === 1;
    if (finger || middle || this.#holdingSpace || this.tool === "hand") {
      this.#gesture = { kind: "pan" };
    } else if (event.button === 0 || event.button === 5) {
      this.#gesture = this.#start(event);
      this.#go(event);
    }
  }

  /** What begins with a pointer going down. */
  #start(event) {
    const [x, y] = this.#place(event);
    const near = 12 / this.#scale;
    if (this.mirror && Math.hypot(x - this.axis, y - GRIP) < near) return { kind: "axis" };
    const tool = event.button === 5 ? "eraser" : this.tool; // 5: the other end of a pen
    if (tool === "select") return this.#startSelecting(event, x, y);
    return { kind: tool, last: null, points: [] };
  }

  #startSelecting(event, x, y) {
    const k = this.#scale;
    const { strokes } = this.#editor.drawing;
    if (this.selected.size) {
      const box = this.#frame(k);
      const places = corners(box);
      const corner = places.findIndex(
        ([cx, cy]) => Math.max(Math.abs(cx - x), Math.abs(cy - y)) < (HANDLE + 4) / k,
      );
      if (corner >= 0) return { kind: "scale", from: [x, y], around: places[(corner + 2) % 4] };
    }
    const hit = strokeAt(strokes, x, y, 8 / k);
    if (!hit) {
      if (!event.shiftKey) this.selected.clear();
      return { kind: "box", from: [x, y], already: new Set(this.selected) };
    }
    if (event.shiftKey && this.selected.has(hit.id)) this.selected.delete(hit.id);
    else {
      if (!event.shiftKey && !this.selected.has(hit.id)) this.selected.clear();
      this.selected.add(hit.id);
    }
    this.refresh();
    return { kind: "shift", from: [x, y] };
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    this.#point(this.#place(event));
    if (!before || !this.#gesture) return;
    if (this.#gesture.kind === "pinch") return this.#pinch(event);
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#gesture.kind === "pan") {
      this.#panBy(event.clientX - before[0], event.clientY - before[1]);
    } else {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.#go(each, event.timeStamp);
    }
  }

  #pinch(event) {
    if (this.#pointers.size < 2) return; // one finger was lifted already
    const [one, other] = [...this.#pointers.values()];
    const apart = Math.hypot(one[0] - other[0], one[1] - other[1]);
    const middle = [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const [a, b] = [...this.#pointers.values()];
    const now = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    this.#panBy(now[0] - middle[0], now[1] - middle[1]);
    const at = this.#place({ clientX: now[0], clientY: now[1] });
    if (apart > 0) this.zoomBy(Math.hypot(a[0] - b[0], a[1] - b[1]) / apart, at);
  }

  /** One step of what the hand is doing. */
  #go(event, at = event.timeStamp) {
    const gesture = this.#gesture;
    const [x, y] = this.#place(event);
    const { drawing, settled } = this.#editor;
    if (gesture.kind === "pen") {
      this.#extend(gesture, x, y, event);
      const pen = gesture.points;
      const drawn = [stroke(pen, "pen")];
      if (this.mirror) drawn.push(stroke(mirrored(pen, this.axis), "twin"));
      this.#editor.preview({ ...settled, strokes: [...settled.strokes, ...drawn] }, at);
    } else if (gesture.kind === "eraser") {
      const without = this.wholeStrokes ? withoutWhole : withoutPart;
      const reach = this.reach / this.#view.zoom;
      let { strokes } = drawing;
      for (const [px, py] of this.#between(gesture.last, x, y, reach / 2)) {
        strokes = without(strokes, px, py, reach);
        if (this.mirror) strokes = without(strokes, 2 * this.axis - px, py, reach);
      }
      gesture.last = [x, y];
      if (strokes !== drawing.strokes) this.#editor.preview({ ...drawing, strokes }, at);
    } else if (gesture.kind === "brush") {
      let { brush } = drawing;
      for (const [px, py] of this.#between(gesture.last, x, y, this.brushReach / 3)) {
        brush = painted(brush, px, py, this.brushReach, this.brushWish);
        if (this.mirror) {
          brush = painted(brush, 2 * this.axis - px, py, this.brushReach, this.brushWish);
        }
      }
      gesture.last = [x, y];
      this.#editor.preview({ ...drawing, brush }, at);
    } else if (gesture.kind === "axis") {
      this.axis = Math.round(Math.min(PAPER - 20, Math.max(20, x)));
      this.onAxis?.(this.axis);
      this.refresh();
    } else if (gesture.kind === "shift") {
      const [right, down] = [x - gesture.from[0], y - gesture.from[1]];
      if (Math.hypot(right, down) > 2 / this.#scale || gesture.moved) {
        gesture.moved = true;
        this.#preview((one) => moved(one, 1, right, down), at);
      }
    } else if (gesture.kind === "scale") {
      const [ax, ay] = gesture.around;
      const length = Math.hypot(gesture.from[0] - ax, gesture.from[1] - ay);
      const scale = Math.max(0.05, Math.hypot(x - ax, y - ay) / length);
      this.#preview((one) => moved(one, scale, ax * (1 - scale), ay * (1 - scale)), at);
    } else if (gesture.kind === "box") {
      const [fx, fy] = gesture.from;
      gesture.box = {
        left: Math.min(x, fx), right: Math.max(x, fx),
        top: Math.min(y, fy), bottom: Math.max(y, fy),
      };
      const found = drawing.strokes.filter((one) => inside(one, gesture.box));
      this.selected = new Set([...gesture.already, ...found.map((one) => one.id)]);
      this.refresh();
    }
  }

  #extend(gesture, x, y, event) {
    const pressure = event.pointerType === "pen" ? event.pressure : 0.5;
    const last = gesture.points.at(-1);
    if (last) {
      [x, y] = [last[0] + (x - last[0]) * CALM, last[1] + (y - last[1]) * CALM];
      if (Math.hypot(x - last[0], y - last[1]) < 0.8) return;
    }
    gesture.points = [...gesture.points, [tenth(x), tenth(y), Math.round(pressure * 100) / 100]];
  }

  #between(last, x, y, step) {
    if (!last) return [[x, y]];
    const count = Math.ceil(Math.hypot(x - last[0], y - last[1]) / step);
    return Array.from({ length: count }, (_, i) => [
      last[0] + ((x - last[0]) * (i + 1)) / count,
      last[1] + ((y - last[1]) * (i + 1)) / count,
    ]);
  }

  /** The chosen strokes changed, from where they were when the hand went down. */
  #preview(change, at) {
    const { settled } = this.#editor;
    const strokes = settled.strokes.map((one) => (this.selected.has(one.id) ? change(one) : one));
    this.#editor.preview({ ...settled, strokes }, at);
  }

  #up(event) {
    if (!this.#lifted(event)) return;
    const gesture = this.#gesture;
    if (!gesture || gesture.kind === "pinch" || gesture.kind === "pan") {
      if (!this.#pointers.size) this.#gesture = null;
      return;
    }
    this.#gesture = null;
    if (gesture.kind === "pen") this.#finish(gesture, event);
    else this.#editor.commit(this.#editor.drawing, event.timeStamp);
    this.refresh();
  }

  /** A stroke ends where the hand was lifted; from now on it and its twin go their own ways. */
  #finish(gesture, event) {
    const { settled } = this.#editor;
    const end = [...this.#place(event).map(tenth), gesture.points.at(-1)[2]];
    const points = [...gesture.points];
    if (Math.hypot(end[0] - points.at(-1)[0], end[1] - points.at(-1)[1]) > 0.8) points.push(end);
    const drawn = [stroke(points)];
    if (this.mirror) drawn.push(stroke(mirrored(points, this.axis)));
    this.#editor.commit({ ...settled, strokes: [...settled.strokes, ...drawn] }, event.timeStamp);
  }

  /** Whether the pointer had a part in what is being done. */
  #lifted(event) {
    if (event.pointerId === this.#pen) this.#pen = null;
    return this.#pointers.delete(event.pointerId);
  }

  #lost(event) {
    if (!this.#lifted(event)) return;
    this.#gesture = null;
    this.#editor.cancel();
  }

  // --- what the keyboard does to the chosen strokes ---

  selectAll() {
    this.selected = new Set(this.#editor.drawing.strokes.map((one) => one.id));
    this.refresh();
  }

  deleteSelected() {
    const { drawing } = this.#editor;
    const strokes = drawing.strokes.filter((one) => !this.selected.has(one.id));
    this.selected.clear();
    if (strokes.length < drawing.strokes.length) this.#editor.commit({ ...drawing, strokes });
    this.refresh();
  }

  nudge(scale, right, down) {
    if (!this.selected.size) return;
    const { left, top, right: r, bottom } = bounds(this.#chosen());
    const [x, y] = [(left + r) / 2, (top + bottom) / 2];
    this.#preview((one) => moved(one, scale, x * (1 - scale) + right, y * (1 - scale) + down));
    this.#editor.commit();
  }
}

const corners = ({ left, top, right, bottom }) => [
  [left, top], [right, top], [right, bottom], [left, bottom],
];

/** A stroke as the eye sees it: wider where it was pressed. */
export function outline(points, width) {
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

/** A small picture of a drawing, dark on white, for people and files. */
export function pictureOf(drawing, size, width = 3, [ink, paper] = ["#1c1a17", "#ffffff"]) {
  const canvas = Object.assign(document.createElement("canvas"), { width: size, height: size });
  const context = canvas.getContext("2d");
  context.fillStyle = paper;
  context.fillRect(0, 0, size, size);
  context.scale(size / PAPER, size / PAPER);
  context.fillStyle = ink;
  for (const { points } of drawing.strokes) context.fill(outline(points, width));
  return canvas;
}
