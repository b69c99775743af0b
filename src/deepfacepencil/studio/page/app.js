// The studio: brings the paper, the photo, the store and the controls of the page together.

import { Editor, blank, isEmpty, moved, near, stroke } from "./drawing.js";
import { blobOf, download, fromPng, fromSvg, toSvg, withDrawing } from "./files.js";
import { Paper, pictureOf } from "./paper.js";
import { Photo, SIZE } from "./photo.js";
import * as store from "./store.js";

const $ = (id) => document.getElementById(id);
const editor = new Editor();
const photo = new Photo();
const paper = new Paper($("paper"), editor, (zoom) => {
  $("fit").textContent = `${Math.round(zoom * 100)}%`;
  document.body.classList.toggle("zoomed", zoom > 1);
});
let overlay = false;
let veil = false;
let current = store.choices.get("current", null) ?? store.newId();

// --- the drawing and its photo ---

const wantsVeil = () => veil || paper.tool === "brush";

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
    thumbnail = null;
    $("photo").getContext("2d").clearRect(0, 0, SIZE, SIZE);
    tell([]);
    layers();
  }
  $("undo").disabled = !editor.canUndo;
  $("redo").disabled = !editor.canRedo;
  $("tolerance").value = drawing.tolerance;
  $("neutral").disabled = drawing.tolerance === 0;
  for (const id of ["save", "copy", "clear"]) $(id).disabled = isEmpty(drawing);
  if (detail.settled) keepSoon();
});

let shown = false; // whether the photo on the canvas is of the drawing on the table

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
photo.addEventListener("state", () => {
  meter();
  const away = photo.state === "away" || photo.state === "full";
  $("banner").hidden = !away;
  $("banner").textContent = !away
    ? ""
    : photo.state === "full"
      ? "The studio is full. Your drawing is safe here; trying again…"
      : "The studio's server is away. Your drawing is safe here; looking for it again…";
});
photo.addEventListener("refused", ({ detail }) => toast(`The server refused: ${detail}`));

function meter() {
  const words = { connecting: "connecting", away: "away", full: "full", ready: "ready" };
  $("meter").dataset.state = photo.state;
  $("meter").lastElementChild.textContent =
    photo.state === "ready" && photo.delay ? `${Math.round(photo.delay)} ms` : words[photo.state];
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

// --- keeping ---

let keeping = 0;
let resumed = false; // before, what is kept under `current` is not on the table
let thumbnail = null; // the photo as it was kept last

function keepSoon() {
  if (document.body.dataset.kept !== "never") document.body.dataset.kept = "no";
  clearTimeout(keeping);
  keeping = setTimeout(keepNow, 250);
}

async function keepNow() {
  if (!resumed) return;
  const drawing = editor.settled;
  try {
    if (isEmpty(drawing)) await store.forget(current);
    else {
      // A page that is being closed has no time for a new one.
      if (shown && !document.hidden) thumbnail = await blobOf(photo.canvas);
      await store.keep({ id: current, changed: Date.now(), drawing, thumbnail });
    }
    store.choices.set("current", current);
    document.body.dataset.kept = "yes";
  } catch {
    if (document.body.dataset.kept !== "never") {
      toast("This browser does not keep your drawing: save it before you leave.");
    }
    document.body.dataset.kept = "never";
  }
}

addEventListener("visibilitychange", () => document.hidden && keepNow());

const mine = new Set();

/** Takes a kept drawing for this window. False if another one has it: both would keep over it. */
const claim = (id, patience = { signal: AbortSignal.timeout(1000) }) => // a reload lets go of it
  new Promise((done) => {
    if (!navigator.locks || mine.has(id)) return done(true);
    const hold = () => {
      mine.add(id);
      done(true);
      return new Promise(() => {}); // until the window closes
    };
    navigator.locks.request(`drawing ${id}`, patience, hold).catch(() => done(false));
  });

/** A name for a new drawing, which nobody else can have. */
function fresh() {
  const id = store.newId();
  claim(id, {});
  return id;
}

/** The same strokes under names of this session. */
const renamed = (drawing) => ({
  ...blank(),
  ...drawing,
  strokes: drawing.strokes.map(({ points }) => stroke(points)),
});

/** Another drawing on the table; the one before is in the gallery. */
async function put(drawing, id = store.newId()) {
  await resuming;
  clearTimeout(keeping);
  await keepNow();
  thumbnail = null;
  current = (await claim(id)) ? id : fresh();
  shown = false;
  paper.selected.clear();
  editor.load(renamed(drawing));
}

async function resume() {
  if (!(await claim(current))) current = fresh();
  const kept = await store.find(current).catch(() => {
    current = fresh();
  });
  resumed = true;
  if (isEmpty(editor.drawing)) {
    editor.load(kept ? renamed(kept.drawing) : blank());
    thumbnail = kept?.thumbnail ?? null;
  } else {
    if (kept) current = fresh(); // somebody has begun to draw already
    keepSoon();
  }
}

// --- opening and saving ---

async function openFile(file) {
  if (file.size > 25e6) return toast("This file is larger than 25 MB: choose a smaller one.");
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const ours = fromPng(bytes) ?? fromSvg(new TextDecoder().decode(bytes));
    await put(ours ?? { strokes: drawn((await post("open", bytes)).strokes) });
    if (!ours) toast("Opened. These are the lines that were found: correct them where needed.");
  } catch (problem) {
    toast(problem.message || "This file cannot be opened.");
  }
}

