// Selecting in the graph and in the list, going through the graph with the keys, and zooming it.

const canvas = document.getElementById("canvas");
const graph = canvas?.querySelector(".graph");
const ZOOM_MIN = 0.08;
const ZOOM_MAX = 1.5;
const ZOOM_READABLE = 0.55; // what a graph is opened with at least
const ZOOM_KEPT = `backfilld.zoom ${location.search}`; // of each part of the graph for itself

// Selecting: a click on a card selects it alone, with shift it is added or taken out.

function boxes(form) {
  return [...form.querySelectorAll("input[name=asset]")];
}

function tell(form) {
  const chosen = boxes(form).filter((box) => box.checked || box.type === "hidden");
  const typed = form.querySelector("input[name=selection]").value.trim();
  const told = form.querySelector(".chosen-count");
  const button = form.querySelector(".materialize");
  const count = chosen.reduce((sum, box) => sum + Number(box.dataset.count ?? 1), 0);
  if (chosen.length) told.textContent = count === 1 ? `${chosen[0].value} is selected` : `${count} assets are selected`;
  else if (typed) told.textContent = `Selected by text: ${typed}`;
  else if (!button.title) told.textContent = "Select assets by their boxes, by a click on a card (shift adds), or by a selection's text.";
  told.classList.toggle("hint", !chosen.length && !typed);
  if (!button.title) button.disabled = !chosen.length && !typed;
  if (form.id === "graph-form") light(new Set(chosen.map((box) => box.value)));
}

function light(keys) {
  graph.classList.toggle("far", keys.size > 0);
  for (const edge of graph.querySelectorAll(".edge")) {
    edge.classList.toggle("near", keys.has(edge.dataset.from) || keys.has(edge.dataset.to));
  }
}

function lightChosen() {
  light(new Set(boxes(graph.closest("form")).filter((box) => box.checked).map((box) => box.value)));
}

function forgetText(form) {
  // What the text selected stands in the boxes by now; it would bring back what was taken out.
  const field = form.querySelector("input[name=selection]");
  if (field.value === field.defaultValue) field.value = "";
}

function select(form, card, adds) {
  const box = card.querySelector("input[name=asset]:not([type=hidden])");
  if (!box || box.disabled) return;
  const isChecked = adds ? !box.checked : true;
  if (!adds) {
    for (const other of boxes(form)) {
      if (other.type === "hidden") other.remove(); // Of a folded group, some of whose assets were selected.
      else other.checked = false;
    }
  }
  box.checked = isChecked;
  forgetText(form);
  tell(form);
}

for (const form of document.querySelectorAll(".choosing")) {
  form.addEventListener("click", (event) => {
    const card = event.target.closest("[data-asset]");
    if (!card || event.target.closest("a, input, label, button")) return;
    select(form, card, event.shiftKey || event.metaKey || event.ctrlKey || form.id === "list-form");
  });
  form.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.target.closest("[data-asset]")) event.preventDefault(); // It would select text.
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "asset" && !event.target.checked) forgetText(form);
    tell(form);
  });
  form.addEventListener("input", () => tell(form));
  tell(form);
}

// Going through the graph, and zooming.

let scale = 1;

function zoom(to) {
  const before = scale;
  scale = Math.max(ZOOM_MIN, Math.min(ZOOM_MAX, to));
  const { width, height } = graph.viewBox.baseVal;
  const middle = [canvas.scrollLeft + canvas.clientWidth / 2, canvas.scrollTop + canvas.clientHeight / 2];
  graph.setAttribute("width", width * scale);
  graph.setAttribute("height", height * scale);
  canvas.scrollTo((middle[0] * scale) / before - canvas.clientWidth / 2, (middle[1] * scale) / before - canvas.clientHeight / 2);
  sessionStorage.setItem(ZOOM_KEPT, scale);
}

function fitting() {
  const { width, height } = graph.viewBox.baseVal;
  return Math.min(1, canvas.clientWidth / width, Math.max(canvas.clientHeight, innerHeight * 0.7) / height);
}

const ZOOMS = { in: () => zoom(scale * 1.25), out: () => zoom(scale / 1.25), fit: () => zoom(fitting()), whole: () => zoom(1) };
const KEYS = { "+": "in", "=": "in", "-": "out", 0: "fit", 1: "whole" };
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function nearest(from, [dx, dy]) {
  const middle = (element) => {
    const box = element.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  };
  const [x, y] = from ? middle(from) : [-Infinity, -Infinity];
  let best = null;
  for (const card of graph.querySelectorAll("[data-asset]")) {
    const [cx, cy] = middle(card);
    const ahead = (cx - x) * dx + (cy - y) * dy;
    const aside = Math.abs((cx - x) * dy) + Math.abs((cy - y) * dx);
    if (from && (card === from || ahead <= 4)) continue;
    const distance = from ? ahead + 2 * aside : cx + cy;
    if (!best || distance < best.distance) best = { card, distance };
  }
  return best?.card;
}

function press(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (KEYS[event.key]) ZOOMS[KEYS[event.key]]();
  else if (ARROWS[event.key]) {
    const card = nearest(event.target.closest("[data-asset]"), ARROWS[event.key]);
    if (!card) return;
    (card.querySelector("input:not(:disabled)") ?? card.querySelector("a")).focus();
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
  } else return;
  event.preventDefault();
}

if (canvas) {
  canvas.addEventListener("keydown", press);
  const zooms = document.querySelector(".zooms");
  zooms.hidden = false;
  zooms.addEventListener("click", (event) => ZOOMS[event.target.dataset.zoom]?.());
  for (const [name, isOver] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
    canvas.addEventListener(name, (event) => {
      const card = event.target.closest("[data-asset]");
      if (card && isOver) light(new Set([card.dataset.asset]));
      else if (card) lightChosen();
    });
  }
  const kept = Number(sessionStorage.getItem(ZOOM_KEPT));
  if (kept) zoom(kept);
  else if (graph.viewBox.baseVal.width > canvas.clientWidth) {
    zoom(Math.max(canvas.clientWidth / graph.viewBox.baseVal.width, ZOOM_READABLE));
  }
}
