// The lines of an SVG from anywhere, drawn by nobody: the browser lays it out where no one sees it,
// without what could fetch or run anything, and its shapes become strokes.

const CANVAS = 512;
const STEP = 6; // pixels between the points of a stroke
const MOST = { strokes: 2000, points: 40000, elements: 50_000, copies: 3000 };
const SHAPES = "path, line, polyline, polygon, circle, ellipse, rect";
const LEFT_OUT =
  "script, foreignObject, metadata, title, desc, text, filter, animate, animateMotion, " +
  "animateTransform, set, audio, video, iframe, image, font, font-face, clipPath, mask, pattern, marker";
const SAME_COLOUR = 16; // a difference per channel that nobody sees
const NOTHING = "This file has no strokes: draw lines, not text.";
const TOO_MUCH = "This drawing has more parts than this page can lay out: simplify it.";

/** The strokes in an SVG, [x, y, x, y, ...] each, its page in the middle of the canvas. */
export function linesOf(text) {
  const page = laidOut(text);
  try {
    for (const paper of [[255, 255, 255], [0, 0, 0]]) { // black is for light lines on nothing
      const lines = visible(page.svg, paper);
      if (lines.length) return onCanvas(lines, page);
    }
  } finally {
    page.remove();
  }
  throw new Error(NOTHING);
}

/** The document in the page, unseen and harmless, with the size it gives itself. */
function laidOut(text) {
  const parsed = new DOMParser().parseFromString(unstyled(text), "image/svg+xml").documentElement;
  if (parsed.localName !== "svg") throw new Error("This file is no SVG that can be read.");
  if (parsed.getElementsByTagName("*").length > MOST.elements) throw new Error(TOO_MUCH);
  const sheets = [...parsed.querySelectorAll("later-css")].map((sheet) => sheet.textContent);
  for (const one of parsed.querySelectorAll(`${LEFT_OUT}, later-css`)) one.remove();
  for (const one of [parsed, ...parsed.querySelectorAll("*")]) clean(one);
  const svg = document.importNode(parsed, true);
  for (const one of [svg, ...svg.querySelectorAll("[later-style]")]) {
    one.style.cssText = one.getAttribute("later-style") ?? "";
  }
  copies = 0;
  for (const use of [...svg.querySelectorAll("use")]) writeOut(use, svg);
  const box = svg.viewBox.baseVal;
  const sized = svg.hasAttribute("viewBox") || (svg.hasAttribute("width") && svg.hasAttribute("height"));
  const size = box?.width > 0 && box.height > 0
    ? [box.width, box.height]
    : ["width", "height"].map((side) => parseFloat(svg.getAttribute(side)) || CANVAS);
  const scale = CANVAS / Math.max(...size);
  if (!svg.hasAttribute("viewBox")) svg.setAttribute("viewBox", `0 0 ${size.join(" ")}`);
  svg.setAttribute("width", size[0] * scale);
  svg.setAttribute("height", size[1] * scale);
  const host = Object.assign(document.createElement("div"), { className: "unseen" });
  const root = host.attachShadow({ mode: "closed" });
  root.adoptedStyleSheets = sheets.map((css) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css.replace(/@import[^;]*;?/gi, ""));
    return sheet;
  });
  root.append(svg);
  document.body.append(host);
  return { svg, sized, size: size.map((side) => side * scale), remove: () => host.remove() };
}

/** The text without styles and events under their own names: the page's policy forbids them in what is
 * read, and styles are set in a way that it allows. */
