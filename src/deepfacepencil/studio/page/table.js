// Which drawing lies on the table, and how it is kept: each drawing has an entry of the store, which
// one window alone may write.

import { blank, isEmpty, stroke } from "./drawing.js";
import { blobOf } from "./files.js";
import * as store from "./store.js";

/** The same strokes under names of this session. */
const renamed = (drawing) => ({
  ...blank(),
  ...drawing,
  strokes: drawing.strokes.map(({ points }) => stroke(points)),
});

export class Table extends EventTarget {
  // Events: "other" (another drawing lies here now), "unkept" (this browser keeps nothing).
  current = store.choices.get("current", null) ?? store.newId();
  thumbnail = null; // the photo as it was kept last
  #editor;
  #picture;
  #keeping = 0;
  #resumed = false; // before, what is kept under `current` is not on the table
  #resuming;
  #mine = new Set();

  /** `picture()` is a canvas with the photo of the drawing, or null. */
  constructor(editor, picture) {
    super();
    this.#editor = editor;
    this.#picture = picture;
    this.#resuming = this.#resume();
    addEventListener("visibilitychange", () => document.hidden && this.keep());
  }

  keepSoon() {
    if (document.body.dataset.kept !== "never") document.body.dataset.kept = "no";
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.keep(), 250);
  }

  async keep() {
    if (!this.#resumed) return;
    const drawing = this.#editor.settled;
    try {
      if (isEmpty(drawing)) await store.forget(this.current);
      else {
        const picture = this.#picture();
        // A page that is being closed has no time for a new one.
        if (picture && !document.hidden) this.thumbnail = await blobOf(picture);
        const { current: id, thumbnail } = this;
        await store.keep({ id, changed: Date.now(), drawing, thumbnail });
      }
      store.choices.set("current", this.current);
      document.body.dataset.kept = "yes";
    } catch {
      if (document.body.dataset.kept !== "never") this.dispatchEvent(new Event("unkept"));
      document.body.dataset.kept = "never";
    }
  }

  /** Another drawing on the table; the one before is in the gallery. */
  async put(drawing, id = store.newId()) {
    await this.#resuming;
    clearTimeout(this.#keeping);
    await this.keep();
    this.thumbnail = null;
    this.current = (await this.#claim(id)) ? id : this.#fresh();
    this.dispatchEvent(new Event("other"));
    this.#editor.load(renamed(drawing));
  }

  async forget(id) {
    await store.forget(id);
    if (id !== this.current) return;
    this.current = this.#fresh();
    this.dispatchEvent(new Event("other"));
    this.#editor.load(blank());
  }

  async #resume() {
    if (!(await this.#claim(this.current))) this.current = this.#fresh();
    const kept = await store.find(this.current).catch(() => {
      this.current = this.#fresh();
    });
    this.#resumed = true;
    if (isEmpty(this.#editor.drawing)) {
      this.#editor.load(kept ? renamed(kept.drawing) : blank());
      this.thumbnail = kept?.thumbnail ?? null;
    } else {
      if (kept) this.current = this.#fresh(); // somebody has begun to draw already
      this.keepSoon();
    }
  }

  /** Takes a kept drawing for this window. False if another one has it: both would keep over it. */
  #claim(id, patience = { signal: AbortSignal.timeout(1000) }) { // a reload lets go of it
    return new Promise((done) => {
      if (!navigator.locks || this.#mine.has(id)) return done(true);
      const hold = () => {
        this.#mine.add(id);
        done(true);
        return new Promise(() => {}); // until the window closes
      };
      navigator.locks.request(`drawing ${id}`, patience, hold).catch(() => done(false));
    });
  }

  /** A name for a new drawing, which nobody else can have. */
  #fresh() {
    const id = store.newId();
    this.#claim(id, {});
    return id;
  }
}
