"use strict";
// The page. `state` is all that a reader has chosen; `changed` draws what depends on a part of it.

const $ = id => document.getElementById(id);
const content = JSON.parse($("content").textContent);
const {noise, classes, directions, image_shape: shape} = content;
const isPoints = shape.length === 1, {center, deviation} = DISTRIBUTIONS[noise.distribution];
const SEEDS_SHOWN = isPoints ? 16 : 32, CLOUD = 2000, CHUNK = 100, MESH = 12, END = 3, BUDGET = 12;  // the last: milliseconds a frame
const state = {corners: [0, 1, 2, 3], x: 0, y: 0, moved: directions.map(() => 0), truncation: 1, class: null, second: 0, share: 0,
  first: 0, pair: [0, 1]};

// The weights by name, as doubles.
function readWeights() {
  const bytes = Uint8Array.from(atob($("weights").textContent), each => each.charCodeAt(0)).buffer;
  const numbers = content.float16 ? Array.from(new Uint16Array(bytes), fromHalf) : new Float32Array(bytes);
  let start = 0;
  return Object.fromEntries(Object.entries(content.shapes).map(([name, shape]) => {
    const end = start + sizeOf(shape), data = Float64Array.from(numbers.slice(start, end));
    start = end;
    return [name, value(shape, data)];
  }));
}

// The number that 16 bits of a half-precision float mean.
function fromHalf(bits) {
  const exponent = bits >> 10 & 31, fraction = bits & 1023;
  return (bits & 0x8000 ? -1 : 1) * (exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24);
}

const run = prepare(content.operations, readWeights(), content.inputs, "images");
const drawTimes = [];  // milliseconds of the last images

function generate(z, labels) {
  const before = performance.now(), result = run({noise: z, labels});
  drawTimes.push(performance.now() - before);
  if (drawTimes.length > 256) drawTimes.shift();
  return Float32Array.from(result);
}

const cached = make => {
  const found = new Map();
  return key => found.has(key) ? found.get(key) : found.set(key, make(key)).get(key);
};
const seedNoise = cached(seed => noiseOf(noise.distribution, noise.size, seed));
const seedClass = cached(seed => classOf(content.upper, seed));

// {z, labels} of a mixture: pairs [seed, weight]. moved: along the directions.
function latents(mixture, moved = state.moved) {
  const z = new Float32Array(noise.size), labels = new Float32Array(classes.length);
  for (const [seed, weight] of mixture) {
    seedNoise(seed).forEach((each, k) => { z[k] += weight * (each - center); });
    if (classes.length) labels[state.class ?? seedClass(seed)] += weight * (1 - state.share);
  }
  if (classes.length) labels[state.second] += state.share;
  for (let k = 0; k < z.length; k++) {
    z[k] = center + state.truncation * z[k] + moved.reduce((sum, amount, i) => sum + amount * deviation * directions[i][k], 0);
  }
  return {z, labels};
}

const draw = (mixture, moved) => { const {z, labels} = latents(mixture, moved); return generate(z, labels); };
const mixture = (x = state.x, y = state.y) => [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y].map((weight, i) => [state.corners[i], weight])
  .filter(([, weight]) => weight > 0);

// What is drawn when there is time: {key: function}; a key that waits keeps its place.
const waiting = new Map();
let frame = null;
function later(key, task) {
  waiting.set(key, task);
  frame ??= requestAnimationFrame(work);
}
function work() {
  const end = performance.now() + BUDGET;
  while (waiting.size && performance.now() < end) {
    const [key, task] = waiting.entries().next().value;
    waiting.delete(key);
    task();
  }
  frame = waiting.size ? requestAnimationFrame(work) : null;
  if (!frame) sayTime();
}

