"use strict";
// What D and G do to points: of one dimension as curves, of two as a map, of more as a pair of columns.

// The layers that can be switched, in the order of their keys 1, 2, 3 ...
const LAYERS = ["real", "fake", "d", "g", "gradient", "modes"];
function layersOf({dimensions, real, modes, grid, noise, steps}) {
  const has = {real, fake: true, d: grid && steps.every(each => !each || each.d), g: noise, gradient: steps.some(each => each?.gradient), modes};
  const drawn = {d: dimensions <= 2, g: dimensions <= 2, modes: dimensions >= 2};
  return LAYERS.filter(each => has[each] && drawn[each] !== false);
}

// The name of a column; a number is no name.
function nameOf({names, dimensions}, axis) {
  if (dimensions === 1) return "x";
  return /^\d+$/.test(names[axis]) ? say("column", {number: names[axis]}) : names[axis];
}

const stepsOfFields = new WeakMap();

// The numbers of a recorded step, unpacked at its first use; null where nothing was recorded.
function recorded(field, i) {
  if (!field.steps[i]) return null;
  if (!stepsOfFields.has(field)) stepsOfFields.set(field, new Map());
  const known = stepsOfFields.get(field);
  if (!known.has(i)) known.set(i, unpackStep(field, field.steps[i]));
  return known.get(i);
}

function unpackStep(field, step) {
  const vectors = (text, most) => Float32Array.from(unpacked(text, Int16Array), each => each / 32767 * most);
  return {
    ...step,
    d: step.d && unpackOutputs(step.d, step.d_range),
    g: step.g && unpackPositions(field, step.g),
    fake: step.fake && unpackPositions(field, step.fake),
    gradient: step.gradient && vectors(step.gradient, step.gradient_max),
    q: step.q || null,
  };
}

function unpackOutputs(text, [low, high]) {
  return Float32Array.from(unpacked(text, Uint16Array), each => low + each / 65535 * (high - low));
}

// Positions go to twice the box, as points may lie outside of it.
function unpackPositions({dimensions, low, high}, text) {
  return Float32Array.from(unpacked(text, Int16Array), (each, i) => {
    const axis = i % dimensions;
    return (low[axis] + high[axis]) / 2 + each / 32767 * 2 * (high[axis] - low[axis]);
  });
}

// The numbers at a share of the way from a recorded step to the next one.
function frameOf(field, i, share = 0) {
  const from = recorded(field, i), to = share ? recorded(field, i + 1) : null;
  if (!from || !to) return from;
  const frame = {...from};
  for (const name of ["d", "g", "fake", "gradient", "q"]) {
    if (from[name] && to[name] && from[name].length === to[name].length) frame[name] = from[name].map((each, k) => mixed(each, to[name][k], share));
  }
  for (const name of ["gradient_mean", "gradient_max"]) frame[name] = mixed(from[name], to[name], share);
  frame.d_range = from.d_range && from.d_range.map((each, k) => mixed(each, to.d_range[k], share));
  return frame;
}

// The points of a frame that lie within three deviations of each mode, the share of all that does, and how many modes are
// the nearest of such a point (VEEGAN's and PacGAN's protocol).
function modesOf(field, positions) {
  if (!field.modes) return null;
  const {centers, deviation} = field.modes, size = field.dimensions, caught = centers.map(() => 0);
  for (let k = 0; k < positions.length; k += size) {
    const distances = centers.map(center => Math.hypot(...center.map((each, axis) => each - positions[k + axis])));
    const best = distances.indexOf(Math.min(...distances));
    if (distances[best] <= 3 * deviation) caught[best] += 1;
  }
  const on = caught.reduce((a, b) => a + b, 0);
  return {caught, count: caught.filter(Boolean).length, share: on / Math.max(1, positions.length / size)};
}

