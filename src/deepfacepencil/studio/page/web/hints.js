// What a drawing still lacks to be a face, as studio/hints.py tells it.

import { polyline } from "./smooth.js";

// Ellipses as centre and radii, and how many pixels of stroke a feature has at least.
const FEATURES = [
  ["left eye", 193, 242, 48, 22, 50],
  ["right eye", 319, 242, 48, 22, 50],
  ["mouth", 256, 381, 85, 36, 60],
  ["nose", 256, 310, 50, 42, 25],
];
const MIDDLE = 256; // of the paper
const APART = 110; // pixels from the one eye's outer corner to the other's, at least
// How heads turn: how far features move sideways, and how much nearer they come to each other.
const TURNS = [[0, 1], [-28, 0.9], [28, 0.9], [-56, 0.75], [56, 0.75]];
const OUTLINE = { x: 256, y: 281, rx: 140, ry: 195, from: 0.72, to: 1.3, least: 260 };

/** Features of a face that nothing has been drawn for; none for a whole face. */
export function missing(chains) {
  if (!chains.length) return [];
  const pieces = chains.flatMap((chain) => piecesOf(polyline(chain, 4)));
  const found = TURNS.map(([shift, narrow]) => absent(pieces, shift, narrow));
  const gone = found.reduce((least, some) => (some.length < least.length ? some : least));
  const { x, y, rx, ry, from, to, least } = OUTLINE;
  const drawn = lengthOf(pieces, (piece) => {
    const away = Math.hypot((piece.x - x) / rx, (piece.y - y) / ry);
    return away > from && away < to && piece.y > y - 60; // hair is no outline of a face
  });
  if (drawn < least) gone.push("outline");
  const eyes = ["left eye", "right eye"];
  return eyes.every((eye) => gone.includes(eye))
    ? ["eyes", ...gone.filter((name) => !eyes.includes(name))]
    : gone;
}

/** The features without strokes in a head that is turned so far. */
function absent(pieces, shift, narrow) {
  const within = new Map(FEATURES.map(([name, x, y, rx, ry]) => {
    const middle = MIDDLE + shift + narrow * (x - MIDDLE);
    const inside = (piece) => Math.hypot((piece.x - middle) / rx, (piece.y - y) / ry) < 1;
    return [name, new Set(pieces.filter(inside))];
  }));
  const gone = FEATURES.map(([name]) => name)
    .filter((name, i) => lengthOf([...within.get(name)]) < FEATURES[i].at(-1));
  if (gone.includes("left eye") || gone.includes("right eye")) return gone;
  const eyes = pieces
    .filter((piece) => within.get("left eye").has(piece) || within.get("right eye").has(piece))
    .map(({ x }) => x);
  if (Math.max(...eyes) - Math.min(...eyes) >= narrow * APART) return gone;
  // One eye, where both of a turned head would be, is not two.
  const mean = eyes.reduce((sum, x) => sum + x, 0) / eyes.length;
  return [mean < MIDDLE ? "right eye" : "left eye", ...gone];
}

/** The pieces of a line, each with its middle and length. */
function piecesOf(line) {
  const pieces = [];
  for (let i = 2; i < line.length; i += 2) {
    const [ax, ay, bx, by] = line.subarray(i - 2, i + 2);
    pieces.push({ x: (ax + bx) / 2, y: (ay + by) / 2, length: Math.hypot(bx - ax, by - ay) });
  }
  return pieces;
}

const lengthOf = (pieces, inside = () => true) =>
  pieces.reduce((sum, piece) => (inside(piece) ? sum + piece.length : sum), 0);
