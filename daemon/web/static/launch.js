// Asks for the preview while somebody types. Only the parts that tell something are put in anew: what is typed stays.

const QUIET_MS = 250;
const OF_ONE_LAUNCH = new Set(["key", "digest", "runs", "estimate"]);
const form = document.getElementById("launch");

let timer = 0;
let asking = null;

function address() {
  const query = new URLSearchParams();
  const filled = new FormData(form);
  const is_of_each = filled.get("which") === "each";
  for (const [name, value] of filled) {
    if (["root", "root_which"].includes(name) && !is_of_each) continue;
    const is_text = name === "of" || name === "along" || name === "text"; // These belong together by their order.
    if (!OF_ONE_LAUNCH.has(name) && (value !== "" || is_text)) query.append(name, value);
  }
  return `${location.pathname}?${query}`;
}

async function ask() {
  asking?.abort();
  asking = new AbortController();
  const wanted = address();
  try {
    const answer = await fetch(wanted, { headers: { Accept: "text/html" }, signal: asking.signal });
    if (!answer.ok) throw new Error(String(answer.status));
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    history.replaceState(null, "", wanted);
  } catch (error) {
    if (error.name !== "AbortError") tell("The preview cannot be fetched now; press “Show what would run” to try again.");
  }
}

function show(page) {
  swapChoices(page);
  for (const part of document.querySelectorAll("[data-part][id]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh) continue;
    for (const details of part.querySelectorAll("details[id]")) {
      const same = fresh.querySelector(`#${CSS.escape(details.id)}`);
      if (same) same.open = details.open;
    }
    part.replaceChildren(...document.adoptNode(fresh).childNodes);
  }
  document.getElementById("preview").classList.remove("stale");
  for (const error of document.querySelectorAll("[data-error][id]")) {
    const fresh = page.getElementById(error.id);
    error.textContent = fresh ? fresh.textContent : "";
    error.hidden = !error.textContent;
    if (error.dataset.error === "note") continue; // It is no mistake.
    const field = form.querySelector(`[aria-describedby~="${CSS.escape(error.id)}"]`);
    if (field && error.textContent) field.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
  }
}

// Other assets have other fields; where the fields are the same ones, what stands in them is left alone.
function swapChoices(page) {
  const before = document.getElementById("which");
  const fresh = page.getElementById("which");
  if (!fresh || before.dataset.shape === fresh.dataset.shape || before.contains(document.activeElement)) return;
  before.dataset.shape = fresh.dataset.shape;
  before.replaceChildren(...document.adoptNode(fresh).childNodes);
  document.dispatchEvent(new CustomEvent("backfilld:shown"));
}

function tell(text) {
  const preview = document.getElementById("preview");
  const told = document.createElement("p");
  told.className = "refusal";
  told.textContent = text;
  preview.replaceChildren(told);
  preview.classList.remove("stale");
  for (const button of document.querySelectorAll("#acting .primary")) button.disabled = true;
}

function changed() {
  clearTimeout(timer);
  // What would be launched is not known until the answer is there.
  document.getElementById("preview").classList.add("stale");
  for (const button of document.querySelectorAll("#acting .primary")) button.disabled = true;
  timer = setTimeout(ask, QUIET_MS);
}

function fill(id, text) {
  document.getElementById(id).value = text;
}

form.addEventListener("input", (event) => {
  if (event.target.name === "reason") return; // It changes nothing of the plan.
  changed();
});
form.addEventListener("submit", (event) => {
  if (event.submitter?.formMethod === "post") return;
  if (["runs", "estimate"].includes(event.submitter?.name)) return; // More than is asked for while typing.
  event.preventDefault();
  if (event.submitter?.dataset.into) fill(event.submitter.dataset.into, event.submitter.dataset.text);
  clearTimeout(timer);
  ask();
});