// D's output at a position, between its values on the grid; null outside of the box.
function outputAt(field, d, position) {
  const at = position.map((each, axis) => (each - field.low[axis]) / (field.high[axis] - field.low[axis]) * (field.grid - 1));
  if (!d || !at.every(each => each >= 0 && each <= field.grid - 1)) return null;
  const corner = at.map(each => Math.min(field.grid - 2, Math.floor(each))), [x, y] = at.map((each, axis) => each - corner[axis]);
  const row = k => mixed(d[k * field.grid + corner[0]], d[k * field.grid + corner[0] + 1], x);
  return field.dimensions === 1 ? row(0) : mixed(row(corner[1]), row(corner[1] + 1), y);
}

// The optimal D for the densities of the real and the generated points: (arXiv:1406.2661, proposition 1), and with the
// targets of label smoothing; null where there is neither.
function optimalD(field, q) {
  if (!field.density || !q || !field.targets || field.scores) return null;
  const [real, fake] = field.targets, most = Math.max(...field.density);
  return field.density.map((p, k) => p + q[k] > most / 1000 ? (real * p + fake * q[k]) / (p + q[k]) : null);
}

// The length of the arrows is the same at all steps: a twentieth of the box for a gradient of the usual size.
function arrowScale(field) {
  const means = field.steps.filter(Boolean).map(each => each.gradient_mean).filter(each => each > 0).sort((a, b) => a - b);
  return means.length ? 0.06 * (field.high[0] - field.low[0]) / means[means.length >> 1] : 0;
}

// Calls a function whenever the screen has another number of pixels for each of CSS: by zoom, or on another screen.
function atNewResolution(redraw) {
  const again = () => { redraw(); atNewResolution(redraw); };
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", again, {once: true});
}

// A canvas of a field in an element. layers: a Set of LAYERS, which the caller may change before `redraw`. below: the
// element that gets the numbers of the frame, and D's output under the pointer.
function makeField(parent, layers, below = parent) {
  const canvas = html("canvas"), numbers = html("p", "", {className: "numbers"}), readout = html("p", "", {className: "readout soft"});
  canvas.setAttribute("role", "img");
  parent.append(canvas);
  below.append(numbers, readout);
  let field = null, index = 0, share = 0, pair = [0, 1], plot = null;

  function redraw() {
    if (!field || !parent.clientWidth) return;
    const frame = frameOf(field, index, share), width = canvas.clientWidth || parent.clientWidth;
    const height = heightOf(field, pair, width), ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = "12px system-ui, sans-serif";
    const draw = field.dimensions === 1 ? drawLine : drawPlane;
    plot = draw(context, {field, frame, layers, pair, width, height, colors: paletteOf()});
    numbers.textContent = frame ? numbersOf(field, frame, share).join("  ·  ") : say("unrecorded");
    canvas.setAttribute("aria-label", describe());
    if (!readout.dataset.at) readout.textContent = say(field.grid ? "point" : "point_place");
  }

  // One sentence of what the frame shows.
  function describe() {
    const frame = frameOf(field, index, share);
    return frame ? `${say(`field_${Math.min(3, field.dimensions)}`)}: ${numbersOf(field, frame, share).join(", ")}.` : say("unrecorded");
  }

  function read(event) {
    const frame = field && frameOf(field, index, share), box = canvas.getBoundingClientRect();
    if (!plot || !frame) return;
    const position = plot.positionAt(event.clientX - box.left, event.clientY - box.top);
    const output = field.grid ? outputAt(field, frame.d, position) : null;
    const place = position.map((each, k) => `${nameOf(field, field.dimensions > 1 ? pair[k] : 0)} ${number(each)}`).join(", ");
    readout.dataset.at = place;
    readout.textContent = output === null ? place : `${place}:  D ${number(output)}`;
  }

  canvas.addEventListener("pointermove", read);
  canvas.addEventListener("pointerdown", read);
  canvas.addEventListener("pointerleave", () => { readout.dataset.at = ""; redraw(); });
  new ResizeObserver(redraw).observe(parent);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  matchMedia("print").addEventListener("change", redraw);
  atNewResolution(redraw);
  return {
    canvas, redraw, describe,
    show(newField, i, between = 0) { [field, index, share] = [newField, i, between]; redraw(); },
    setPair(columns) { pair = columns; redraw(); },
  };
}

