// The engine in the browser: what runtime/engine.py does around the model, with onnxruntime-web.

import { codeOf } from "./codes.js";
import { bring, forgetOthers } from "./fetching.js";
import { draw } from "./pen.js";

const CELLS = 64;
const COLOURS = ["skin", "hair", "lips", "clothes", "backdrop"];
const WIDTHS = [1, 5, 9, 13]; // pooling widths of the attention's branches
const MOST_THREADS = 4;

/** How many threads the page may have. */
export const threads = () =>
  self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;

export class Engine {
  #session;
  #ort;
  #code = { seed: null, values: null };

  /** The engine on `provider` ("wasm" or "webgpu"); `told` hears the share of the files that is here. */
  static async on(provider, site, told) {
    const { runtime, model } = site;
    const { library, glue, binary } = runtime[provider];
    const total = binary.bytes + model.bytes;
    let come = 0;
    const count = (bytes) => told(Math.min(1, (come += bytes) / total));
    const [wasmBinary, weights] = await Promise.all([bring(binary, count), bring(model, count)]);
    const ort = await import(library);
    // The address says where the binary would be; it is here already.
    Object.assign(ort.env.wasm, {
      wasmBinary: wasmBinary.buffer, numThreads: threads(), wasmPaths: { mjs: glue, wasm: binary.address },
    });
    const session = await ort.InferenceSession.create(weights, {
      executionProviders: [provider], graphOptimizationLevel: "all", logSeverityLevel: 3,
    });
    await forgetOthers([model, ...Object.values(runtime).map((one) => one.binary)].map((f) => f.address));
    return new Engine(ort, session);
  }

  constructor(ort, session) {
    [this.#ort, this.#session] = [ort, session];
  }

  /** The photo of smooth chains: {size, pixels (RGBA), veil, face}. */
  async photo(chains, { tolerance, brush, appearance, seed, veil, size }) {
    const raster = draw(chains, 128);
    const real = (values, dims) => new this.#ort.Tensor("float32", values, dims);
    const given = {
      sketch: real(Float32Array.from(raster, (value) => value / 255), [1, 1, 128, 128]),
      tolerance: real(wish(tolerance, brush), [1, 1, CELLS, CELLS]),
      appearance: real(conditionOf(appearance), [1, 24]),
      code: real(this.#codeOf(seed), [1, 512]),
      size: new this.#ort.Tensor("int64", BigInt64Array.of(BigInt(size)), []),
    };
    const made = await this.#session.run(given, ["photo", "attention", "face"]);
    const side = made.photo.dims[3];
    const answer = {
      size: side,
      pixels: pixelsOf(made.photo.data, side),
      veil: veil ? veilOf(made.attention) : null,
      face: made.face.data[0],
    };
    for (const tensor of [...Object.values(given), ...Object.values(made)]) tensor.dispose();
    return answer;
  }

  #codeOf(seed) {
    if (this.#code.seed !== seed) this.#code = { seed, values: codeOf(seed) };
    return this.#code.values.slice();
  }
}

/** What is asked for in each cell, -1 to 1. */
const wish = (tolerance, brush) =>
  Float32Array.from({ length: CELLS * CELLS }, (_, i) =>
    Math.max(-1, Math.min(1, tolerance + (brush ? brush[i] / 127 : 0))));

/** Appearance as a network sees it: values in [-1, 1], each with 1 for said. */
export function conditionOf(appearance) {
  const values = COLOURS.flatMap((name) => {
    const colour = appearance[name];
    if (!colour) return [0, 0, 0, 0];
    return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 127.5 - 1).concat(1);
  });
  const { age, sex } = appearance;
  values.push(...(age == null ? [0, 0] : [age / 50 - 1, 1]), ...(sex == null ? [0, 0] : [sex, 1]));
  return Float32Array.from(values);
}

/** Planes of red, green and blue in [-1, 1] as RGBA. */
function pixelsOf(planes, size) {
  const [count, pixels] = [size * size, new Uint8ClampedArray(4 * size * size)];
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < 3; k++) {
      pixels[4 * i + k] = Math.max(0, Math.min(255, Math.floor((planes[k * count + i] + 1) * 127.5 + 0.5)));
    }
    pixels[4 * i + 3] = 255;
  }
  return pixels;
}

/** The chosen tolerance, 0 to 255, one value for each of 64 x 64 cells. */
function veilOf({ data, dims: [, branches, side] }) {
  const cells = new Uint8Array(CELLS * CELLS);
  const step = Math.max(1, side / CELLS);
  for (let i = 0; i < cells.length; i++) {
    const [row, column] = [Math.floor(i / CELLS), i % CELLS].map((at) => Math.floor((at * side) / CELLS));
    let width = 0;
    for (let k = 0; k < branches; k++) {
      for (let r = 0; r < step; r++) {
        for (let c = 0; c < step; c++) {
          width += WIDTHS[k] * data[(k * side + row + r) * side + column + c];
        }
      }
    }
    const share = (width / step ** 2 - WIDTHS[0]) / (WIDTHS.at(-1) - WIDTHS[0]);
    cells[i] = Math.floor(255 * Math.max(0, Math.min(1, share)));
  }
  return { size: CELLS, cells };
}
