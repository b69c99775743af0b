// The studio: brings the paper, the photo, the table and the controls of the page together.

import { Actions } from "./actions.js";
import { Editor, blank, drawn, isEmpty, moved } from "./drawing.js";
import { blobOf, download, fromPng, fromSvg, toSvg, withDrawing } from "./files.js";
import { Paper } from "./paper.js";
import { Photo, SIZE } from "./photo.js";
import { pictureOf } from "./shapes.js";
import { showExamples, showGallery, toast } from "./sheets.js";
import { opening, photos } from "./source.js";
import * as store from "./store.js";
import { Table } from "./table.js";
import { brush } from "./tools/brush.js";
import { eraser } from "./tools/eraser.js";
import { hand } from "./tools/hand.js";
import { pen } from "./tools/pen.js";
import { select } from "./tools/select.js";

const $ = (id) => document.getElementById(id);
const editor = new Editor();
const photo = new Photo();
const paper = new Paper($("paper"), editor, {
  onView: (zoom) => {
    $("fit").textContent = `${Math.round(zoom * 100)}%`;
    document.body.classList.toggle("zoomed", zoom > 1);
  },
  onAxis: (at) => ($("axis").value = at),
});
const table = new Table(editor, () => (shown ? photo.canvas : null));
let overlay = false;
let veil = false;
let shown = false; // whether the photo on the canvas is of the drawing on the table

// --- the drawing and its photo ---

const wantsVeil = () => veil || paper.tool === brush;

function ask(at = performance.now()) {
  photo.request(editor.drawing, wantsVeil(), at);
  document.body.dataset.photo = photo.isCurrent ? "current" : "coming";
}

editor.addEventListener("change", ({ detail }) => {
  const { drawing } = editor;
  paper.refresh();
  ask(detail.at);
  $("begin").hidden = $("waiting").hidden = !isEmpty(drawing);
  if (isEmpty(drawing)) {
    shown = false;
    table.thumbnail = null;
    $("photo").getContext("2d").clearRect(0, 0, SIZE, SIZE);
    tell([]);
    layers();
  }
  $("tolerance").value = drawing.tolerance;
  actions.refresh();
  if (detail.settled) table.keepSoon();
});

photo.addEventListener("photo", () => {
  shown = true;
  document.body.dataset.photo = photo.isCurrent ? "current" : "coming";
  $("photo").getContext("2d").drawImage(photo.canvas, 0, 0);
  layers();
  tell(photo.missing);
});

/** What lies under the strokes on the paper. */
function layers() {
  const there = shown && !isEmpty(editor.drawing);
  paper.photo = overlay && there ? photo.canvas : null;
  paper.veil = wantsVeil() && there ? photo.veil : null;
  paper.refresh();
}

photo.addEventListener("measured", () => meter());
photo.addEventListener("refused", ({ detail }) => toast(`The server refused: ${detail}`));
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

function tell(missing) {
  const many = missing.length > 2;
  $("hint").textContent = !missing.length
    ? ""
    : many
      ? `No face can be made out yet: no ${missing.join(", no ")}.`
      : `Not drawn yet: ${missing.join(" and ")}. The network makes up what is missing.`;
  $("place").hidden = !(many && editor.drawing.strokes.length > 3);
}

table.addEventListener("other", () => {
  shown = false;
  paper.choose([]);
});
table.addEventListener("unkept", () =>
  toast("This browser does not keep your drawing: save it before you leave."),
);

// --- opening and saving ---

async function openFile(file) {
  if (file.size > 25e6) return toast("This file is larger than 25 MB: choose a smaller one.");
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const ours = fromPng(bytes) ?? fromSvg(new TextDecoder().decode(bytes));
    await table.put(ours ?? { strokes: drawn(await opening.read(bytes)) });
    if (!ours) toast("Opened. These are the lines that were found: correct them where needed.");
  } catch (problem) {
    toast(problem.message || "This file cannot be opened.");
  }
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

const saving = {
  photo: async () =>
    (await ready()) && download(await withDrawing(photo.canvas, editor.settled), "photo.png"),
  svg: async () =>
    download(new Blob([toSvg(editor.settled)], { type: "image/svg+xml" }), "drawing.svg"),
  png: async () =>
    download(await withDrawing(pictureOf(editor.settled, 1024, paper.width), editor.settled),
      "drawing.png"),
  both: async () => {
    if (!(await ready())) return;
    const both = Object.assign(document.createElement("canvas"), { width: 1024, height: 512 });
    const context = both.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(pictureOf(editor.settled, 512, paper.width), 0, 0);
    context.drawImage(photo.canvas, 512, 0, 512, 512);
    download(await withDrawing(both, editor.settled), "drawing-and-photo.png");
  },
};

