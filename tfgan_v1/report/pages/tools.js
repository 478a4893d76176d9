"use strict";
// What all parts of a page share: elements, numbers, and numbers that are packed as text.

const byId = id => document.getElementById(id);

function html(name, text = "", attributes = {}) {
  return Object.assign(document.createElement(name), {textContent: text}, attributes);
}

function svg(name, attributes = {}, text = "") {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function number(value) {
  if (value === null || Number.isNaN(value)) return "NaN";
  if (value && Math.abs(value) < 0.001) return value.toExponential(1);
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

const limited = (value, low, high) => Math.max(low, Math.min(high, value));
const mixed = (from, to, share) => from + (to - from) * share;

// The index of the value that is nearest to x.
const nearest = (xs, x) => xs.reduce((best, each, i) => Math.abs(each - x) < Math.abs(xs[best] - x) ? i : best, 0);

// Round numbers in a range, `most` + 1 at most.
function ticks(low, high, most = 5) {
  const rough = (high - low) / most || 1, unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(each => each * unit).find(each => each >= rough);
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(i * step);
  return found;
}

// The texts of ticks: with the digits that tell one from the next, and short enough to stand beside an axis.
function tickText(value, step) {
  const size = Math.abs(value);
  if (size >= 1e4 || (size && size < 0.001)) return Number(value.toPrecision(3)).toExponential().replace("+", "");
  return size < step * 100 ? number(value) : String(Number(value.toPrecision(6)));
}

function tickTexts(values) {
  return values.map(each => [each, tickText(each, values[1] - values[0])]);
}

// Little-endian numbers of 16 bits, signed or not, from base64.
function unpacked(text, Kind) {
  const bytes = Uint8Array.from(atob(text), each => each.charCodeAt(0)), view = new DataView(bytes.buffer);
  const read = Kind === Int16Array ? "getInt16" : "getUint16";
  return Kind.from({length: bytes.length / 2}, (_, i) => view[read](2 * i, true));
}

// The colors of the style sheet as they are now: dark, light or printed.
const color = name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
