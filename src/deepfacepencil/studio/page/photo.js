// The photo: asks for that of the newest drawing when the answer to the last one has come, and shows
// what comes. One drawing is on the way at most: nothing queues, and what nobody waits for any more is
// given up. When the hand rests, it asks for the
// same photo larger, unless larger ones cost no more and follow the pen themselves; what is asked for
// beside that, such as a variant, waits until nothing is newer.

import { CELLS, isEmpty } from "./drawing.js";
import { wishes } from "./face.js";
import { photos } from "./source.js";

export const SIZE = 256; // of the photo that follows the pen, if larger ones cost more
const QUICK = 0; // the same, by a head that is quicker than exact
const RESTED = 512;
const NO_MORE = 1.2; // times what the small one costs
const LITTLE = 30; // milliseconds: what costs less tells nothing
export const LARGEST = 1024;
const REST = 500; // milliseconds without a change
const SOON = 0.25; // of a photo's time: what is still missing of one that is let come

/** What is sent of a drawing. */
const frameOf = (drawing, veil, size, seed = drawing.seed) => {
  const { strokes, tolerance, appearance } = drawing;
  return { strokes, tolerance, brush: wishes(drawing), appearance, seed, veil, size: size > SIZE ? size : QUICK };
};

export class Photo extends EventTarget {
  // Events: "photo" (a new one is on the canvas), "measured", "refused", and "deaf" (the model did
  // not listen: other looks or another seed gave the very same photo).
  canvas = Object.assign(document.createElement("canvas"), { width: SIZE, height: SIZE });
  veil = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  missing = [];
  face = 1; // how sure the network is that a face was drawn
  delay = 0;
  #largest = LARGEST; // that the model makes, as far as is known
  #size = SIZE; // of the photo that follows the pen
  #costs = {}; // the least milliseconds that photos of each size cost
  #newest = null;
  #onTheWay = null;
  #refused = false; // whether there will be no photo of the newest drawing
  #extras = [];
  #resting = 0;
  #last = null; // the drawing of the last photo, and its pixels
  #times = [];
  #measured = 0;
  #took = 0; // milliseconds, the last photo
  #settled = 0; // when the hand was done with something the last time
  #shown = null; // what was asked for the photo on the canvas, before it grew

