"use strict";
// Moves through the frames of a page: slider, play, keys, slow motion, and the place in the page's address.

const PLAY_TIME = 12000, SLOW_TIME = 1600;  // milliseconds: of all frames, about, and of one in slow motion

// The key that a reader means, also where a keyboard writes Hangul or another script.
function meantKey({key, code}) {
  if (/^[ -~]$/.test(key)) return key.toLowerCase();
  return code.startsWith("Key") ? code[3].toLowerCase() : key;
}

// label: index -> text. show: is called with the frame's index, and the share of the way to the next (0 unless slow).
// smooth: whether there is something between two steps; otherwise slow motion shows each step for longer.
// keys: {key: action} beside those of the player. The elements slider, play, slow and place are the page's.
function makePlayer({count, label, show, smooth = () => false, keys = {}}) {
  let at = 0, share = 0, timer = null, slow = false;
  const slider = byId("slider"), last = () => Math.max(0, count - 1);

  function moveTo(index, between = 0) {
    at = limited(index, 0, last());
    share = at === last() ? 0 : between;
    slider.max = last();
    slider.value = at;
    slider.setAttribute("aria-valuetext", count ? label(at) : "");
    byId("place").value = count ? label(at) : "";
    byId("between").hidden = !share;
    if (count) show(at, share);
    remember();
  }

  function play(on) {
    clearTimeout(timer);
    timer = null;
    if (on && at === last()) moveTo(0);
    if (on && count > 1) next(performance.now());
    byId("play").textContent = say(timer === null ? "play" : "pause");
    byId("play").setAttribute("aria-pressed", timer !== null);
    byId("place").setAttribute("aria-live", timer === null ? "polite" : "off");
  }

  // In smooth slow motion each picture of the screen is a frame; otherwise each step is one.
  function next(before) {
    const flows = slow && smooth(), pause = flows ? 16 : slow ? SLOW_TIME : limited(PLAY_TIME / count, 40, 500);
    timer = setTimeout(() => {
      const now = performance.now(), way = at + share + (flows ? (now - before) / SLOW_TIME : 1);
      const index = Math.min(last(), Math.floor(way + 1e-9));
      moveTo(index, flows ? way - index : 0);
      if (at === last()) play(false);
      else next(now);
    }, pause);
  }

  function setSlow(on) {
    slow = on;
    if (!slow && share) moveTo(at);
    byId("slow").setAttribute("aria-pressed", slow);
    remember();
  }

  const pauseAt = index => { play(false); moveTo(index); };
  const moves = {
    ArrowLeft: () => pauseAt(share ? at : at - 1), ArrowRight: () => pauseAt(at + 1), ArrowDown: () => pauseAt(at - 1),
    ArrowUp: () => pauseAt(at + 1), Home: () => pauseAt(0), End: () => pauseAt(last()), PageDown: () => pauseAt(at - 10),
    PageUp: () => pauseAt(at + 10), " ": () => play(timer === null), s: () => setSlow(!slow), ...keys,
  };
  document.addEventListener("keydown", event => {
    const key = meantKey(event), {tagName, type} = event.target;
    if (event.ctrlKey || event.metaKey || event.altKey || !moves[key]) return;
    if (tagName === "SELECT" || (key === " " && (tagName === "SUMMARY" || type === "checkbox"))) return;  // they need it
    if (key === " " && tagName === "BUTTON" && event.target.id !== "play") return;
    moves[key]();
    event.preventDefault();
  });
  document.addEventListener("keyup", event => {
    if (event.key === " " && event.target.id === "play") event.preventDefault();
  });
  byId("play").onclick = () => play(timer === null);
  byId("slow").onclick = () => setSlow(!slow);
  slider.oninput = () => pauseAt(Number(slider.value));

  return {
    moveTo, play, setSlow,
    get at() { return at; },
    get share() { return share; },
    get playing() { return timer !== null; },
    get slow() { return slow; },
    get isLast() { return at === last(); },
    setCount(value) { count = value; },
    redraw() { moveTo(at, share); byId("play").textContent = say(timer === null ? "play" : "pause"); },
  };
}

// What a page keeps in its address after the #: names, and names with values.
const address = {
  read() {
    return new Map(location.hash.slice(1).split("&").filter(Boolean).map(each => decodeURIComponent(each).split("=", 2)));
  },
  write(parts) {  // not at each frame: browsers limit it
    const text = [...parts].map(each => each.filter(part => part !== true).map(encodeURIComponent).join("=")).join("&");
    try { history.replaceState(null, "", `#${text}`); } catch { /* a page without an address of its own */ }
  },
};

// Keeps what `state` returns, a list of [name] and [name, value], in the address; soon after the last call.
let stateOfPage = () => [];
function remember() {
  clearTimeout(remember.timer);
  remember.timer = setTimeout(() => address.write(stateOfPage()), 300);
}
