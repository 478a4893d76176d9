"use strict";
// The page of one run.

const FOLLOW = 10000;  // milliseconds between two looks at a page that is being written
let run = JSON.parse(byId("run").textContent);

function startPage() {
  const kept = address.read();
  chooseLanguage(kept.get("lang"));
  const labelOf = i => placeText(run.points[i]);
  const charts = new Map();
  const layers = new Set(LAYERS.filter(each => !(kept.get("off") || "").split(",").includes(each)));
  const pair = (kept.get("columns") || "0,1").split(",").map(Number);
  let view = null, switches = null, pairs = null;  // of a field
  let chosen = kept.has("lang");  // the language, by the reader
  makeLens({
    sheet: () => gridOf(byId("sheet"), run.cell), real: () => gridOf(byId("real"), run.cell, byId("sheet")),
  }, nameOfImage);
  const player = makePlayer({
    count: run.points.length, label: labelOf, show, smooth: () => Boolean(run.field),
    keys: {...Object.fromEntries(LAYERS.map((_, i) => [String(i + 1), () => switches?.toggle(i)])), r: () => toggleReal(), f: () => byId("whole").click(), "?": () => byId("help").click()},
  });

  function nameOfImage(id, i) {
    const name = run.classes[i % run.columns % run.classes.length];
    const names = [name && say("class", {name}), id === "real" ? say("real") : labelOf(player.at)];
    return say("image_of", {number: i + 1, name: names.filter(Boolean).join(", ")});
  }

  function show(index, share) {
    const point = run.points[index], sheet = byId("sheet");
    if (view) view.show(run.field, index, share);
    else if (sheet.src !== point.image) sheet.src = point.image;
    sheet.alt = say("sheet", {shown: translated(run.shown), place: labelOf(index)});
    const place = share ? mixed(point.x, run.points[index + 1].x, share) : point.x;
    for (const chart of charts.values()) chart.mark(place);
    writeDiagnosis(run, point.x);
    if (view) describeSoon();
  }

  // For screen readers: what the picture shows, once it rests.
  function describeSoon() {
    clearTimeout(describeSoon.timer);
    describeSoon.timer = setTimeout(() => {
      if (!player.playing) byId("description").textContent = `${labelOf(player.at)}. ${view.describe()}`;
    }, 500);
  }

  // What a field needs; its switches are made again when there are others.
  function prepareField() {
    const {field} = run, names = field ? layersOf(field).join() : "";
    if (!field || names === byId("switches").dataset.layers) return;
    view = view || makeField(byId("field"), layers, byId("numbers"));
    switches = makeSwitches(field, layers, () => { view.redraw(); writeCaption(); remember(); });
    pairs = field.dimensions > 2 ? makePairs(field, pair, () => { view.setPair(pair); remember(); }) : null;
    if (pairs) view.setPair(pair);
    byId("switches").replaceChildren(switches.element, ...(pairs ? [pairs.element] : []));
    byId("switches").dataset.layers = names;
  }

  function writeCaption() {
    const shown = run.points.length ? `${translated(run.shown)}.` : say("none");
    const some = {shown: run.points.length.toLocaleString("en"), all: run.recorded.toLocaleString("en")};
    const thinned = run.points.length < run.recorded ? ` ${say("thinned", some)}` : "";
    byId("caption").textContent = (run.field ? captionsOf(run.field, layers) : shown) + thinned;
  }

  function toggleReal(on = !byId("grids").classList.contains("both")) {
    if (!run.real) return;
    byId("grids").classList.toggle("both", on);
    byId("compare").setAttribute("aria-pressed", on);
    remember();
  }

  function drawCharts() {
    const pick = place => { player.play(false); player.moveTo(indexAt(place)); };
    for (const curve of curvesOf(run)) {
      if (!charts.has(curve.key ?? curve.title)) {
        charts.set(curve.key ?? curve.title, makeChart(curve, pick));
        byId("curves").append(charts.get(curve.key ?? curve.title).figure);
      }
      charts.get(curve.key ?? curve.title).draw({...curve, end: run.points.length ? run.points[run.points.length - 1].x : 0});
    }
    if (run.points.length) player.redraw();
  }

  function writeTexts() {
    translatePage();
    writeHeader(run);
    writeOptions(run);
    writeKeys(run);
    writeCaption();
    switches?.write();
    pairs?.write();
    byId("real").alt = say("real_images");
  }

  // Shows a run that may have more steps than before, at the same place, or still at the end.
  function setRun(newRun) {
    const place = player.isLast ? Infinity : run.points[player.at].x, {share} = player;
    run = newRun;
    player.setCount(run.points.length);
    setPictures(run);
    prepareField();
    writeTexts();
    player.moveTo(indexAt(place), share);
    drawCharts();
  }

  function setLanguage() {
    chosen = true;
    chooseLanguage(LANGUAGES[1 - language]);
    writeTexts();
    drawCharts();
    remember();
  }

  byId("language").onclick = setLanguage;
  byId("help").onclick = () => byId("keys").open ? byId("keys").close() : byId("keys").showModal();
  byId("compare").onclick = () => toggleReal();
  byId("copy").onclick = copyCommand;
  if (matchMedia("(pointer: coarse)").matches) byId("enlarge").dataset.word = "tap";
  setPictures(run);
  prepareField();
  writeTexts();
  player.moveTo(startOf(kept));
  if (kept.has("real")) toggleReal(true);
  if (kept.has("slow")) player.setSlow(true);
  drawCharts();
  new ResizeObserver(drawCharts).observe(byId("curves"));
  new ResizeObserver(keepInView).observe(document.querySelector(".sheet"));
  window.addEventListener("resize", keepInView);
  stateOfPage = () => [
    ...(player.isLast ? [] : [["at", String(run.points[player.at].x)]]),
    ...(layers.size < LAYERS.length ? [["off", LAYERS.filter(each => !layers.has(each)).join()]] : []),
    ...(pairs ? [["columns", pair.join()]] : []),
    ...(byId("grids").classList.contains("both") ? [["real", true]] : []), ...(player.slow ? [["slow", true]] : []),
    ...(chosen ? [["lang", LANGUAGES[language]]] : []),
  ];
  window.addEventListener("hashchange", () => player.moveTo(startOf(address.read())));
  if (run.running) followRun(setRun);
}

