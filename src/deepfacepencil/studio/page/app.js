// The studio: brings the paper, the photo, the table and the controls of the page together.

import { Actions } from "./actions.js";
import {
  Editor, begun, bounds, copied, drawn, grouped, isEmpty, moved, someSeed, transformed,
} from "./drawing.js";
import { copyPhoto, copyStrokes, pasted } from "./clip.js";
import { download, fromPng, fromSvg, toSvg, withDrawing } from "./files.js";
import { canRecord, lapse } from "./lapse.js";
import { fillPanels } from "./looks.js";
import { Paper } from "./paper.js";
import { KINDS, strokesOf } from "./parts.js";
import { LARGEST, Photo, put } from "./photo.js";
import { isPhotograph } from "./pictures.js";
import { pictureOf } from "./shapes.js";
import { showExamples, showGallery, showParts, toast } from "./sheets.js";
import { opening, photos } from "./source.js";
import * as store from "./store.js";
import { Table } from "./table.js";
import { brush } from "./tools/brush.js";
import { eraser } from "./tools/eraser.js";
import { hand } from "./tools/hand.js";
import { line } from "./tools/line.js";
import { pen } from "./tools/pen.js";
import { select } from "./tools/select.js";
import { tour } from "./tour.js";
import { Variants } from "./variants.js";

const $ = (id) => document.getElementById(id);
const editor = new Editor();
const photo = new Photo();
const paper = new Paper($("paper"), editor, {
  onView: (zoom) => {
    $("fit").textContent = `${Math.round(zoom * 100)}%`;
    document.body.classList.toggle("zoomed", zoom > 1);
  },
  onAxis: (at) => ($("axis").value = at),
  onChoice: () => showChoice(),
});
const table = new Table(editor, () => (shown ? photo.canvas : null));
const variants = new Variants(editor, photo, $("strip"));
let overlay = false;
let veil = false;
let shown = false; // whether the photo on the canvas is of the drawing on the table

// --- the drawing and its photo ---

const SURE = 0.5; // from here on the network takes a drawing for a face
const LATE = 400; // milliseconds without a new photo after which the one that is shown is an old one

const wantsVeil = () => veil || paper.tool === brush;

function ask(at = performance.now()) {
  photo.request(editor.drawing, wantsVeil(), at);
  showAge();
}

let late = 0;

/** Says of the photo whether it is of the newest drawing, and dims it when it stays behind. */
function showAge() {
  const state = photo.isCurrent ? "current" : "coming";
  if (state === "current") {
    clearTimeout(late);
    late = 0;
    delete document.body.dataset.late;
  } else {
    late ||= setTimeout(() => (document.body.dataset.late = ""), LATE);
  }
  document.body.dataset.photo = state;
}

editor.addEventListener("change", ({ detail }) => {
  const { drawing } = editor;
  paper.refresh();
  ask(detail.at);
  $("begin").hidden = $("waiting").hidden = !isEmpty(drawing);
  if (isEmpty(drawing)) clearPhoto();
  $("tolerance").value = drawing.tolerance;
  actions.refresh();
});

/** Nothing is to be seen of a photo that is not this drawing's. */
function clearPhoto() {
  shown = false;
  table.thumbnail = null;
  document.body.dataset.shown = "no";
  $("photo").getContext("2d").clearRect(0, 0, $("photo").width, $("photo").height);
  if (isEmpty(editor.drawing)) variants.close();
  tell();
  meter();
  layers();
}

photo.addEventListener("photo", () => {
  shown = true;
  document.body.dataset.shown = "yes";
  clearTimeout(late);
  late = 0;
  delete document.body.dataset.late;
  showAge();
  const { canvas } = photo;
  if ($("photo").width !== canvas.width) $("photo").width = $("photo").height = canvas.width;
  $("photo").getContext("2d").drawImage(canvas, 0, 0);
  layers();
  tell();
});

/** What lies under the strokes on the paper. */
function layers() {
  const there = shown && !isEmpty(editor.drawing);
  paper.photo = overlay && there ? photo.canvas : null;
  paper.veil = wantsVeil() && there ? photo.veil : null;
  $("legend").hidden = !paper.veil;
  paper.refresh();
}