  constructor() {
    super();
    photos.addEventListener("state", () => this.#send());
  }

  /** Whether the photo on the canvas is of the newest drawing. */
  get isCurrent() {
    // Larger ones and variants are of a drawing whose photo is there already.
    const coming = [this.#newest, this.#onTheWay].some((frame) => frame?.live);
    return !coming && !this.#refused;
  }

  /**
   * Asks for the photo of a drawing; `at` is the time of the event that changed it, and `settled` is
   * whether the hand is done.
   */
  request(drawing, veil, at, settled) {
    clearTimeout(this.#resting);
    if (isEmpty(drawing)) return this.forget();
    const onTheWay = this.#onTheWay?.live ? this.#onTheWay : null;
    const upcoming = this.#newest ?? onTheWay ?? this.#shown;
    if (upcoming && upcoming.veil === veil && looksLike(upcoming.drawing, drawing)) {
      if (upcoming === this.#shown) this.#rest(upcoming);
      return;
    }
    this.#refused = false;
    this.#newest = { drawing, veil, size: this.#size, live: true, wanted: true };
    if (this.#times.length < 500) this.#times.push(at);
    if (this.#onTheWay) this.#overtake(settled);
    this.#send();
  }

  /** Something newer is to be shown than what is on the way. */
  #overtake(settled) {
    const { live, since } = this.#onTheWay;
    if (!live) this.#onTheWay.wanted = false; // it would be an old one
    const now = performance.now();
    const soon = now - since > (1 - SOON) * this.#took;
    const again = now - this.#settled < 2 * this.#took; // a key that is held: something is to be seen
    if (settled) this.#settled = now;
    if (!live || (settled && !soon && !again)) photos.drop?.();
  }

  /** What is on the way is not wanted any more: the drawing has gone. */
  forget() {
    clearTimeout(this.#resting);
    this.#newest = this.#shown = null;
    this.delay = 0;
    for (const { fail } of this.#extras.splice(0)) fail(new Error("The drawing has gone."));
    if (this.#onTheWay) this.#onTheWay.wanted = false;
  }

  /** The answer for a drawing of any seed and size, once nothing newer is to be shown. */
  extra(drawing, { seed = drawing.seed, size = SIZE } = {}) {
    return new Promise((done, fail) => {
      const least = Math.min(size, this.#largest);
      this.#extras.push({ frame: frameOf(drawing, false, least, seed), done, fail });
      this.#send();
    });
  }

  async #send() {
    if (this.#onTheWay || photos.state !== "ready") return;
    if (this.#newest) return this.#sendNewest();
    const extra = this.#extras.shift();
    if (!extra) return;
    this.#onTheWay = { wanted: true };
    try {
      extra.done(await photos.ask(extra.frame));
    } catch (problem) {
      if (problem.away || problem.dropped) this.#extras.unshift(extra);
      else extra.fail(problem);
    }
    this.#onTheWay = null;
    this.#send();
  }

  async #sendNewest() {
    const asked = (this.#onTheWay = Object.assign(this.#newest, { since: performance.now() }));
    const times = this.#times;
    this.#newest = null;
    this.#times = [];
    let answer = null;
    try {
      answer = await photos.ask(frameOf(asked.drawing, asked.veil, asked.size));
    } catch (problem) {
      if (problem.away || problem.dropped) {
        if (asked.wanted) this.#newest ??= asked;
        this.#times.unshift(...times);
      } else {
        this.#refused = !this.#newest;
        this.#shown = null;
        this.dispatchEvent(new CustomEvent("refused", { detail: problem.message }));
      }
    }
    this.#onTheWay = null;
    if (answer) this.#took = performance.now() - asked.since;
    if (answer) this.#weigh(asked, answer.photo.width, answer.engine);
    this.#send(); // first of all, so that the server does not wait for the painting
    if (answer && asked.wanted) this.#show(answer, asked, times);
  }

  #show(answer, asked, times) {
    put(this.canvas, answer.photo);
    if (answer.veil) put(this.veil, coloured(answer.veil));
    this.missing = answer.missing;
    this.face = answer.face;
    if (asked.live) this.#shown = asked;
    if (asked.live) this.#hear(asked.drawing, answer.photo);
    if (asked.live) requestAnimationFrame(() => this.#measure(times));
    this.dispatchEvent(new Event("photo"));
    this.#rest(asked);
  }

  /** Asks for a larger photo of the same, once the hand rests. */
  #rest(asked) {
    clearTimeout(this.#resting);
    if (asked.size >= RESTED || this.#largest < RESTED || !this.isCurrent) return;
    this.#resting = setTimeout(() => {
      this.#newest = { ...asked, size: RESTED, live: false };
      this.#send();
    }, REST);
  }

  /** Learns whether larger photos can follow the pen as fast as small ones. */
  #weigh(asked, got, cost) {
    if (!asked.live && asked.size > got) this.#largest = got;
    if (!(cost > LITTLE)) return;
    this.#costs[got] = Math.min(cost, this.#costs[got] ?? Infinity);
    const free = this.#largest >= RESTED && this.#costs[RESTED] < NO_MORE * this.#costs[SIZE];
    this.#size = free ? RESTED : SIZE;
  }

  #hear(drawing, { data }) {
    const last = this.#last;
    this.#last = { drawing, data };
    if (!last || !sameLines(last.drawing, drawing)) return;
    const { seed, appearance } = last.drawing;
    if (seed === drawing.seed && appearance === drawing.appearance) return;
    if (data.length !== last.data.length) return;
    if (data.every((value, i) => value === last.data[i])) this.dispatchEvent(new Event("deaf"));
  }

  #measure(times) {
    const end = performance.now();
    this.#measured += times.length;
    if (this.#measured > 20_000) {
      performance.clearMeasures("pointer-to-photo");
      this.#measured = 0;
    }
    for (const start of times) performance.measure("pointer-to-photo", { start, end });
    if (times.length) this.delay = end - times[Math.floor(times.length / 2)];
    this.dispatchEvent(new Event("measured"));
  }
}

/** Whether two drawings differ in looks and seed at most. */
const sameLines = (one, other) =>
  one.strokes.length === other.strokes.length &&
  one.strokes.every(({ points }, i) => sameLine(points, other.strokes[i].points)) &&
  ["tolerance", "brush", "parts"].every((name) => one[name] === other[name]);

const sameLine = (one, other) =>
  one === other ||
  (one.length === other.length && one.every(([x, y], i) => x === other[i][0] && y === other[i][1]));

/** Whether the network makes the same photo of two drawings: width and groups of lines are not its. */
const looksLike = (one, other) =>
  sameLines(one, other) && one.appearance === other.appearance && one.seed === other.seed;

/** Blue where the network obeys, orange where it helps, nothing where it does neither. */
function coloured({ size, cells }) {
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    const t = cells[i] / 127.5 - 1;
    image.data.set(t < 0 ? [40, 90, 200, -255 * t] : [235, 90, 30, 255 * t], 4 * i);
  }
  return image;
}

export function put(canvas, image) {
  if (canvas.width !== image.width) canvas.width = canvas.height = image.width;
  canvas.getContext("2d").putImageData(image, 0, 0);
}