async function post(where, body) {
  let reply;
  try {
    reply = await fetch(where, { method: "POST", body });
  } catch {
    throw new Error("The studio's server is away; this needs it.");
  }
  const said = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Error(said.detail ?? "The server could not do that.");
  return said;
}

/** Strokes as the server writes them: [x, y, x, y, ...]. */
const drawn = (lines) =>
  lines.map((line) =>
    stroke(Array.from({ length: line.length / 2 }, (_, i) => [line[2 * i], line[2 * i + 1], 0.5])),
  );

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
  if (isEmpty(editor.settled) || !(await ready())) return;
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": blobOf(photo.canvas) })]);
    toast("The photo is in the clipboard.");
  } catch {
    toast("This browser does not let pages copy pictures: save the photo instead.");
  }
}

// --- sheets ---

function card(list, label, picture, choose) {
  const item = document.createElement("div");
  item.className = "card";
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", label);
  button.append(...picture);
  button.onclick = choose;
  item.append(button);
  list.append(item);
  return item;
}

async function showExamples() {
  $("starting").showModal();
  if ($("example-list").childElementCount) return;
  try {
    const reply = await fetch("examples");
    if (!reply.ok) throw new Error(reply.statusText);
    const found = await reply.json();
    if (!found.length) $("example-list").textContent = "No examples are installed.";
    for (const { name, strokes } of found) {
      const drawing = { strokes: drawn(strokes) };
      const caption = Object.assign(document.createElement("span"), { textContent: name });
      card($("example-list"), name, [pictureOf(drawing, 256, 5), caption], async () => {
        $("starting").close();
        await put(drawing);
      });
    }
  } catch {
    $("example-list").textContent = "The studio's server is away.";
  }
}

async function showGallery() {
  await keepNow();
  const list = $("kept-list");
  for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  list.textContent = "";
  const entries = await store.all().catch(() => []);
  if (!entries.length) list.textContent = "Nothing here yet: what you draw is kept by itself.";
  for (const { id, changed, drawing, thumbnail } of entries) {
    const when = new Date(changed).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    const picture = [pictureOf(drawing, 256, 5)];
    if (thumbnail) {
      const image = document.createElement("img");
      image.src = URL.createObjectURL(thumbnail);
      image.alt = "";
      picture.push(image);
    }
    picture.push(Object.assign(document.createElement("span"), { textContent: when }));
    const item = card(list, `Drawing of ${when}`, picture, async () => {
      $("kept").close();
      if (id !== current) await put(drawing, id);
    });
    item.classList.add("pair");
    const remove = Object.assign(document.createElement("button"), {
      type: "button", className: "remove", textContent: "×",
    });
    remove.setAttribute("aria-label", `Delete the drawing of ${when}`);
    remove.onclick = async () => {
      try {
        await store.forget(id);
      } catch {
        return toast("This browser does not let it be deleted.");
      }
      item.remove();
      if (id === current) {
        current = fresh();
        editor.load(blank());
      }
    };
    item.append(remove);
  }
  if (!$("kept").open) $("kept").showModal();
}

function showSaving() {
  $("saving").returnValue = ""; // Escape would leave the choice of the last time
  $("saving").showModal();
}

let toasting = 0;

function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toasting);
  toasting = setTimeout(() => $("toast").classList.remove("shown"), 5000);
}

// --- controls ---

const press = (button, on) => button.setAttribute("aria-pressed", on);

