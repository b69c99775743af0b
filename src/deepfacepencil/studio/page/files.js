// Drawings and photos as files. An SVG of ours holds every stroke exactly, and a photo of ours holds
// that SVG: opening either brings the drawing back. The browser does this alone, server or not.

import { CELLS, PAPER, begun, stroke, tenth } from "./drawing.js";
import { COLOURS, PARTS, wishes } from "./face.js";
import { SENTENCE, SOFTWARE, XMP, XMP_KEY } from "./provenance.js";

const KEY = "deepfacepencil-drawing";
const MOST = { strokes: 2000, points: 40000 };
const MOST_GROUPS = 1e6;
const PART = /^[a-z]+ [a-z ]{1,40}$/; // kind and variant of what was dropped in
const TOO_MANY = "This drawing has more strokes than the studio can hold.";
const DAMAGED = "This drawing is damaged.";

/** A drawing as SVG: cubic curves through its points, which are the ends of the curves. */
export function toSvg(drawing) {
  const paths = drawing.strokes.map(({ points, width, group, part }) => {
    const pressures = points.map((point) => Math.round(point[2] * 100));
    const pressed = pressures.some((value) => value !== 50);
    const about = [
      pressed && `data-pressure="${pressures.join(" ")}"`,
      width && `data-width="${width}"`,
      group && `data-group="${group}"`,
      part && `data-part="${part}"`,
    ];
    return `<path ${[...about, `d="${curve(points)}"`].filter(Boolean).join(" ")}/>`;
  });
  const { tolerance, brush, parts, appearance, seed } = drawing;
  const wish = wishes(drawing);
  // `wish` is what brush and parts come to, for readers that do not know the parts of a face.
  const said = [
    `data-studio="1" data-tolerance="${tolerance}" data-seed="${seed}"`,
    brush && `data-brush="${base64(brush)}"`,
    wish && `data-wish="${base64(wish)}"`,
    ...PARTS.map(({ name }) => parts[name] && `data-part-${name}="${parts[name]}"`),
    ...Object.entries(appearance).map(([name, value]) => `data-appearance-${name}="${value}"`),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${PAPER} ${PAPER}" width="${PAPER}" ` +
      `height="${PAPER}" ${said.filter(Boolean).join(" ")}>`,
    "<title>Drawn with DeepFacePencil</title>",
    `<rect width="${PAPER}" height="${PAPER}" fill="#fff"/>`,
    '<g fill="none" stroke="#000" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round">',
    ...paths,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function curve(points) {
  const [[x, y]] = points;
  if (points.length === 1) return `M${x} ${y}C${x} ${y} ${x} ${y} ${x} ${y}`;
  const last = points.length - 1;
  const tangent = (i, axis) => {
    const [a, b] = [Math.max(0, i - 1), Math.min(last, i + 1)];
    return (points[b][axis] - points[a][axis]) / (b - a) / 3;
  };
  let path = `M${x} ${y}C`;
  for (let i = 1; i <= last; i++) {
    const out = [0, 1].map((axis) => (points[i - 1][axis] + tangent(i - 1, axis)).toFixed(2));
    const to = [0, 1].map((axis) => (points[i][axis] - tangent(i, axis)).toFixed(2));
    path += `${i > 1 ? " " : ""}${out.join(" ")} ${to.join(" ")} ${points[i][0]} ${points[i][1]}`;
  }
  return path;
}

/** The drawing in an SVG of ours; null for any other, which the server reads. */
export function fromSvg(text) {
  if (!text.includes('data-studio="1"')) return null;
  const root = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
  if (root.nodeName !== "svg" || root.dataset.studio !== "1") return null;
  const drawing = begun();
  const paths = root.querySelectorAll("g > path");
  if (paths.length > MOST.strokes) throw new Error(TOO_MANY);
  drawing.strokes = [...paths].map(strokeOf);
  const total = drawing.strokes.reduce((sum, one) => sum + one.points.length, 0);
  if (total > MOST.points) throw new Error(TOO_MANY);
  const share = (text) => (Math.abs(Number(text)) <= 1 ? Number(text) : 0);
  drawing.tolerance = share(root.dataset.tolerance);
  if (root.dataset.seed) drawing.seed = Number(root.dataset.seed) >>> 0;
  for (const { name } of PARTS) {
    const value = share(root.getAttribute(`data-part-${name}`) ?? 0);
    if (value) drawing.parts[name] = value;
  }
  for (const name of [...COLOURS, "age", "sex"]) {
    const value = said(name, root.getAttribute(`data-appearance-${name}`));
    if (value !== null) drawing.appearance[name] = value;
  }
  drawing.brush = root.dataset.brush ? cellsOf(root.dataset.brush) : null;
  return drawing;
}

/** A value of an appearance as it is written; null for what is none. */
function said(name, text) {
  if (text === null) return null;
  if (COLOURS.includes(name)) return /^#[0-9a-f]{6}$/i.test(text) ? text : null;
  const [low, high] = name === "age" ? [0, 100] : [-1, 1];
  const value = Number(text);
  return value >= low && value <= high ? value : null;
}

function strokeOf(path) {
  const numbers = (path.getAttribute("d") ?? "").match(/-?\d+(\.\d+)?/g)?.map(Number) ?? [];
  const pressures = path.dataset.pressure?.split(" ").map((value) => Math.min(1, Number(value) / 100)) ?? [];
  const points = [];
  for (let i = 0; i + 1 < numbers.length; i += 6) {
    const [x, y] = [tenth(numbers[i]), tenth(numbers[i + 1])];
    points.push([x, y, pressures[points.length] >= 0 ? pressures[points.length] : 0.5]);
  }
  const far = ([x, y]) => !(Math.max(Math.abs(x), Math.abs(y)) < 100 * PAPER);
  if (!points.length || points.some(far)) throw new Error(DAMAGED);
  // A dot is written as a curve from a point to itself.
  const isDot = points.length === 2 && [0, 1].every((axis) => points[0][axis] === points[1][axis]);
  const about = {};
  const [width, group] = [Number(path.dataset.width), Number(path.dataset.group)];
  if (width >= 1 && width <= 12) about.width = width;
  if (group >= 1 && group <= MOST_GROUPS) about.group = group;
  if (PART.test(path.dataset.part)) about.part = path.dataset.part;
  return stroke(isDot ? points.slice(0, 1) : points, undefined, about);
}

export function base64(cells) {
  return btoa(String.fromCharCode(...new Uint8Array(cells.buffer)));
}

function cellsOf(text) {
  let bytes = [];
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    // no base64
  }
  if (bytes.length !== CELLS * CELLS) throw new Error(DAMAGED);
  return new Int8Array(bytes.buffer);
}

export const blobOf = (canvas) =>
  new Promise((done, fail) => {
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("No picture"))), "image/png");
  });

