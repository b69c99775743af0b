// All that can be done on the page, in one table: buttons, keys and the list in the help are made of it.

import { Actions } from "./commands.js";
import {
  choose, drop, giveUp, isDark, panelIs, setGuide, setMenu, setMirror, setOverlay, setPanel, setTheme,
  setWhole, setWish, showVeil, swap, widen,
} from "./controls.js";
import {
  begin, copy, pasteByButton, putInPlace, showSaving, traceOver,
} from "./documents.js";
import { copied, isEmpty, moved, someSeed } from "./drawing.js";
import { compare, isCompared, nextSight, wantsVeil } from "./print.js";
import { $, editor, look, paper, table, variants } from "./room.js";
import { showExamples, showGallery, showParts } from "./sheets.js";
import { brush } from "./tools/brush.js";
import { eraser } from "./tools/eraser.js";
import { hand } from "./tools/hand.js";
import { line } from "./tools/line.js";
import { pen } from "./tools/pen.js";
import { select } from "./tools/select.js";
import { tracer } from "./tools/tracer.js";

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

export const actions = new Actions([
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
  { name: "beside", label: "Paper and photo side by side", on: () => !look.overlay, perform: () => setOverlay(false) },
  { name: "over", label: "The photo under the strokes", on: () => look.overlay, perform: () => setOverlay(true) },
  {
    name: "view", label: "Overlay or side by side", keys: ["O"],
    perform: () => setOverlay(!look.overlay),
  },
  {
    name: "veil", label: "Veil: where it obeys and where it helps", keys: ["W"], help: "Veil",
    on: wantsVeil,
    perform: () => {
      look.veil = !wantsVeil();
      if (!look.veil && paper.tool === brush) choose(pen);
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
  { name: "close", label: "Close", perform: () => setPanel(null) },
  {
    name: "another", label: "Another person of the same drawing", keys: ["N"], check: drawnYet,
    perform: () => editor.commit({ ...editor.settled, seed: someSeed() }),
  },
  {
    name: "variants", label: "Six other people of the same drawing", keys: ["S"], check: drawnYet,
    on: () => variants.open,
    perform: () => {
      variants.toggle();
      actions.refresh();
    },
  },
  {
    name: "compare", label: "Lines over the photo, then lines alone; or hold it", keys: ["C"],
    help: "Hold: lines over the photo; with Shift the lines alone", check: drawnYet, on: isCompared,
    perform: ({ type, shiftKey }) =>
      compare(type === "keydown" ? (shiftKey ? "lines" : "both") : nextSight()),
    release: () => compare("photo", true),
    stay: () => compare(nextSight(), true),
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
  { name: "narrower", label: "Narrower, wider", keys: ["("], line: "wide", check: chosenAny, perform: () => paper.turn(1 / 1.05, 1) },
  { name: "wider", label: "Wider", keys: [")"], line: "wide", check: chosenAny, perform: () => paper.turn(1.05, 1) },
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
  {
    name: "tracer", label: "Move and scale the picture to trace", check: () => paper.tracing,
    on: () => paper.tool === tracer,
    perform: () => choose(paper.tool === tracer ? pen : tracer),
  },
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
for (const [who, event] of [[editor, "change"], [look, "set"], [table, "links"]]) {
  who.addEventListener(event, () => actions.refresh());
}