function choose(tool) {
  paper.setTool(tool);
  for (const button of document.querySelectorAll("[data-tool][aria-pressed]")) {
    press(button, button.dataset.tool === tool);
  }
  for (const part of document.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== tool;
  showVeil();
}

function showVeil() {
  press($("veil"), wantsVeil());
  layers();
  ask();
}

function setOverlay(on) {
  overlay = on;
  document.body.classList.toggle("overlay", on);
  press($("over"), on);
  press($("beside"), !on);
  $("share-label").hidden = !on;
  layers();
}

function setMirror(on) {
  paper.mirror = on;
  press($("mirror"), on);
  $("axis-label").hidden = !on;
  paper.refresh();
}

function setGuide(on) {
  paper.guide = on;
  press($("guide"), on);
  store.choices.set("guide", on);
  paper.refresh();
}

function setWhole(on) {
  paper.wholeStrokes = on;
  press($("whole"), on);
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

const click = (id, does) => $(id).addEventListener("click", does);
const slide = (id, does) => $(id).addEventListener("input", () => does(Number($(id).value)));

for (const button of document.querySelectorAll("[data-tool][aria-pressed]")) {
  button.addEventListener("click", () => choose(button.dataset.tool));
}
for (const button of document.querySelectorAll("[data-wish]")) {
  button.addEventListener("click", () => {
    paper.brushWish = Number(button.dataset.wish);
    for (const other of document.querySelectorAll("[data-wish]")) press(other, other === button);
  });
}
click("undo", () => editor.undo());
click("redo", () => editor.redo());
click("clear", () => {
  paper.selected.clear();
  editor.commit({ ...blank(), tolerance: editor.drawing.tolerance });
});
click("mirror", () => setMirror(!paper.mirror));
click("guide", () => setGuide(!paper.guide));
click("whole", () => setWhole(!paper.wholeStrokes));
click("all", () => paper.selectAll());
click("delete", () => paper.deleteSelected());
click("in", () => paper.zoomBy(1.25));
click("out", () => paper.zoomBy(0.8));
click("fit", () => paper.fit());
click("beside", () => setOverlay(false));
click("over", () => setOverlay(true));
click("veil", () => {
  veil = !wantsVeil();
  if (!veil && paper.tool === "brush") choose("pen");
  showVeil();
});
click("new", () => put(blank()));
click("examples", showExamples);
click("gallery", showGallery);
click("open", () => $("file").click());
click("copy", copy);
click("save", showSaving);
click("help", () => $("helping").showModal());
click("theme", () => setTheme(isDark() ? "light" : "dark"));
click("neutral", () => {
  $("tolerance").value = 0;
  editor.commit({ ...editor.drawing, tolerance: 0 });
});
click("place", async () => {
  try {
    const lines = editor.settled.strokes.map(({ points }) =>
      points.flatMap(([x, y]) => [near(x), near(y)]),
    );
    const { scale, right, down } = await post("place", JSON.stringify({ strokes: lines }));
    if (Math.abs(scale - 1) + Math.hypot(right, down) < 0.01) {
      return toast("No face could be found to move: follow the guide.");
    }
    const strokes = editor.settled.strokes.map((one) => moved(one, scale, right, down));
    editor.commit({ ...editor.settled, strokes });
  } catch (problem) {
    toast(problem.message);
  }
});
slide("width", setWidth);
slide("reach", (value) => (paper.reach = value));
slide("brush-reach", (value) => (paper.brushReach = value));
slide("axis", (value) => {
  paper.axis = value;
  paper.refresh();
});
paper.onAxis = (axis) => ($("axis").value = axis);
slide("share", (value) => {
  paper.photoShare = value / 100;
  paper.refresh();
});
slide("tolerance", (value) => editor.preview({ ...editor.settled, tolerance: value }));
$("tolerance").addEventListener("change", () => editor.commit());
$("saving").addEventListener("close", () => saving[$("saving").returnValue]?.());
for (const sheet of document.querySelectorAll("dialog")) {
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close(""));
}

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

// --- keyboard ---

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const keys = {
  p: () => choose("pen"),
  e: () => (paper.tool === "eraser" ? setWhole(!paper.wholeStrokes) : choose("eraser")),
  v: () => choose("select"),
  b: () => choose("brush"),
  h: () => choose("hand"),
  m: () => setMirror(!paper.mirror),
  g: () => setGuide(!paper.guide),
  o: () => setOverlay(!overlay),
  w: () => $("veil").click(),
  "[": () => setWidth(paper.width - 0.5),
  "]": () => setWidth(paper.width + 0.5),
  "+": () => paper.zoomBy(1.25),
  "=": () => paper.zoomBy(1.25),
  "-": () => paper.zoomBy(0.8),
  0: () => paper.fit(),
  "?": () => $("helping").showModal(),
  "<": () => paper.nudge(1 / 1.05, 0, 0),
  ">": () => paper.nudge(1.05, 0, 0),
  delete: () => paper.deleteSelected(),
  backspace: () => paper.deleteSelected(),
  escape: () => {
    editor.cancel();
    paper.selected.clear();
    paper.refresh();
  },
};
const controlKeys = {
  z: (event) => (event.shiftKey ? editor.redo() : editor.undo()),
  y: () => editor.redo(),
  a: () => (choose("select"), paper.selectAll()),
  s: () => isEmpty(editor.settled) || showSaving(),
  o: () => $("file").click(),
  c: copy,
};

addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]") || event.altKey) return;
  const key = event.key.toLowerCase();
  const onSlider = event.target.matches?.("input");
  if (event.ctrlKey || event.metaKey) {
    if (!controlKeys[key]) return;
    event.preventDefault();
    controlKeys[key](event);
  } else if (event.key in ARROWS && !onSlider && paper.selected.size) {
    event.preventDefault();
    const [x, y] = ARROWS[event.key];
    const far = event.shiftKey ? 10 : 1;
    paper.nudge(1, x * far, y * far);
  } else if (key === " " && !event.target.matches?.("button, input")) {
    event.preventDefault();
    paper.holdSpace(true);
  } else if (keys[key]) {
    event.preventDefault();
    keys[key]();
  }
});
addEventListener("keyup", (event) => event.key === " " && paper.holdSpace(false));

setTheme(store.choices.get("theme", null));
setGuide(store.choices.get("guide", true));
setWidth(store.choices.get("width", 3));
const resuming = resume();
