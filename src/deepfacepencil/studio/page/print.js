// The print: the photo on the page, how old and how sure it is, and what is said about it.

import { isEmpty } from "./drawing.js";
import { $, editor, look, paper, photo, table, variants } from "./room.js";
import { toast } from "./sheets.js";
import { pictureOf } from "./shapes.js";
import { photos } from "./source.js";
import { brush } from "./tools/brush.js";

const SURE = 0.5; // from here on the network takes a drawing for a face
// Without a new one for so many milliseconds, or so many times as long as they take here, the photo
// that is shown is an old one.
const LATE = 400;
const PATIENCE = 2.5;

export const wantsVeil = () => look.veil || paper.tool === brush;

export function ask(at = performance.now(), settled = true) {
  photo.request(editor.drawing, wantsVeil(), at, settled);
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
    const wait = Math.max(LATE, PATIENCE * photo.delay);
    late ||= setTimeout(() => (document.body.dataset.late = ""), wait);
  }
  document.body.dataset.photo = state;
}

editor.addEventListener("change", ({ detail }) => {
  const { drawing } = editor;
  paper.refresh();
  ask(detail.at, detail.settled);
  if (isCompared()) compare("photo", true);
  $("begin").hidden = $("waiting").hidden = !isEmpty(drawing);
  if (isEmpty(drawing)) clearPhoto();
});

/** Nothing is to be seen of a photo that is not this drawing's. */
export function clearPhoto() {
  look.shown = false;
  table.thumbnail = null;
  document.body.dataset.shown = "no";
  $("photo").getContext("2d").clearRect(0, 0, $("photo").width, $("photo").height);
  if (isEmpty(editor.drawing)) variants.close();
  tell();
  meter();
  layers();
}

photo.addEventListener("photo", () => {
  look.shown = true;
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
export function layers() {
  const there = look.shown && !isEmpty(editor.drawing);
  paper.photo = look.overlay && there ? photo.canvas : null;
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
  $("banner").hidden = !photos.trouble;
  $("banner").textContent = photos.trouble;
});
photos.addEventListener("news", ({ detail }) => toast(detail));

function meter() {
  $("loading").hidden = photos.state !== "loading";
  $("loading").value = photos.share ?? 0;
  $("meter").dataset.state = photos.state;
  $("meter").lastElementChild.textContent =
    photos.state === "ready" && photo.delay ? `${Math.round(photo.delay)} ms` : stateOf(photos);
}

const stateOf = ({ state, share }) =>
  state !== "loading" ? state : share < 1 ? `loading ${Math.round(100 * share)}%` : "starting";

/** What the network does not see yet: no face, or a face without some of its features. */
function tell() {
  const missing = look.shown ? photo.missing : [];
  const unsure = look.shown && photo.face < SURE;
  document.body.classList.toggle("unsure", unsure);
  document.body.style.setProperty("--sure", photo.face / SURE);
  $("unsure").hidden = !unsure;
  $("unsure").textContent = !unsure
    ? ""
    : missing.length
      ? `Only a guess so far. Draw the ${missing[0]} next.`
      : "The network makes out no face in these lines.";
  $("hint").textContent =
    unsure || !missing.length
      ? ""
      : `Not drawn yet: ${list(missing)}. The network makes up what is missing.`;
  const elsewhere = missing.includes("eyes") && missing.includes("outline") && missing.length > 2;
  const misplaced = elsewhere || (unsure && !missing.length);
  $("place").hidden = !(misplaced && editor.drawing.strokes.length > 3);
}

const list = (words) => [words.slice(0, -1).join(", "), words.at(-1)].filter(Boolean).join(" and ");

// What is seen where the photo is, in this order: each with what the button says then.
const SIGHTS = { photo: "Compare", both: "Both", lines: "Lines" };
let sight = "photo";

export const isCompared = () => sight !== "photo";

/** What the button shows when it is pressed: lines over the photo, then lines alone, then neither. */
export const nextSight = () => ({ photo: "both", both: "lines", lines: "photo" })[sight];

/** Shows the "photo", the "lines" alone, or "both"; `stays` if nothing needs to be held for it. */
export function compare(wanted, stays = false) {
  if (stays) sight = wanted;
  $("compare").textContent = SIGHTS[sight];
  $("lines").hidden = wanted === "photo";
  look.tell();
  if (wanted === "photo") return;
  const { width } = $("lines");
  const ink = look.shown && wanted === "both" ? ["#fff", null] : ["#1c1a17", "#ffffff"];
  const context = $("lines").getContext("2d");
  context.clearRect(0, 0, width, width);
  if (!ink[1]) { // white lines with a dark rim are seen on every photo
    context.drawImage(pictureOf(editor.drawing, width, 5, ["#000", null]), 0, 0);
    context.drawImage(pictureOf(editor.drawing, width, 2.5, ink), 0, 0);
  } else {
    context.drawImage(pictureOf(editor.drawing, width, undefined, ink), 0, 0);
  }
}

meter();
