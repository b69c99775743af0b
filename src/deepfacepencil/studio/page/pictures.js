// What a picture from outside is: a photograph has no lines to find, but can be traced.

const SIDE = 64;
const TRACED = 2048; // pixels of a picture to trace, at most: it is kept anew with every stroke

/** A picture to trace as a small enough file; fails for what this browser cannot show. */
export async function traceable(file) {
  const bitmap = await createImageBitmap(file);
  const scale = TRACED / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) {
    bitmap.close();
    return file;
  }
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  return onWhite(bitmap, width, height, "high").canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
}

/** A picture drawn at some size on white, where it can be looked at; it is used up. */
function onWhite(bitmap, width, height, smoothing = "low") {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = smoothing;
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return context;
}

/** Whether most of a picture is neither of one ground nor lines on it. */
export async function isPhotograph(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return false; // the server says what is wrong with it
  }
  const { data } = onWhite(bitmap, SIDE, SIDE).getImageData(0, 0, SIDE, SIDE);
  const lightness = new Float32Array(SIDE * SIDE);
  let coloured = 0;
  for (let i = 0; i < lightness.length; i++) {
    const [r, g, b] = data.subarray(4 * i, 4 * i + 3);
    lightness[i] = 0.3 * r + 0.59 * g + 0.11 * b;
    coloured += Math.max(r, g, b) - Math.min(r, g, b) > 28;
  }
  const levels = new Uint32Array(16);
  for (const value of lightness) levels[Math.min(15, Math.floor(value / 16))] += 1;
  // Paper takes up a few neighbouring levels, even in bad light; a face is spread over most of them.
  let ground = 0;
  for (let i = 0; i < 13; i++) {
    ground = Math.max(ground, levels[i] + levels[i + 1] + levels[i + 2] + levels[i + 3]);
  }
  const spread = 1 - ground / lightness.length;
  return spread > 0.35 && coloured / lightness.length > 0.2;
}
