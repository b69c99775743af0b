// The studio: what sliders, files, keyboard and clipboard of the page do, and how it begins.

import { actions } from "./actions.js";
import { pasted } from "./clip.js";
import { setCalm, setGuide, setMenu, setTheme, setWidth } from "./controls.js";
import { keepTracing, openDropped, openFile, paste, traceOver } from "./documents.js";
import { canRecord } from "./lapse.js";
import { fillPanels } from "./looks.js";
import { $, editor, paper } from "./room.js";
import { toast } from "./sheets.js";
import * as store from "./store.js";
import { tour } from "./tour.js";

const slide = (id, does) => $(id).addEventListener("input", () => does(Number($(id).value)));

slide("width", setWidth);
$("width").addEventListener("change", () => editor.commit());
slide("calm", setCalm);
slide("tracing", (value) => {
  paper.tracingShare = value;
  paper.refresh();
});
slide("tracing-size", (value) => paper.placeTracing({ ...paper.tracingAt, scale: 2 ** value }));
for (const id of ["tracing", "tracing-size"]) $(id).addEventListener("change", keepTracing);
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
  openDropped(event.dataTransfer.files);
});
addEventListener("paste", async (event) => {
  if (document.querySelector("dialog[open]") || event.target.matches?.("input")) return;
  event.preventDefault();
  try {
    const found = await pasted(event.clipboardData);
    if (found) paste(found);
    else toast("There are no lines to paste: copy some first.");
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
const used = tour($("tour"), [
  ["pen", "Pen: draw the eyes first, where the guide has them. The photo follows."],
  ["drop-in", "Parts: eyes, noses, hair and more to drop in and change, if you would rather not draw."],
  ["eraser", "Eraser: takes lines away, in part or whole. Everything can be undone."],
  ["select", "Select: touch lines to move, scale or copy them."],
  ["brush", "Freedom: paint where your lines must be kept, and where the network may help."],
  ["looks", "Looks: the colour of hair, skin and more, age and sex: what lines cannot say."],
  ["another", "Another one: a different person of the same drawing."],
]);
editor.addEventListener("change", ({ detail }) => detail.committed && used("pen"));
addEventListener("click", ({ target }) => {
  const { id } = target.closest("[data-action]") ?? {};
  if (id !== "pen") used(id); // that is used by drawing
});
