// The photo: sends the newest drawing when the answer to the last one has come, shows what comes,
// and finds the server again after it was away. One drawing is on the way at most: nothing queues.

import { CELLS, isEmpty, near } from "./drawing.js";
import { base64 } from "./files.js";

export const SIZE = 256;
const GIVE_UP = 20_000; // milliseconds without an answer

export class Photo extends EventTarget {
  // Events: "photo" (a new one is on the canvas), "state" (the connection changed), "refused".
  canvas = Object.assign(document.createElement("canvas"), { width: SIZE, height: SIZE });
  veil = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  state = "connecting"; // then "ready", "away" or "full"
  missing = [];
  delay = 0;
  #socket = null;
  #wait = 500;
  #count = 0;
  #newest = null;
  #refused = false; // whether there will be no photo of the newest drawing
  #times = [];
  #onTheWay = null;
  #written = new WeakMap();
  #measured = 0;

  constructor() {
    super();
    this.#connect();
  }

  /** Whether the photo on the canvas is of the newest drawing. */
  get isCurrent() {
    return !this.#newest && !this.#onTheWay && !this.#refused;
  }

  /** Asks for the photo of a drawing; `at` is the time of the event that changed it. */
  request(drawing, veil, at) {
    this.#refused = false;
    if (isEmpty(drawing)) {
      this.#newest = null;
      this.#count++; // an answer that is on the way is not wanted any more
      return;
    }
    this.#newest = { drawing, veil };
    if (this.#times.length < 500) this.#times.push(at);
    this.#send();
  }

  #connect() {
    const address = new URL("draw", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let full = false;
    const admitted = () => {
      if (full || socket.readyState !== WebSocket.OPEN) return;
      this.#become("ready");
      this.#send();
    };
    // A studio that was full says at once if it still is.
    socket.onopen = () => (this.state === "full" ? setTimeout(admitted, 300) : admitted());
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return this.#show(data);
      const said = JSON.parse(data);
      full ||= "full" in said;
      if ("refused" in said) {
        this.#settled();
        this.#refused = !this.#newest;
        this.dispatchEvent(new CustomEvent("refused", { detail: said.refused }));
        this.#send();
      }
    };
    socket.onclose = () => {
      if (this.#onTheWay) this.#newest ??= this.#onTheWay.frame;
      this.#settled();
      this.#become(full ? "full" : "away");
      setTimeout(() => this.#connect(), this.#wait * (0.75 + Math.random() / 2));
      this.#wait = Math.min(this.#wait * 1.6, 5000);
    };
  }

  #send() {
    if (!this.#newest || this.#onTheWay || this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.state !== "ready") return;
    const { drawing, veil } = this.#newest;
    const id = ++this.#count;
    const timer = setTimeout(() => this.#socket.close(), GIVE_UP);
    this.#onTheWay = { id, frame: this.#newest, times: this.#times, timer };
    this.#newest = null;
    this.#times = [];
    const brush = drawing.brush ? `,"brush":"${base64(drawing.brush)}"` : "";
    const strokes = drawing.strokes.map((one) => this.#write(one)).join();
    this.#socket.send(
      `{"id":${id},"tolerance":${drawing.tolerance},"veil":${veil}${brush},"strokes":[${strokes}]}`,
    );
  }

  /** A stroke as JSON; strokes never change, so each is written once. */
  #write(one) {
    let text = this.#written.get(one);
    if (!text) {
      text = `[${one.points.map(([x, y]) => `${near(x)},${near(y)}`).join()}]`;
      this.#written.set(one, text);
    }
    return text;
  }

  /** A message is the length of a head, the head, RGB pixels and perhaps a veil. */
  #show(data) {
    const bytes = new Uint8Array(data);
    const start = 2 + (bytes[0] | (bytes[1] << 8));
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(2, start)));
    const carried = this.#onTheWay?.id === head.id ? this.#onTheWay : null;
    this.#settled();
    this.#wait = 500;
    const wanted = head.id === this.#count && carried;
    this.#send(); // first of all, so that the server does not wait for the painting
    if (wanted) {
      const pixels = head.size * head.size;
      put(this.canvas, head.size, (rgba, i) => {
        rgba[4 * i] = bytes[start + 3 * i];
        rgba[4 * i + 1] = bytes[start + 3 * i + 1];
        rgba[4 * i + 2] = bytes[start + 3 * i + 2];
        rgba[4 * i + 3] = 255;
      });
      if (head.veil) this.#putVeil(bytes.subarray(start + 3 * pixels), head.veil);
      this.missing = head.missing;
      requestAnimationFrame(() => this.#measure(carried.times));
      this.dispatchEvent(new Event("photo"));
    }
  }

  /** Blue where the network obeys the strokes, orange where it takes them as a hint. */
  #putVeil(share, size) {
    put(this.veil, size, (rgba, i) => {
      const t = share[i] / 255;
      rgba[4 * i] = 40 + 195 * t;
      rgba[4 * i + 1] = 90;
      rgba[4 * i + 2] = 200 - 170 * t;
      rgba[4 * i + 3] = 255;
    });
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

  #settled() {
    clearTimeout(this.#onTheWay?.timer);
    this.#onTheWay = null;
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}

function put(canvas, size, paint) {
  const image = new ImageData(size, size);
  for (let i = 0; i < size * size; i++) paint(image.data, i);
  canvas.getContext("2d").putImageData(image, 0, 0);
}
