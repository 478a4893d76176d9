"use strict";
// Plots of generated points: a histogram of one column, a scatter of two. All sizes are in CSS pixels.

const MARGIN = {left: 40, right: 12, top: 12, bottom: 28}, BINS = 48;

// Up to six round numbers in a range.
function ticks(low, high) {
  const rough = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(each => each * power).find(each => each >= rough), found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(Number((i * step).toPrecision(6)));
  return found;
}

// [low, high] of each column of the points, with a margin.
const boxOf = points => points[0].map((_, column) => {
  const values = points.map(each => each[column]), low = Math.min(...values), high = Math.max(...values);
  const margin = (high - low) * 0.08 || 1;
  return [low - margin, high + margin];
});

function histogram(values, [low, high]) {
  const counts = new Array(BINS).fill(0);
  for (const each of values) {
    const bin = Math.floor((each - low) / (high - low) * BINS);
    if (bin >= 0 && bin < BINS) counts[bin]++;
  }
  return counts;
}

// A cleared canvas: its context, its size and the page's colors.
function cleared(canvas) {
  const {clientWidth: width, clientHeight: height} = canvas, scale = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "line", "accent", "other", "well"];
  const color = Object.fromEntries(names.map(name => [name, style.getPropertyValue(`--${name}`).trim()]));
  context.scale(scale, scale);
  context.fillStyle = color.well;
  context.fillRect(0, 0, width, height);
  return {context, width, height, color};
}

// The color of a value of one column: from one of the page's two to the other.
function ramp(color, value, [low, high]) {
  const share = Math.max(0, Math.min(1, (value - low) / (high - low)));
  const parts = [1, 3, 5].map(at => [color.accent, color.other].map(each => parseInt(each.slice(at, at + 2), 16)));
  return `rgb(${parts.map(([from, to]) => Math.round(from + share * (to - from))).join()})`;
}

// The same, with ticks: also functions from values to places.
function axes(canvas, [xLow, xHigh], [yLow, yHigh]) {
  const {context, width, height, color} = cleared(canvas);
  const x = value => MARGIN.left + (value - xLow) / (xHigh - xLow) * (width - MARGIN.left - MARGIN.right);
  const y = value => height - MARGIN.bottom - (value - yLow) / (yHigh - yLow) * (height - MARGIN.top - MARGIN.bottom);
  [context.font, context.strokeStyle, context.fillStyle] = ["12px system-ui, sans-serif", color.line, color.soft];
  context.beginPath();
  for (const each of ticks(xLow, xHigh)) {
    context.moveTo(x(each), MARGIN.top);
    context.lineTo(x(each), height - MARGIN.bottom);
    context.textAlign = "center";
    context.fillText(each, x(each), height - 10);
  }
  for (const each of ticks(yLow, yHigh)) {
    context.moveTo(MARGIN.left, y(each));
    context.lineTo(width - MARGIN.right, y(each));
    context.textAlign = "right";
    context.fillText(each, MARGIN.left - 6, y(each) + 4);
  }
  context.stroke();
  return {context, x, y, color};
}

function ring(context, x, y, color) {
  context.beginPath();
  context.arc(x, y, 7, 0, 7);
  [context.lineWidth, context.strokeStyle, context.fillStyle] = [3, color.accent, color.well];
  context.fill();
  context.stroke();
}

// points, current: arrays of [value, ...]. box: see boxOf. highest: of the axis of counts.
function plotHistogram(canvas, points, current, box, highest) {
  const counts = histogram(points.map(each => each[0]), box[0]), width = (box[0][1] - box[0][0]) / BINS;
  const {context, x, y, color} = axes(canvas, box[0], [0, Math.max(highest, ...counts)]);
  context.globalAlpha = 0.75;
  counts.forEach((count, i) => {
    context.fillStyle = ramp(color, box[0][0] + (i + 0.5) * width, box[0]);
    const from = x(box[0][0] + i * width), to = x(box[0][0] + (i + 1) * width);
    context.fillRect(from, y(count), to - from - 1, y(0) - y(count));
  });
  context.globalAlpha = 1;
  ring(context, x(current[0]), y(0), color);
}

// mesh: rows of points, the image of the pad, or []. columns: [of x, of y].
function plotScatter(canvas, points, current, box, mesh, [i, j]) {
  const {context, x, y, color} = axes(canvas, box[i], box[j]);
  context.fillStyle = color.ink;
  context.globalAlpha = 0.35;
  for (const each of points) {
    context.beginPath();
    context.arc(x(each[i]), y(each[j]), 1.6, 0, 7);
    context.fill();
  }
  context.globalAlpha = 0.8;
  [context.strokeStyle, context.lineWidth] = [color.accent, 1];
  context.beginPath();
  for (const line of [...mesh, ...(mesh[0] || []).map((_, k) => mesh.map(row => row[k]))]) {
    line.forEach((each, k) => context[k ? "lineTo" : "moveTo"](x(each[i]), y(each[j])));
  }
  context.stroke();
  context.globalAlpha = 1;
  ring(context, x(current[i]), y(current[j]), color);
}

// The pad: of one column, its values by color; otherwise the lines whose images plotScatter draws.
function plotPad(canvas, mesh, box) {
  const {context, width, height, color} = cleared(canvas), count = mesh.length;
  mesh.forEach((row, j) => row.forEach((each, i) => {
    context.fillStyle = box.length === 1 ? ramp(color, each[0], box[0]) : color.well;
    context.fillRect(i / count * width, j / count * height, width / count + 1, height / count + 1);
  }));
  [context.strokeStyle, context.globalAlpha] = [color.accent, 0.6];
  context.beginPath();
  for (let k = 0; box.length > 1 && k < count; k++) {
    const [x, y] = [k / (count - 1) * width, k / (count - 1) * height];
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.moveTo(0, y);
    context.lineTo(width, y);
  }
  context.stroke();
}
