"use strict";
// The noise of a seed, as tfgan_v1 draws it with TensorFlow: Philox4x32-10 (Salmon et al. 2011) maps a key and a counter
// to four random words; uniform values are their last 23 bits, normal ones Box and Muller's transform of pairs of them.

const SEEDS = 2, SEED_CLASSES = 5;  // streams: of the noise, and of the classes of a conditional run

// The two halves of the product of two unsigned words of 32 bits.
function multiply(a, b) {
  const low = (a & 0xffff) * b, high = (a >>> 16) * b + Math.floor(low / 0x10000);
  return [Math.floor(high / 0x10000) >>> 0, Math.imul(a, b) >>> 0];
}

// Four words for a key of two and a counter of four.
function philox([k0, k1], [c0, c1, c2, c3]) {
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiply(0xd2511f53, c0), [high1, low1] = multiply(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    [k0, k1] = [(k0 + 0x9e3779b9) >>> 0, (k1 + 0xbb67ae85) >>> 0];
  }
  return [c0, c1, c2, c3];
}

// Batch number `index` of `size` words of a stream, for the seed 0.
function words(stream, index, size) {
  const counts = Math.ceil(size / 4), drawn = [];
  for (let i = 0; i < counts; i++) {
    const counter = index * counts + i;  // below 2^53 for all seeds
    drawn.push(...philox([0, stream], [counter >>> 0, Math.floor(counter / 2 ** 32), 0, 0]));
  }
  return drawn.slice(0, 4 * counts);
}

const unit = word => (word & 0x7fffff) / 0x800000;

function normals(drawn) {
  return drawn.map((_, i) => {
    const [first, second] = [drawn[i & ~1], drawn[i | 1]].map(unit);
    const radius = Math.sqrt(-2 * Math.log(Math.max(first, 1e-7))), angle = 2 * Math.PI * second;
    return radius * (i & 1 ? Math.cos(angle) : Math.sin(angle));
  });
}

const DISTRIBUTIONS = {  // words -> values; the middle of the distribution, and its standard deviation
  uniform: {draw: drawn => drawn.map(word => 2 * unit(word) - 1), center: 0, deviation: Math.sqrt(1 / 3)},
  unit: {draw: drawn => drawn.map(unit), center: 0.5, deviation: Math.sqrt(1 / 12)},
  normal: {draw: normals, center: 0, deviation: 1},
};

// The noise of a seed in [0, 2^32): `size` values of a distribution.
const noiseOf = (distribution, size, seed) => Float32Array.from(
  DISTRIBUTIONS[distribution].draw(words(SEEDS, seed, size)).slice(0, size));

// The number of the class of a seed where none is given. upper: the sums of the classes' frequencies so far, float32.
function classOf(upper, seed) {
  const below = unit(words(SEED_CLASSES, seed, 1)[0]);
  return upper.findIndex(each => below < each);
}
