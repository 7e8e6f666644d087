// Choosing partitions on the bar, or on the grid of two dimensions: by dragging, or with the arrow keys. What is
// chosen stands as range text in the field that goes to the launch, and can be zoomed into.

import { MARKS, MARKS_OF_TWO, side } from "./range_text.js";

let columns = [];
let rows = null; // of a grid
let across = 0; // the dimension that lies across
let chosen = null; // {x: [from, to], y: [from, to]}: columns and rows, both ends included; from is where it began
let isDragging = false;

function read() {
  const zoom = document.getElementById("zoom");
  if (!zoom) return false;
  const before = JSON.stringify([columns, rows]);
  columns = JSON.parse(zoom.dataset.columns);
  rows = zoom.dataset.rows ? JSON.parse(zoom.dataset.rows) : null;
  across = Number(zoom.dataset.across);
  if (before !== JSON.stringify([columns, rows])) chosen = null;
  const track = zoom.querySelector(".track");
  track.tabIndex = 0;
  track.setAttribute("role", "group");
  track.setAttribute("aria-label", "Choose partitions: drag, or use the arrow keys, with shift for more of them. Enter zooms in, Escape lets go.");
  return true;
}

function text() {
  if (!rows) return side(columns, chosen.x, MARKS);
  const sides = [side(columns, chosen.x, MARKS_OF_TWO), side(rows, chosen.y, MARKS_OF_TWO)];
  return (across === 0 ? sides : sides.reverse()).join("|");
}

function corner(end) {
  const pick = (parts, [a, b]) => parts[end === 0 ? Math.min(a, b) : Math.max(a, b)][end];
  if (!rows) return pick(columns, chosen.x);
  const parts = [pick(columns, chosen.x), pick(rows, chosen.y)];
  return (across === 0 ? parts : parts.reverse()).join("|");
}

function zoomAddress() {
  const address = new URL(location.href);
  address.searchParams.set("from", corner(0));
  address.searchParams.set("to", corner(1));
  address.searchParams.delete("after");
  return address.href;
}

function show() {
  const track = document.querySelector("#zoom .track");
  let mark = track.querySelector(".chosen");
  const closer = document.getElementById("zoom-chosen");
  if (!chosen) {
    mark?.remove();
    closer.hidden = true;
    return;
  }
  if (!mark) {
    mark = document.createElement("div");
    mark.className = "chosen";
    track.append(mark);
  }
  place(mark, "left", "width", chosen.x, columns.length);
  if (rows) place(mark, "top", "height", chosen.y, rows.length);
  closer.href = zoomAddress();
  closer.hidden = false;
  document.getElementById("chosen").textContent = `Chosen: ${text()}`;
  const field = document.getElementById("partitions");
  if (field) field.value = text();
}

function place(mark, start, size, [a, b], count) {
  mark.style[start] = `${(100 * Math.min(a, b)) / count}%`;
  mark.style[size] = `${(100 * (Math.abs(a - b) + 1)) / count}%`;
}

function letGo() {
  chosen = null;
  show();
  document.getElementById("chosen").textContent = "";
  const field = document.getElementById("partitions");
  if (field) field.value = field.defaultValue;
}

function at(event, track) {
  const box = track.getBoundingClientRect();
  const within = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
  return [within((event.clientX - box.left) / box.width, columns.length), rows ? within((event.clientY - box.top) / box.height, rows.length) : 0];
}

function begin(event) {
  const track = event.target.closest("#zoom .track");
  if (!track || event.button !== 0 || !columns.length) return;
  const [x, y] = at(event, track);
  const goesOn = event.shiftKey && chosen;
  chosen = goesOn ? { x: [chosen.x[0], x], y: [chosen.y[0], y] } : { x: [x, x], y: [y, y] };
  isDragging = true;
  track.closest("[data-live]").dataset.busy = "1";
  track.setPointerCapture(event.pointerId);
  show();
}

function move(event) {
  if (!isDragging) return;
  const [x, y] = at(event, event.target.closest("#zoom .track") ?? document.querySelector("#zoom .track"));
  chosen = { x: [chosen.x[0], x], y: [chosen.y[0], y] };
  show();
}

function end() {
  if (!isDragging) return;
  isDragging = false;
  delete document.getElementById("zoom").closest("[data-live]").dataset.busy;
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function press(event) {
  if (!event.target.closest("#zoom .track") || !columns.length) return;
  if (event.key === "Enter" && chosen) location.assign(zoomAddress());
  else if (event.key === "Escape") letGo();
  else if (event.key === "Home") step([-columns.length, 0], event.shiftKey);
  else if (event.key === "End") step([columns.length, 0], event.shiftKey);
  else if (STEPS[event.key] && (rows || STEPS[event.key][0])) step(STEPS[event.key], event.shiftKey);
  else return;
  event.preventDefault();
}

function step([dx, dy], isMore) {
  const bounded = (value, count) => Math.max(0, Math.min(count - 1, value));
  if (!chosen) {
    const first = dx > 1 ? columns.length - 1 : 0;
    chosen = { x: [first, first], y: [0, 0] };
  } else {
    const x = bounded(chosen.x[1] + dx, columns.length);
    const y = bounded(chosen.y[1] + dy, rows ? rows.length : 1);
    chosen = isMore ? { x: [chosen.x[0], x], y: [chosen.y[0], y] } : { x: [x, x], y: [y, y] };
  }
  show();
}

if (read()) {
  document.addEventListener("pointerdown", begin);
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", end);
  document.addEventListener("pointercancel", end);
  document.addEventListener("dblclick", (event) => {
    if (event.target.closest("#zoom .track") && chosen) location.assign(zoomAddress());
  });
  document.addEventListener("keydown", press);
  document.addEventListener("backfilld:shown", () => {
    if (read()) show();
  });
}
