// Drawings that come and go: opening, saving, copying, pasting, and the picture to trace.

import { copyPhoto, copyStrokes, pasted } from "./clip.js";
import { choose } from "./controls.js";
import { begun, copied, drawn, isEmpty, moved } from "./drawing.js";
import { download, fromPng, fromSvg, toSvg, withDrawing } from "./files.js";
import { canRecord, lapse } from "./lapse.js";
import { LARGEST, put } from "./photo.js";
import { WHOLE } from "./paper.js";
import { isPhotograph, traceable } from "./pictures.js";
import { clearPhoto } from "./print.js";
import { $, editor, look, paper, photo, table } from "./room.js";
import { importGallery, toast } from "./sheets.js";
import { pictureOf } from "./shapes.js";
import { opening } from "./source.js";
import { line } from "./tools/line.js";
import { pen } from "./tools/pen.js";
import { select } from "./tools/select.js";
import { tracer } from "./tools/tracer.js";

table.addEventListener("other", () => {
  photo.forget();
  clearPhoto();
  paper.choose([]);
  line.last = null;
  showTracing();
});
table.addEventListener("unkept", () =>
  toast("This browser does not keep your drawing: save it before you leave."),
);

let opened = 0; // files so far

/** A drawing, a picture of one, or a gallery, from a file. Of several the last one stays. */
export async function openFile(file) {
  const mine = ++opened;
  if (file.name?.endsWith(".json")) return importGallery(table, file);
  if (file.size > 25e6) return toast("This file is larger than 25 MB: choose a smaller one.");
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const ours = fromPng(bytes) ?? fromSvg(new TextDecoder().decode(bytes));
    if (!ours && (await isPhotograph(file))) {
      $("portrait-lines").hidden = !opening.findsLines;
      const wish = await asked($("portrait"));
      if (wish === "trace") return await traceOver(file);
      if (wish !== "lines") return;
    }
    if (mine !== opened) return;
    if (!ours) toast("Looking for the lines in it…", true);
    const drawing = ours ?? { ...begun(), strokes: drawn(await opening.read(bytes)) };
    if (mine !== opened) return;
    await table.put({ drawing });
    const found = " These are the lines that were found: correct them where needed.";
    toast(`Opened.${ours ? "" : found}`);
    return true;
  } catch (problem) {
    if (mine !== opened) return;
    const laid = problem.unread && (await traceOver(file));
    const after = laid ? " Yours lies under the paper now, to draw after." : "";
    toast(`${problem.message || "This file cannot be opened."}${after}`);
  }
}

/** The first of the files that were dropped at once. */
export async function openDropped([file, ...others]) {
  if (!file || !(await openFile(file)) || !others.length) return;
  toast(`Of ${others.length + 1} files, ${file.name} was opened: drop one at a time.`);
}

/** What was chosen on a sheet. */
const asked = (sheet) =>
  new Promise((done) => {
    sheet.returnValue = ""; // Escape would leave the choice of the last time
    sheet.addEventListener("close", () => done(sheet.returnValue), { once: true });
    sheet.showModal();
  });

/**
 * A picture under the paper, to draw after; null takes it away. It is kept with the drawing. Whether
 * this browser can show it.
 */
export async function traceOver(file) {
  try {
    table.setAbout({ tracing: file ? await traceable(file) : undefined, tracingAt: undefined });
  } catch {
    toast("This browser cannot show this picture: save it as JPEG or PNG.");
    return false;
  }
  await showTracing();
  return true;
}

/** Where the picture lies, and how much of it is seen, is kept with it. */
export function keepTracing() {
  table.setAbout({ tracingAt: { ...paper.tracingAt, share: paper.tracingShare } });
  $("tracing-size").value = Math.log2(paper.tracingAt.scale);
}
paper.onTracing = keepTracing;

async function showTracing() {
  const { tracing, tracingAt } = table.about;
  const { share = 0.4, ...at } = tracingAt ?? WHOLE;
  [paper.tracingAt, paper.tracingShare] = [at, share];
  $("tracing").value = share;
  $("tracing-size").value = Math.log2(at.scale);
  try {
    paper.tracing = tracing ? await createImageBitmap(tracing) : null;
  } catch {
    table.setAbout({ tracing: undefined });
    paper.tracing = null;
    toast("This picture cannot be shown.");
  }
  $("tracing-label").hidden = !paper.tracing;
  if (!paper.tracing && paper.tool === tracer) choose(pen);
  look.tell();
  paper.refresh();
}