// The numbers of a frame as short texts: what was measured at this step, or, between two, what the points shown say.
function numbersOf(field, frame, share) {
  const shown = frame.fake ? modesOf(field, frame.fake) : null, scores = share ? {} : frame.scores || {}, texts = [];
  const measured = (name, value, unit = each => number(each)) => {  // with the value of real data, where it is known
    const real = scores[`real_${name}`];
    texts.push(say(`n_${name}`, {value: unit(value), real: Number.isFinite(real) ? ` (${say("real")} ${unit(real)})` : ""}));
  };
  if (shown) {
    texts.push(say("n_modes", {count: number(scores.modes ?? shown.count), all: field.modes.centers.length}));
    measured("on_mode", scores.on_mode ?? shown.share, each => `${number(100 * each)} %`);
  }
  for (const name of DISTANCES) if (Number.isFinite(scores[name])) measured(name, scores[name]);
  if (frame.d) texts.push(say("n_d", {low: number(frame.d_range[0]), high: number(frame.d_range[1])}));
  if (frame.gradient) texts.push(say("n_gradient", {value: number(frame.gradient_mean)}));
  return texts;
}

// Scores of a step that are distances: 0 at best.
const DISTANCES = ["reverse_kl", "sliced_wasserstein", "kl_divergence"];

// The curves of what a field records, at the places of its steps.
function curvesOfField(field, places) {
  const of = read => field.steps.map(each => { const value = each ? read(each) : null; return Number.isFinite(value) ? value : null; });
  const score = name => of(each => each.scores?.[name]), real = name => finite(score(`real_${name}`)).slice(-1);
  const chart = (key, series, range, references) => ({
    key, title: say(`${key}_curve`), caption: say(`${key}_caption`), description: say(`${key}_caption`), x: places, range, references,
    series: series.filter(each => finite(each.values).length).map(each => ({mean: null, ...each})),
  });
  const all = field.modes ? field.modes.centers.length : 1;
  return [
    chart("modes", field.modes ? [{name: say("modes_series"), values: score("modes").map(each => each === null ? null : each / all), color: 2},
      {name: say("on_series"), values: score("on_mode"), color: 1}] : [], [0, 1], real("on_mode")),
    ...DISTANCES.map(name => chart(name, [{name: say("generated"), values: score(name), color: 1}], null, [0, ...real(name)])),
    chart("gradient", [{name: say("gradient_series"), values: of(each => each.gradient_mean), color: 1}], null, [0]),
  ].filter(each => each.series.length);
}

function paletteOf() {
  return Object.fromEntries(["card", "ink", "soft", "line", "d", "g", "third", "fourth"].map(each => [each, color(each)]));
}

// ---- Drawing: a plot is a rectangle of the canvas with its scales.

// What is below the densities: the noise, its lines to the points and G as a curve.
const belowLine = ({noise}) => noise ? LINE.lines + LINE.curve : 30;

function heightOf(field, [a, b], width) {
  if (field.dimensions === 1) return Math.round(Math.min(width, 480) * 0.62) + LINE.rug + belowLine(field);
  const side = axis => field.high[axis] - field.low[axis];
  return Math.round(PLANE.top + PLANE.bottom + (width - PLANE.left - PLANE.right) * limited(side(b) / side(a), 0.6, 1.1));
}

function makePlot(left, top, width, height, [lowX, highX], [lowY, highY]) {
  const x = value => left + (value - lowX) / (highX - lowX) * width, y = value => top + (highY - value) / (highY - lowY) * height;
  return {left, top, width, height, right: left + width, bottom: top + height, x, y, lowX, highX, lowY, highY,
    backX: at => lowX + (at - left) / width * (highX - lowX), backY: at => highY - (at - top) / height * (highY - lowY)};
}

