// The worker that draws, so that the page is never blocked: frames in, photos out. It also finds the
// place of a face, which takes as long as a photo.

import { Engine, threads } from "./engine.js";
import { missing } from "./hints.js";
import { placed, placing } from "./place.js";
import { smooth } from "./smooth.js";

let engine = null;
let known = new Map(); // the strokes of the last frame, smooth, by the page's numbers for them

const asked = {
  /** Starts, and makes `trials` photos: the first one is slower, it warms up. */
  async start({ provider, site, trials }) {
    engine = await Engine.on(provider, site, (share) => postMessage({ share }));
    let [took, trial] = [Infinity, null];
    for (let k = 0; k < trials; k++) {
      const begun = performance.now();
      trial = await engine.photo([trialStroke], trialFrame);
      took = Math.min(took, performance.now() - begun);
    }
    return { took, threads: threads(), trial: trial.pixels };
  },

  async photo({ frame, ids, fresh }) {
    for (const [id, points] of fresh) known.set(id, smooth(points));
    known = new Map(ids.map((id) => [id, known.get(id)]));
    const chains = [...known.values()];
    const begun = performance.now();
    const answer = await engine.photo(chains, frame);
    return { ...answer, missing: missing(chains), engine: performance.now() - begun };
  },

  place: ({ strokes }) => placing(strokes.map(smooth)),

  /** Lines from a file, brought to where faces belong. */
  bring({ lines }) {
    const chains = lines.map(smooth);
    const place = placing(chains);
    return lines.map((line) => Array.from(placed(Float64Array.from(line), place)));
  },
};

const turn = Array.from({ length: 40 }, (_, k) => (k / 39) * 2 * Math.PI);
const trialStroke = smooth(turn.flatMap((t) => [256 + 140 * Math.cos(t), 281 + 195 * Math.sin(t)]));
const QUICK = 0; // in the place of a size, as in what follows the pen
const trialFrame = { tolerance: 0, brush: null, appearance: {}, seed: 0, veil: false, size: QUICK };

addEventListener("message", async ({ data: { id, what, ...said } }) => {
  try {
    const done = await asked[what](said);
    postMessage({ id, done }, done.pixels ? [done.pixels.buffer] : []);
  } catch (problem) {
    postMessage({ id, failed: problem?.message || String(problem) });
  }
});
