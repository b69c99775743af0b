// Instead of onnxruntime-web and the network: the photo is the sketch, dark on a tint of the seed's,
// so that the site can be tried where npm has not been.

export const env = { wasm: {} };

export class Tensor {
  constructor(type, data, dims) {
    Object.assign(this, { type, data, dims });
  }

  dispose() {}
}

const real = (data, dims) => new Tensor("float32", data, dims);

async function run({ sketch, code, size }) {
  const side = Number(size.data[0]) || 256; // quick ones too
  const step = side / 128;
  const photo = new Float32Array(3 * side * side);
  for (let i = 0; i < photo.length; i++) {
    const [channel, at] = [Math.floor(i / side ** 2), i % side ** 2];
    const [row, column] = [Math.floor(at / side), at % side].map((k) => Math.floor(k / step));
    photo[i] = 0.5 + 0.4 * Math.tanh(code.data[channel]) - sketch.data[row * 128 + column];
  }
  const attention = new Float32Array(4 * 64 * 64).fill(1, 0, 64 * 64);
  return {
    photo: real(photo, [1, 3, side, side]),
    attention: real(attention, [1, 4, 64, 64]),
    face: real(Float32Array.of(0.9), [1]),
  };
}

export const InferenceSession = { create: async () => ({ run }) };
