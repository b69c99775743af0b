// Tracer: moves the picture that lies under the paper to draw after, and scales it by its corners.

const HANDLE = 8; // half a handle, in pixels of the screen
const LEAST = 0.1;
const MOST = 10;

/** Its corners as far as they can be seen; those of a picture that is larger than the paper lie outside. */
function corners(paper) {
  const { left, top, width, height } = paper.tracingBox;
  return [[left, top], [left + width, top], [left + width, top + height], [left, top + height]];
}

export const tracer = {
  name: "tracer",

  start(paper, { x, y }) {
    const reach = (HANDLE + 8) / paper.scale;
    const scales = paper.tracing &&
      corners(paper).some(([cx, cy]) => Math.max(Math.abs(cx - x), Math.abs(cy - y)) < reach);
    return { x, y, was: paper.tracingAt, scales };
  },

  go(paper, { x, y, was, scales }, point) {
    if (!paper.tracing) return;
    if (!scales) return paper.placeTracing({ ...was, x: was.x + point.x - x, y: was.y + point.y - y });
    const far = (px, py) => Math.hypot(px - was.x, py - was.y);
    const scale = (was.scale * far(point.x, point.y)) / far(x, y);
    paper.placeTracing({ ...was, scale: Math.min(MOST, Math.max(LEAST, scale)) });
  },

  finish: (paper) => paper.onTracing(),

  draw(paper, gesture, context, { accent, paper: ground }) {
    if (!paper.tracing) return;
    const { left, top, width, height } = paper.tracingBox;
    context.strokeStyle = accent;
    context.lineWidth = 1.25 / paper.scale;
    context.strokeRect(left, top, width, height);
    context.fillStyle = ground;
    const half = HANDLE / paper.scale;
    for (const [x, y] of corners(paper)) {
      context.fillRect(x - half, y - half, 2 * half, 2 * half);
      context.strokeRect(x - half, y - half, 2 * half, 2 * half);
    }
  },
};
