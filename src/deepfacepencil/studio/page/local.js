// Photos from the studio's server on this machine, over a websocket that is found again after it was
// away, and drawings read by that server.
//
// photos: an EventTarget with `state` ("connecting", "loading" with a `share`, "ready", "away" or
// "full"; event "state"), `trouble` (what is wrong, in words) and `ask(frame)`. A frame is {strokes,
// tolerance, brush, appearance, seed, size, veil}; its answer {photo (ImageData), veil (null or
// {size, cells}: 0 obeyed, 255 free), face (0..1), missing}. One frame is on the way at most. It
// fails with what was wrong with it, or, with `away` set, may be asked again when the state is
// "ready". `drop()`, where there is one, gives up what is on the way, which fails with `dropped` set:
// the next frame is drawn at once.
//
// opening: read(bytes) -> strokes, findsLines (whether it does in pictures too, not only in SVG),
// place(strokes) -> {scale, right, down}, examples(). An error of `read` is `unread` where the file
// may be a picture whose lines are not looked for.

import { flat } from "./drawing.js";
import { base64 } from "./files.js";

const GIVE_UP = 60_000; // milliseconds without an answer: of a hundred drawers each has a turn in less

const TROUBLES = {
  full: "The studio is full. Your drawing is safe here; trying again…",
  away: "The studio's server is away. Your drawing is safe here; looking for it again…",
};

class Away extends Error {
  away = true;
}

class Dropped extends Error {
  dropped = true;
}

class Photos extends EventTarget {
  state = "connecting";
  #socket = null;
  #wait = 500;
  #count = 0;
  #asked = null;
  #instead = false; // whether the next frame is to be drawn before the last one is done
  #written = new WeakMap();

  constructor() {
    super();
    this.#connect();
  }

  ask(frame) {
    if (this.state !== "ready") return Promise.reject(new Away());
    const id = ++this.#count;
    this.#socket.send(this.#message(id, { ...frame, instead: this.#instead }));
    this.#instead = false;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => this.#socket.close(), GIVE_UP);
      this.#asked = { id, done, fail, timer };
    });
  }

  drop() {
    if (!this.#asked) return;
    this.#instead = true;
    this.#settled().fail(new Dropped());
  }

  #connect() {
    const address = new URL("draw", location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    let full = false;
    const admitted = () => {
      if (!full && socket.readyState === WebSocket.OPEN) this.#become("ready");
    };
    // A studio that was full says at once if it still is.
    socket.onopen = () => (this.state === "full" ? setTimeout(admitted, 300) : admitted());
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        this.#wait = 500;
        const answer = readAnswer(new Uint8Array(data));
        if (answer.id === this.#asked?.id) this.#settled().done(answer);
        return;
      }
      const said = JSON.parse(data);
      full ||= "full" in said;
      if ("refused" in said) this.#settled()?.fail(new Error(said.refused));
    };
    socket.onclose = () => {
      this.#become(full ? "full" : "away");
      this.#settled()?.fail(new Away());
      setTimeout(() => this.#connect(), this.#wait * (0.75 + Math.random() / 2));
      this.#wait = Math.min(this.#wait * 1.6, 5000);
    };
  }

  #settled() {
    const asked = this.#asked;
    clearTimeout(asked?.timer);
    this.#asked = null;
    return asked;
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }

  get trouble() {
    return TROUBLES[this.state] ?? "";
  }

  #message(id, { strokes, brush, ...said }) {
    const head = JSON.stringify({ id, ...said, ...(brush && { brush: base64(brush) }) });
    return `${head.slice(0, -1)},"strokes":[${strokes.map((one) => this.#write(one)).join()}]}`;
  }

  /** A stroke as JSON; strokes never change, so each is written once. */
  #write(one) {
    let text = this.#written.get(one);
    if (!text) {
      text = JSON.stringify(flat(one));
      this.#written.set(one, text);
    }
    return text;
  }
}

/** A stroke as the server knows it: [x, y, x, y, ...]. */

/** A message is the length of a head, the head, RGB pixels and perhaps a veil. */
function readAnswer(bytes) {
  const start = 2 + (bytes[0] | (bytes[1] << 8));
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(2, start)));
  const photo = new ImageData(head.size, head.size);
  const end = start + 3 * head.size * head.size;
  for (let from = start, to = 0; from < end; to += 4) {
    photo.data[to] = bytes[from++];
    photo.data[to + 1] = bytes[from++];
    photo.data[to + 2] = bytes[from++];
    photo.data[to + 3] = 255;
  }
  return { ...head, photo, veil: head.veil ? { size: head.veil, cells: bytes.subarray(end) } : null };
}

export const photos = new Photos();

async function say(where, body) {
  let reply;
  try {
    reply = await fetch(where, body && { method: "POST", body });
  } catch {
    throw new Error("The studio's server is away; this needs it.");
  }
  const said = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(said.detail ?? "The server could not do that.");
  return said;
}

export const opening = {
  /** The strokes in the bytes of a picture or SVG, each [x, y, x, y, ...]. */
  read: async (bytes) => (await say("open", bytes)).strokes,
  findsLines: true,
  /** What brings strokes to where faces belong: scale, then right and down. */
  place: (strokes) => say("place", JSON.stringify({ strokes: strokes.map(flat) })),
  /** Drawings to start from, [{name, strokes}]. */
  examples: () => say("examples"),
};
