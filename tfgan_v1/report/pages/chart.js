"use strict";
// Curves over the steps of a run, or of several runs on one pair of axes.

const CHART = {left: 44, right: 10, top: 8, bottom: 24, height: 200};

const finite = values => values.filter(each => each !== null);

// A reference is a value, or a value and its name.
const referencesOf = curve => curve.references.map(each => Array.isArray(each) ? each : [each, ""]);

// The values that an axis covers: all means, and single steps without the most extreme hundredth.
function rangeOf(curve) {
  if (curve.range) return curve.range;
  let values = referencesOf(curve).map(([value]) => value);
  for (const {values: raw, mean, band} of curve.series) {
    const sorted = finite(raw).sort((a, b) => a - b), cut = mean ? Math.floor(sorted.length / 100) : 0;
    values = values.concat(sorted.slice(cut, sorted.length - cut), finite(mean || []), finite((band || []).flat()));
  }
  if (!values.length) return [0, 1];
  let low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  if (low > 0 && low < high / 2) low = 0;
  return low === high ? [low - 1, high + 1] : [low, high];
}

// A figure of a curve: {title, caption, description, x, series, range, references}, and `end` if its axis goes further than
// its values. A series is {name, values, mean}, of single steps and their running mean or null; it may have an `x` of its
// own, a `color` (a number), and a `band`, the lowest and the highest values. onPick: is given the place of a click.
function makeChart(curve, onPick) {
  const figure = html("figure"), heading = html("h2"), legend = html("p", "", {className: "legend"});
  const picture = svg("svg", {role: "img"}), caption = html("figcaption");
  figure.append(heading, legend, picture, caption);
  let scale = null, marker = null, dots = [];
  const xOf = series => series.x || curve.x;
  const styleOf = (series, i) => `c${(series.color ?? i) % 8}`;

  function label() {
    heading.textContent = translated(curve.title);
    caption.textContent = translated(curve.caption);
    picture.setAttribute("aria-label", translated(curve.description));
  }

  function draw(newCurve = curve) {
    curve = newCurve;
    label();
    legend.replaceChildren(...curve.series.map((series, i) => html("span", "", {className: styleOf(series, i)})));
    scale = scaleOf(curve, Math.max(160, picture.clientWidth));
    picture.replaceChildren();
    picture.setAttribute("viewBox", `0 0 ${scale.width} ${CHART.height}`);
    drawAxes(picture, curve, scale);
    curve.series.forEach((series, i) => drawSeries(picture, series, xOf(series), scale, styleOf(series, i)));
    drawNames(picture, curve, scale);
    marker = picture.appendChild(svg("line", {class: "marker", y1: CHART.top, y2: CHART.height - CHART.bottom}));
    dots = curve.series.map((series, i) => picture.appendChild(svg("circle", {class: styleOf(series, i), r: 4})));
  }

  // Shows the values at a place, with a line there.
  function mark(place) {
    marker.setAttribute("x1", scale.x(place));
    marker.setAttribute("x2", scale.x(place));
    figure.dataset.marker = place;
    curve.series.forEach((series, i) => {
      const at = nearest(xOf(series), place), value = (series.mean || series.values)[at] ?? series.values[at] ?? null;
      dots[i].setAttribute("cx", scale.x(series.x ? series.x[at] : place));  // a line of its own may end before
      dots[i].setAttribute("cy", value === null ? -99 : scale.y(value));
      legend.children[i].textContent = `${translated(series.name)} ${number(series.values[at] ?? null)}`;
    });
  }

  picture.addEventListener("click", event => {
    const box = picture.getBoundingClientRect();
    onPick(scale.placeAt((event.clientX - box.left) / box.width * scale.width));
  });
  label();
  return {figure, draw, mark};
}

function scaleOf(curve, width) {
  const [low, high] = rangeOf(curve), xs = [curve.x, ...curve.series.map(each => each.x || [])].flat();
  const first = xs.reduce((a, b) => Math.min(a, b), 0), end = xs.reduce((a, b) => Math.max(a, b), Math.max(curve.end ?? first, first + 1e-9));
  const across = width - CHART.left - CHART.right, up = CHART.height - CHART.top - CHART.bottom;
  return {
    width, low, high, first, end,
    x: value => CHART.left + (value - first) / (end - first) * across,
    y: value => CHART.top + (high - value) / (high - low) * up,
    placeAt: x => first + (x - CHART.left) / across * (end - first),
  };
}

function drawAxes(picture, curve, {width, low, high, first, end, x, y}) {
  const across = {x1: CHART.left, x2: width - CHART.right};
  for (const [each, label] of tickTexts(ticks(low, high))) {
    picture.append(svg("line", {class: "grid", ...across, y1: y(each), y2: y(each)}),
      svg("text", {x: CHART.left - 6, y: y(each) + 4, "text-anchor": "end"}, label));
  }
  for (const each of ticks(first, end, width < 380 ? 3 : 5)) {
    const anchor = x(each) > width - 40 ? "end" : "middle";
    picture.append(svg("text", {x: x(each), y: CHART.height - 6, "text-anchor": anchor}, number(each)));
  }
  for (const [value] of referencesOf(curve)) picture.append(svg("line", {class: "reference", ...across, y1: y(value), y2: y(value)}));
}

// The names of the references, over the lines.
function drawNames(picture, curve, {width, y}) {
  for (const [value, name] of referencesOf(curve).filter(each => each[1])) {
    const above = y(value) > CHART.top + 14 ? -5 : 14;
    picture.append(svg("text", {class: "name", x: width - CHART.right - 6, y: y(value) + above, "text-anchor": "end"}, name));
  }
}

function drawSeries(picture, {values, mean, band}, xs, {x, y}, style) {
  const point = (value, i) => `${x(xs[i]).toFixed(1)} ${limited(y(value), -CHART.height, CHART.height).toFixed(1)}`;
  const line = line => line.map((each, i) => each === null ? "" : (i && line[i - 1] !== null ? "L" : "M") + point(each, i)).join("");
  if (band) {
    const around = [...band[0].map(point), ...band[1].map(point).reverse()];
    picture.append(svg("path", {class: `band ${style}`, d: `M${around.join("L")}Z`}));
  }
  picture.append(svg("path", {class: `raw ${style}${mean ? "" : " alone"}`, d: line(values)}));
  if (mean) picture.append(svg("path", {class: `mean ${style}`, d: line(mean)}));
}