// Pixels [height, width, channels] from 0 to 1, on a canvas at a place.
function paint(canvas, pixels, left = 0, top = 0) {
  const [height, width, channels] = shape, image = new ImageData(width, height);
  for (let k = 0; k < width * height; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = Math.round(255 * pixels[k * channels + (channels === 3 ? c : 0)]);
    image.data[4 * k + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, left, top);
}

function sized(canvas, columns = 1, rows = 1) {
  [canvas.width, canvas.height] = [shape[1] * columns, shape[0] * rows];
  return canvas;
}

let language = new URLSearchParams(location.search).get("lang") || navigator.language;
language = language.startsWith("ko") ? "ko" : "en";
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const word = (name, values = {}) => fill(WORDS[language][name], values);
const count = value => value.toLocaleString(language);
const short = value => String(Number(value.toPrecision(3)));

// What the big picture shows, in words.
function describe() {
  const parts = mixture(), changed = state.moved.some(Boolean) || state.truncation !== 1 || state.share > 0;
  const name = state.class ?? (parts.length === 1 ? seedClass(parts[0][0]) : null);
  const seeds = parts.length === 1 ? word("seed", {seed: parts[0][0]})
    : parts.map(([seed, weight]) => word("part", {seed, share: Math.round(100 * weight)})).join(", ");
  const point = isPoints ? `(${Array.from(current, short).join(", ")})` : "";
  const text = seeds + (classes.length && name !== null ? word("inClass", {name: classes[name]}) : "") + (changed ? ` (${word("changed")})` : "");
  return point ? word("sentence", {text, point}) : text;
}

function sayTime() {
  const mean = drawTimes.reduce((sum, each) => sum + each, 0) / drawTimes.length;
  $("time").textContent = word(isPoints ? "timePoints" : "time", {value: String(Number(mean.toPrecision(2)))});
  document.body.dataset.ready = "true";
}

let current = null;  // the values of the big picture
function drawStage() {
  current = draw(mixture());
  if (isPoints) drawPlot();
  else paint($("image"), current);
  const text = describe(), place = {left: $("handle").style, pad: $("pad")};
  $("described").value = text;
  $("image").setAttribute("aria-label", isPoints ? word("pointOf", {count: count(CLOUD), text}) : word("imageOf", {text}));
  const at = value => `${100 * (isPoints ? value : (0.5 + value * (cells - 1)) / cells)}%`;
  [place.left.left, place.left.top] = [at(state.x), at(state.y)];
  place.pad.setAttribute("aria-valuenow", Math.round(100 * state.x));
  place.pad.setAttribute("aria-valuetext", text);
  const near = nearest();
  state.corners.forEach((_, i) => $(`corner_${i}`).classList.toggle("near", i === near));
  markCells();
}

// Points: the cloud of the first seeds, as [[value, ...], ...]; the box and the highest count at the start.
const cloud = [];
let box = null, highest = 0, mesh = [];
function drawPlot() {
  if (!box) return;
  if (mesh.length) plotPad($("map"), mesh, box);
  if (shape[0] === 1) plotHistogram($("image"), cloud, current, box, highest);
  else plotScatter($("image"), cloud, current, box, mesh, state.pair);
}
function cloudLater() {
  for (let start = 0; start < CLOUD; start += CHUNK) {
    later(`cloud ${start}`, () => {
      for (let seed = start; seed < start + CHUNK; seed++) cloud[seed] = Array.from(draw([[seed, 1]]));
    });
  }
  later("plot", () => {
    if (!box) {
      box = boxOf(cloud);
      highest = 1.3 * Math.max(...histogram(cloud.map(each => each[0]), box[0]));
    }
    drawPlot();
  });
}
function meshLater() {
  later("mesh", () => {
    const at = [...Array(MESH).keys()].map(each => each / (MESH - 1));
    mesh = at.map(y => at.map(x => draw(mixture(x, y))));
    drawPlot();
  });
}

let cells = 9;  // of a row of the pad's map
function mapLater() {
  if (isPoints) return meshLater();
  for (let k = 0; k < cells ** 2; k++) {
    const column = k % cells, row = Math.floor(k / cells);
    later(`map ${k}`, () => paint($("map"), draw(mixture(column / (cells - 1), row / (cells - 1))), column * shape[1], row * shape[0]));
  }
}
function endsLater() {
  if (isPoints) return;
  directions.forEach((_, i) => [-END, END].forEach((amount, side) => later(`end ${i} ${side}`, () =>
    paint($(`end_${i}_${side}`), draw(mixture(), state.moved.map((each, k) => k === i ? amount : each))))));
}
function gridLater() {
  for (const cell of $("grid").children) {
    const seed = state.first + Number(cell.dataset.index);
    later(`cell ${cell.dataset.index}`, () => {
      const result = draw([[seed, 1]]);
      if (isPoints) cell.firstChild.textContent = Array.from(result, short).join(", ");
      else paint(cell.firstChild, result);
    });
  }
}
function markCells() {
  const parts = mixture();
  for (const cell of $("grid").children) {
    const seed = state.first + Number(cell.dataset.index);
    cell.lastChild.textContent = seed;
    cell.setAttribute("aria-label", word("seed", {seed}) + (classes.length ? word("inClass", {name: classes[state.class ?? seedClass(seed)]}) : ""));
    cell.setAttribute("aria-pressed", parts.length === 1 && parts[0][0] === seed);
  }
}

const DRAWN = {  // by what was changed
  place: () => { drawStage(); endsLater(); },
  corners: () => { showControls(); drawStage(); mapLater(); endsLater(); },
  first: () => { showControls(); markCells(); gridLater(); },
  all: () => { showControls(); drawStage(); endsLater(); mapLater(); gridLater(); if (isPoints) cloudLater(); },
};
function changed(part) {
  document.body.dataset.ready = "false";
  DRAWN[part]();
  if (!waiting.size) sayTime();
}

const nearest = () => (state.x > 0.5) + 2 * (state.y > 0.5);
const seedIn = (text, most = 2 ** 32 - 1) => Math.max(0, Math.min(most, Math.floor(Number(text)) || 0));
function go(x, y) {
  [state.x, state.y] = [x, y].map(each => Math.round(1e4 * Math.max(0, Math.min(1, each))) / 1e4);
  changed("place");
}
function chooseSeed(seed) {
  state.corners[nearest()] = seed;
  [state.x, state.y] = [Math.round(state.x), Math.round(state.y)];
  changed("corners");
}

function save(canvas, name) {
  const link = Object.assign(document.createElement("a"), {href: canvas.toDataURL("image/png"), download: name});
  link.click();
}
// A canvas enlarged by a whole number, so that no side is below a number of pixels.
function enlarged(canvas, least) {
  const scale = Math.max(1, Math.floor(least / Math.max(canvas.width, canvas.height))), copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width * scale, canvas.height * scale];
  const context = copy.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(canvas, 0, 0, copy.width, copy.height);
  return copy;
}
function gridCanvas() {
  const columns = 8, gap = 2, shown = [...$("grid").children].map(each => each.firstChild), canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [columns * (shape[1] + gap) - gap, shown.length / columns * (shape[0] + gap) - gap];
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  shown.forEach((each, k) => context.drawImage(each, k % columns * (shape[1] + gap), Math.floor(k / columns) * (shape[0] + gap)));
  return canvas;
}

