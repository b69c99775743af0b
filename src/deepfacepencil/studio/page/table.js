// Which drawing lies on the table, and how it is kept: each drawing has an entry of the store, which
// one window alone may write.

import { blank, begun, isEmpty } from "./drawing.js";
import { blobOf } from "./files.js";
import * as store from "./store.js";

const THUMBNAIL = 256;

/** What an entry or a drawing from a file holds, with whatever it was made without. */
const historyOf = ({ drawing, history }) => {
  const whole = (one) => ({ ...blank(), ...one });
  const { past = [], now = drawing, future = [] } = history ?? {};
  return { past: past.map(whole), now: whole(now), future: future.map(whole) };
};

export class Table extends EventTarget {
  // Events: "other" (another drawing lies here now), "unkept" (this browser keeps nothing).
  current = store.choices.get("current", null) ?? store.newId();
  about = {}; // what is kept beside the drawing: its name, a picture to trace, and where that lies
  thumbnail = null; // the photo as it was kept last
  #changed = Date.now();
  #touched = false; // whether anything was ever done to it: opened and no more, it needs no card
  #before = null; // the drawing that lay here before this one, and the one after it
  #after = null;
  #editor;
  #picture;
  #keeping = 0;
  #due = false; // whether there is something to keep
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
    editor.addEventListener("change", ({ detail }) => {
      if (detail.committed) [this.#after, this.#changed] = [null, Date.now()];
      if (detail.settled) this.keepSoon();
    });
  }

  // New, Open and Examples can be undone too: that brings back what lay here before.

  get canUndo() {
    return this.#editor.canUndo || this.#before !== null;
  }

  get canRedo() {
    return this.#editor.canRedo || this.#after !== null;
  }

  async undo() {
    if (this.#editor.canUndo) return this.#editor.undo();
    if (this.#before) await this.#turnTo(this.#before, { after: this.current });
  }

  async redo() {
    if (this.#editor.canRedo) return this.#editor.redo();
    if (this.#after) await this.#turnTo(this.#after, { before: this.current });
  }

  async #turnTo(id, links) {
    const entry = await store.find(id).catch(() => null);
    if (!entry) {
      this.#before = links.after ? null : this.#before;
      this.#after = links.before ? null : this.#after;
      return this.dispatchEvent(new Event("links"));
    }
    await this.put(entry, id, { before: entry.before ?? null, after: entry.after ?? null, ...links });
  }

  keepSoon() {
    if (document.body.dataset.kept !== "never") document.body.dataset.kept = "no";
    clearTimeout(this.#keeping);
    this.#due = true;
    this.#keeping = setTimeout(() => this.keep(), 250);
  }

  async keep() {
    if (!this.#resumed) return;
    this.#due = false;
    try {
      const [picture, of] = [this.#picture(), this.current];
      // A page that is being closed has no time for a new one.
      const made = picture && !document.hidden ? await blobOf(small(picture)) : null;
      if (made && of === this.current) this.thumbnail = made;
      // All of one moment, now: meanwhile there may be other strokes, or another drawing.
      const { current: id, about, thumbnail } = this;
      const { history, settled: drawing } = this.#editor;
      const [before, after] = [this.#before, this.#after];
      const touched = (this.#touched ||= history.past.length + history.future.length > 0);
      if (isEmpty(drawing) && !touched && !before && !about.tracing) await store.forget(id);
      else {
        await store.keep({
          ...about, id, changed: this.#changed, drawing, history, thumbnail, touched, before, after,
        });
      }
      store.choices.set("current", id);
      if (!this.#due) document.body.dataset.kept = "yes"; // else there is newer already
    } catch {
      if (document.body.dataset.kept !== "never") this.dispatchEvent(new Event("unkept"));
      document.body.dataset.kept = "never";
    }
  }

  /** Another drawing on the table, {drawing} or an entry of the store; this one is kept. */
  async put(entry, id = store.newId(), links = { before: this.current, after: null }) {
    await this.#resuming;
    clearTimeout(this.#keeping);
    await this.keep();
    const claimed = await this.#claim(id);
    this.current = claimed ? id : this.#fresh();
    // Nobody wants to go back to a paper on which nothing ever was.
    const nothing = isEmpty(this.#editor.settled) && !this.#editor.canUndo && !this.#editor.canRedo;
    if (nothing && links.before) links = { ...links, before: this.#before };
    [this.#before, this.#after] = [links.before, links.after];
    this.#show(entry);
  }

  #show(entry) {
    const { name, tracing, tracingAt } = entry;
    this.about = { name, tracing, tracingAt };
    this.thumbnail = entry.thumbnail ?? null;
    this.#changed = entry.changed ?? Date.now();
    this.#touched = entry.touched ?? Boolean(entry.id);
    this.dispatchEvent(new Event("other"));
    this.#editor.load(historyOf(entry));
  }

  setAbout(about) {
    this.about = { ...this.about, ...about };
    this.keepSoon();
  }

  /** Another name for the drawing of an entry. */
  async rename(id, name) {
    if (id === this.current) this.about = { ...this.about, name };
    await store.change(id, (entry) => ({ ...entry, name }));
  }

  async forget(id) {
    await store.forget(id);
    if (id !== this.current) return;
    this.current = this.#fresh();
    [this.#before, this.#after] = [null, null];
    this.#show({ drawing: begun() });
  }

  async #resume() {
    // A reload lets go of it, late on a busy machine; a new window is not to wait for the other's.
    const signal = AbortSignal.timeout(store.choices.isOfWindow("current") ? 4000 : 500);
    if (!(await this.#claim(this.current, { signal }))) this.current = this.#fresh();
    const kept = await store.find(this.current).catch(() => {
      this.current = this.#fresh();
    });
    this.#resumed = true;
    if (isEmpty(this.#editor.drawing)) {
      [this.#before, this.#after] = [kept?.before ?? null, kept?.after ?? null];
      this.#show(kept ?? { drawing: begun() });
      this.#tidy();
    } else {
      if (kept) this.current = this.#fresh(); // somebody has begun to draw already
      this.keepSoon();
    }
  }

  /** Drawings that were opened and no more go, once nobody can want to undo to them. */
  async #tidy() {
    const near = [this.current, this.#before, this.#after];
    const old = Date.now() - 86_400_000;
    for (const { id, touched, changed } of await store.all().catch(() => [])) {
      if (touched === false && changed < old && !near.includes(id)) await store.forget(id);
    }
  }

  /** Takes a kept drawing for this window. False if another one has it: both would keep over it. */
  #claim(id, patience = { signal: AbortSignal.timeout(1000) }) {
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

function small(picture) {
  const size = { width: THUMBNAIL, height: THUMBNAIL };
  const canvas = Object.assign(document.createElement("canvas"), size);
  canvas.getContext("2d").drawImage(picture, 0, 0, THUMBNAIL, THUMBNAIL);
  return canvas;
}