photo.addEventListener("measured", () => meter());
photo.addEventListener("refused", ({ detail }) => toast(`There is no photo of this: ${detail}.`));
photo.addEventListener("deaf", () =>
  toast("The model in use does not listen to this: it makes one person of each drawing."),
);
photos.addEventListener("state", () => {
  meter();
  const away = photos.state === "away" || photos.state === "full";
  $("banner").hidden = !away;
  $("banner").textContent = !away
    ? ""
    : photos.state === "full"
      ? "The studio is full. Your drawing is safe here; trying again…"
      : "The studio's server is away. Your drawing is safe here; looking for it again…";
});

function meter() {
  $("meter").dataset.state = photos.state;
  $("meter").lastElementChild.textContent =
    photos.state === "ready" && photo.delay ? `${Math.round(photo.delay)} ms` : photos.state;
}

/** What the network does not see yet: no face, or a face without some of its features. */
function tell() {
  const missing = shown ? photo.missing : [];
  const unsure = shown && photo.face < SURE;
  document.body.classList.toggle("unsure", unsure);
  $("unsure").hidden = !unsure;
  $("unsure").textContent = !unsure
    ? ""
    : missing.length
      ? `Not a face yet. Draw the ${missing[0]} next; the guide shows where.`
      : "The network makes out no face in these lines.";
  $("hint").textContent =
    unsure || !missing.length
      ? ""
      : `Not drawn yet: ${list(missing)}. The network makes up what is missing.`;
  const astray = unsure || missing.length > 2;
  $("place").hidden = !(shown && astray && editor.drawing.strokes.length > 3);
}

const list = (words) => [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" and ");

table.addEventListener("other", () => {
  photo.forget();
  clearPhoto();
  paper.choose([]);
  line.last = null;
  showTracing();
});
table.addEventListener("links", () => actions.refresh());
table.addEventListener("unkept", () =>
  toast("This browser does not keep your drawing: save it before you leave."),
);

/** Lines over the photo, or alone, while it is asked for. */
function compare(event) {
  const { width } = $("lines");
  const ink = shown && !event?.shiftKey ? ["#fff", null] : ["#1c1a17", "#ffffff"];
  const context = $("lines").getContext("2d");
  context.clearRect(0, 0, width, width);
  if (!ink[1]) { // white lines with a dark rim are seen on every photo
    context.drawImage(pictureOf(editor.drawing, width, 5, ["#000", null]), 0, 0);
    context.drawImage(pictureOf(editor.drawing, width, 2.5, ink), 0, 0);
  } else {
    context.drawImage(pictureOf(editor.drawing, width, undefined, ink), 0, 0);
  }
  $("lines").hidden = false;
}

// --- opening and saving ---

async function openFile(file) {
  if (file.size > 25e6) return toast("This file is larger than 25 MB: choose a smaller one.");
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const ours = fromPng(bytes) ?? fromSvg(new TextDecoder().decode(bytes));
    if (!ours && (await isPhotograph(file))) {
      const wish = await asked($("portrait"));
      if (wish === "trace") return await traceOver(file);
      if (wish !== "lines") return;
    }
    const drawing = ours ?? { ...begun(), strokes: drawn(await opening.read(bytes)) };
    await table.put({ drawing });
    if (!ours) toast("Opened. These are the lines that were found: correct them where needed.");
  } catch (problem) {
    toast(problem.message || "This file cannot be opened.");
  }
}

/** What was chosen on a sheet. */
const asked = (sheet) =>
  new Promise((done) => {
    sheet.returnValue = ""; // Escape would leave the choice of the last time
    sheet.addEventListener("close", () => done(sheet.returnValue), { once: true });
    sheet.showModal();
  });

/** A picture under the paper, to draw after; null takes it away. It is kept with the drawing. */
async function traceOver(file) {
  table.setAbout({ tracing: file ?? undefined });
  await showTracing();
}

async function showTracing() {
  const { tracing } = table.about;
  try {
    paper.tracing = tracing ? await createImageBitmap(tracing) : null;
  } catch {
    table.setAbout({ tracing: undefined });
    paper.tracing = null;
    toast("This picture cannot be shown.");
  }
  $("tracing-label").hidden = !paper.tracing;
  paper.refresh();
}

/** A new drawing, pen in hand. */
async function begin() {
  await table.put({ drawing: begun() });
  choose(pen);
}