const unstyled = (text) =>
  text
    .replace(/(<\/?(?:[\w-]+:)?)style(?=[\s>/])/gi, "$1later-css")
    .replace(/(\s)(style|on\w+)(?=\s*=\s*["'])/gi, "$1later-$2");

/** Without links to elsewhere. */
function clean(element) {
  for (const { name, value } of [...element.attributes]) {
    const elsewhere = /(^|:)href$/.test(name) && !value.trim().startsWith("#");
    if (elsewhere) element.removeAttribute(name);
  }
}

let copies = 0; // elements that were copied in the document

/** What a <use> stands for, in its place; copies of copies end somewhere. */
function writeOut(use, svg, depth = 0) {
  const name = use.getAttribute("href") ?? use.getAttribute("xlink:href") ?? "";
  const meant = name.length > 1 && svg.querySelector(`#${CSS.escape(name.slice(1))}`);
  const group = document.createElementNS("http://www.w3.org/2000/svg", "g");
  for (const { name: key, value } of use.attributes) {
    if (!/^(x|y|width|height|(xlink:)?href)$/.test(key)) group.setAttribute(key, value);
  }
  const [x, y] = ["x", "y"].map((key) => parseFloat(use.getAttribute(key)) || 0);
  const moved = `${use.getAttribute("transform") ?? ""} translate(${x} ${y})`;
  group.setAttribute("transform", moved);
  if (meant && !meant.contains(use) && depth < 8) {
    copies += 1 + meant.getElementsByTagName("*").length;
    if (copies > MOST.copies) throw new Error(TOO_MUCH);
    const copy = meant.cloneNode(true);
    copy.removeAttribute("id");
    if (copy.localName === "symbol") group.append(...copy.childNodes);
    else group.append(copy);
  }
  use.replaceWith(group);
  for (const inner of [...group.querySelectorAll("use")]) writeOut(inner, svg, depth + 1);
}

/** The lines of all shapes that are seen on a paper, in pixels of the laid out page. */
function visible(svg, paper) {
  const lines = [];
  const { left, top, width, height } = svg.getBoundingClientRect();
  const base = svg.createSVGMatrix().translate(-left, -top);
  for (const shape of svg.querySelectorAll(SHAPES)) {
    if (shape.closest("defs, symbol")) continue;
    const style = getComputedStyle(shape);
    const hidden = style.visibility !== "visible" || isTransparent(shape, svg) || !shape.getScreenCTM();
    if (hidden) continue;
    const stroke = parseFloat(style.strokeWidth) > 0 ? colourOf(style.stroke, style.strokeOpacity) : null;
    const fill = colourOf(style.fill, style.fillOpacity);
    if (!stroke && !fill) continue;
    const own = base.multiply(shape.getScreenCTM());
    const found = chainsOf(shape).map((chain) => sampled(chain, own)).filter((line) => line.length > 2);
    if (fill && (shape.localName === "rect" || !stroke) && covers(found, width, height)) {
      paper = fill;
      lines.length = 0; // what lies under the paper is not seen
    } else if (differs(stroke, paper) || differs(fill, paper)) {
      lines.push(...found);
    }
  }
  return lines;
}

function isTransparent(shape, svg) {
  for (let one = shape; one && one !== svg.parentNode; one = one.parentElement) {
    const style = getComputedStyle(one);
    if (style.display === "none" || parseFloat(style.opacity) === 0) return true;
  }
  return false;
}

/** A colour as [r, g, b]; null for none, a pattern, or one that is transparent. */
function colourOf(text, opacity) {
  if (!text || text === "none" || text.startsWith("url") || parseFloat(opacity) === 0) return null;
  const numbers = text.match(/[\d.]+/g)?.map(Number);
  if (!numbers || numbers[3] === 0) return null;
  return numbers.slice(0, 3);
}

const differs = (colour, paper) =>
  colour !== null && colour.some((value, k) => Math.abs(value - paper[k]) > SAME_COLOUR);

/** Whether lines are one outline of (almost) the page or more, without round sides: the paper. */
function covers(lines, width, height) {
  if (lines.length !== 1) return false;
  const [low, high] = boxOf(lines);
  const slack = 0.02 * Math.max(width, height);
  if (Math.max(...low) > slack || high[0] < width - slack || high[1] < height - slack) return false;
  const [line] = lines;
  let area = 0;
  for (let i = 0; i < line.length; i += 2) {
    const [x, y] = [line[(i + 2) % line.length], line[(i + 3) % line.length]];
    area += (line[i] * y - x * line[i + 1]) / 2;
  }
  return Math.abs(area) > 0.95 * (high[0] - low[0]) * (high[1] - low[1]);
}

function boxOf(lines) {
  const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
  for (const line of lines) {
    line.forEach((value, i) => {
      low[i % 2] = Math.min(low[i % 2], value);
      high[i % 2] = Math.max(high[i % 2], value);
    });
  }
  return [low, high];
}

/** The lines with the page, or the drawing where it is beside or has none, fitted to the canvas. */
function onCanvas(lines, { sized, size }) {
  let [low, high] = boxOf(lines);
  if (![...low, ...high].every(Number.isFinite)) throw new Error("This drawing is damaged.");
  const beside = low[0] > size[0] || low[1] > size[1] || high[0] < 0 || high[1] < 0;
  if (sized && !beside) [low, high] = [[0, 0], size];
  const [width, height] = [high[0] - low[0], high[1] - low[1]];
  const scale = CANVAS / Math.max(width, height, 1e-6);
  const margin = [(CANVAS - width * scale) / 2, (CANVAS - height * scale) / 2];
  const points = lines.reduce((sum, line) => sum + line.length / 2, 0);
  if (lines.length > MOST.strokes || points > MOST.points) {
    throw new Error("This drawing has more strokes than the studio can hold: simplify it.");
  }
  return lines.map((line) =>
    line.map((value, i) => (value - low[i % 2]) * scale + margin[i % 2]));
}

/** A chain of cubic Beziers as points, as a matrix sends them. */
function sampled(chain, { a, b, c, d, e, f }) {
  const points = chain.map(([x, y]) => [a * x + c * y + e, b * x + d * y + f]);
  const line = [...points[0]];
  for (let i = 0; i + 3 < points.length; i += 3) {
    const [p, q, r, s] = points.slice(i, i + 4);
    const way = Math.hypot(q[0] - p[0], q[1] - p[1]) + Math.hypot(r[0] - q[0], r[1] - q[1]) +
      Math.hypot(s[0] - r[0], s[1] - r[1]);
    const count = Math.max(1, Math.min(1000, Math.ceil(way / STEP)));
    for (let k = 1; k <= count; k++) {
      const [t, u] = [k / count, 1 - k / count];
      for (const axis of [0, 1]) {
        line.push(u ** 3 * p[axis] + 3 * t * u ** 2 * q[axis] + 3 * t ** 2 * u * r[axis] + t ** 3 * s[axis]);
      }
    }
  }
  return line;
}

// --- shapes as chains ---

/** The outline of a shape as chains of cubic Beziers [[x, y], ...], in its own coordinates. */
function chainsOf(shape) {
  const value = (name) => shape[name].baseVal.value;
  switch (shape.localName) {
    case "path":
      return pathChains(shape.getAttribute("d") ?? "");
    case "line":
      return pathChains(`M${value("x1")} ${value("y1")}L${value("x2")} ${value("y2")}`);
    case "polyline":
    case "polygon": {
      const numbers = shape.getAttribute("points")?.match(NUMBER) ?? [];
      if (numbers.length < 4) return [];
      return pathChains(`M${numbers.join(" ")}${shape.localName === "polygon" ? "Z" : ""}`);
    }
    case "rect": {
      const [x, y, width, height] = ["x", "y", "width", "height"].map(value);
      return pathChains(`M${x} ${y}h${width}v${height}h${-width}Z`);
    }
    default: {
      const [x, y] = [value("cx"), value("cy")];
      const [rx, ry] = shape.localName === "circle" ? [value("r"), value("r")] : [value("rx"), value("ry")];
      return pathChains(`M${x - rx} ${y}A${rx} ${ry} 0 1 1 ${x + rx} ${y}A${rx} ${ry} 0 1 1 ${x - rx} ${y}Z`);
    }
  }
}

const NUMBER = /[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?/gi;
const LENGTHS = { M: 2, L: 2, H: 1, V: 1, C: 6, S: 4, Q: 4, T: 2, A: 7, Z: 0 };

/** The numbers of a command; the two flags of an arc may stand without spaces. */
function numbersOf(text, command) {
  if (command !== "A") return (text.match(NUMBER) ?? []).map(Number);
  const number = NUMBER.source;
  const arc = new RegExp(`(${number})[\\s,]*(${number})[\\s,]*(${number})[\\s,]*([01])[\\s,]*([01])[\\s,]*(${number})[\\s,]*(${number})`, "gi");
  return [...text.matchAll(arc)].flatMap((found) => found.slice(1).map(Number));
}

/** The chains of a path's description. */
export function pathChains(description) {
  const chains = [];
  let [chain, here, start, handle, before] = [null, [0, 0], [0, 0], null, ""];
  const curve = (one, other, to) => {
    if (!chain) chains.push((chain = [here]));
    chain.push(one, other, to);
    here = to;
  };
  const line = (to) => {
    const third = (share) => [0, 1].map((axis) => here[axis] + (to[axis] - here[axis]) * share);
    curve(third(1 / 3), third(2 / 3), to);
  };
  for (const [, letter, text] of description.matchAll(/([MLHVCSQTAZ])([^MLHVCSQTAZ]*)/gi)) {
    let command = letter.toUpperCase();
    const relative = letter !== command;
    const numbers = numbersOf(text, command);
    const count = LENGTHS[command];
    if (command === "Z") {
      if (here[0] !== start[0] || here[1] !== start[1]) line(start);
      chain = handle = null;
      here = start;
      before = "Z";
    }
    for (let at = 0; count && at + count <= numbers.length; at += count) {
      const from = relative ? here : [0, 0];
      const all = numbers.slice(at, at + count);
      const place = (k) => [all[k] + from[0], all[k + 1] + from[1]];
      const turned = (kinds) =>
        handle && kinds.includes(before) ? [0, 1].map((axis) => 2 * here[axis] - handle[axis]) : here;
      let next = null;
      if (command === "M") {
        chain = null;
        here = start = place(0);
      } else if (command === "L") line(place(0));
      else if (command === "H") line([all[0] + from[0], here[1]]);
      else if (command === "V") line([here[0], all[0] + from[1]]);
      else if (command === "C") curve(place(0), (next = place(2)), place(4));
      else if (command === "S") curve(turned("CS"), (next = place(0)), place(2));
      else if (command === "Q" || command === "T") {
        next = command === "Q" ? place(0) : turned("QT");
        const to = place(command === "Q" ? 2 : 0);
        const near = (end) => [0, 1].map((axis) => end[axis] + ((next[axis] - end[axis]) * 2) / 3);
        curve(near(here), near(to), to);
      } else if (command === "A") {
        for (const piece of arcs(here, all.slice(0, 5), place(5))) curve(...piece);
      }
      [handle, before] = [next, command];
      if (command === "M") command = "L"; // further pairs are lines
    }
  }
  return chains.filter((one) => one.length > 1);
}

/** An elliptic arc as curves of at most a quarter turn (SVG 1.1, F.6). */
function arcs([x1, y1], [radiusX, radiusY, degrees, large, sweep], [x2, y2]) {
  let [rx, ry] = [Math.abs(radiusX), Math.abs(radiusY)];
  if (!rx || !ry) return [[[x1, y1], [x2, y2], [x2, y2]]];
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [dx, dy] = [(x1 - x2) / 2, (y1 - y2) / 2];
  const [px, py] = [cos * dx + sin * dy, cos * dy - sin * dx];
  const grown = Math.sqrt(Math.max(1, (px / rx) ** 2 + (py / ry) ** 2));
  [rx, ry] = [rx * grown, ry * grown];
  const below = (rx * py) ** 2 + (ry * px) ** 2;
  if (!below) return [];
  const root = Math.sqrt(Math.max(0, (rx * ry) ** 2 / below - 1)) * (large === sweep ? -1 : 1);
  const [cx, cy] = [(root * rx * py) / ry, (-root * ry * px) / rx];
  const [mx, my] = [cos * cx - sin * cy + (x1 + x2) / 2, sin * cx + cos * cy + (y1 + y2) / 2];
  const from = Math.atan2((py - cy) / ry, (px - cx) / rx);
  let turn = Math.atan2((-py - cy) / ry, (-px - cx) / rx) - from;
  if (sweep && turn < 0) turn += 2 * Math.PI;
  if (!sweep && turn > 0) turn -= 2 * Math.PI;
  const count = Math.max(1, Math.ceil(Math.abs(turn) / (Math.PI / 2) - 1e-9));
  const step = turn / count;
  const reach = (4 / 3) * Math.tan(step / 4);
  const place = (x, y) => [mx + cos * rx * x - sin * ry * y, my + sin * rx * x + cos * ry * y];
  return Array.from({ length: count }, (_, k) => {
    const [a, b] = [from + k * step, from + (k + 1) * step];
    return [
      place(Math.cos(a) - reach * Math.sin(a), Math.sin(a) + reach * Math.cos(a)),
      place(Math.cos(b) + reach * Math.sin(b), Math.sin(b) - reach * Math.cos(b)),
      k === count - 1 ? [x2, y2] : place(Math.cos(b), Math.sin(b)),
    ];
  });
}