async function copy() {
  if (!(await ready())) return;
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blobOf(photo.canvas) })]);
    toast("The photo is in the clipboard.");
  } catch {
    toast("This browser does not let pages copy pictures: save the photo instead.");
  }
}

function showSaving() {
  $("saving").returnValue = ""; // Escape would leave the choice of the last time
  $("saving").showModal();
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
    part.hidden = part.dataset.for !== tool.name;
  }
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
  paper.setWidth(Number($("width").value));
  store.choices.set("width", paper.width);
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  store.choices.set("theme", theme);
  paper.recolour();
}

const isDark = () =>
  (document.documentElement.dataset.theme ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function giveUp() {
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
  name: key, label: "Move what is selected", keys: [key], line: "arrows", check: chosenAny,
  perform: ({ shiftKey, target }) => {
    if (target.matches?.("input")) return false; // a slider moves
    const far = shiftKey ? 10 : 1;
    paper.nudge(1, right * far, down * far);
  },
});

const actions = new Actions([
  toolAction(pen, "Pen", ["P"]),
  {
    ...toolAction(eraser, "Eraser", ["E"], "Eraser; again for whole strokes"),
    perform: ({ type }) =>
      type === "keydown" && paper.tool === eraser ? setWhole(!paper.wholeStrokes) : choose(eraser),
  },
  toolAction(select, "Select, move, scale", ["V"]),
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
    check: () => editor.canUndo, perform: () => editor.undo(),
  },
  {
    name: "redo", label: "Redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y"],
    check: () => editor.canRedo, perform: () => editor.redo(),
  },
  {
    name: "clear", label: "Clear the paper", check: drawnYet,
    perform: () => {
      paper.choose([]);
      editor.commit({ ...blank(), tolerance: editor.drawing.tolerance });
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
    perform: () => setWidth(paper.width - 0.5),
  },
  { name: "thicker", label: "Thicker", keys: ["]"], line: "width", perform: () => setWidth(paper.width + 0.5) },
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
  { name: "smaller", label: "Scale what is selected", keys: ["<"], line: "scale", check: chosenAny, perform: () => paper.nudge(1 / 1.05, 0, 0) },
  { name: "larger", label: "Scale up", keys: [">"], line: "scale", check: chosenAny, perform: () => paper.nudge(1.05, 0, 0) },
  {
    name: "delete", label: "Delete what is selected", keys: ["Delete", "Backspace"],
    perform: () => paper.deleteSelected(),
  },
  { name: "escape", label: "Give up what was begun", keys: ["Escape"], perform: giveUp },
  { name: "new", label: "A new drawing; this one is in the gallery", perform: () => table.put(blank()) },
  { name: "examples", label: "Start from a drawing", perform: () => showExamples(table) },
  { name: "gallery", label: "What you have drawn", perform: () => showGallery(table) },
  {
    name: "open", label: "Open a drawing, a picture of one, or a saved photo", keys: ["Ctrl+O"],
    perform: () => $("file").click(),
  },
  { name: "copy", label: "Copy the photo", keys: ["Ctrl+C"], check: drawnYet, perform: copy },
  { name: "save", label: "Save", keys: ["Ctrl+S"], check: drawnYet, perform: showSaving },
  { name: "place", label: "Put my face where it belongs", perform: putInPlace },
  { name: "theme", label: "Light or dark", perform: () => setTheme(isDark() ? "light" : "dark") },
  { name: "help", label: "Help and keyboard shortcuts", keys: ["?"], perform: () => $("helping").showModal() },
]);
actions.list($("keys"));

// --- sliders, files, keyboard ---

const slide = (id, does) => $(id).addEventListener("input", () => does(Number($(id).value)));

slide("width", setWidth);
slide("reach", (value) => (paper.reach = value));
slide("brush-reach", (value) => (paper.brushReach = value));
slide("axis", (value) => paper.setAxis(value));
slide("share", (value) => {
  paper.photoShare = value / 100;
  paper.refresh();
});
slide("tolerance", (value) => editor.preview({ ...editor.settled, tolerance: value }));
$("tolerance").addEventListener("change", () => editor.commit());
$("saving").addEventListener("close", () => saving[$("saving").returnValue]?.());

$("file").addEventListener("change", () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) openFile(file);
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
addEventListener("paste", (event) => {
  const [file] = event.clipboardData?.files ?? [];
  if (file) openFile(file);
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
addEventListener("keyup", (event) => event.key === " " && paper.holdSpace(false));

setTheme(store.choices.get("theme", null));
setGuide(store.choices.get("guide", true));
setWidth(store.choices.get("width", 3));