// A picture that is higher than the window scrolls up to its end, and stays there.
function keepInView() {
  const sheet = document.querySelector(".sheet");
  sheet.style.top = `${Math.min(16, innerHeight - sheet.offsetHeight - 16)}px`;
}

// The index of the step at a place; the last one beyond all.
const indexAt = place => place === Infinity ? Math.max(0, run.points.length - 1) : nearest(run.points.map(each => each.x), place);
const startOf = kept => indexAt(kept.has("at") ? Number(kept.get("at")) || 0 : Infinity);

// The name of a step in the page's language.
const placeText = point => translated(point.label);

function setPictures({real, cell, classes, columns, points, running, field}) {
  byId("field").hidden = byId("switches").hidden = !field;
  byId("grids").hidden = Boolean(field);
  if (real && byId("real").src !== real) byId("real").src = real;
  byId("compare").hidden = !real;
  byId("whole").hidden = byId("sheet").hidden = !points.length || Boolean(field);
  byId("enlarge").hidden = !cell[0];
  byId("following").hidden = !running;
  for (const row of document.getElementsByClassName("classes")) writeClasses(row, classes, columns);
}

// What differs from the preset, but for what the title and the line below it say, and where the files are.
const ELSEWHERE = new Set(["--ckpt", "--samples", "--name", "--model", "--dataset"]);
function writeHeader({subtitle, configuration}) {
  byId("subtitle").textContent = translated(subtitle);
  const changes = configuration.filter(([name, , changed]) => changed && !ELSEWHERE.has(name));
  byId("changed").hidden = !configuration.length;
  byId("changed").firstElementChild.textContent = say(changes.length ? "differs" : "as_preset");
  byId("changes").replaceChildren(...changes.flatMap(([name, value]) => [html("code", value === "True" ? name : `${name} ${value}`), " "]));
}

