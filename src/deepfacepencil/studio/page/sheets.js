// The sheets that open over the page: drawings to start from and the gallery; and the line of text
// that tells what has happened.

import { begun, drawn, isEmpty } from "./drawing.js";
import { pictureAround, pictureOf } from "./shapes.js";
import { opening } from "./source.js";
import { KINDS, strokesOf } from "./parts.js";
import * as store from "./store.js";

const $ = (id) => document.getElementById(id);

for (const sheet of document.querySelectorAll("dialog")) {
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close(""));
}

let toasting = 0;

export function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toasting);
  toasting = setTimeout(() => $("toast").classList.remove("shown"), 5000);
}

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

const line = (textContent) => Object.assign(document.createElement("span"), { textContent });

export async function showExamples(table) {
  const list = $("example-list");
  $("starting").showModal();
  if (list.childElementCount) return;
  try {
    const found = await opening.examples();
    list.textContent = found.length ? "" : "No examples are installed.";
    for (const { name, strokes } of found) {
      const drawing = { ...begun(), strokes: drawn(strokes) };
      card(list, name, [pictureOf(drawing, 256, 5), line(name)], async () => {
        $("starting").close();
        await table.put({ drawing });
      });
    }
  } catch {
    list.textContent = "The studio's server is away.";
  }
}

/** The parts to drop in; `drop` is given the strokes of the one that is chosen. */
export function showParts(drop) {
  $("parts").showModal();
  const list = $("part-list");
  if (list.childElementCount) return;
  for (const kind of KINDS) {
    list.append(Object.assign(document.createElement("h3"), { textContent: kind.label }));
    const cards = list.appendChild(document.createElement("div"));
    cards.className = "cards";
    for (const variant of Object.keys(kind.variants)) {
      const strokes = strokesOf(kind, variant);
      card(cards, `${kind.label}: ${variant}`, [pictureAround(strokes), line(variant)], () => {
        $("parts").close();
        drop(strokesOf(kind, variant));
      });
    }
  }
}

export async function showGallery(table) {
  await table.keep();
  const list = $("kept-list");
  for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  const all = await store.all().catch(() => []);
  const entries = all.filter(({ touched, drawing }) => touched !== false && !isEmpty(drawing));
  list.textContent = entries.length ? "" : "Nothing here yet: what you draw is kept by itself.";
  for (const entry of entries) list.append(keptCard(list, table, entry));
  if (!$("kept").open) $("kept").showModal();
}

function keptCard(list, table, entry) {
  const { id, changed, drawing, thumbnail } = entry;
  const when = new Date(changed).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const picture = [pictureOf(drawing, 256, 5)];
  if (thumbnail) {
    const image = document.createElement("img");
    image.src = URL.createObjectURL(thumbnail);
    image.alt = "";
    picture.push(image);
  }
  const item = card(list, `Drawing of ${when}`, [...picture, line(when)], async () => {
    $("kept").close();
    if (id !== table.current) await table.put(entry, id);
  });
  item.classList.add("pair");
  const remove = Object.assign(document.createElement("button"), {
    type: "button", className: "remove", textContent: "×",
  });
  remove.setAttribute("aria-label", `Delete the drawing of ${when}`);
  remove.onclick = async () => {
    try {
      await table.forget(id);
      item.remove();
    } catch {
      toast("This browser does not let it be deleted.");
    }
  };
  item.append(remove);
  return item;
}
