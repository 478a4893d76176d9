"use strict";
// The page of several runs side by side. A side is a run, or the runs of one configuration with several seeds.

Object.assign(WORDS, {
  panels: ["Samples", "샘플"],
  place: ["step or time", "스텝 또는 시간"],
  axis: ["Compare by", "비교 기준"],
  steps: ["steps", "스텝"],
  seconds: ["time", "시간"],
  training_time: ["Training time", "학습 시간"],
  more_differ: ["and {count} more, below", "외 {count}개는 아래에"],
  numbers: ["Last numbers", "마지막 수치"],
  differ: ["Options that differ", "다른 옵션"],
  same: ["All recorded options are the same.", "기록된 옵션이 모두 같습니다."],
  at_step: ["step {x}", "스텝 {x}"],
  ended: ["ended", "종료"],
  seed: ["seed", "시드"],
  seed_of: ["seed {seed}", "시드 {seed}"],
  of_seeds: ["{name}, median of {count} seeds", "{name}, 시드 {count}개의 중앙값"],
  sheet_of: ["{name}, {place}: {shown}", "{name}, {place}: {shown}"],
  range: ["{low} to {high}", "{low}~{high}"],
  of_real: ["real: {value}", "실제: {value}"],
  data: ["data", "데이터"],
  other_data: ["The runs have different data, so their losses and scores cannot be compared directly.",
    "실행마다 데이터가 달라 손실과 점수를 그대로 비교할 수 없습니다."],
  other_seeds: ["The seeds differ, and with them the noise: a sample of one run has no counterpart in another.",
    "시드가 달라 노이즈도 다릅니다. 한 실행의 샘플에 대응하는 샘플이 다른 실행에는 없습니다."],
  other_noise: ["The noise differs: a sample of one run has no counterpart in another.",
    "노이즈가 다릅니다. 한 실행의 샘플에 대응하는 샘플이 다른 실행에는 없습니다."],
  same_noise: ["All runs show samples of the same noise.", "모든 실행이 같은 노이즈의 샘플을 보여 줍니다."],
  same_images: ["All runs show samples of the same noise: compare images at the same place.",
    "모든 실행이 같은 노이즈의 샘플을 보여 줍니다. 같은 자리의 이미지를 비교하세요."],
  lines: ["Noisy curves are running means.", "변동이 큰 곡선은 이동 평균입니다."],
  lines_of_seeds: ["Line: median of the seeds; band: from the lowest to the highest.", "선은 시드의 중앙값, 띠는 최솟값부터 최댓값까지."],
  key_axis: ["steps or time", "스텝 또는 시간"],
});
WRITTEN.push(
  [/^steps$/i, "스텝"], [/^discriminator loss$/i, "판별자 손실"], [/^generator loss$/i, "생성자 손실"],
  [/^(.*) \(evaluate\)$/i, (_, name) => `${translated(name)} (evaluate)`],
  [/^([\d,]+) images of (.+)$/i, "$2의 이미지 $1장"], [/^([\d,]+) points of (.+)$/i, "$2의 점 $1개"],
  [/^(fake )?mean$/i, "평균"], [/^(fake )?variance$/i, "분산"], [/^(fake )?skewness$/i, "왜도"], [/^(fake )?kurtosis$/i, "첨도"],
  [/^wasserstein$/i, "바서슈타인 거리"], [/^kolmogorov smirnov$/i, "콜모고로프-스미르노프"],
  [/^frechet distance$/i, "프레셰 거리"], [/^precision$/i, "정밀도"], [/^recall$/i, "재현율"], [/^modes$/i, "모드 수"],
  [/^on mode$/i, "모드 위의 비율"], [/^reverse kl$/i, "역방향 KL"],
);

const comparison = JSON.parse(byId("comparison").textContent);
const {runs} = comparison;
// A run, or several with other seeds: {name, runs: numbers of runs}.
const sides = comparison.sides.map(([name, count], i, all) => {
  const before = all.slice(0, i).reduce((sum, [, each]) => sum + each, 0);
  return {name, runs: Array.from({length: count}, (_, j) => before + j)};
});
const NOISE = ["--seed", "--noise", "--noise-size", "--num-samples", "--conditional", "--class-frequencies"];
const PLACES = new Set(["--name", "--ckpt", "--samples", "--cache-dir", "--data-dir"]);  // options that change no result
for (const run of runs) {
  run.options = new Map(run.configuration.filter(([flag]) => !PLACES.has(flag)).map(([flag, value]) => [flag, value]));
  run.seed = run.options.get("--seed") ?? "";
}
const differs = values => new Set(values).size > 1;

