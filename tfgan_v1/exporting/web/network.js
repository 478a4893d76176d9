"use strict";
// A generator for one image at a time. Operations: those of run_in_numpy.py. Values are doubles, in buffers that every
// image uses again; each operation is prepared once, when shapes are known, as a function without arguments.

const sizeOf = shape => shape.reduce((product, each) => product * each, 1);

// Calculates one value of the result at a time, from those of operands that NumPy's broadcasting pairs with it.
const ELEMENTWISE = {
  add: (out, a, i, b, j) => { for (let k = 0; k < out.length; k++) out[k] = a[i[k]] + b[j[k]]; },
  subtract: (out, a, i, b, j) => { for (let k = 0; k < out.length; k++) out[k] = a[i[k]] - b[j[k]]; },
  multiply: (out, a, i, b, j) => { for (let k = 0; k < out.length; k++) out[k] = a[i[k]] * b[j[k]]; },
  divide: (out, a, i, b, j) => { for (let k = 0; k < out.length; k++) out[k] = a[i[k]] / b[j[k]]; },
  maximum: (out, a, i, b, j) => { for (let k = 0; k < out.length; k++) out[k] = Math.max(a[i[k]], b[j[k]]); },
  minimum: (out, a, i, b, j) => { for (let k = 0; k < out.length; k++) out[k] = Math.min(a[i[k]], b[j[k]]); },
};
const ACTIVATIONS = {
  negative: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = -x[k]; },
  relu: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = x[k] > 0 ? x[k] : 0; },
  leaky_relu: (out, x, {slope}) => { for (let k = 0; k < out.length; k++) out[k] = x[k] > 0 ? x[k] : slope * x[k]; },
  elu: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = elu(x[k]); },
  selu: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = 1.0507009873554805 * elu(x[k], 1.6732632423543772); },
  softplus: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = Math.max(x[k], 0) + Math.log1p(Math.exp(-Math.abs(x[k]))); },
  erf: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = erf(x[k]); },
  erfc: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = 1 - erf(x[k]); },
  tanh: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = Math.tanh(x[k]); },
  sigmoid: (out, x) => { for (let k = 0; k < out.length; k++) out[k] = 1 / (1 + Math.exp(-x[k])); },
};

const elu = (x, scale = 1) => x > 0 ? x : scale * Math.expm1(x);

// The error function, by the series that has no differences: Abramowitz and Stegun, 7.1.6.
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * x, sum = term;
  for (let n = 1; Math.abs(term) > 1e-12 * Math.abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
  return sum;
}

// For each place of a result of `shape`, in order: where at(place) finds its value. place: an index for each axis.
function indices(shape, at) {
  const found = new Int32Array(sizeOf(shape)), place = shape.map(() => 0);
  for (let k = 0; k < found.length; k++) {
    found[k] = at(place);
    for (let axis = shape.length - 1; axis >= 0 && ++place[axis] === shape[axis]; axis--) place[axis] = 0;
  }
  return found;
}

// The position in an array of `shape` of an index for each of its axes.
const position = (shape, place) => place.reduce((sum, each, axis) => sum * shape[axis] + each, 0);

function broadcast(a, b) {
  const rank = Math.max(a.length, b.length);
  const [first, second] = [a, b].map(each => [...Array(rank - each.length).fill(1), ...each]);
  return first.map((each, axis) => each === 1 ? second[axis] : each);
}

const broadcastIndices = (shape, from) => indices(shape, place => position(from,
  place.slice(shape.length - from.length).map((each, axis) => from[axis] === 1 ? 0 : each)));

const value = (shape, data = new Float64Array(sizeOf(shape))) => ({shape, data});

// Four filters beside each other, so that a loop over inputs reads one after the other. weight(input, filter).
function pack(inputs, filters, weight) {
  const packed = new Float64Array(Math.ceil(filters / 4) * inputs * 4);
  for (let filter = 0; filter < filters; filter++) {
    for (let input = 0; input < inputs; input++) {
      packed[((filter >> 2) * inputs + input) * 4 + (filter & 3)] = weight(input, filter);
    }
  }
  return packed;
}