/** A new drawing, pen in hand. */
export async function begin() {
  await table.put({ drawing: begun() });
  choose(pen);
}

/** Whether there is a photo of exactly this drawing; waits a little for one that is coming. */
async function ready() {
  for (let wait = 0; wait < 60; wait++) {
    if (look.shown && photo.isCurrent) return true;
    await new Promise((done) => setTimeout(done, 50));
  }
  toast("There is no photo of this drawing yet.");
  return false;
}

/** The photo as large as the model makes it, on a canvas of its own. */
async function largePhoto() {
  const canvas = document.createElement("canvas");
  put(canvas, (await photo.extra(editor.settled, { size: LARGEST })).photo);
  return canvas;
}

const saving = {
  photo: async () =>
    (await ready()) && download(await withDrawing(await largePhoto(), editor.settled), "photo.png"),
  svg: async () =>
    download(new Blob([toSvg(editor.settled)], { type: "image/svg+xml" }), "drawing.svg"),
  png: async () =>
    download(await withDrawing(pictureOf(editor.settled, 1024), editor.settled, false), "drawing.png"),
  both: async () => {
    if (!(await ready())) return;
    const both = Object.assign(document.createElement("canvas"), { width: 2048, height: 1024 });
    const context = both.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(pictureOf(editor.settled, 1024), 0, 0);
    context.drawImage(await largePhoto(), 1024, 0, 1024, 1024);
    download(await withDrawing(both, editor.settled), "drawing-and-photo.png");
  },
};

/** Chosen lines; else the photo, which brings all lines back when it is pasted here. */
export async function copy() {
  if (paper.selected.size) return copyStrokes({ ...editor.settled, strokes: paper.chosen });
  if (!(await ready())) return;
  try {
    await copyPhoto(photo.canvas, editor.settled);
    toast("The photo is in the clipboard; pasted here, it brings its lines.");
  } catch {
    toast("This browser does not let pages copy pictures: save the photo instead.");
  }
}

/** Lines that were copied join the drawing, chosen; on an empty paper, all of their drawing does. */
export function paste({ drawing, file }) {
  if (file) return openFile(file);
  if (isEmpty(editor.settled)) return editor.commit({ ...drawing, strokes: copied(drawing.strokes) });
  choose(select);
  const there = new Set(editor.settled.strokes.map(({ points }) => points.join()));
  const again = drawing.strokes.some(({ points }) => there.has(points.join()));
  paper.add(copied(drawing.strokes).map((one) => (again ? moved(one, 1, 12, 12) : one)));
}

export async function pasteByButton() {
  const text = await navigator.clipboard?.readText().catch(() => "");
  const found = await pasted({ getData: () => text ?? "" }).catch(() => null);
  if (found) paste(found);
  else toast("There are no lines to paste: copy some first.");
}

async function saveLapse() {
  if (!canRecord()) return toast("This browser cannot make videos.");
  if (!(await ready())) return;
  try {
    const told = (share) => toast(`Making the time lapse: ${Math.round(share * 100)} %`);
    const video = await lapse(editor.history, photo, told);
    download(video, `time-lapse.${video.type.endsWith("mp4") ? "mp4" : "webm"}`);
    toast("The time lapse is saved.");
  } catch {
    toast("The time lapse could not be made.");
  }
}

saving.lapse = saveLapse;

export async function showSaving() {
  await saving[await asked($("saving"))]?.();
}

export async function putInPlace() {
  try {
    const { scale, right, down } = await opening.place(editor.settled.strokes);
    if (Math.abs(scale - 1) + Math.hypot(right, down) < 0.01) {
      return toast("No face could be found to move: follow the guide.");
    }
    const strokes = editor.settled.strokes.map((one) => moved(one, scale, right, down));
    editor.commit({ ...editor.settled, strokes });
  } catch (problem) {
    toast(problem.message);
  }
}
