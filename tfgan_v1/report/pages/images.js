"use strict";
// Grids of images: the names of their classes, an image under the pointer, enlarged, and the grid at full size.

// Images lie in a grid with gaps of two pixels; the grid of real images may be enlarged by a whole factor.
const GAP = 2;

// The row of names above a grid of `columns` columns.
function writeClasses(row, classes, columns) {
  const names = classes.length ? Array.from({length: columns}, (_, i) => classes[i % classes.length]) : [];
  row.replaceChildren(...names.map(name => html("span", name, {title: name})));
}

// Where images are in a grid that an <img> shows. cell: [width, height] of an image. plain: an <img> of a grid that is
// not enlarged. None of it is known of grids that were made smaller, whose cell is [0, 0].
function gridOf(picture, [width, height], plain = picture) {
  const pixel = picture.naturalWidth / plain.naturalWidth || 1;
  const columns = Math.round((plain.naturalWidth + GAP) / (width + GAP)), rows = Math.round((plain.naturalHeight + GAP) / (height + GAP));
  const corner = i => [(i % columns) * (width + GAP) * pixel, Math.floor(i / columns) * (height + GAP) * pixel];

  // The number of the image at a place of the window, or -1.
  function at(clientX, clientY) {
    const box = picture.getBoundingClientRect();
    const scale = Math.min(box.width / picture.naturalWidth, box.height / picture.naturalHeight) * pixel;
    const column = Math.floor((clientX - box.left - (box.width - plain.naturalWidth * scale) / 2) / scale / (width + GAP));
    const row = Math.floor((clientY - box.top - (box.height - plain.naturalHeight * scale) / 2) / scale / (height + GAP));
    const inside = width && column >= 0 && column < columns && row >= 0 && row < rows;
    return inside ? row * columns + column : -1;
  }

  function draw(canvas, i) {
    [canvas.width, canvas.height] = [width, height];
    canvas.getContext("2d").drawImage(picture, ...corner(i), width * pixel, height * pixel, 0, 0, width, height);
  }

  return {at, draw, count: columns * rows, known: width > 0};
}

// The picture beside the pointer and the dialogs. grids: {id of an <img>: () => gridOf(it)}. nameOf: (id, number from 0) ->
// the caption of an image.
function makeLens(grids, nameOf) {
  const lens = byId("lens"), zoom = byId("zoom"), all = byId("all"), whole = all.querySelector("img");
  let hovered = null, opened = null;

  function drawInto(box, [id, i]) {
    grids[id]().draw(box.querySelector("canvas"), i);
    box.querySelector("p").textContent = nameOf(id, i);
  }

  // The step has changed: what is open shows the new one.
  function redraw() {
    if (hovered) drawInto(lens, hovered);
    if (zoom.open) drawInto(zoom, opened);
    if (all.open) openWhole(all.dataset.id);
  }

  function hover(id, event) {
    const i = event.pointerType === "mouse" ? grids[id]().at(event.clientX, event.clientY) : -1;
    hovered = i < 0 ? null : [id, i];
    lens.hidden = !hovered;
    if (!hovered) return;
    drawInto(lens, hovered);
    const {width, height} = lens.getBoundingClientRect(), gap = 20;
    const right = event.clientX + gap + width < innerWidth;
    lens.style.left = `${right ? event.clientX + gap : Math.max(4, event.clientX - gap - width)}px`;
    lens.style.top = `${limited(event.clientY - height / 2, 4, Math.max(4, innerHeight - height - 4))}px`;
  }

  function open(id, i) {
    if (i < 0) return;
    opened = [id, i];
    lens.hidden = true;
    hovered = null;
    drawInto(zoom, opened);
    if (!zoom.open) zoom.showModal();
  }

  function openWhole(id = "sheet") {
    all.dataset.id = id;
    whole.src = byId(id).src;
    whole.alt = byId(id).alt;
    all.querySelector("span").textContent = byId(id).alt;
    if (!all.open) all.showModal();
  }

  const turn = by => { const [id, i] = opened, {count} = grids[id](); open(id, (i + by + count) % count); };
  for (const id of Object.keys(grids)) {
    const picture = byId(id);
    picture.onpointermove = event => hover(id, event);
    picture.onpointerleave = () => { hovered = null; lens.hidden = true; };
    picture.onclick = event => open(id, grids[id]().at(event.clientX, event.clientY));
    picture.onkeydown = event => {
      if (event.key !== "Enter" || !grids[id]().known) return;
      event.preventDefault();  // otherwise the button that gets the focus is pressed, too
      open(id, 0);
    };
    picture.addEventListener("load", () => {
      picture.closest(".grids")?.classList.toggle("wide", picture.naturalWidth > 1.5 * picture.naturalHeight);
      redraw();
    });
  }
  zoom.querySelector("canvas").onclick = () => zoom.close();
  byId("previous").onclick = () => turn(-1);
  byId("following_image").onclick = () => turn(1);
  byId("actual").onclick = () => byId("actual").setAttribute("aria-pressed", all.classList.toggle("actual"));
  byId("whole").onclick = () => openWhole();
}

// Buttons that close the dialog they are in, and clicks beside a dialog.
for (const dialog of document.querySelectorAll("dialog")) {
  for (const button of dialog.querySelectorAll(".close")) button.onclick = () => dialog.close();
  dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
}
