// The paper: shows the drawing, and hands what a mouse, finger or pen does on it to the tool in hand.
//
// A tool (tools/*.js) is {name, start, go, finish, cursor, draw}: `start(paper, point)` makes the
// gesture that `go` and `finish` are given back, or nothing; `cursor(paper)` is the radius of a ring
// around the pointer; `draw` lays something over the strokes. All but `name`, `start` and `go` may be
// left out. A point is {x, y (on the paper), screen, pressure, shift, at (time of the event)}.

import { PAPER, about, bounds, grouped, moved, transformed, withGroups } from "./drawing.js";
import { cross, guide, ring, spread, veilNear } from "./painting.js";
import { shapeOf } from "./shapes.js";
import { axis } from "./tools/axis.js";
import { eraser } from "./tools/eraser.js";
import { hand } from "./tools/hand.js";
import { pen } from "./tools/pen.js";

const TOGETHER = 300; // milliseconds between two fingers that pinch
const FAR = 12; // pixels of the screen: a finger that went farther draws

export const WHOLE = { x: PAPER / 2, y: PAPER / 2, scale: 1 }; // all of the picture, on all of the paper

export class Paper {
  // What it tells of.
  onView = () => {}; // another zoom
  onAxis = () => {}; // the mirror's axis has moved
  onChoice = () => {}; // other strokes are chosen
  onTracing = () => {}; // the picture to trace has moved

  // What the controls of the page set.
  tool = pen;
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
  calm = 0.4; // how much a stroke lags behind the hand, 0 to 1
  tracing = null; // a picture under everything, to draw after, or null
  tracingAt = WHOLE; // where it lies
  tracingShare = 0.4;
  selected = new Set();

  #canvas;
  #colours = {};
  #shapes = new WeakMap();
  #view = { zoom: 1, x: 0, y: 0 };
  #pointers = new Map();
  #doing = null; // {tool, gesture, since (its first point)} while the hand is down, {pinch: true} while two fingers are
  #cursor = null;
  #byKeys = false; // whether the cursor is moved by keys
  #penSeen = false;
  #pen = null; // the pen that is down
  #holdingSpace = false;
  #asked = false;
  #before = { canvas: document.createElement("canvas"), shows: [] };

