// A time lapse: the drawing and its photo growing side by side, as a video of the browser's making.

import { put } from "./photo.js";
import { pictureOf } from "./shapes.js";

const SIDE = 512;
const MOST = 60; // pictures
const EACH = 140; // milliseconds
const LAST = 1800;
const KINDS = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm", "video/mp4"];

export const canRecord = () =>
  typeof MediaRecorder !== "undefined" && KINDS.some((kind) => MediaRecorder.isTypeSupported(kind));

/** The states to show: those of the history, or stroke by stroke where there are few. */
function scenes({ past, now }) {
  const states = [...past, now].filter(({ strokes }) => strokes.length);
  const grown =
    states.length > 4
      ? states
      : now.strokes.map((_, i) => ({ ...now, strokes: now.strokes.slice(0, i + 1) }));
  const step = Math.max(1, Math.ceil(grown.length / MOST));
  return grown.filter((_, i) => (grown.length - 1 - i) % step === 0);
}

/** A video as a Blob. `told` hears the share of pictures that are made. */
export async function lapse(history, photo, told) {
  const frames = [];
  const states = scenes(history);
  for (const [i, drawing] of states.entries()) {
    const picture = document.createElement("canvas");
    put(picture, (await photo.extra(drawing, { size: SIDE })).photo);
    frames.push([pictureOf(drawing, SIDE), picture]);
    told((i + 1) / states.length);
  }
  const size = { width: 2 * SIDE, height: SIDE };
  const canvas = Object.assign(document.createElement("canvas"), size);
  const context = canvas.getContext("2d");
  const stream = canvas.captureStream();
  const mimeType = KINDS.find((kind) => MediaRecorder.isTypeSupported(kind));
  const recorder = new MediaRecorder(stream, { mimeType, videoBitsPerSecond: 4e6 });
  const pieces = [];
  recorder.ondataavailable = ({ data }) => pieces.push(data);
  const done = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  for (const [i, [lines, picture]] of frames.entries()) {
    context.drawImage(lines, 0, 0);
    context.drawImage(picture, SIDE, 0, SIDE, SIDE);
    await new Promise((go) => setTimeout(go, i + 1 < frames.length ? EACH : LAST));
  }
  context.drawImage(canvas, 0, 0); // a last change, so that the last picture lasts
  recorder.stop();
  await done;
  for (const track of stream.getTracks()) track.stop();
  return new Blob(pieces, { type: mimeType.split(";")[0] });
}
