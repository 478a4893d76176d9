"use strict";
// The page of one run.

const FOLLOW = 10000;  // milliseconds between two looks at a page that is being written
let run = JSON.parse(byId("run").textContent);

function startPage() {
  const kept = address.read();
  chooseLanguage(kept.get("lang"));
  const labelOf = i => placeText(run.points[i]);
  const charts = new Map();
  let chosen = kept.has("lang");  // the language, by the reader
  const lens = makeLens({
    sheet: () => gridOf(byId("sheet"), run.cell), real: () => gridOf(byId("real"), run.cell, byId("sheet")),
  }, nameOfImage);
  const player = makePlayer({
    count: run.points.length, label: labelOf, show,
    keys: {r: () => toggleReal(), f: () => byId("whole").click(), "?": () => byId("help").click()},
  });

  function nameOfImage(id, i) {
    const names = [run.classes[i % run.columns % run.classes.length], id === "real" ? say("real") : labelOf(player.at)];
    return say("image_of", {number: i + 1, name: names.filter(Boolean).join(", ")});
  }

  function show(index) {
    const point = run.points[index], sheet = byId("sheet");
    if (sheet.src !== point.image) sheet.src = point.image;
    sheet.alt = say("sheet", {shown: translated(run.shown), place: labelOf(index)});
    for (const chart of charts.values()) chart.mark(point.x);
  }

  function toggleReal(on = !byId("grids").classList.contains("both")) {
    if (!run.real) return;
    byId("grids").classList.toggle("both", on);
    byId("compare").setAttribute("aria-pressed", on);
    remember();
  }

  function drawCharts() {
    const pick = place => { player.play(false); player.moveTo(nearest(run.points.map(each => each.x), place)); };
    for (const curve of run.curves) {
      if (!charts.has(curve.title)) {
        charts.set(curve.title, makeChart(curve, pick));
        byId("curves").append(charts.get(curve.title).figure);
      }
      charts.get(curve.title).draw(curve);
    }
    if (run.points.length) player.redraw();
  }

  function writeTexts() {
    translatePage();
    writeHeader(run);
    writeOptions(run);
    writeKeys(run);
    byId("caption").textContent = run.points.length ? `${translated(run.shown)}.` : say("none");
    byId("real").alt = say("real_images");
  }

  // Shows a run that may have more steps than before, at the same place, or still at the end.
  function setRun(newRun) {
    const place = player.isLast ? null : run.points[player.at]?.x, was = player.isLast;
    run = newRun;
    player.setCount(run.points.length);
    setPictures(run);
    writeTexts();
    const last = Math.max(0, run.points.length - 1);
    player.moveTo(was && !player.playing ? last : nearest(run.points.map(each => each.x), place ?? Infinity));
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
  setPictures(run);
  writeTexts();
  player.moveTo(startOf(kept));
  if (kept.has("real")) toggleReal(true);
  if (kept.has("slow")) player.setSlow(true);
  drawCharts();
  new ResizeObserver(drawCharts).observe(byId("curves"));
  stateOfPage = () => [
    ...(player.isLast ? [] : [["at", String(run.points[player.at].x)]]),
    ...(byId("grids").classList.contains("both") ? [["real", true]] : []), ...(player.slow ? [["slow", true]] : []),
    ...(chosen ? [["lang", LANGUAGES[language]]] : []),
  ];
  if (run.running) followRun(setRun);
}

// The index of the step in the address: the last one if there is none.
function startOf(kept) {
  const last = Math.max(0, run.points.length - 1), place = kept.get("at");
  return place === undefined ? last : nearest(run.points.map(each => each.x), Number(place));
}

// The name of a step in the page's language.
const placeText = point => translated(point.label);

function setPictures({real, cell, classes, columns, points, running}) {
  if (real && byId("real").src !== real) byId("real").src = real;
  byId("compare").hidden = !real;
  byId("whole").hidden = byId("sheet").hidden = !points.length;
  byId("enlarge").hidden = !cell[0];
  byId("following").hidden = !running;
  for (const row of document.getElementsByClassName("classes")) writeClasses(row, classes, columns);
}

// What the options change comes first; where its files are does not matter.
const FILES = new Set(["--ckpt", "--samples", "--name"]);
function writeHeader({subtitle, configuration}) {
  byId("subtitle").textContent = translated(subtitle);
  const changes = configuration.filter(([name, , changed]) => changed && !FILES.has(name));
  byId("changed").hidden = !configuration.length;
  byId("changed").firstElementChild.textContent = say(changes.length ? "differs" : "as_preset");
  byId("changes").replaceChildren(...changes.flatMap(([name, value]) => [html("code", `${name} ${value}`), " "]));
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

function writeKeys({real, points}) {
  const rows = [["← →", "key_steps"], ["Home End", "key_ends"], ["Space", "key_play"], ["S", "key_slow"],
    ...(real ? [["R", "key_real"]] : []), ...(points.length ? [["F", "key_whole"]] : []), ["?", "key_help"]];
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
  let frame = null;
  const timer = setInterval(() => {
    if (document.hidden || document.querySelector("dialog[open]")) return;
    frame?.remove();
    frame = html("iframe", "", {hidden: true});
    frame.setAttribute("src", `${location.href.split("#")[0].split("?")[0]}?${Date.now()}#feed`);
    document.body.append(frame);
  }, FOLLOW);
  window.addEventListener("message", event => {
    if (!frame || event.source !== frame.contentWindow) return;
    frame.remove();
    frame = null;
    const newRun = JSON.parse(event.data);
    if (!newRun.running) clearInterval(timer);
    setRun(newRun);
  });
}

// A page that follows a run opens itself unseen, and gets what it holds now as a message: from a disk, no script may
// read a file. Nothing that the reader has opened, chosen or scrolled to changes.
if (location.hash === "#feed" && parent !== window) parent.postMessage(byId("run").textContent, "*");
else startPage();