  constructor(canvas, editor) {
    this.#canvas = canvas;
    this.editor = editor;
    const on = (kind, does) => canvas.addEventListener(kind, does, { passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#lost(event));
    on("pointerleave", () => this.#point(null));
    on("blur", () => {
      delete canvas.dataset.byHand;
      this.#leaveKeys();
    });
    on("wheel", (event) => this.#wheel(event));
    on("contextmenu", (event) => event.preventDefault());
    editor.addEventListener("change", () => this.#forgetTheGone());
    new ResizeObserver(() => this.#resize()).observe(canvas);
    this.recolour();
  }

  // --- what the page sets ---

  setAxis(at) {
    this.axis = Math.round(at);
    this.onAxis(this.axis);
    this.refresh();
  }

  /** What is in hand is given up. */
  letGo() {
    this.editor.cancel();
    this.#doing = null;
  }

  setTool(tool) {
    this.letGo();
    if (tool !== this.tool) this.choose([]);
    this.tool = tool;
    this.#showCursor();
  }

  holdSpace(held) {
    this.#holdingSpace = held;
    this.#showCursor();
  }

  #showCursor() {
    this.#canvas.dataset.tool = this.#holdingSpace ? "hand" : this.tool.name;
    this.refresh();
  }

  // --- looking ---

  recolour() {
    const style = this.#canvas.style;
    for (const name of ["paper", "ink", "faint", "accent", "desk"]) {
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

  #resize() {
    const { width, height } = this.#canvas.getBoundingClientRect();
    const dense = Math.min(devicePixelRatio || 1, 3);
    this.#canvas.width = Math.round(width * dense);
    this.#canvas.height = Math.round(height * dense);
    this.#render();
  }

  get zoom() {
    return this.#view.zoom;
  }

  /** Pixels of the screen for one of the paper. */
  get scale() {
    return (this.#canvas.clientWidth / PAPER) * this.#view.zoom || 1;
  }

  #render() {
    const context = this.#canvas.getContext("2d", { alpha: false });
    const { drawing, settled } = this.editor;
    if (this.#doing?.gesture?.adds && !this.photo && !this.veil) {
      // The pen adds strokes at the end; what was there before is painted once for all of them.
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(this.#paintedBefore(settled), 0, 0);
      this.#aim(context);
      this.#renderStrokes(context, drawing.strokes.slice(settled.strokes.length));
    } else {
      this.#renderAll(context, drawing);
    }
    this.tool.draw?.(this, this.#doing?.gesture, context, this.#colours);
    context.strokeStyle = this.#colours.accent;
    const thin = 1.5 / this.scale;
    if (this.#cursor && this.tool.cursor) ring(context, this.#cursor, this.tool.cursor(this), thin);
    if (this.#cursor && this.#byKeys) {
      cross(context, this.#cursor, 12 / this.scale, this.#doing ? 2 * thin : thin);
    }
  }

  /** A picture of the paper as it is without the stroke in hand. */
  #paintedBefore(settled) {
    const { width, height } = this.#canvas;
    const shows = [settled, this.#view, width, height, this.axis, this.mirror, this.guide,
      this.tracing, this.tracingAt, this.tracingShare, ...Object.values(this.#colours)];
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
    const k = this.scale * dense;
    context.setTransform(k, 0, 0, k, -this.#view.x * k, -this.#view.y * k);
  }

  #renderAll(context, drawing) {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.#colours.desk;
    context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#aim(context);
    context.fillStyle = this.photo ? "#fff" : this.#colours.paper;
    context.fillRect(0, 0, PAPER, PAPER);
    context.imageSmoothingQuality = "high";
    if (this.tracing) this.#layTracing(context);
    if (this.photo) spread(context, this.photo, Math.min(1, 2 * this.photoShare));
    if (this.veil) spread(context, veilNear(this.veil, drawing.strokes), 0.7);
    if (this.guide) guide(context, this.#colours.faint);
    if (this.mirror) axis.draw(this, context, this.#colours);
    this.#renderStrokes(context, drawing.strokes);
  }

  #renderStrokes(context, strokes) {
    // Over a photo the paper is white and the ink black, by day and by night.
    const ink = this.photo ? "#141414" : this.#colours.ink;
    if (this.photo) context.globalAlpha = Math.min(1, 2 - 2 * this.photoShare);
    for (const one of strokes) {
      context.fillStyle = this.selected.has(one.id) ? this.#colours.accent : ink;
      context.fill(this.#shape(one));
    }
    context.globalAlpha = 1;
  }

  /** Where the picture to trace lies: {left, top, width, height}. */
  get tracingBox() {
    const { x, y, scale } = this.tracingAt;
    const share = (scale * PAPER) / Math.max(this.tracing.width, this.tracing.height);
    const [width, height] = [this.tracing.width * share, this.tracing.height * share];
    return { left: x - width / 2, top: y - height / 2, width, height };
  }

  placeTracing(at) {
    this.tracingAt = at;
    this.refresh();
  }

  #layTracing(context) {
    const { left, top, width, height } = this.tracingBox;
    context.save();
    context.beginPath();
    context.rect(0, 0, PAPER, PAPER); // beside the paper is the desk
    context.clip();
    context.globalAlpha = this.tracingShare;
    context.drawImage(this.tracing, left, top, width, height);
    context.restore();
  }

  #shape(one) {
    let shape = this.#shapes.get(one);
    if (!shape) {
      shape = shapeOf(one);
      this.#shapes.set(one, shape);
    }
    return shape;
  }

  // --- the hand on the keyboard: arrows move a cross, Enter puts the tool down and lifts it ---

  /** Whether keys move the cross: on the focused paper, unless they move what is chosen. */
  get takesKeys() {
    return document.activeElement === this.#canvas && (this.#doing?.keys || !this.selected.size);
  }

  /** Where the cross is, as a tool is told it. */
  #crossed() {
    const [x, y] = this.#cursor;
    const box = this.#canvas.getBoundingClientRect();
    const k = this.scale;
    const screen = [(x - this.#view.x) * k + box.left, (y - this.#view.y) * k + box.top];
    return { x, y, screen, pressure: 0.5, shift: false, at: performance.now() };
  }

  moveCross(right, down) {
    const [x, y] = this.#cursor ?? [PAPER / 2, PAPER / 2];
    const within = (value) => Math.min(Math.max(value, 0), PAPER);
    this.#byKeys = true;
    this.#cursor = [within(x + right), within(y + down)];
    if (this.#doing?.keys) this.#doing.tool.go(this, this.#doing.gesture, this.#crossed());
    this.refresh();
  }

  putDownOrLift() {
    if (this.#doing?.keys) {
      const { tool, gesture } = this.#doing;
      this.#doing = null;
      if (tool.finish) tool.finish(this, gesture, this.#crossed());
      else this.editor.commit();
    } else {
      this.moveCross(0, 0);
      const point = this.#crossed();
      this.#doing = { tool: this.tool, gesture: this.tool.start(this, point), keys: true };
      this.tool.go(this, this.#doing.gesture, point);
    }
    this.refresh();
  }

  #leaveKeys() {
    this.#byKeys = false;
    if (this.#doing?.keys) {
      this.#doing = null;
      this.editor.cancel();
    }
    this.refresh();
  }

  // --- zoom and pan ---

  zoomBy(factor, [x, y] = [PAPER / 2, PAPER / 2]) {
    const zoom = Math.min(8, Math.max(0.25, this.#view.zoom * factor));
    const share = this.#view.zoom / zoom;
    this.#look({ zoom, x: x - (x - this.#view.x) * share, y: y - (y - this.#view.y) * share });
  }

  fit() {
    this.#look({ zoom: 1, x: 0, y: 0 });
  }

  panBy(right, down) {
    const k = this.scale;
    this.#look({ ...this.#view, x: this.#view.x - right / k, y: this.#view.y - down / k });
  }

  #look({ zoom, x, y }) {
    const most = PAPER - PAPER / zoom; // below 100 % the paper lies in the middle of its desk
    const within = (value) => (most < 0 ? most / 2 : Math.min(Math.max(value, 0), most));
    this.#view = { zoom, x: within(x), y: within(y) };
    this.onView(zoom);
    this.refresh();
  }

  #wheel(event) {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.panBy(-event.deltaX, -event.deltaY);
    } else {
      const pixels = event.deltaY * (event.deltaMode ? 33 : 1); // some browsers count lines
      this.zoomBy(Math.exp(-Math.max(-100, Math.min(100, pixels)) / 400), this.#place(event));
    }
  }

  // --- the hand ---

  #place(event) {
    const box = this.#canvas.getBoundingClientRect();
    const k = this.scale;
    return [
      (event.clientX - box.left) / k + this.#view.x,
      (event.clientY - box.top) / k + this.#view.y,
    ];
  }

  /** What a tool is told of an event. */
  #told(event, at = event.timeStamp) {
    const [x, y] = this.#place(event);
    const pressure = event.pointerType === "pen" ? Math.round(event.pressure * 100) / 100 : 0.5;
    return { x, y, screen: [event.clientX, event.clientY], pressure, shift: event.shiftKey, at };
  }

  #point(place) {
    this.#cursor = place;
    if (this.tool.cursor) this.refresh();
  }

  #down(event) {
    if (event.pointerType === "touch" && this.#pen !== null) return; // the palm of a hand that draws
    this.#leaveKeys();
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
      this.letGo();
    }
    if (this.#draws(event)) return;
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.#pointers.size > 1) {
      this.letGo();
      this.#doing = { pinch: true };
      return;
    }
    const tool = this.#toolFor(event);
    if (!tool) return;
    const point = this.#told(event);
    this.#doing = { tool, gesture: tool.start(this, point), since: point };
    tool.go(this, this.#doing.gesture, point);
  }

  /** Whether the finger that is down has drawn for a while: another one is no pinch, but a palm. */
  #draws({ timeStamp }) {
    const { tool, since } = this.#doing ?? {};
    if (!since || tool === hand || timeStamp - since.at < TOGETHER) return false;
    const [[x, y]] = this.#pointers.values();
    return Math.hypot(x - since.screen[0], y - since.screen[1]) > FAR;
  }

  #toolFor(event) {
    const finger = event.pointerType === "touch" && this.#penSeen;
    if (finger || event.button === 1 || this.#holdingSpace) return hand;
    if (event.button === 5) return eraser; // the other end of a pen
    if (event.button !== 0) return null;
    return axis.isAt(this, this.#told(event)) ? axis : this.tool;
  }

  #move(event) {
    const known = this.#pointers.has(event.pointerId);
    this.#point(this.#place(event));
    if (!known || !this.#doing) return;
    if (this.#doing.pinch) return this.#pinch(event);
    this.#pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const events = event.getCoalescedEvents?.() ?? [];
    for (const each of events.length ? events : [event]) {
      this.#doing.tool.go(this, this.#doing.gesture, this.#told(each, event.timeStamp));
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
    this.panBy(now[0] - middle[0], now[1] - middle[1]);
    const at = this.#place({ clientX: now[0], clientY: now[1] });
    if (apart > 0) this.zoomBy(Math.hypot(a[0] - b[0], a[1] - b[1]) / apart, at);
  }

  #up(event) {
    if (!this.#lifted(event)) return;
    const { tool, gesture, pinch } = this.#doing ?? {};
    if (pinch && this.#pointers.size) return; // the other finger draws nothing
    this.#doing = null;
    if (!tool) return;
    const point = this.#told(event);
    if (tool.finish) tool.finish(this, gesture, point);
    else this.editor.commit(this.editor.drawing, point.at);
    this.refresh();
  }

  /** Whether the pointer had a part in what is being done. */
  #lifted(event) {
    if (event.pointerId === this.#pen) this.#pen = null;
    return this.#pointers.delete(event.pointerId);
  }

  #lost(event) {
    if (!this.#lifted(event)) return;
    this.#doing = null;
    this.editor.cancel();
  }

  // --- the chosen strokes ---

  get chosen() {
    return this.editor.drawing.strokes.filter((one) => this.selected.has(one.id));
  }

  /** Strokes of a group are chosen together. */
  choose(ids) {
    this.selected = withGroups(this.editor.drawing.strokes, new Set(ids));
    this.onChoice();
    this.refresh();
  }

  /** What was undone or erased is not chosen any more. */
  #forgetTheGone() {
    if (!this.selected.size) return;
    this.selected = new Set(this.chosen.map((one) => one.id));
    this.onChoice();
  }

  /** Shows the chosen strokes changed, from where they were when the hand went down. */
  changeChosen(change, at) {
    const { settled } = this.editor;
    const strokes = settled.strokes.map((one) => (this.selected.has(one.id) ? change(one) : one));
    this.editor.preview({ ...settled, strokes }, at);
  }

  selectAll() {
    this.choose(this.editor.drawing.strokes.map((one) => one.id));
  }

  deleteSelected() {
    const { drawing } = this.editor;
    const strokes = drawing.strokes.filter((one) => !this.selected.has(one.id));
    this.choose([]);
    if (strokes.length < drawing.strokes.length) this.editor.commit({ ...drawing, strokes });
  }

  /** The middle of what is chosen. */
  get #middle() {
    const { left, top, right, bottom } = bounds(this.chosen);
    return [(left + right) / 2, (top + bottom) / 2];
  }

  nudge(scale, right, down) {
    const [x, y] = this.#middle;
    this.changeChosen((one) => moved(one, scale, x * (1 - scale) + right, y * (1 - scale) + down));
    this.editor.commit();
  }

  /** Scaled by `sx` and `sy`, of which -1 flips, then turned by `angle`. */
  turn(sx, sy, angle = 0) {
    const change = about(this.#middle, sx, sy, angle);
    this.changeChosen((one) => transformed(one, change));
    this.editor.commit();
  }

  /** Adds strokes, and has them chosen. */
  add(strokes) {
    const { settled } = this.editor;
    this.editor.commit({ ...settled, strokes: [...settled.strokes, ...strokes] });
    this.choose(strokes.map(({ id }) => id));
  }

  /** Whether what is chosen is one group. */
  get isGroup() {
    const groups = new Set(this.chosen.map(({ group }) => group));
    return groups.size === 1 && !groups.has(undefined);
  }

  group(together) {
    const { settled } = this.editor;
    this.editor.commit({ ...settled, strokes: grouped(settled.strokes, this.selected, together) });
  }
}