function inside(context, plot, draw) {
  context.save();
  context.beginPath();
  context.rect(plot.left, plot.top, plot.width, plot.height);
  context.clip();
  draw();
  context.restore();
}

function frameAround(context, plot, colors) {
  context.strokeStyle = colors.line;
  context.lineWidth = 1;
  context.strokeRect(plot.left + 0.5, plot.top + 0.5, plot.width - 1, plot.height - 1);
}

function text(context, words, x, y, align, style) {
  context.fillStyle = style;
  context.textAlign = align;
  context.fillText(words, x, y);
}

function dots(context, points, radius, fill, edge) {
  context.beginPath();
  for (const [x, y] of points) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 7);
  }
  if (edge) {
    [context.strokeStyle, context.lineWidth] = [edge, 2];
    context.stroke();
  }
  context.fillStyle = fill;
  context.fill();
}

function arrow(context, x, y, dx, dy) {
  const length = Math.hypot(dx, dy), head = Math.min(5, length * 0.5);
  if (length < 1.5) return;
  const [ux, uy] = [dx / length, dy / length], [endX, endY] = [x + dx, y + dy];
  context.moveTo(x, y);
  context.lineTo(endX, endY);
  context.moveTo(endX - head * (ux + 0.6 * uy), endY - head * (uy - 0.6 * ux));
  context.lineTo(endX, endY);
  context.lineTo(endX - head * (ux - 0.6 * uy), endY - head * (uy + 0.6 * ux));
}

// A line through points; a gap where a value is null.
function curve(context, xs, ys, style, width = 2, dash = []) {
  context.beginPath();
  xs.forEach((x, k) => {
    if (ys[k] === null) return;
    if (k && ys[k - 1] !== null) context.lineTo(x, ys[k]);
    else context.moveTo(x, ys[k]);
  });
  [context.strokeStyle, context.lineWidth, context.lineJoin] = [style, width, "round"];
  context.setLineDash(dash);
  context.stroke();
  context.setLineDash([]);
}

// ---- Two columns.

const PLANE = {left: 38, right: 8, top: 8, bottom: 24};

function drawPlane(context, {field, frame, layers, pair, width, height, colors}) {
  const [a, b] = pair, span = axis => [field.low[axis], field.high[axis]];
  const plot = makePlot(PLANE.left, PLANE.top, width - PLANE.left - PLANE.right, height - PLANE.top - PLANE.bottom, span(a), span(b));
  const places = positions => placesOf(plot, field.dimensions, positions, pair);
  const shows = layer => layers.has(layer) && layersOf(field).includes(layer);
  inside(context, plot, () => {
    if (frame?.d && shows("d") && field.grid) drawSurface(context, plot, field, frame, colors);
    if (frame?.g && shows("g") && field.noise) drawWarp(context, plot, places(frame.g), field.noise.grid, colors);
    if (shows("real")) dots(context, places(realOf(field)), 1.75, colors.d);
    if (shows("modes")) drawModes(context, plot, field, frame, pair, colors);
    if (frame?.gradient && shows("gradient")) drawArrows(context, plot, field, frame, places(frame.fake), pair, colors);
    if (frame?.fake && shows("fake")) dots(context, places(frame.fake), 2.5, colors.g, colors.card);
  });
  frameAround(context, plot, colors);
  drawTicks(context, plot, colors);
  if (field.dimensions > 2 || field.names[0] !== "x") {
    text(context, nameOf(field, a), plot.right - 4, plot.bottom - 6, "right", colors.ink);
    text(context, nameOf(field, b), plot.left + 6, plot.top + 14, "left", colors.ink);
  }
  return {positionAt: (x, y) => [plot.backX(x), plot.backY(y)]};
}

const realPoints = new WeakMap();
function realOf(field) {
  if (!realPoints.has(field)) realPoints.set(field, unpackPositions(field, field.real));
  return realPoints.get(field);
}

