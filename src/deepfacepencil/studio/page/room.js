// What the page is made of, each made once: the drawing on the table, the paper, the photo, the strip
// of variants, and how they are looked at.

import { Editor } from "./drawing.js";
import { Paper } from "./paper.js";
import { Photo } from "./photo.js";
import { Table } from "./table.js";
import { Variants } from "./variants.js";

export const $ = (id) => document.getElementById(id);

class Look extends EventTarget {
  // What is set on the page and is no drawing's. Event: "set", for those that show it.
  overlay = false; // whether the photo lies under the strokes
  veil = false;
  shown = false; // whether the photo on the canvas is of the drawing on the table

  tell() {
    this.dispatchEvent(new Event("set"));
  }
}

export const look = new Look();
export const editor = new Editor();
export const photo = new Photo();
export const paper = new Paper($("paper"), editor);
export const table = new Table(editor, () => (look.shown ? photo.canvas : null));
export const variants = new Variants(editor, photo, $("strip"));