// Products of windows of x and all filters, two windows and four filters at a time. A window is `taps` runs of `run`
// values, `tapStep` apart. The window of row r and column c starts at r * rowStep + c * columnStep; its results go to
// start + r * rowOut + c * columnOut.
function products(x, out, packed, {rows, columns, filters, taps, run, tapStep, rowStep, columnStep, start, rowOut, columnOut}) {
  const inputs = taps * run;
  for (let filter = 0; filter < filters; filter += 4) {  // outermost: its weights stay in the cache
    const left = filters - filter;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column += 2) {
        const first = row * rowStep + column * columnStep, other = column + 1 < columns ? columnStep : 0;
        let a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0, w = filter * inputs;
        for (let tap = 0; tap < taps; tap++) {
          const begin = first + tap * tapStep, end = begin + run;
          for (let i = begin, j = begin + other; i < end; i++, j++, w += 4) {
            const a = x[i], b = x[j], w0 = packed[w], w1 = packed[w + 1], w2 = packed[w + 2], w3 = packed[w + 3];
            a0 += a * w0; a1 += a * w1; a2 += a * w2; a3 += a * w3;
            b0 += b * w0; b1 += b * w1; b2 += b * w2; b3 += b * w3;
          }
        }
        const to = start + row * rowOut + column * columnOut + filter;
        store(out, to, left, a0, a1, a2, a3);
        if (other) store(out, to + columnOut, left, b0, b1, b2, b3);
      }
    }
  }
}

function store(out, at, left, a, b, c, d) {
  out[at] = a;
  if (left > 1) out[at + 1] = b;
  if (left > 2) out[at + 2] = c;
  if (left > 3) out[at + 3] = d;
}

// A vector and a constant matrix.
function matmul([x, kernel]) {
  const [inputs, filters] = kernel.shape, out = value([1, filters]);
  const packed = pack(inputs, filters, (input, filter) => kernel.data[input * filters + filter]);
  const spec = {rows: 1, columns: 1, filters, taps: 1, run: inputs, tapStep: 0, rowStep: 0, columnStep: 0,
    start: 0, rowOut: 0, columnOut: 0};
  return [out, () => products(x.data, out.data, packed, spec)];
}

// A copy of an image with zeros around it: (the copy, a function that fills it).
function padded(x, [[top, bottom], [left, right]]) {
  const [, height, width, channels] = x.shape, wide = width + left + right;
  const copy = value([1, height + top + bottom, wide, channels]), length = width * channels;
  return [copy, () => {
    for (let row = 0; row < height; row++) {
      copy.data.set(x.data.subarray(row * length, (row + 1) * length), ((row + top) * wide + left) * channels);
    }
  }];
}

function conv2d([x, kernel], {stride, padding}) {
  const [source, fill] = padded(x, padding), [high, wide, channels, filters] = kernel.shape;
  const [rows, columns] = [[source.shape[1], high], [source.shape[2], wide]].map(
    ([size, taps]) => Math.floor((size - taps) / stride) + 1);
  const run = wide * channels, tapStep = source.shape[2] * channels, out = value([1, rows, columns, filters]);
  const packed = pack(high * run, filters, (input, filter) => kernel.data[input * filters + filter]);
  const spec = {rows, columns, filters, taps: high, run, tapStep, rowStep: stride * tapStep, columnStep: stride * channels,
    start: 0, rowOut: columns * filters, columnOut: filters};
  return [out, () => { fill(); products(source.data, out.data, packed, spec); }];
}

// Every stride-th row and column of the result is a convolution with every stride-th row and column of the kernel, from
// the last to the first: Shi et al. 2016, arXiv:1609.07009.
function conv2d_transpose([x, kernel], {stride, crop}) {
  const channels = x.shape[3], [high, wide, filters] = kernel.shape, around = Math.ceil(Math.max(high, wide) / stride);
  const [source, fill] = padded(x, [[around, around], [around, around]]), tapStep = source.shape[2] * channels;
  const [rows, columns] = crop.map(([first, end]) => end - first), out = value([1, rows, columns, filters]), parts = [];
  // Of the rows or columns from `phase` on: those of the kernel, the first window, the first result and their number.
  const along = (phase, size, [first, end]) => {
    const taps = Math.ceil((size - phase) / stride), window = Math.ceil((first - phase) / stride);
    return {taps, from: around - taps + 1 + window, to: stride * window + phase - first, count: Math.ceil((end - phase) / stride) - window};
  };
  for (let i = 0; i < stride; i++) {
    for (let j = 0; j < stride; j++) {
      const down = along(i, high, crop[0]), right = along(j, wide, crop[1]), run = right.taps * channels;
      const packed = pack(down.taps * run, filters, (input, filter) => {
        const tap = Math.floor(input / run), across = Math.floor(input % run / channels);
        const row = i + stride * (down.taps - 1 - tap), column = j + stride * (right.taps - 1 - across);
        return kernel.data[position(kernel.shape, [row, column, filter, input % channels])];
      });
      parts.push([packed, source.data.subarray(down.from * tapStep + right.from * channels), {rows: down.count, columns: right.count,
        filters, taps: down.taps, run, tapStep, rowStep: tapStep, columnStep: channels, start: (down.to * columns + right.to) * filters,
        rowOut: stride * columns * filters, columnOut: stride * filters}]);
    }
  }
  return [out, () => { fill(); for (const [packed, windows, spec] of parts) products(windows, out.data, packed, spec); }];
}

