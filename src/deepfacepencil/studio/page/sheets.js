// The sheets that open over the page: drawings to start from and the gallery; and the line of text
// that tells what has happened.

import { begun, drawn, isEmpty } from "./drawing.js";
import { pictureAround, pictureOf } from "./shapes.js";
import { opening } from "./source.js";
import { download, fromSvg, toSvg } from "./files.js";
import { KINDS, strokesOf } from "./parts.js";
import { $ } from "./room.js";
import * as store from "./store.js";

for (const sheet of document.querySelectorAll("dialog")) {
  sheet.addEventListener("click", (event) => event.target === sheet && sheet.close(""));
}

let toasting = 0;

/** Says it for a while, or until something else is said. */
export function toast(text, stays = false) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(toasting);
  if (!stays) toasting = setTimeout(() => $("toast").classList.remove("shown"), 5000);
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
  } catch (problem) {
    list.textContent = problem.message;
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

// --- the gallery ---

export async function showGallery(table) {
  await table.keep();
  const list = $("kept-list");
  for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
  const entries = await shownEntries();
  list.textContent = entries.length ? "" : "Nothing here yet: what you draw is kept by itself.";
  for (const entry of entries) keptCard(list, table, entry);
  $("kept-search").value = "";
  $("kept-none").hidden = true;
  $("kept-export").onclick = exportAll;
  $("kept-import").onclick = () => $("gallery-file").click();
  $("gallery-file").onchange = () => {
    const [file] = $("gallery-file").files;
    $("gallery-file").value = "";
    if (file) importGallery(table, file);
  };
  if (!$("kept").open) $("kept").showModal();
}

/** What is in the gallery: no empty papers, and nothing that was only looked at. */
const shownEntries = async () =>
  (await store.all().catch(() => [])).filter(
    ({ touched, drawing }) => touched !== false && !isEmpty(drawing),
  );

$("kept-search").addEventListener("input", ({ target }) => {
  const wanted = target.value.trim().toLowerCase();
  for (const item of $("kept-list").querySelectorAll(".card")) {
    item.hidden = !item.dataset.name.toLowerCase().includes(wanted);
  }
  $("kept-none").hidden = !wanted || Boolean($("kept-list").querySelector(".card:not([hidden])"));
});
$("kept").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches("input")) return;
  event.preventDefault(); // it would close the sheet
  event.target.blur();
});

/** A card with the drawing, its photo, its name, and what can be done with it. */
function keptCard(list, table, entry) {
  const { id, changed, drawing, thumbnail } = entry;
  const when = new Date(changed).toLocaleString([], {
    day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
  });
  const called = () => entry.name || `Drawing of ${when}`;
  const picture = [pictureOf(drawing, 256, 5)];
  if (thumbnail) {
    const image = document.createElement("img");
    image.src = URL.createObjectURL(thumbnail);
    image.alt = "";
    picture.push(image);
  }
  const item = card(list, called(), picture, async () => {
    $("kept").close();
    if (id !== table.current) await table.put(await store.find(id), id);
  });
  item.classList.add("pair");
  const name = Object.assign(document.createElement("input"), {
    value: entry.name ?? "", placeholder: when, maxLength: 80,
  });
  name.onchange = () => {
    entry.name = name.value.trim();
    label();
    table.rename(id, entry.name).catch(() => toast("This browser does not keep the name."));
  };
  const button = (textContent, about, onclick) => {
    const made = Object.assign(document.createElement("button"), {
      type: "button", textContent, title: about, onclick,
    });
    labels.push([made, about]);
    return made;
  };
  const labels = [[item.firstChild, ""], [name, "Name of"]];
  const label = () => {
    item.dataset.name = called();
    for (const [one, about] of labels) one.setAttribute("aria-label", `${about} ${called()}`.trim());
  };
  const line = document.createElement("div");
  line.className = "about";
  line.append(
    name,
    button("Duplicate", "Duplicate", async () => {
      const copy = {
        ...entry, id: store.newId(), changed: Date.now(), before: null, after: null, touched: true,
      };
      copy.name = `${called()}, again`;
      await store.keep(copy);
      list.prepend(keptCard(list, table, copy));
    }),
    button("Delete", "Delete", async () => {
      const whole = await store.find(id);
      const current = id === table.current;
      await table.forget(id);
      const gone = document.createElement("p");
      gone.className = "card gone";
      gone.dataset.name = called();
      gone.append("Deleted. ", button("Undo", "Bring back", async () => {
        await store.keep(whole);
        gone.replaceWith(item);
        if (current) await table.put(whole, id);
        item.querySelector("button").focus();
      }));
      label();
      item.replaceWith(gone);
      gone.querySelector("button").focus();
    }),
  );
  label();
  item.append(line);
  return item;
}

const FORM = "deepfacepencil-gallery";

/** All drawings as one file, with their names and small photos. */
async function exportAll() {
  const entries = await shownEntries();
  if (!entries.length) return toast("There is nothing to export yet.");
  const drawings = [];
  for (const { name, changed, drawing, thumbnail } of entries) {
    drawings.push({ name, changed, svg: toSvg(drawing), photo: thumbnail && (await asText(thumbnail)) });
  }
  const text = JSON.stringify({ [FORM]: 1, drawings });
  download(new Blob([text], { type: "application/json" }), "gallery.json");
}

/** What `exportAll` wrote comes in beside what is there. */
export async function importGallery(table, file) {
  try {
    const { [FORM]: version, drawings } = JSON.parse(await file.text());
    if (version !== 1 || !Array.isArray(drawings)) throw new Error();
    const entries = await Promise.all(
      drawings.map(async ({ name, changed, svg, photo }) => ({
        id: store.newId(), drawing: { ...begun(), ...fromSvg(String(svg)) }, touched: true,
        name: typeof name === "string" ? name.slice(0, 80) : undefined,
        changed: Number(changed) || Date.now(), thumbnail: photo ? await asBlob(photo) : null,
      })),
    );
    if (entries.some(({ drawing }) => isEmpty(drawing))) throw new Error();
    for (const entry of entries) await store.keep(entry);
    await showGallery(table);
    toast(`${entries.length} drawings came in.`);
  } catch {
    toast("This is no gallery that was exported here.");
  }
}

const asText = (blob) =>
  new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  });

/** The picture in a data address that `asText` wrote; the page's policy lets nothing be fetched. */
async function asBlob(text) {
  const bytes = Uint8Array.from(atob(text.split(",")[1]), (one) => one.charCodeAt(0));
  const blob = new Blob([bytes], { type: "image/png" });
  (await createImageBitmap(blob)).close(); // what is no picture fails here
  return blob;
}