function writeOptions({command, configuration}) {
  byId("made").hidden = !command;
  byId("command").textContent = command;
  byId("options").hidden = !configuration.length;
  byId("configuration").replaceChildren();
  for (const [name, value, changed] of configuration) {
    const row = byId("configuration").insertRow();
    row.className = changed ? "changed" : "";
    row.append(html("td", name), html("td", value));
  }
}

// The run's curves, and those of its field.
const curvesOf = ({curves, field, points}) => field ? [...curves, ...curvesOfField(field, points.map(each => each.x))] : curves;

// A text whose flags, such as --smooth 0.1, are code.
const withFlags = text => text.split(/(--[a-z][\w-]*(?: (?:\d[\d.]*\d|\d|r1))?)/).map((part, i) => i % 2 ? html("code", part) : part);

// Why it goes wrong, at a step where the run's own numbers say so.
function writeDiagnosis({diagnosis, docs}, place) {
  const notes = diagnosis.filter(each => each.x <= place && place <= each.end && WORDS[each.kind]).map(({kind, numbers}) => {
    const own = Object.entries(numbers || {}).map(([name, value]) => `${WORDS[`name_${name}`] ? say(`name_${name}`) : name.replace(/_/g, " ")} ${number(value)}`).join(", ");
    const note = html("p");
    note.append(...withFlags(say(kind, {numbers: own && `${language ? "" : " "}(${own})`})));
    note.append(" ", docs ? html("a", say("more"), {href: `${docs}#${ANCHORS[kind]}`}) : html("span", say("more_in"), {className: "soft"}));
    return note;
  });
  const words = notes.map(each => each.textContent).join();
  if (byId("diagnosis").textContent !== words) byId("diagnosis").replaceChildren(...notes);
}

const ANCHORS = {
  collapse: "mode-collapse", d_won: "the-discriminator-overpowers-the-generator", oscillation: "oscillation",
  bridges: "bridges", memorization: "overfitting",
};

function writeKeys({real, points, field}) {
  const rows = [["← →", "key_steps"], ["Home End", "key_ends"], ["Space", "key_play"], ["S", "key_slow"],
    ...(real ? [["R", "key_real"]] : []), ...(points.length && !field ? [["F", "key_whole"]] : []),
    ...(field ? [[layersOf(field).map((_, i) => i + 1).join(" "), "key_layers"]] : []), ["?", "key_help"]];
  byId("keys").querySelector("dl").replaceChildren(...rows.flatMap(([keys, word]) => {
    const term = html("dt");
    term.append(...keys.split(" ").map(each => html("kbd", each)));
    return [term, html("dd", say(word))];
  }));
}

function copyCommand() {
  getSelection().selectAllChildren(byId("command"));
  document.execCommand("copy");  // the clipboard API is not there on pages from a disk in every browser
  byId("copy").textContent = say("copied");
  setTimeout(() => { byId("copy").textContent = say("copy"); }, 4000);
}

function followRun(setRun) {
  let frame = null, before = byId("run").textContent;
  const [page] = location.href.split("#");
  const timer = setInterval(() => {
    if (document.hidden) return;
    frame?.remove();
    frame = html("iframe", "", {hidden: true});
    frame.setAttribute("src", `${page}${page.includes("?") ? "&" : "?"}at=${Date.now()}#feed`);  // no copy that a browser keeps
    document.body.append(frame);
  }, FOLLOW);
  window.addEventListener("message", event => {
    if (!frame || event.source !== frame.contentWindow) return;
    frame.remove();
    frame = null;
    if (event.data === before) return;
    before = event.data;
    const newRun = JSON.parse(event.data);
    if (!newRun.running) clearInterval(timer);
    setRun(newRun);
  });
}

// A page that follows a run opens itself unseen, and gets what it holds now as a message: from a disk, no script may
// read a file. Nothing that the reader has opened, chosen or scrolled to changes.
if (location.hash === "#feed" && parent !== window) parent.postMessage(byId("run").textContent, "*");
else startPage();