const STEPS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
function listenToPad() {
  const pad = $("pad");
  const at = event => {
    const rect = pad.getBoundingClientRect(), half = isPoints ? 0 : 0.5 / cells;
    go(...[(event.clientX - rect.left) / rect.width, (event.clientY - rect.top) / rect.height].map(each => (each - half) / (1 - 2 * half)));
  };
  pad.onpointerdown = event => { pad.setPointerCapture(event.pointerId); at(event); };
  pad.onpointermove = event => { if (event.buttons) at(event); };
  pad.onkeydown = event => {
    if (!(event.key in STEPS) || event.ctrlKey || event.metaKey || event.altKey) return;
    const [right, down] = STEPS[event.key], step = event.shiftKey ? 0.25 : 0.05;
    go(state.x + right * step, state.y + down * step);
    event.preventDefault();
  };
}

const element = (name, attributes = {}, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
};

function buildDirections() {
  $("directions").hidden = !directions.length;
  $("directions").classList.toggle("plain", isPoints);
  directions.forEach((_, i) => {
    const slider = element("input", {id: `direction_${i}`, type: "range", min: -4, max: 4, step: 0.05, value: 0});
    slider.oninput = () => { state.moved[i] = Number(slider.value); changed("all"); };
    const ends = isPoints ? [element("span", {textContent: i + 1})] : [0, 1].map(side => sized(element("canvas", {id: `end_${i}_${side}`})));
    ends.forEach(each => each.setAttribute("aria-hidden", true));
    const row = element("div", {className: "slider"}, ends[0], slider, ...ends.slice(1), element("output"));
    $("directions").append(row);
  });
}

function buildClasses() {
  $("classes").hidden = !classes.length;
  [null, ...classes.keys()].forEach(number => {
    const input = element("input", {type: "radio", name: "class", value: number ?? "own"});
    input.onchange = () => { state.class = number; changed("all"); };
    $("chips").append(element("label", {}, input, element("span", number === null ? {} : {textContent: classes[number], title: classes[number]})));
  });
  $("second").append(...classes.map((name, number) => element("option", {value: number, textContent: name})));
  $("second").onchange = event => { state.second = Number(event.target.value); changed("all"); };
  $("share").oninput = event => { state.share = Number(event.target.value) / 100; changed("all"); };
}

function buildGrid() {
  document.body.classList.toggle("points", isPoints);
  $("grid").style.setProperty("--cell", isPoints ? "8rem" : `${Math.max(64, Math.min(128, shape[1]))}px`);
  for (let index = 0; index < SEEDS_SHOWN; index++) {
    const cell = element("button", {className: "cell"}, isPoints ? element("strong") : sized(element("canvas")), element("span"));
    cell.dataset.index = index;
    cell.onclick = () => chooseSeed(state.first + index);
    $("grid").append(cell);
  }
  const move = first => { state.first = seedIn(first, 2 ** 32 - SEEDS_SHOWN); changed("first"); };
  $("first").onchange = event => move(event.target.value);
  $("previous").onclick = () => move(state.first - SEEDS_SHOWN);
  $("next").onclick = () => move(state.first + SEEDS_SHOWN);
  $("save_grid").hidden = isPoints;
  $("save_grid").onclick = () => save(enlarged(gridCanvas(), 1024), `seeds-${state.first}-${state.first + SEEDS_SHOWN - 1}.png`);
}

