// The code that a seed stands for, as runtime/engine.py draws it: NumPy's generator (PCG64, seeded by
// its SeedSequence) and its normal numbers (ziggurat), so that one seed is one person everywhere.

export const LENGTH = 512;
const SPREAD = 0.75;

const MASK = (1n << 128n) - 1n;
const MASK64 = (1n << 64n) - 1n;
const TIMES = (2549297995355413924n << 64n) | 4865540595714422341n;

/** The code of a seed, 0 to 2**32 - 1: Float32Array (512). */
export function codeOf(seed) {
  const next = generator(seed);
  return Float32Array.from({ length: LENGTH }, () => SPREAD * normal(next));
}

/** What gives the next 64 random bits of a seed. */
function generator(seed) {
  const words = spread(seed);
  const [a, b, c, d] = [0, 2, 4, 6].map((i) => BigInt(words[i]) | (BigInt(words[i + 1]) << 32n));
  const step = ((((c << 64n) | d) << 1n) | 1n) & MASK;
  let state = (step + ((a << 64n) | b)) & MASK;
  const go = () => (state = (state * TIMES + step) & MASK);
  go();
  return () => {
    go();
    const [mixed, turn] = [((state >> 64n) ^ state) & MASK64, state >> 122n];
    return ((mixed >> turn) | (mixed << (-turn & 63n))) & MASK64;
  };
}

/** Eight words of 32 bits that look like chance, of one. */
function spread(seed) {
  let constant = 0x43b0d7e5;
  const hashed = (value) => {
    value ^= constant;
    constant = Math.imul(constant, 0x931e8875);
    value = Math.imul(value, constant);
    return value ^ (value >>> 16);
  };
  const pool = [seed, 0, 0, 0].map(hashed);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      const value = Math.imul(pool[to], 0xca01f9dd) - Math.imul(hashed(pool[from]), 0x4973f715);
      pool[to] = value ^ (value >>> 16);
    }
  }
  constant = 0x8b51f9dd;
  return Array.from({ length: 8 }, (_, i) => {
    let value = pool[i % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    value = Math.imul(value, constant);
    return (value ^ (value >>> 16)) >>> 0;
  });
}

// 256 layers of equal area under the normal curve: where each ends, and how wide and high it is.
const END = 3.6541528853610088;
const AREA = 0.00492867323399;
const PARTS = 2 ** 52;
const [INSIDE, WIDE, HIGH] = layers();

function layers() {
  const [inside, wide, high] = [0, 0, 0].map(() => new Float64Array(256));
  const bell = (x) => Math.exp(-0.5 * x * x);
  const base = AREA / bell(END);
  inside[0] = (END / base) * PARTS;
  wide[0] = base / PARTS;
  wide[255] = END / PARTS;
  high[0] = 1;
  high[255] = bell(END);
  let before = END;
  for (let i = 254; i > 0; i--) {
    const x = Math.sqrt(-2 * Math.log(AREA / before + bell(before)));
    inside[i + 1] = (x / before) * PARTS;
    before = x;
    high[i] = bell(x);
    wide[i] = x / PARTS;
  }
  return [inside, wide, high];
}

const share = (next) => Number(next() >> 11n) / 2 ** 53;

function normal(next) {
  for (;;) {
    const bits = next();
    const layer = Number(bits & 255n);
    const whole = Number((bits >> 9n) & 0xfffffffffffffn);
    const x = whole * WIDE[layer] * ((bits >> 8n) & 1n ? -1 : 1);
    if (whole < INSIDE[layer]) return x;
    if (layer === 0) return tail(next, (whole / 256) & 1);
    if ((HIGH[layer - 1] - HIGH[layer]) * share(next) + HIGH[layer] < Math.exp(-0.5 * x * x)) {
      return x;
    }
  }
}

function tail(next, negative) {
  for (;;) {
    const x = -Math.log1p(-share(next)) / END;
    const y = -Math.log1p(-share(next));
    if (2 * y > x * x) return negative ? -(END + x) : END + x;
  }
}