/** Whether there is a photo of exactly this drawing; waits a little for one that is coming. */
async function ready() {
  for (let wait = 0; wait < 60; wait++) {
    if (shown && photo.isCurrent) return true;
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
async function copy() {
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
function paste({ drawing, file }) {
  if (file) return openFile(file);
  if (isEmpty(editor.settled)) return editor.commit({ ...drawing, strokes: copied(drawing.strokes) });
  choose(select);
  const there = new Set(editor.settled.strokes.map(({ points }) => points.join()));
  const again = drawing.strokes.some(({ points }) => there.has(points.join()));
  paper.add(copied(drawing.strokes).map((one) => (again ? moved(one, 1, 12, 12) : one)));
}

async function pasteByButton() {
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

async function showSaving() {
  await saving[await asked($("saving"))]?.();
}

async function putInPlace() {
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

// --- what the controls set ---

function choose(tool) {
  paper.setTool(tool);
  for (const part of document.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(tool.name);
  }
  showChoice();
  if (!["brush", "select"].includes(tool.name)) setPanel(null);
  showVeil();
}

function showVeil() {
  actions.refresh();
  layers();
  ask();
}

function setOverlay(on) {
  overlay = on;
  document.body.classList.toggle("overlay", on);
  $("share-label").hidden = !on;
  actions.refresh();
  layers();
}

function setMirror(on) {
  paper.mirror = on;
  $("axis-label").hidden = !on;
  actions.refresh();
  paper.refresh();
}

function setGuide(on) {
  paper.guide = on;
  store.choices.set("guide", on);
  actions.refresh();
  paper.refresh();
}

function setWhole(on) {
  paper.wholeStrokes = on;
  actions.refresh();
}

function setWish(wish) {
  paper.brushWish = wish;
  actions.refresh();
}

function setWidth(width) {
  $("width").value = width;
  paper.width = Number($("width").value);
  if (paper.selected.size) paper.changeChosen((one) => ({ ...one, width: paper.width }));
  store.choices.set("width", paper.width);
}

function widen(step) {
  setWidth(paper.width + step);
  editor.commit();
}

function setCalm(calm) {
  $("calm").value = paper.calm = calm;
  store.choices.set("calm", calm);
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  store.choices.set("theme", theme);
  paper.recolour();
}

const isDark = () =>
  (document.documentElement.dataset.theme ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

/** A part on the paper, in hand; it takes the place of another one of its kind. */
function drop(strokes) {
  const kind = ({ part }) => part?.split(" ")[0];
  const [before] = [editor.settled];
  const others = before.strokes.filter((one) => kind(one) !== kind(strokes[0]));
  const added = grouped(strokes, new Set(strokes.map(({ id }) => id)), true);
  editor.commit({ ...before, strokes: [...others, ...added] });
  choose(select);
  paper.choose(added.map(({ id }) => id));
}

/** The kind and variant of the part that is chosen, and of nothing else; or null. */
function chosenPart() {
  const parts = new Set(paper.chosen.map(({ part }) => part));
  const [part] = parts;
  if (parts.size !== 1 || !part) return null;
  const [name, variant] = part.split(" ");
  return { kind: KINDS.find((kind) => kind.name === name), variant };
}

/** The next variant of the chosen part, where the chosen one is. */
function swap(step) {
  const { kind, variant } = chosenPart();
  const names = Object.keys(kind.variants);
  const next = names[(names.indexOf(variant) + step + names.length) % names.length];
  const [was, drawn, wants] = [paper.chosen, strokesOf(kind, variant), strokesOf(kind, next)];
  const [from, to] = [bounds(drawn), bounds(was)];
  const sx = (to.right - to.left) / (from.right - from.left);
  const sy = (to.bottom - to.top) / (from.bottom - from.top);
  const fit = [sx, 0, 0, sy, to.left - sx * from.left, to.top - sy * from.top];
  const ids = new Set(was.map(({ id }) => id));
  const strokes = wants.map((one) => ({ ...transformed(one, fit), group: was[0].group }));
  const others = editor.settled.strokes.filter(({ id }) => !ids.has(id));
  editor.commit({ ...editor.settled, strokes: [...others, ...strokes] });
  paper.choose(strokes.map(({ id }) => id));
}

function showChoice() {
  $("swap").hidden = paper.tool !== select || !chosenPart();
  const [{ width } = {}] = paper.chosen;
  if (width) $("width").value = paper.width = width;
  $("chosen").hidden = paper.tool !== select || paper.selected.size > 0;
  actions.refresh();
}

/** One of the panels over the paper, or none. */
function setPanel(name) {
  for (const panel of document.querySelectorAll(".panel")) panel.hidden = panel.id !== name;
  actions.refresh();
}

const panelIs = (name) => !$(name).hidden;

function setMenu(open) {
  document.body.classList.toggle("menu-open", open);
  $("more").setAttribute("aria-expanded", open);
}

function giveUp() {
  setPanel(null);
  setMenu(false);
  editor.cancel();
  paper.choose([]);
}

// --- actions ---

const drawnYet = () => !isEmpty(editor.drawing);
const chosenAny = () => paper.selected.size > 0;

const toolAction = (tool, label, keys, help) => ({
  name: tool.name, label, keys, help, on: () => paper.tool === tool, perform: () => choose(tool),
});

const wish = (name, label, value) => ({
  name, label, on: () => paper.brushWish === value, perform: () => setWish(value),
});

const arrow = (key, right, down) => ({
  name: key, label: "Move what is selected; else the cross on the paper, which draws",
  keys: [key], line: "arrows", check: () => chosenAny() || paper.takesKeys,
  perform: ({ shiftKey, target }) => {
    if (target.matches?.("input")) return false; // a slider moves
    if (paper.takesKeys) return paper.moveCross(right * (shiftKey ? 2 : 8), down * (shiftKey ? 2 : 8));
    const far = shiftKey ? 10 : 1;
    paper.nudge(1, right * far, down * far);
  },
});

const actions = new Actions([
  toolAction(pen, "Pen", ["P"]),
  toolAction(line, "Straight and curved lines", ["I"]),
  {
    ...toolAction(eraser, "Eraser", ["E"], "Eraser; again for whole strokes"),
    perform: ({ type }) =>
      type === "keydown" && paper.tool === eraser ? setWhole(!paper.wholeStrokes) : choose(eraser),
  },
  toolAction(select, "Select, move, scale, turn", ["V"]),
  toolAction(brush, "Freedom brush: where to obey your lines, where to help", ["B"], "Freedom brush"),
  toolAction(hand, "Move the paper", ["H"], "Move the paper; or hold the space bar"),
  {
    name: "mirror", label: "Mirror drawing", keys: ["M"],
    on: () => paper.mirror, perform: () => setMirror(!paper.mirror),
  },
  {
    name: "guide", label: "Guide of proportions", keys: ["G"],
    on: () => paper.guide, perform: () => setGuide(!paper.guide),
  },
  {
    name: "undo", label: "Undo", keys: ["Ctrl+Z"],
    check: () => table.canUndo, perform: () => table.undo(),
  },
  {
    name: "redo", label: "Redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"],
    check: () => table.canRedo, perform: () => table.redo(),
  },
  {
    name: "clear", label: "Clear the paper", check: drawnYet,
    perform: () => {
      paper.choose([]);
      editor.commit({ ...editor.settled, strokes: [], brush: null });
    },
  },
  { name: "beside", label: "Paper and photo side by side", on: () => !overlay, perform: () => setOverlay(false) },
  { name: "over", label: "The photo under the strokes", on: () => overlay, perform: () => setOverlay(true) },
  {
    name: "view", label: "Overlay or side by side", keys: ["O"],
    perform: () => setOverlay(!overlay),
  },
  {
    name: "veil", label: "Veil: where it obeys and where it helps", keys: ["W"], help: "Veil",
    on: wantsVeil,
    perform: () => {
      veil = !wantsVeil();
      if (!veil && paper.tool === brush) choose(pen);
      showVeil();
    },
  },
  {
    name: "parts", label: "Parts to drop in: eyes, noses, hair and more", keys: ["D"],
    help: "Parts to drop in", perform: () => showParts(drop),
  },
  { name: "part-before", label: "The one before of its kind", perform: () => swap(-1) },
  { name: "part-after", label: "Another one of its kind", perform: () => swap(1) },
  {
    name: "looks", label: "Looks: colours, age and sex", keys: ["L"], help: "Looks",
    on: () => panelIs("looks-panel"),
    perform: () => setPanel(panelIs("looks-panel") ? null : "looks-panel"),
  },
  {
    name: "freedom", label: "Freedom part by part", keys: ["F"],
    on: () => panelIs("freedom-panel"),
    perform: () => setPanel(panelIs("freedom-panel") ? null : "freedom-panel"),
  },
  {
    name: "another", label: "Another person of the same drawing", keys: ["N"], check: drawnYet,
    perform: () => editor.commit({ ...editor.settled, seed: someSeed() }),
  },
  {
    name: "variants", label: "Six other people of the same drawing", keys: ["S"], check: drawnYet,
    on: () => variants.open,
    perform: () => {
      endTour(); // it would lie over them
      variants.toggle();
      actions.refresh();
    },
  },
  {
    name: "compare", label: "Hold to see the lines over the photo", keys: ["C"], check: drawnYet,
    help: "Hold: lines over the photo; with Shift the lines alone",
    perform: compare, release: () => ($("lines").hidden = true),
  },
  { name: "more", label: "Drawings and files", perform: () => setMenu(!document.body.classList.contains("menu-open")) },
  wish("keep", "Keep to my lines here", -1),
  wish("free", "Help me here", 1),
  wish("reset", "Let the network choose here", 0),
  {
    name: "neutral", label: "Let the network choose", check: () => editor.drawing.tolerance !== 0,
    perform: () => editor.commit({ ...editor.drawing, tolerance: 0 }),
  },
  {
    name: "whole", label: "Erase whole strokes",
    on: () => paper.wholeStrokes, perform: () => setWhole(!paper.wholeStrokes),
  },
  {
    name: "thinner", label: "Thinner, thicker", keys: ["["], line: "width",
    perform: () => widen(-0.5),
  },
  { name: "thicker", label: "Thicker", keys: ["]"], line: "width", perform: () => widen(0.5) },
  { name: "in", label: "Zoom in", keys: ["+", "="], line: "zoom", help: "Zoom; whole paper", perform: () => paper.zoomBy(1.25) },
  { name: "out", label: "Zoom out", keys: ["-"], line: "zoom", perform: () => paper.zoomBy(0.8) },
  { name: "fit", label: "See the whole paper", keys: ["0"], line: "zoom", perform: () => paper.fit() },
  {
    name: "all", label: "Select all", keys: ["Ctrl+A"],
    perform: () => {
      choose(select);
      paper.selectAll();
    },
  },
  arrow("ArrowLeft", -1, 0),
  arrow("ArrowRight", 1, 0),
  arrow("ArrowUp", 0, -1),
  arrow("ArrowDown", 0, 1),
  {
    name: "down", label: "Put the tool down at the cross, or lift it", keys: ["Enter"],
    check: () => paper.takesKeys, perform: () => paper.putDownOrLift(),
  },
  { name: "smaller", label: "Scale what is selected", keys: ["<"], line: "scale", check: chosenAny, perform: () => paper.nudge(1 / 1.05, 0, 0) },
  { name: "larger", label: "Scale up", keys: [">"], line: "scale", check: chosenAny, perform: () => paper.nudge(1.05, 0, 0) },
  { name: "turn-left", label: "Turn what is selected", keys: [","], line: "turn", check: chosenAny, perform: () => paper.turn(1, 1, -Math.PI / 36) },
  { name: "turn-right", label: "Turn to the right", keys: ["."], line: "turn", check: chosenAny, perform: () => paper.turn(1, 1, Math.PI / 36) },
  { name: "wider", label: "Narrower, wider", keys: ["("], line: "wide", check: chosenAny, perform: () => paper.turn(1 / 1.05, 1) },
  { name: "narrower", label: "Wider", keys: [")"], line: "wide", check: chosenAny, perform: () => paper.turn(1.05, 1) },
  { name: "flip", label: "Flip left and right", keys: ["X"], check: chosenAny, perform: () => paper.turn(-1, 1) },
  { name: "flip-down", label: "Flip up and down", keys: ["Y"], check: chosenAny, perform: () => paper.turn(1, -1) },
  {
    name: "group", label: "Group, or no group any more", keys: ["Ctrl+G"],
    check: chosenAny, on: () => chosenAny() && paper.isGroup,
    perform: () => paper.group(!paper.isGroup),
  },
  {
    name: "duplicate", label: "Duplicate what is selected", keys: ["Ctrl+D"], check: chosenAny,
    perform: () => paper.add(copied(paper.chosen).map((one) => moved(one, 1, 12, 12))),
  },
  {
    name: "cut", label: "Cut what is selected", keys: ["Ctrl+X"], check: chosenAny,
    perform: async () => {
      await copy();
      paper.deleteSelected();
    },
  },
  { name: "copy-lines", label: "Copy what is selected", check: chosenAny, perform: copy },
  { name: "paste", label: "Paste lines (Ctrl V)", perform: pasteByButton },
  { name: "trace", label: "Tracing paper: a picture to draw after", keys: ["T"], help: "Tracing paper", perform: () => $("trace-file").click() },
  { name: "untrace", label: "Take the picture away", perform: () => traceOver(null) },
  {
    name: "delete", label: "Delete what is selected", keys: ["Delete", "Backspace"], check: chosenAny,
    perform: () => paper.deleteSelected(),
  },
  { name: "escape", label: "Give up what was begun", keys: ["Escape"], perform: giveUp },
  { name: "new", label: "A new drawing; this one is in the gallery", perform: begin },
  { name: "examples", label: "Start from a drawing", perform: () => showExamples(table) },
  { name: "gallery", label: "What you have drawn", perform: () => showGallery(table) },
  {
    name: "open", label: "Open a drawing, a picture of one, or a saved photo", keys: ["Ctrl+O"],
    perform: () => $("file").click(),
  },
  { name: "copy", label: "Copy what is selected, or the photo", keys: ["Ctrl+C"], check: drawnYet, perform: copy },
  { name: "save", label: "Save", keys: ["Ctrl+S"], check: drawnYet, perform: showSaving },
  { name: "place", label: "Put my face where it belongs", perform: putInPlace },
  { name: "theme", label: "Light or dark", perform: () => setTheme(isDark() ? "light" : "dark") },
  { name: "help", label: "Help and keyboard shortcuts", keys: ["?"], perform: () => $("helping").showModal() },
]);
actions.list($("keys"));

// --- sliders, files, keyboard ---

const slide = (id, does) => $(id).addEventListener("input", () => does(Number($(id).value)));

slide("width", setWidth);
$("width").addEventListener("change", () => editor.commit());
slide("calm", setCalm);
slide("tracing", (value) => {
  paper.tracingShare = value;
  paper.refresh();
});
slide("reach", (value) => (paper.reach = value));
slide("brush-reach", (value) => (paper.brushReach = value));
slide("axis", (value) => paper.setAxis(value));
slide("share", (value) => {
  paper.photoShare = value / 100;
  paper.refresh();
});
slide("tolerance", (value) => editor.preview({ ...editor.settled, tolerance: value }));
$("tolerance").addEventListener("change", () => editor.commit());

$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) openFile(file);
});
$("trace-file").addEventListener("change", () => {
  const [file] = $("trace-file").files;
  $("trace-file").value = "";
  if (file) traceOver(file);
});
const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").hidden = !carriesFiles(event);
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").hidden = true;
});
addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").hidden = true;
  const [file] = event.dataTransfer.files;
  if (file) openFile(file);
});
addEventListener("paste", async (event) => {
  if (document.querySelector("dialog[open]") || event.target.matches?.("input")) return;
  event.preventDefault();
  try {
    const found = await pasted(event.clipboardData);
    if (found) paste(found);
  } catch (problem) {
    toast(problem.message);
  }
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paper.recolour());

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.altKey) return;
  if (event.key === " ") {
    if (event.target.matches?.("button, input")) return;
    event.preventDefault();
    paper.holdSpace(true);
  } else if (actions.press(event)) event.preventDefault();
});
addEventListener("keyup", (event) => {
  if (event.key === " ") paper.holdSpace(false);
  else actions.release(event);
});
addEventListener("click", ({ target }) => target.closest("#more") || setMenu(false));

setTheme(store.choices.get("theme", null));
setGuide(store.choices.get("guide", true));
setWidth(store.choices.get("width", 3));
setCalm(store.choices.get("calm", 0.4));
$("save-lapse").hidden = !canRecord();
fillPanels(editor, $("looks-list"), $("freedom-list"));
const endTour = tour($("tour"), [
  ["pen", "Pen: draw the eyes first, where the guide has them. The photo follows."],
  ["drop-in", "Parts: eyes, noses, hair and more to drop in and change, if you would rather not draw."],
  ["eraser", "Eraser: takes lines away, in part or whole. Everything can be undone."],
  ["select", "Select: touch lines to move, scale or copy them."],
  ["brush", "Freedom: paint where your lines must be kept, and where the network may help."],
  ["looks", "Looks: the colour of hair, skin and more, age and sex: what lines cannot say."],
  ["another", "Another one: a different person of the same drawing."],
]);
