// What the controls of the page set, and how they show it.

import { bounds, grouped, transformed } from "./drawing.js";
import { KINDS, strokesOf } from "./parts.js";
import { ask, layers } from "./print.js";
import { $, editor, look, paper } from "./room.js";
import * as store from "./store.js";
import { select } from "./tools/select.js";

paper.onView = (zoom) => {
  $("fit").textContent = `${Math.round(zoom * 100)}%`;
  document.body.classList.toggle("zoomed", zoom !== 1);
};
paper.onAxis = (at) => ($("axis").value = at);
paper.onChoice = () => showChoice();
editor.addEventListener("change", () => ($("tolerance").value = editor.drawing.tolerance));

export function choose(tool) {
  paper.setTool(tool);
  for (const part of document.querySelectorAll("[data-for]")) {
    part.hidden = !part.dataset.for.split(" ").includes(tool.name);
  }
  showChoice();
  if (!["brush", "select"].includes(tool.name)) setPanel(null);
  showVeil();
}

export function showVeil() {
  look.tell();
  layers();
  ask();
}

export function setOverlay(on) {
  look.overlay = on;
  document.body.classList.toggle("overlay", on);
  $("share-label").hidden = !on;
  look.tell();
  layers();
}

export function setMirror(on) {
  paper.mirror = on;
  $("axis-label").hidden = !on;
  look.tell();
  paper.refresh();
}

export function setGuide(on) {
  paper.guide = on;
  store.choices.set("guide", on);
  look.tell();
  paper.refresh();
}

export function setWhole(on) {
  paper.wholeStrokes = on;
  look.tell();
}

export function setWish(wish) {
  paper.brushWish = wish;
  look.tell();
}

export function setWidth(width) {
  $("width").value = width;
  paper.width = Number($("width").value);
  if (paper.selected.size) paper.changeChosen((one) => ({ ...one, width: paper.width }));
  store.choices.set("width", paper.width);
}

export function widen(step) {
  setWidth(paper.width + step);
  editor.commit();
}

export function setCalm(calm) {
  $("calm").value = paper.calm = calm;
  store.choices.set("calm", calm);
}

export function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  store.choices.set("theme", theme);
  paper.recolour();
}

export const isDark = () =>
  (document.documentElement.dataset.theme ??
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

/** A part on the paper, in hand; it takes the place of another one of its kind. */
export function drop(strokes) {
  const kind = ({ part }) => part?.split(" ")[0];
  const before = editor.settled;
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
  const kind = KINDS.find((one) => one.name === name);
  return kind?.variants[variant] ? { kind, variant } : null; // a file may name what is not there
}

/** The next variant of the chosen part, where the chosen one is. */
export function swap(step) {
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
  look.tell();
}

/** One of the panels over the paper, or none. */
export function setPanel(name) {
  for (const panel of document.querySelectorAll(".panel")) panel.hidden = panel.id !== name;
  look.tell();
}

export const panelIs = (name) => !$(name).hidden;

export function setMenu(open) {
  document.body.classList.toggle("menu-open", open);
  $("more").setAttribute("aria-expanded", open);
}

export function giveUp() {
  setPanel(null);
  setMenu(false);
  paper.letGo();
  paper.choose([]);
}