// Between the known values, and the nearest of them outside; null if there is none.
function valueAt(xs, ys, x) {
  if (!xs.length) return null;
  let after = xs.findIndex(each => each >= x);
  if (after < 0) after = xs.length - 1;
  const before = Math.max(0, after - 1), width = xs[after] - xs[before];
  return width > 0 ? mixed(ys[before], ys[after], limited((x - xs[before]) / width, 0, 1)) : ys[after];
}

const median = values => {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

function duration(seconds) {
  const whole = Math.round(seconds), parts = [[3600, "h", "시간"], [60, "min", "분"], [1, "s", "초"]];
  if (seconds < 60) return `${seconds < 10 ? Number(seconds.toPrecision(2)) : whole}${language ? "초" : " s"}`;
  const shown = parts.map(([size, ...words], i) => [Math.floor(whole / size) % (i ? 60 : Infinity), words[language]]);
  return shown.filter(([count]) => count).slice(0, 2).map(([count, word]) => `${count}${language ? "" : " "}${word}`).join(" ");
}

const textOf = (axis, value) => axis === "steps" ? say("at_step", {x: Math.round(value).toLocaleString("en")}) : duration(value);

// A place of a run, in its own unit, on an axis.
function placeOn(axis, run, x) {
  const step = x * run.scale;
  return axis === "steps" ? step : valueAt(...run.clock, step);
}

// What the page shows of a run at a moment: its last recorded step until then, and the share of the way to the next.
function pointAt(run, axis, moment) {
  const places = run.points.map(each => placeOn(axis, run, each.x));
  const later = places.findIndex(each => each > moment + 1e-6), at = later < 0 ? places.length - 1 : Math.max(0, later - 1);
  const share = later > 0 ? limited((moment - places[at]) / (places[later] - places[at]), 0, 1) : 0;
  return {at, share, point: run.points[at], place: places[at], ended: later < 0 && moment > places[at] + 1e-6};
}

// The moments of the slider: all recorded steps of all runs.
function momentsOf(axis) {
  const all = runs.flatMap(run => run.points.map(each => placeOn(axis, run, each.x))).sort((a, b) => a - b);
  const apart = (all[all.length - 1] - all[0]) / 4000;
  return all.filter((each, i) => i === all.length - 1 || all[i + 1] - each > apart);
}

// What goes wrong at a place of a run, where its own numbers say so.
function diagnosesOf({diagnosis}, place) {
  const found = (diagnosis || []).filter(each => each.x <= place && place <= each.end && WORDS[each.kind]);
  return found.map(({kind}) => say(kind, {numbers: ""}));
}

// The panel of a run, or of several of which one is chosen. layers: those of points that are shown.
function makePanel({name, color, members}, number, layers, redraw) {
  const figure = html("figure", "", {className: `run${color}`}), heading = html("h2"), choice = html("select");
  const classes = html("div", "", {className: "classes"}), picture = html("img", "", {id: `grid${number}`, alt: "", tabIndex: 0});
  const plane = html("div", "", {className: "field"}), measured = html("div");
  const why = html("div", "", {className: "why"}), place = html("p", "", {className: "place"}), about = html("p"), options = html("p", "", {className: "options"});
  heading.append(html("span", name));
  if (members.length > 1) heading.append(choice);
  members.forEach(each => choice.append(html("option", "", {value: each})));
  choice.onchange = redraw;
  figure.setAttribute("aria-label", name);
  figure.append(heading, classes, picture, plane, place, measured, why, about, options);
  const run = () => runs[members[Math.max(0, choice.selectedIndex)]];
  const view = members.some(each => runs[each].field) ? makeField(plane, layers, measured) : null;

  function write() {
    choice.setAttribute("aria-label", say("seed"));
    for (const each of choice.options) each.textContent = say("seed_of", {seed: runs[each.value].seed});
    about.textContent = translated(run().subtitle);
    writeClasses(classes, run().field ? [] : run().classes, run().columns);  // points have no columns of classes
    writeOptions(options, run());
    picture.hidden = Boolean(run().field);
    plane.hidden = measured.hidden = !picture.hidden;
  }

  function show(axis, moment, between) {
    const {at, share, point, place: reached, ended} = pointAt(run(), axis, moment), unit = translated(point.label);
    const step = say("at_step", {x: Math.round(point.x * run().scale).toLocaleString("en")});
    const parts = [step, ...(unit === step ? [] : [unit])];
    if (run().clock) parts.push(duration(axis === "seconds" ? reached : placeOn("seconds", run(), point.x)));
    place.textContent = [...parts, ...(ended ? [say("ended")] : [])].join(" · ");
    if (run().field) view.show(run().field, at, between ? share : 0);
    else if (picture.src !== point.image) picture.src = point.image;
    why.replaceChildren(...diagnosesOf(run(), point.x).map(each => html("p", each)));
    picture.alt = say("sheet_of", {name, place: step, shown: translated(run().shown)});
  }

  return {figure, picture, name, write, show, run, choice, view, placeText: () => place.textContent};
}

// The first of the options that differ, but for those that the line above names.
const MOST_OPTIONS = 4, NAMED = new Set(["--model", "--dataset", "--epochs", "--steps"]);
function writeOptions(element, run) {
  const flags = differences().map(([flag]) => flag).filter(flag => !NAMED.has(flag)), own = flags.slice(0, MOST_OPTIONS).filter(flag => !["None", undefined].includes(run.options.get(flag)));
  element.replaceChildren(...own.flatMap(flag => [html("code", `${flag} ${run.options.get(flag)}`), " "]));
  if (flags.length > MOST_OPTIONS) element.append(say("more_differ", {count: flags.length - MOST_OPTIONS}));
}

// A panel for each side; for each run where there is but one side.
function panelsOf() {
  if (sides.length > 1) return sides.map(({name, runs: members}, color) => ({name, color, members}));
  const {name, runs: members} = sides[0];
  return members.length > 8 ? [{name, color: 0, members}] : members.map(each => ({name: runs[each].name, color: 0, members: [each]}));
}

// The lines of a side in a chart: of a run itself, of several their median and range.
function seriesOf(side, color, axis, find) {
  const lines = side.runs.map(each => [runs[each], find(runs[each])]).filter(([, found]) => found).map(([run, {curve, series}]) => {
    const known = (series.mean || series.values).map((value, i) => [placeOn(axis, run, curve.x[i]), value]).filter(([, value]) => value !== null);
    return {x: known.map(([x]) => x), values: known.map(([, value]) => value)};
  }).filter(line => line.x.length);
  if (!lines.length) return [];
  if (side.runs.length === 1) return [{name: side.name, color, mean: null, ...lines[0]}];
  const places = [...new Set(lines.flatMap(line => line.x))].sort((a, b) => a - b), every = Math.ceil(places.length / 400);
  const x = places.filter((_, i) => i % every === 0 || i === places.length - 1);
  const columns = x.map(place => lines.filter(line => place >= line.x[0] - 1e-9 && place <= line.x[line.x.length - 1] + 1e-9)
    .map(line => valueAt(line.x, line.values, place)));
  const band = [columns.map(each => Math.min(...each)), columns.map(each => Math.max(...each))];
  return [{name: say("of_seeds", {name: side.name, count: side.runs.length}), color, mean: null, x, values: columns.map(median), band}];
}

const curvesOf = ({curves, field, points}) => field ? [...curves, ...curvesOfField(field, points.map(each => each.x))] : curves;
const chartKey = curve => curve.key ?? curve.title;

// The lines that runs have in their own charts: {a key: {curve, i}}, of which each becomes a chart with all runs.
function linesOf(run) {
  return new Map(curvesOf(run).flatMap(curve => curve.series.map((series, i) => [`${chartKey(curve)}/${i}`, {curve, series, i}])));
}

// [key, the curve that makeChart takes] of each chart.
function chartsOf(axis) {
  const lines = new Map(runs.map(run => [run, linesOf(run)]));
  const keys = [...new Set([...lines.values()].flatMap(each => [...each.keys()]))];
  return keys.map(key => {
    const found = runs.map(run => lines.get(run).get(key)).filter(Boolean), {curve, series: {name}} = found[0];
    const title = curve.series.length > 1 ? `${translated(curve.title)}: ${translated(name)}` : translated(curve.title);
    const references = new Map(found.flatMap(referencesOfLine).map(each => [String(each), each]));
    const same = found.every(each => String(each.curve.range) === String(curve.range));
    const series = sides.flatMap((side, color) => seriesOf(side, color, axis, run => lines.get(run).get(key)));
    return [key, {title, caption: "", description: `${title}, ${say(axis)}`, x: [], series, references: [...references.values()], range: same ? curve.range : null}];
  });
}

// Losses have a named line each, of the equilibrium.
function referencesOfLine({curve, i}) {
  const ofEach = curve.references.length === curve.series.length && curve.references.every(Array.isArray);
  return ofEach ? [curve.references[i]] : curve.references;
}

function writeTable(table, rows) {
  const head = html("tr"), body = rows.map(([name, cells]) => {
    const row = html("tr");
    row.append(html("td", name), ...cells.map(each => {
      const [text, ...more] = [each].flat(), cell = html("td", text);
      cell.append(...more.map(line => html("small", line)));
      return cell;
    }));
    return row;
  });
  head.append(html("th"), ...sides.map((side, i) => html("th", side.name, {className: `run run${i}`, scope: "col"})));
  table.replaceChildren(head, ...body);
}

// The label of a number as the table shows it.
function written(text) {
  return text.replace(/\bkl\b/, "KL").replace("wasserstein", "Wasserstein").replace(/^./, first => first.toUpperCase());
}

// [the number, or of several seeds the median, what is below it].
function numberCell(label, found) {
  if (!found) return "";
  const shown = label === "seconds" ? duration : number, [middle, low, high] = found.slice(0, 3).map(shown);
  const real = found[3] === null ? "" : say("of_real", {value: number(found[3])});
  return [middle, ...(low === high ? [] : [say("range", {low, high})]), ...(real ? [real] : [])];
}

// [flag, of each side its value or values] of the options that differ.
function differences() {
  const flags = [...new Set(runs.flatMap(run => [...run.options.keys()]))];
  const valuesOf = (side, flag) => [...new Set(side.runs.map(each => runs[each].options.get(flag) ?? ""))];
  return flags.filter(flag => differs(runs.map(run => run.options.get(flag) ?? "")))
    .map(flag => [flag, sides.map(side => valuesOf(side, flag).join(", "))]);
}

function writeTables() {
  writeTable(byId("numbers"), comparison.numbers.map(([label, cells]) => [
    label === "seconds" ? say("training_time") : translated(written(label)), cells.map(each => numberCell(label, each))]));
  const data = comparison.other_data ? [[say("data"), sides.map(side => translated(runs[side.runs[0]].data))]] : [];
  writeTable(byId("options"), [...data, ...differences()]);
  byId("same").hidden = byId("options").rows.length > 1;
  byId("options").parentElement.hidden = byId("options").rows.length < 2;
}

// drawn: the runs that the panels show.
function writeNotes(drawn) {
  const [shown, all] = comparison.shown, seeds = differs(drawn.map(run => run.seed));
  const noise = differs(drawn.map(run => NOISE.map(flag => run.options.get(flag)).join())) || drawn.some(run => !run.fixed);
  const warnings = [...(comparison.other_data ? ["other_data"] : []), ...(noise ? [seeds ? "other_seeds" : "other_noise"] : [])];
  const plain = noise ? [] : [say(drawn.some(run => run.field) ? "same_noise" : "same_images")];
  if (shown < all) plain.push(say("thinned", {shown: shown.toLocaleString("en"), all: all.toLocaleString("en")}));
  byId("notes").replaceChildren(...warnings.map(each => html("p", say(each))), ...plain.map(each => html("p", each, {className: "plain"})));
  byId("lines").textContent = [say("lines"), ...(sides.some(side => side.runs.length > 1) ? [say("lines_of_seeds")] : [])].join(" ");
}

function writeKeys(field) {
  const rows = [["← →", "key_steps"], ["Home End", "key_ends"], ["Space", "key_play"], ["S", "key_slow"], ["T", "key_axis"],
    ...(field ? [[layersOf(field).map((_, i) => i + 1).join(" "), "key_layers"]] : []), ["?", "key_help"]];
  byId("keys").querySelector("dl").replaceChildren(...rows.flatMap(([keys, word]) => {
    const term = html("dt");
    term.append(...keys.split(" ").map(each => html("kbd", each)));
    return [term, html("dd", say(word))];
  }));
}

function startPage() {
  const kept = address.read(), charts = new Map(), timed = runs.every(run => run.clock);
  const layers = new Set(LAYERS.filter(each => !(kept.get("off") || "").split(",").includes(each)));
  const pair = (kept.get("columns") || "0,1").split(",").map(Number);
  let chosen = kept.has("lang"), axis = timed && kept.get("by") === "seconds" ? "seconds" : "steps", moments = momentsOf(axis);
  chooseLanguage(kept.get("lang"));
  const panels = panelsOf().map((each, i) => makePanel(each, i, layers, () => { write(); player.redraw(); }));
  byId("panels").append(...panels.map(each => each.figure));
  const grids = Object.fromEntries(panels.map(each => [each.picture.id, () => gridOf(each.picture, each.run().cell)]));
  const nameOf = (id, i) => {
    const panel = panels.find(each => each.picture.id === id);
    return say("image_of", {number: i + 1, name: `${panel.name}, ${panel.placeText()}`});
  };
  makeLens(grids, nameOf);
  // All runs on points have the layers of the one with the most.
  const fields = runs.map(each => each.field).filter(Boolean).sort((a, b) => layersOf(b).length - layersOf(a).length);
  const views = panels.map(each => each.view).filter(Boolean), redrawViews = () => { views.forEach(each => each.redraw()); remember(); };
  const switches = fields.length ? makeSwitches(fields[0], layers, redrawViews) : null;
  const pairs = fields.length && fields[0].dimensions > 2 ? makePairs(fields[0], pair, () => { views.forEach(each => each.setPair(pair)); remember(); }) : null;
  byId("switches").append(...[switches, pairs].filter(Boolean).map(each => each.element));
  byId("panels").classList.toggle("fields", Boolean(fields.length));
  if (pairs) views.forEach(each => each.setPair(pair));
  const player = makePlayer({
    count: moments.length, label: i => textOf(axis, moments[i]), show, smooth: () => fields.length > 0,
    keys: {
      ...Object.fromEntries(LAYERS.map((_, i) => [String(i + 1), () => switches?.toggle(i)])),
      t: () => setAxis(axis === "steps" ? "seconds" : "steps"), "?": () => byId("help").click(),
    },
  });

  function show(index, share) {
    const moment = share ? mixed(moments[index], moments[index + 1], share) : moments[index];
    for (const panel of panels) panel.show(axis, moment, share > 0);
    for (const chart of charts.values()) chart.mark(moment);
  }

  function setAxis(wanted) {
    if (wanted === "seconds" && !timed) return;
    const end = player.at === moments.length - 1, before = [axis, moments[player.at]];
    axis = wanted;
    moments = momentsOf(axis);
    player.setCount(moments.length);
    byId("axis").querySelector(`[value=${axis}]`).checked = true;
    player.moveTo(end ? moments.length - 1 : nearest(moments, moved(before, axis)));
    drawCharts();
  }

  // The same moment on the other axis: of the run that is the furthest then.
  function moved([from, moment], to) {
    const last = runs.map(run => [run, pointAt(run, from, moment)]).sort(([, a], [, b]) => b.place - a.place)[0];
    return placeOn(to, last[0], last[1].point.x);
  }

  function drawCharts() {
    for (const [key, curve] of chartsOf(axis)) {
      if (!charts.has(key)) {
        charts.set(key, makeChart(curve, place => { player.play(false); player.moveTo(nearest(moments, place)); }));
        byId("curves").append(charts.get(key).figure);
      }
      charts.get(key).draw({...curve, end: moments[moments.length - 1]});
    }
    player.redraw();
  }

  function write() {
    translatePage();
    panels.forEach(each => each.write());
    writeNotes(panels.map(each => each.run()));
    writeTables();
    writeKeys(fields[0]);
    switches?.write();
    pairs?.write();
  }

  byId("language").onclick = () => {
    chosen = true;
    chooseLanguage(LANGUAGES[1 - language]);
    write();
    drawCharts();
    remember();
  };
  byId("help").onclick = () => byId("keys").open ? byId("keys").close() : byId("keys").showModal();
  byId("axis").hidden = !timed;
  byId("axis").onchange = event => setAxis(event.target.value);
  byId("axis").querySelector(`[value=${axis}]`).checked = true;
  panels.forEach(({choice}, i) => { choice.selectedIndex = Math.max(0, Number(kept.get(`run${i}`)) || 0); });
  write();
  if (kept.has("slow")) player.setSlow(true);
  player.moveTo(kept.has("at") ? nearest(moments, Number(kept.get("at"))) : moments.length - 1);
  new ResizeObserver(drawCharts).observe(byId("curves"));
  drawCharts();
  stateOfPage = () => [
    ...(player.isLast ? [] : [["at", String(moments[player.at])]]), ...(axis === "steps" ? [] : [["by", axis]]),
    ...(layers.size < LAYERS.length ? [["off", LAYERS.filter(each => !layers.has(each)).join()]] : []),
    ...(pairs ? [["columns", pair.join()]] : []), ...(player.slow ? [["slow", true]] : []),
    ...panels.flatMap(({choice}, i) => choice.selectedIndex > 0 ? [[`run${i}`, String(choice.selectedIndex)]] : []),
    ...(chosen ? [["lang", LANGUAGES[language]]] : []),
  ];
}

startPage();
