// The clipboard. Strokes travel as SVG text. A photo travels as a picture, from which browsers take
// everything but the pixels: by these, its drawing is found again among the last ones that were copied.

import { blobOf, fromPng, fromSvg, toSvg } from "./files.js";
import { choices } from "./store.js";

const REMEMBERED = 6;

let inside = null; // what was copied where pages have no clipboard

export async function copyStrokes(drawing) {
  const text = toSvg(drawing);
  inside = text;
  try {
    await navigator.clipboard.writeText(text);
    inside = null;
  } catch {
    // It can still be pasted in this window.
  }
}

export async function copyPhoto(canvas, drawing) {
  const copies = choices.get("copies", []);
  const print = await printOf(canvas);
  choices.set("copies", [{ print, svg: toSvg(drawing) }, ...copies].slice(0, REMEMBERED));
  inside = null;
  await navigator.clipboard.write([new ClipboardItem({ "image/png": blobOf(canvas) })]);
}

/** What a paste brings: {drawing}, {file}, or null for nothing that has lines. */
export async function pasted(data) {
  if (inside) return { drawing: fromSvg(inside) };
  const [file] = data?.files ?? [];
  if (!file) {
    const text = data?.getData("text/plain") ?? "";
    const drawing = fromSvg(text);
    if (drawing) return { drawing };
    return text.includes("<svg") ? { file: new File([text], "pasted.svg", { type: "image/svg+xml" }) } : null;
  }
  const drawing = fromPng(new Uint8Array(await file.arrayBuffer())) ?? (await drawingOf(file));
  return drawing ? { drawing } : { file };
}

/** The drawing of a photo that was copied here; null for any other picture. */
async function drawingOf(file) {
  const copies = choices.get("copies", []);
  if (!copies.length) return null;
  try {
    const bitmap = await createImageBitmap(file);
    const size = { width: bitmap.width, height: bitmap.height };
    const canvas = Object.assign(document.createElement("canvas"), size);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    const print = await printOf(canvas);
    const found = copies.find((one) => one.print === print);
    return found ? fromSvg(found.svg) : null;
  } catch {
    return null;
  }
}

/** What tells one picture from another: a digest of its pixels. */
async function printOf(canvas) {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const digest = await crypto.subtle.digest("SHA-256", data);
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
