// The photo: asks for that of the newest drawing when the answer to the last one has come, and shows
// what comes. One drawing is on the way at most: nothing queues.

import { CELLS, isEmpty } from "./drawing.js";
import { photos } from "./source.js";

export const SIZE = 256;

export class Photo extends EventTarget {
  // Events: "photo" (a new one is on the canvas), "measured", "refused".
  canvas = Object.assign(document.createElement("canvas"), { width: SIZE, height: SIZE });
  veil = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  missing = [];
  delay = 0;
  #newest = null;
  #onTheWay = null;
  #refused = false; // whether there will be no photo of the newest drawing
  #times = [];
  #measured = 0;

  constructor() {
    super();
    photos.addEventListener("state", () => this.#send());
  }

  /** Whether the photo on the canvas is of the newest drawing. */
  get isCurrent() {
    return !this.#newest && !this.#onTheWay && !this.#refused;
  }

  /** Asks for the photo of a drawing; `at` is the time of the event that changed it. */
  request(drawing, veil, at) {
    this.#refused = false;
    if (isEmpty(drawing)) return this.forget();
    this.#newest = { drawing, veil, wanted: true };
    if (this.#times.length < 500) this.#times.push(at);
    this.#send();
  }

  /** What is on the way is not wanted any more: the drawing has gone. */
  forget() {
    this.#newest = null;
    if (this.#onTheWay) this.#onTheWay.wanted = false;
  }

  async #send() {
    if (!this.#newest || this.#onTheWay || photos.state !== "ready") return;
    const asked = (this.#onTheWay = this.#newest);
    const times = this.#times;
    this.#newest = null;
    this.#times = [];
    const { strokes, tolerance, brush } = asked.drawing;
    let answer = null;
    try {
      answer = await photos.ask({ strokes, tolerance, brush, veil: asked.veil });
    } catch (problem) {
      if (problem.away) {
        if (asked.wanted) this.#newest ??= asked;
      } else {
        this.#refused = !this.#newest;
        this.dispatchEvent(new CustomEvent("refused", { detail: problem.message }));
      }
    }
    this.#onTheWay = null;
    this.#send(); // first of all, so that the server does not wait for the painting
    if (answer && asked.wanted) this.#show(answer, times);
  }

  #show(answer, times) {
    put(this.canvas, answer.photo);
    if (answer.veil) put(this.veil, coloured(answer.veil));
    this.missing = answer.missing;
    requestAnimationFrame(() => this.#measure(times));
    this.dispatchEvent(new Event("photo"));
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

/** Blue where the network obeys the strokes, orange where it takes them as a hint. */
function coloured({ size, cells }) {
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    const t = cells[i] / 255;
    image.data.set([40 + 195 * t, 90, 200 - 170 * t, 255], 4 * i);
  }
  return image;
}

function put(canvas, image) {
  if (canvas.width !== image.width) canvas.width = canvas.height = image.width;
  canvas.getContext("2d").putImageData(image, 0, 0);
}
