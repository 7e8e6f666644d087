// A range dragged on a status bar, or a block on a grid, is written into the fields beside it. The fields are there
// for everybody: this only saves typing.

import { MARKS, MARKS_OF_TWO, side } from "./range_text.js";

let drag = null; // {track, columns, rows, x: [from, to], y: [from, to]}

function at(event, { track, columns, rows }) {
  const box = track.getBoundingClientRect();
  const within = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
  return [within((event.clientX - box.left) / box.width, columns.length), rows ? within((event.clientY - box.top) / box.height, rows.length) : 0];
}

function place(mark, start, size, [a, b], count) {
  mark.style[start] = `${(100 * Math.min(a, b)) / count}%`;
  mark.style[size] = `${(100 * (Math.abs(a - b) + 1)) / count}%`;
}

function show() {
  let mark = drag.track.querySelector(".chosen");
  if (!mark) {
    mark = document.createElement("div");
    mark.className = "chosen";
    drag.track.append(mark);
  }
  place(mark, "left", "width", drag.x, drag.columns.length);
  if (drag.rows) place(mark, "top", "height", drag.y, drag.rows.length);
}

function write(id, text) {
  const field = document.getElementById(id);
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

addEventListener("pointerdown", (event) => {
  const track = event.target.closest("[data-columns]");
  if (!track || event.button !== 0) return;
  const columns = JSON.parse(track.dataset.columns);
  if (!columns.length) return;
  drag = { track, columns, rows: track.dataset.rows ? JSON.parse(track.dataset.rows) : null };
  const [x, y] = at(event, drag);
  Object.assign(drag, { x: [x, x], y: [y, y] });
  track.setPointerCapture(event.pointerId);
  event.preventDefault();
  show();
});
addEventListener("pointermove", (event) => {
  if (!drag) return;
  [drag.x[1], drag.y[1]] = at(event, drag);
  show();
});
addEventListener("pointerup", () => {
  if (!drag) return;
  const { track, columns, rows, x, y } = drag;
  drag = null;
  const each = document.querySelector('input[name="which"][value="each"]:checked');
  const choice = document.querySelector('input[name="which"][value="text"]');
  if (each) track.closest(".root").querySelector('select[name="root_which"]').value = "text";
  else if (choice) choice.checked = true;
  write(track.dataset.into, side(columns, x, rows ? MARKS_OF_TWO : MARKS));
  if (rows) write(track.dataset.intoRows, side(rows, y, MARKS_OF_TWO));
});
addEventListener("pointercancel", () => {
  drag = null;
});