function placesOf(plot, size, positions, [a, b]) {
  return Array.from({length: positions.length / size}, (_, k) => [plot.x(positions[k * size + a]), plot.y(positions[k * size + b])]);
}

function drawTicks(context, plot, colors) {
  for (const [each, label] of tickTexts(ticks(plot.lowX, plot.highX))) text(context, label, limited(plot.x(each), plot.left + 8, plot.right - 8), plot.bottom + 16, "center", colors.soft);
  for (const [each, label] of tickTexts(ticks(plot.lowY, plot.highY))) text(context, label, plot.left - 6, limited(plot.y(each) + 4, plot.top + 10, plot.bottom), "right", colors.soft);
}

const rgb = text => (text.length === 4 ? text.replace(/[^#]/g, "$&$&") : text).match(/[0-9a-f]{2}/gi).map(each => parseInt(each, 16));

// D's output in the colors of what D takes points for: neutral at 0.5, or in the middle of the scores of this step.
function drawSurface(context, plot, field, frame, colors) {
  const size = field.grid, [low, high] = field.scores ? frame.d_range : [0, 1];
  const [neutral, real, fake] = [colors.card, colors.d, colors.g].map(rgb), picture = new ImageData(size, size);
  frame.d.forEach((value, k) => {
    const side = limited(2 * (value - low) / (high - low || 1) - 1, -1, 1), to = side > 0 ? real : fake;
    const at = 4 * ((size - 1 - Math.floor(k / size)) * size + k % size), strength = 0.6 * Math.abs(side) ** 0.6;
    for (let channel = 0; channel < 3; channel++) picture.data[at + channel] = mixed(neutral[channel], to[channel], strength);
    picture.data[at + 3] = 255;
  });
  const small = Object.assign(html("canvas"), {width: size, height: size});
  small.getContext("2d").putImageData(picture, 0, 0);
  const [cellX, cellY] = [plot.width / (size - 1), plot.height / (size - 1)];
  context.imageSmoothingQuality = "high";
  context.drawImage(small, plot.left - cellX / 2, plot.top - cellY / 2, size * cellX, size * cellY);
}

// G's image of a grid of noise. Each cell holds the same share of G's points, so a small one is dense, and opaque.
function drawWarp(context, plot, places, size, colors) {
  const usual = plot.width * plot.height / (size - 1) ** 2 / 8;
  context.fillStyle = context.strokeStyle = colors.fourth;
  if (places.length < size * size) {  // of one value of noise: a curve
    context.lineWidth = 2;
    context.beginPath();
    places.forEach(([x, y], i) => i ? context.lineTo(x, y) : context.moveTo(x, y));
    return context.stroke();
  }
  context.lineWidth = 0.6;
  for (let row = 0; row < size - 1; row++) {
    for (let column = 0; column < size - 1; column++) {
      const k = row * size + column, corners = [places[k], places[k + 1], places[k + size + 1], places[k + size]];
      const area = Math.abs(corners.reduce((sum, [x, y], i) => sum + x * corners[(i + 1) % 4][1] - corners[(i + 1) % 4][0] * y, 0)) / 2;
      context.beginPath();
      corners.forEach(([x, y], i) => i ? context.lineTo(x, y) : context.moveTo(x, y));
      context.closePath();
      context.globalAlpha = 0.03 + 0.6 * usual / (usual + area);
      context.fill();
      context.globalAlpha = 0.35;
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

function drawModes(context, plot, field, frame, [a, b], colors) {
  const found = frame?.fake ? modesOf(field, frame.fake).caught : field.modes.centers.map(() => 0);
  const radius = (span, pixels) => Math.max(10, 3 * field.modes.deviation / span * pixels);
  const [wide, high] = [radius(plot.highX - plot.lowX, plot.width), radius(plot.highY - plot.lowY, plot.height)];
  field.modes.centers.forEach((center, k) => {
    context.beginPath();
    context.ellipse(plot.x(center[a]), plot.y(center[b]), wide, high, 0, 0, 7);
    context.setLineDash(found[k] ? [] : [3, 3]);
    [context.strokeStyle, context.lineWidth] = found[k] ? [colors.third, 2.5] : [colors.ink, 1.25];
    context.stroke();
  });
  context.setLineDash([]);
}

function drawArrows(context, plot, field, frame, places, [a, b], colors) {
  const scale = arrowScale(field), longest = plot.width / 6, size = field.dimensions;
  const perX = scale / (plot.highX - plot.lowX) * plot.width, perY = scale / (plot.highY - plot.lowY) * plot.height;
  context.beginPath();
  places.forEach(([x, y], k) => {
    if (k % 2) return;  // half of them are enough to see, and can be told apart
    const [dx, dy] = [frame.gradient[size * k + a] * perX, -frame.gradient[size * k + b] * perY];
    const short = Math.min(1, longest / (Math.hypot(dx, dy) || 1));
    arrow(context, x, y, dx * short, dy * short);
  });
  [context.strokeStyle, context.lineWidth, context.globalAlpha] = [colors.ink, 1, 0.55];
  context.stroke();
  context.globalAlpha = 1;
}

// ---- One column: densities with D above, then the points, then the way from z to x.

const LINE = {left: 38, right: 34, top: 26, rug: 58, lines: 104, curve: 150};

function drawLine(context, {field, frame, layers, width, height, colors}) {
  const across = [LINE.left, width - LINE.left - LINE.right], range = [field.low[0], field.high[0]];
  const upper = height - LINE.top - LINE.rug - belowLine(field);
  const most = field.density ? 2 * Math.max(...field.density) : 1.1 * Math.max(...field.steps.flatMap(each => each?.q || []), 1e-9);
  const plot = makePlot(across[0], LINE.top, across[1], upper, range, [0, most]);
  const outputs = makePlot(across[0], LINE.top, across[1], upper, range, outputRange(field));
  const rug = makePlot(across[0], plot.bottom, across[1], LINE.rug, range, [0, 1]);
  inside(context, plot, () => {
    drawDensities(context, plot, field, frame, layers, colors);
    if (frame?.d && layers.has("d")) drawOutputs(context, outputs, field, frame, colors);
  });
  frameAround(context, plot, colors);
  drawLineTicks(context, plot, outputs, field, layers, colors);
  drawRug(context, rug, field, frame, layers, colors);
  const curves = [makePlot(across[0], rug.bottom, across[1], LINE.lines, range, [0, 1]),
    makePlot(across[0], rug.bottom + LINE.lines + 26, across[1], LINE.curve - 34, range, field.noise ? [field.noise.low, field.noise.high] : [0, 1])];
  if (frame?.g && layers.has("g") && field.noise) drawNoise(context, curves, field, frame, colors);
  return {positionAt: x => [plot.backX(x)]};
}

// Probabilities are drawn from 0 to 1, scores in the range that they have in all of the run.
function outputRange(field) {
  if (!field.scores) return [0, 1];
  const ranges = field.steps.filter(each => each?.d_range).map(each => each.d_range);
  const [low, high] = [Math.min(...ranges.map(each => each[0])), Math.max(...ranges.map(each => each[1]))];
  return low < high ? [low, high] : [0, 1];
}

const gridX = (field, plot) => Array.from({length: field.grid}, (_, k) => plot.left + k / (field.grid - 1) * plot.width);

function drawDensities(context, plot, field, frame, layers, colors) {
  const area = (values, style) => {
    const xs = gridX(field, plot), ys = Array.from(values, plot.y);
    context.beginPath();
    context.moveTo(plot.left, plot.bottom);
    xs.forEach((x, k) => context.lineTo(x, ys[k]));
    context.lineTo(plot.right, plot.bottom);
    [context.fillStyle, context.globalAlpha] = [style, 0.18];
    context.fill();
    context.globalAlpha = 1;
    curve(context, xs, ys, style, 1.75);
  };
  if (field.density && layers.has("real")) area(field.density, colors.d);
  if (frame?.q && layers.has("fake")) area(frame.q, colors.g);
}

function drawOutputs(context, plot, field, frame, colors) {
  const xs = gridX(field, plot), optimal = optimalD(field, frame.q);
  if (optimal) curve(context, xs, optimal.map(each => each === null ? null : plot.y(each)), colors.third, 2, [6, 4]);
  curve(context, xs, Array.from(frame.d, plot.y), colors.ink, 2);
}

function drawLineTicks(context, plot, outputs, field, layers, colors) {
  for (const [each, label] of tickTexts(ticks(plot.lowY, plot.highY))) text(context, label, plot.left - 6, limited(plot.y(each) + 4, plot.top + 8, plot.bottom), "right", colors.d);
  if (!layersOf(field).includes("d") || !layers.has("d")) return;
  for (const [each, label] of tickTexts(ticks(outputs.lowY, outputs.highY))) text(context, label, plot.right + 6, limited(outputs.y(each) + 4, plot.top + 8, plot.bottom), "left", colors.ink);
  let left = plot.left;
  for (const [words, style, dash] of [["D(x)", colors.ink, []], ...(field.targets && !field.scores && field.density ? [["D*(x)", colors.third, [6, 4]]] : [])]) {
    curve(context, [left, left + 22], [plot.top - 13, plot.top - 13], style, 2, dash);
    text(context, words, left + 27, plot.top - 9, "left", colors.ink);
    left += 80;
  }
}

// The points themselves: real ones above, generated ones below, with the way that G's loss moves them.
function drawRug(context, rug, field, frame, layers, colors) {
  const strokes = (values, top, bottom, style) => {
    context.beginPath();
    for (const each of values) {
      context.moveTo(rug.x(each), top);
      context.lineTo(rug.x(each), bottom);
    }
    [context.strokeStyle, context.lineWidth, context.globalAlpha] = [style, 1, 0.4];
    context.stroke();
    context.globalAlpha = 1;
  };
  inside(context, rug, () => {
    if (layers.has("real")) strokes(realOf(field).slice(0, 250), rug.top + 3, rug.top + 13, colors.d);
    if (frame?.fake && layers.has("fake")) strokes(frame.fake, rug.top + 15, rug.top + 25, colors.g);
    if (frame?.fake && frame.gradient && layers.has("gradient")) drawRugArrows(context, rug, field, frame, colors);
  });
  for (const [each, label] of tickTexts(ticks(rug.lowX, rug.highX))) text(context, label, limited(rug.x(each), rug.left + 8, rug.right - 8), rug.bottom - 2, "center", colors.soft);
}

// One arrow for the points in each of ARROWS parts of the axis: their mean.
const ARROWS = 28;
function drawRugArrows(context, rug, field, frame, colors) {
  const scale = arrowScale(field) / (rug.highX - rug.lowX) * rug.width, part = rug.width / ARROWS;
  const sums = Array.from({length: ARROWS}, () => [0, 0, 0]);
  frame.fake.forEach((x, k) => {
    const sum = sums[Math.floor((rug.x(x) - rug.left) / part)];
    if (sum) [1, rug.x(x), frame.gradient[k]].forEach((each, i) => { sum[i] += each; });
  });
  context.beginPath();
  for (const [count, x, slope] of sums.filter(each => each[0])) {
    arrow(context, x / count, rug.top + 33, limited(slope / count * scale, -1.5 * part, 1.5 * part), 0);
  }
  [context.strokeStyle, context.lineWidth] = [colors.ink, 1.25];
  context.stroke();
}

// Lines from z, on the lower axis, to x = G(z), on the upper one; below, G as a curve: x to the right, z upwards.
function drawNoise(context, [lines, plot], field, frame, colors) {
  const {low, high, grid, values} = field.noise, every = Math.ceil(grid / 61);  // lines side by side must not melt into one
  const z = values || Array.from({length: grid}, (_, k) => low + k / (grid - 1) * (high - low));
  const along = value => lines.left + (value - low) / (high - low) * lines.width;
  inside(context, lines, () => {
    context.beginPath();
    z.forEach((each, k) => {
      if (k % every) return;
      context.moveTo(lines.x(frame.g[k]), lines.top + 2);
      context.lineTo(along(each), lines.bottom - 16);
    });
    [context.strokeStyle, context.lineWidth, context.globalAlpha] = [colors.fourth, 1, 0.5];
    context.stroke();
    context.globalAlpha = 1;
  });
  for (const [each, label] of tickTexts(ticks(low, high))) text(context, label, limited(along(each), lines.left + 8, lines.right - 8), lines.bottom - 2, "center", colors.soft);
  text(context, "x = G(z)", 2, lines.top + 12, "left", colors.fourth);
  text(context, "z", lines.left - 8, lines.bottom - 3, "right", colors.fourth);
  inside(context, plot, () => curve(context, Array.from(frame.g, plot.x), z.map(plot.y), colors.fourth, 2.25));
  frameAround(context, plot, colors);
  for (const [each, label] of tickTexts(ticks(low, high))) text(context, label, plot.left - 6, limited(plot.y(each) + 4, plot.top + 8, plot.bottom), "right", colors.soft);
  text(context, "G(z)", plot.left + 8, plot.top + 16, "left", colors.fourth);
}

// What the picture shows that its legend does not say, as short sentences.
function captionsOf(field, layers) {
  const shows = layer => layers.has(layer) && layersOf(field).includes(layer), {noise, dimensions} = field, texts = [];
  if (shows("g")) {
    const kind = dimensions === 1 ? "about_line" : noise.size === 1 ? "about_curve" : "about_grid";
    texts.push(say(kind, {m: noise.grid, text: translated(noise.text)}));
    if (noise.size > dimensions) texts.push(say("about_slice", {others: noise.size - dimensions}));
  }
  if (shows("gradient")) texts.push(say("about_arrows"));
  if (shows("modes")) texts.push(say("about_modes"));
  return texts.join(" ");
}

// ---- Switches of layers, which are the legend, too. onChange: is called after a change. Returns {element, toggle, write}.
function makeSwitches(field, layers, onChange) {
  const element = html("fieldset", "", {className: "layers"}), available = layersOf(field);
  const boxes = available.map((layer, i) => {
    const label = html("label"), box = html("input", "", {type: "checkbox", checked: layers.has(layer)});
    box.dataset.layer = layer;
    box.onchange = () => { layers[box.checked ? "add" : "delete"](layer); onChange(); };
    label.append(box, html("i", "", {className: `swatch ${layer}${field.dimensions === 1 ? " line" : ""}`}), html("span"));
    label.title = `${i + 1}`;
    element.append(label);
    return box;
  });
  const write = () => {
    element.setAttribute("aria-label", say("layers"));
    boxes.forEach((box, i) => { box.parentElement.lastElementChild.textContent = say(layerWord(field, available[i])); });
  };
  write();
  return {element, write, toggle: i => boxes[i]?.click()};
}

const layerWord = (field, layer) => layer === "d" && field.scores ? "layer_scores"
  : field.dimensions === 1 && (layer === "g" || layer === "d") ? `layer_${layer}_1` : `layer_${layer}`;

// The choice of two columns among many.
function makePairs(field, pair, onChange) {
  const element = html("p", "", {className: "pairs"}), note = html("span", "", {className: "soft"});
  const selects = [0, 1].map(which => {
    const select = html("select");
    select.append(...field.names.map((_, i) => html("option", nameOf(field, i), {value: i, selected: i === pair[which]})));
    select.onchange = () => { pair[which] = Number(select.value); onChange(); };
    return select;
  });
  const write = () => {
    selects.forEach((select, which) => select.setAttribute("aria-label", say(which ? "column_up" : "column_across")));
    note.textContent = say("pairs", {all: field.dimensions});
  };
  element.append(...selects, note);
  write();
  return {element, write};
}
