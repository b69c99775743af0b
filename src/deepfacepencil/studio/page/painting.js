// What the paper shows beside strokes: the guide, pictures over all of it, the veil, rings and crosses.
// All coordinates are the paper's.

import { PAPER } from "./drawing.js";
import { GUIDE } from "./face.js";

/** A picture over the whole paper. */
export function spread(context, picture, share) {
  context.globalAlpha = share;
  context.drawImage(picture, 0, 0, PAPER, PAPER);
  context.globalAlpha = 1;
}

export function guide(context, colour) {
  context.strokeStyle = colour;
  context.lineWidth = 1.2;
  context.setLineDash([5, 5]);
  for (const [x, y, rx, ry, from, to] of GUIDE) {
    context.beginPath();
    context.ellipse(x, y, rx, ry, 0, (from * Math.PI) / 180, (to * Math.PI) / 180);
    context.stroke();
  }
  context.beginPath();
  context.moveTo(256, 250);
  context.quadraticCurveTo(248, 290, 238, 316);
  context.stroke();
  context.setLineDash([]);
}

export function ring(context, [x, y], radius, width) {
  context.lineWidth = width;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.stroke();
}

export function cross(context, [x, y], long, width) {
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(x - long, y);
  context.lineTo(x + long, y);
  context.moveTo(x, y - long);
  context.lineTo(x, y + long);
  context.stroke();
}

// How far from a stroke the veil is seen: widths, each with its share.
const NEAR = [[44, 0.3], [32, 0.5], [20, 0.9]];

let near = null; // a canvas

/** The veil where strokes are: what it says elsewhere is about nothing. */
export function veilNear(veil, strokes) {
  near ??= Object.assign(document.createElement("canvas"), { width: PAPER, height: PAPER });
  const context = near.getContext("2d");
  context.clearRect(0, 0, PAPER, PAPER);
  context.globalCompositeOperation = "source-over";
  context.lineCap = context.lineJoin = "round";
  for (const [width, share] of NEAR) {
    context.lineWidth = width;
    context.strokeStyle = `rgb(0 0 0 / ${share})`;
    context.beginPath();
    for (const { points } of strokes) {
      context.moveTo(points[0][0], points[0][1]);
      for (const [x, y] of points) context.lineTo(x, y);
    }
    context.stroke();
  }
  context.globalCompositeOperation = "source-in";
  context.imageSmoothingQuality = "high";
  context.drawImage(veil, 0, 0, PAPER, PAPER);
  return near;
}
