// A strip of six other people of the same drawing, over the foot of the photo, to choose from.

import { someSeed } from "./drawing.js";
import { SIZE, put } from "./photo.js";

const COUNT = 6;
const REST = 900; // milliseconds after which the strip is of the drawing as it is now

export class Variants {
  open = false;
  #editor;
  #photo;
  #strip;
  #seeds = [];
  #buttons;
  #of = null; // the drawing that the strip shows
  #resting = 0;

  constructor(editor, photo, strip) {
    [this.#editor, this.#photo, this.#strip] = [editor, photo, strip];
    this.#buttons = Array.from({ length: COUNT }, (_, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `Variant ${i + 1} of ${COUNT}`);
      const size = { width: SIZE, height: SIZE };
      button.append(Object.assign(document.createElement("canvas"), size));
      button.onclick = () => editor.commit({ ...editor.settled, seed: this.#seeds[i] });
      strip.append(button);
      return button;
    });
    editor.addEventListener("change", () => this.#refresh());
  }

  /** Opens the strip with six new people, or closes it. */
  toggle() {
    this.open = !this.open;
    this.#strip.hidden = !this.open;
    this.#of = null;
    this.#seeds = Array.from({ length: COUNT }, someSeed);
    if (this.open) this.#fill();
  }

  close() {
    if (this.open) this.toggle();
  }

  /** Strokes or looks have changed: what the strip shows is old until the hand rests. */
  #refresh() {
    const { drawing } = this.#editor;
    this.#buttons.forEach((button, i) =>
      button.setAttribute("aria-pressed", this.#seeds[i] === drawing.seed));
    if (!this.open || (this.#of && same(this.#of, drawing))) return;
    this.#strip.classList.add("old");
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => this.#fill(), REST);
  }

  async #fill() {
    const drawing = (this.#of = this.#editor.settled);
    if (!drawing.strokes.length) return this.close();
    this.#strip.classList.add("old");
    for (const [i, button] of this.#buttons.entries()) {
      try {
        const answer = await this.#photo.extra(drawing, { seed: this.#seeds[i] });
        if (!this.open || this.#of !== drawing) return;
        put(button.firstChild, answer.photo);
      } catch {
        return;
      }
    }
    this.#strip.classList.remove("old");
    this.#refresh();
  }
}

/** Whether two drawings differ in their seed alone. */
const same = (one, other) =>
  ["strokes", "tolerance", "brush", "parts", "appearance"].every((name) => one[name] === other[name]);