function elementwise(name, [a, b]) {
  const out = value(broadcast(a.shape, b.shape)), [i, j] = [a, b].map(each => broadcastIndices(out.shape, each.shape));
  return [out, () => ELEMENTWISE[name](out.data, a.data, i, b.data, j)];
}

function activation(name, [x], parameters) {
  const out = value(x.shape);
  return [out, () => ACTIVATIONS[name](out.data, x.data, parameters)];
}

// A result whose values are values of x: at(place) says which, by an index for each axis.
function gather(x, shape, at) {
  const out = value(shape), from = indices(shape, place => position(x.shape, at(place)));
  return [out, () => { for (let k = 0; k < from.length; k++) out.data[k] = x.data[from[k]]; }];
}

function slice([x], {ranges}) {
  const starts = x.shape.map((_, axis) => ranges[axis]?.[0] ?? 0);
  const shape = x.shape.map((size, axis) => (ranges[axis]?.[1] ?? size) - starts[axis]);
  return gather(x, shape, place => place.map((each, axis) => each + starts[axis]));
}

function tile([x], {repeats}) {
  return gather(x, x.shape.map((size, axis) => size * repeats[axis]), place => place.map((each, axis) => each % x.shape[axis]));
}

function depth_to_space([x], {size}) {
  const [, height, width, depth] = x.shape, channels = depth / size ** 2;
  return gather(x, [1, height * size, width * size, channels], ([, row, column, channel]) => [0, Math.floor(row / size),
    Math.floor(column / size), (row % size * size + column % size) * channels + channel]);
}

function concat(parts, {axis}) {
  const shape = parts[0].shape.slice();
  shape[axis] = parts.reduce((sum, each) => sum + each.shape[axis], 0);
  const out = value(shape);
  let before = 0;
  const places = parts.map(part => {
    const start = before;
    before += part.shape[axis];
    return indices(part.shape, place => position(shape, place.map((each, k) => k === axis ? each + start : each)));
  });
  return [out, () => parts.forEach((part, k) => places[k].forEach((to, from) => { out.data[to] = part.data[from]; }))];
}

const reshape = ([x], {shape}) => [value([1, ...shape.slice(1)], x.data), () => {}];

const OPERATIONS = {conv2d, conv2d_transpose, matmul, slice, tile, depth_to_space, concat, reshape};
for (const name in ELEMENTWISE) OPERATIONS[name] = (operands, _) => elementwise(name, operands);
for (const name in ACTIVATIONS) OPERATIONS[name] = (operands, parameters) => activation(name, operands, parameters);

// A function of the inputs by name, arrays of the values of one image, -> the values of the output, in a buffer that the
// next call overwrites. operations: as in generator.json. weights, inputs: {name: {shape, data}}, {name: shape}.
function prepare(operations, weights, inputs, output) {
  const values = new Map(Object.entries(weights)), steps = [];
  for (const [name, shape] of Object.entries(inputs)) values.set(name, value([1, ...shape.slice(1)]));
  for (const {operation, inputs: names, output: name, parameters} of operations) {
    const operands = names.map(each => typeof each === "number" ? value([], Float64Array.of(each)) : values.get(each));
    const [result, step] = OPERATIONS[operation](operands, parameters || {});
    values.set(name, result);
    steps.push(step);
  }
  return given => {
    for (const name in inputs) values.get(name).data.set(given[name]);
    for (const step of steps) step();
    return values.get(output).data;
  };
}