function buildPair() {
  const select = $("pair").querySelector("select");
  $("pair").hidden = !isPoints || shape[0] < 3;
  for (let i = 0; isPoints && i < shape[0]; i++) {
    for (let j = i + 1; j < shape[0]; j++) select.append(element("option", {value: `${i},${j}`, textContent: `${i + 1}, ${j + 1}`}));
  }
  select.onchange = () => { state.pair = select.value.split(",").map(Number); drawPlot(); };
}

function build() {
  buildDirections();
  buildClasses();
  buildGrid();
  buildPair();
  listenToPad();
  state.corners.forEach((_, i) => {
    $(`corner_${i}`).onchange = event => { state.corners[i] = seedIn(event.target.value); changed("corners"); };
  });
  $("truncation").oninput = event => { state.truncation = Number(event.target.value); changed("all"); };
  $("random").onclick = () => {
    state.corners = state.corners.map(() => Math.floor(Math.random() * 1e4));
    changed("corners");
  };
  $("reset").onclick = () => {
    Object.assign(state, {moved: directions.map(() => 0), truncation: 1, class: null, second: 0, share: 0});
    changed("all");
  };
  $("save").onclick = () => save(isPoints ? $("image") : enlarged($("image"), 512), `${describe().replace(/[^\p{L}\p{N}.-]+/gu, "-").replace(/^-|-$/g, "").slice(0, 80)}.png`);
  $("language").onclick = () => { language = WORDS[language].otherCode; sayAll(); changed("place"); };
  matchMedia("(prefers-color-scheme: dark)").onchange = drawPlot;
  if (isPoints) new ResizeObserver(drawPlot).observe($("image"));
}

// What the state says, in the controls.
function showControls() {
  const show = (input, value, text) => {
    input.value = value;
    input.parentElement.querySelector("output").value = text;
    input.setAttribute("aria-valuetext", text);
  };
  state.corners.forEach((seed, i) => { $(`corner_${i}`).value = seed; });
  state.moved.forEach((amount, i) => {
    show($(`direction_${i}`), amount, amount.toFixed(2));
    $(`direction_${i}`).setAttribute("aria-valuetext", word("deviations", {value: amount.toFixed(2)}));
  });
  show($("truncation"), state.truncation, state.truncation.toFixed(2));
  show($("share"), 100 * state.share, `${Math.round(100 * state.share)} %`);
  $("second").value = state.second;
  $("first").value = state.first;
  for (const input of $("chips").querySelectorAll("input")) input.checked = input.value === String(state.class ?? "own");
}

// All texts in the current language.
function sayAll() {
  document.documentElement.lang = language;
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word);
  const model = content.custom.includes("model") ? word("custom") : content.model;
  const weights = Object.values(content.shapes).reduce((sum, each) => sum + sizeOf(each), 0);
  $("title").textContent = document.title = word("title", {model, data: content.data});
  $("subtitle").textContent = word(isPoints ? "subtitlePoints" : "subtitle", {numbers: count(weights), bits: content.float16 ? 16 : 32, step: count(content.step)});
  $("stage_title").textContent = word(isPoints ? "point" : "image");
  $("about").textContent = word(directions.length ? "about" : "aboutPlain", {exported: content.exported_by});
  $("licence").textContent = content.licence;
  $("licence").lang = "en";
  Object.assign($("language"), {textContent: word("other"), lang: word("otherCode")});
  const labels = {pad: "pad", share: "share", previous: "previous", next: "next"};
  for (const [id, name] of Object.entries(labels)) $(id).setAttribute("aria-label", word(name));
  state.corners.forEach((_, i) => $(`corner_${i}`).setAttribute("aria-label", WORDS[language].corner[i]));
  directions.forEach((_, i) => $(`direction_${i}`).setAttribute("aria-label", word("direction", {number: i + 1})));
  if (classes.length) $("chips").querySelector("span").textContent = word("own");
  showControls();
}

// The size of the map by the time of an image, when the loops are compiled.
function chooseCells() {
  for (let seed = 0; seed < 8; seed++) draw([[seed, 1]]);
  const fastest = Math.min(...drawTimes);
  cells = fastest < 8 ? 9 : fastest < 30 ? 7 : 5;
  drawTimes.length = 0;
  if (isPoints) return;
  sized($("map"), cells, cells);
  sized($("image"));
}

build();
sayAll();
chooseCells();
changed("all");