/** A picture with the drawing it was made from inside. Without a photo it says nothing of models. */
export async function withDrawing(canvas, drawing, made = true) {
  const png = new Uint8Array(await (await blobOf(canvas)).arrayBuffer());
  const said = [
    ["Software", SOFTWARE],
    ...(made ? [["Description", SENTENCE], [XMP_KEY, XMP]] : []),
    [KEY, toSvg(drawing)],
  ].map(([key, text]) => textChunk(key, text));
  const head = 33; // the signature and IHDR, which come first
  return new Blob([png.slice(0, head), ...said, png.slice(head)], { type: "image/png" });
}

/** The drawing inside a photo of ours; null for any other picture. */
export function fromPng(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 33 || view.getUint32(0) !== 0x89504e47) return null;
  const decoder = new TextDecoder();
  for (let at = 8; at + 12 <= view.byteLength; ) {
    const size = view.getUint32(at);
    const kind = decoder.decode(bytes.subarray(at + 4, at + 8));
    const data = bytes.subarray(at + 8, at + 8 + size);
    if (kind === "iTXt" && decoder.decode(data.subarray(0, KEY.length + 1)) === `${KEY}\0`) {
      return fromSvg(decoder.decode(data.subarray(KEY.length + 5)));
    }
    at += 12 + size;
  }
  return null;
}

/** iTXt: keyword, no compression, no language, no translation, text. */
function textChunk(key, text) {
  const body = new TextEncoder().encode(`iTXt${key}\0\0\0\0\0${text}`);
  const chunk = new Uint8Array(body.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, body.length - 4);
  chunk.set(body, 4);
  view.setUint32(body.length + 4, checksum(body));
  return chunk;
}

/** CRC-32, as PNG wants it for every chunk. */
function checksum(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
