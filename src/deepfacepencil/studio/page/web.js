// Photos that this page makes itself, in a worker with onnxruntime-web, and drawings that it reads
// itself: the site without a server. The same as local.js offers.

import { flat, near, tenth } from "./drawing.js";
import { FILES, VERSION } from "./web/files.js";
import { isolated, keepOffline } from "./web/offline.js";
import { linesOf } from "./web/svg.js";
import { choices } from "./store.js";

const FULL = 256; // pixels of the photo that follows the pen
const ALIKE = 2; // grey levels, root mean square, between the photos of two ways to make them
const AGAIN = 5_000; // milliseconds after which what has failed is tried again

/** The worker, and the answers that are waited for. */
class Hands {
  #worker = new Worker(new URL("web/worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #count = 0;

  constructor(told) {
    this.#worker.onmessage = ({ data: { id, done, failed, share } }) => {
      if (share !== undefined) return told(share);
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failed === undefined) resolve(done);
      else reject(new Error(failed));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail(new Error("The worker that draws did not start."));
    };
  }

  ask(what, said = {}, moved = []) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(++this.#count, { resolve, reject });
      this.#worker.postMessage({ id: this.#count, what, ...said }, moved);
    });
  }

  close() {
    this.#worker.terminate();
    this.#fail(Object.assign(new Error("closed"), { away: true }));
  }

  #fail(problem) {
    for (const { reject } of this.#waiting.values()) reject(problem);
    this.#waiting.clear();
  }
}

/** The large files with their whole addresses. */
const site = JSON.parse(JSON.stringify(FILES), (key, value) =>
  ["address", "library", "glue"].includes(key) ? new URL(value, import.meta.url).href : value);

class Photos extends EventTarget {
  // Events beside those of local.js: "news" (detail: what to tell).
  state = "loading";
  share = 0; // of the files, that has come
  trouble = ""; // what is wrong, in words for people
  engine = null; // {provider, threads, took}: what draws, and how many milliseconds a photo took
  #hands = null;
  #numbers = new WeakMap(); // strokes never change, so each is sent once
  #sent = new Set();
  #strokes = 0;

  constructor() {
    super();
    const tell = (news) => this.dispatchEvent(new CustomEvent("news", { detail: news }));
    isolated(keepOffline(tell)).then(() => this.#begin());
  }

  get hands() {
    return (this.#hands ??= new Hands((share) => this.#come(share)));
  }

  async ask({ strokes, ...frame }) {
    if (this.state !== "ready") throw Object.assign(new Error(this.trouble), { away: true });
    const ids = strokes.map((one) => this.#numberOf(one));
    const fresh = strokes.flatMap((one, i) => (this.#sent.has(ids[i]) ? [] : [[ids[i], flat(one)]]));
    this.#sent = new Set(ids);
    const said = { frame, ids: [...this.#sent], fresh };
    const { pixels, size: side, ...answer } = await this.hands.ask("photo", said);
    if (side === FULL) this.engine.took = Math.min(this.engine.took, answer.engine);
    return { ...answer, size: side, photo: new ImageData(pixels, side) };
  }

  async #begin() {
    const chosen = choices.get("engine", null);
    const first = chosen?.version === VERSION && navigator.gpu ? chosen.provider : "wasm";
    if (!(await this.#start(first))) return;
    if (navigator.gpu && chosen?.version !== VERSION) this.#compare();
  }

  /** Whether the engine started. */
  async #start(provider) {
    try {
      const { took, threads, trial } = await this.hands.ask("start", { provider, site, trials: 1 });
      this.engine = { provider, took, threads, trial };
      this.#become("ready", "");
      return true;
    } catch (problem) {
      this.#hands?.close();
      this.#hands = null;
      choices.set("engine", null);
      this.#become("away", `${problem.message} Your drawing is safe here; trying again…`);
      setTimeout(() => {
        this.#become("loading", "");
        this.#begin();
      }, AGAIN);
      return false;
    }
  }

  /** Tries the graphics card beside the processor; the faster one goes on, if its photos are right. */
  async #compare() {
    const settled = (provider) => choices.set("engine", { version: VERSION, provider });
    const adapter = await navigator.gpu.requestAdapter().catch(() => null);
    if (!adapter || adapter.info?.isFallbackAdapter || adapter.isFallbackAdapter) return settled("wasm");
    const rival = new Hands(() => {});
    try {
      const said = await rival.ask("start", { provider: "webgpu", site, trials: 4 });
      const faster = said.took < 0.8 * this.engine.took;
      if (!faster || apart(said.trial, this.engine.trial) > ALIKE) throw new Error("no better");
      const slower = this.#hands;
      this.#hands = rival;
      this.#sent = new Set();
      this.engine = { provider: "webgpu", ...said };
      slower.close();
      settled("webgpu");
    } catch {
      rival.close();
      settled("wasm");
    }
  }

  #numberOf(one) {
    if (!this.#numbers.has(one)) this.#numbers.set(one, ++this.#strokes);
    return this.#numbers.get(one);
  }

  #come(share) {
    this.share = share;
    this.dispatchEvent(new Event("state"));
  }

  #become(state, trouble) {
    [this.state, this.trouble] = [state, trouble];
    this.dispatchEvent(new Event("state"));
  }
}

/** How far two photos are from each other, root mean square. */
function apart(one, other) {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] - other[i]) ** 2;
  return Math.sqrt(sum / one.length);
}

export const photos = new Photos();

export const opening = {
  async read(bytes) {
    const text = new TextDecoder().decode(bytes.subarray(0, 65_536)).replaceAll("\0", "");
    if (!text.includes("<svg")) {
      const unread =
        "This page reads SVG and the photos it saved; in scans and photos, the studio on your own " +
        "computer finds the lines.";
      throw Object.assign(new Error(unread), { unread: true });
    }
    const lines = linesOf(new TextDecoder().decode(bytes));
    const brought = await photos.hands.ask("bring", { lines });
    return brought.map((line) => line.map((value) => tenth(near(value))));
  },
  findsLines: false,
  place: (strokes) => photos.hands.ask("place", { strokes: strokes.map(flat) }),
  examples: async () => (await fetch(new URL("web/examples.json", import.meta.url))).json(),
};
