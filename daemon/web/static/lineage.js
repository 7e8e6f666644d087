// Selecting in the graph: a click on a card selects it alone, with shift it is added or taken out.

const form = document.getElementById("graph-form");

function boxes() {
  return [...form.querySelectorAll("input[name=asset]")];
}

function tell() {
  const chosen = boxes().filter((box) => box.checked);
  const told = document.getElementById("chosen-count");
  const button = document.getElementById("materialize");
  if (chosen.length) told.textContent = chosen.length === 1 ? `${chosen[0].value} is selected` : `${chosen.length} assets are selected`;
  else told.textContent = "Select assets by their boxes, by a click on a card (shift adds), or by a selection's text.";
  if (!button.title) button.disabled = !chosen.length;
  const keys = new Set(chosen.map((box) => box.value));
  for (const edge of form.querySelectorAll(".edge")) {
    edge.classList.toggle("near", keys.has(edge.dataset.from) || keys.has(edge.dataset.to));
  }
}

function select(card, adds) {
  const box = card.querySelector("input[name=asset]");
  if (box.disabled) return;
  const is_checked = adds ? !box.checked : true;
  if (!adds) for (const other of boxes()) other.checked = false;
  box.checked = is_checked;
  tell();
}

if (form) {
  form.addEventListener("click", (event) => {
    const card = event.target.closest("[data-asset]");
    if (!card || event.target.closest("a, input, label")) return;
    select(card, event.shiftKey || event.metaKey || event.ctrlKey);
  });
  form.addEventListener("change", tell);
  tell();
}
