// Keeps what is marked with data-live as the server has it, without a reload: a change is told by an event, and the
// page is then asked for again. Nothing happens in a look at the past, which does not change.

import { countDurations } from "./durations.js";

const SOONEST_MS = 700;
const AGAIN_MS = 3000; // after the connection was lost
const isPast = document.body.classList.contains("past");
const lost = document.getElementById("connection");

let wanted = false;
let under_way = false;

function keepState(before, after) {
  for (const box of before.querySelectorAll("input[type=checkbox]")) {
    const same = after.querySelector(`input[name="${CSS.escape(box.name)}"][value="${CSS.escape(box.value)}"]`);
    if (same) same.checked = box.checked;
  }
  for (const details of before.querySelectorAll("details[id]")) {
    const same = after.querySelector(`#${CSS.escape(details.id)}`);
    if (same) same.open = details.open;
  }
}

async function refresh() {
  if (under_way) return;
  under_way = true;
  try {
    while (wanted) {
      wanted = false;
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.status >= 500) throw new Error(answer.statusText);
      if (new URL(answer.url).pathname === "/login") location.reload(); // Whoever looks is known no more.
      else if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      await pause(SOONEST_MS);
    }
  } catch {
    lost.hidden = false;
    wanted = true;
    pause(AGAIN_MS).then(refresh);
  } finally {
    under_way = false;
  }
}

function pause(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

const FIELDS = "input:not([type]), input[type=text], input[type=search], textarea";

// What somebody has begun to write or to choose is not taken from them, wherever they look meanwhile.
function isInUse(part) {
  if (part.dataset.busy || part.querySelector(`:is(${FIELDS}, select):focus`)) return true;
  return [...part.querySelectorAll(FIELDS)].some((field) => field.value !== field.defaultValue);
}

// Who goes through the page with the keys stands where they stood: at the same link, button or box.
function focusedIn(part, fresh) {
  const at = document.activeElement;
  if (!part.contains(at)) return null;
  const marks = ["id", "href", "name", "value"].filter((name) => at.hasAttribute(name));
  const same = at.localName + marks.map((name) => `[${name}="${CSS.escape(at.getAttribute(name))}"]`).join("");
  const [before, after] = [part, fresh].map((each) => [...each.querySelectorAll(same)]);
  return before.length === after.length ? after[before.indexOf(at)] : null;
}

// Each part as the server had it: scripts add to parts what is no reason to have them anew.
const served = new Map([...document.querySelectorAll("[data-live][id]")].map((part) => [part.id, part.innerHTML]));

let held = false; // Whether a part was left as it is since it is in use.

function show(page) {
  held = false;
  for (const part of document.querySelectorAll("[data-live][id]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh || served.get(part.id) === fresh.innerHTML) continue;
    held ||= isInUse(part);
    if (isInUse(part)) continue;
    served.set(part.id, fresh.innerHTML);
    keepState(part, fresh);
    const focused = focusedIn(part, fresh);
    part.replaceChildren(...document.adoptNode(fresh).childNodes);
    focused?.focus({ preventScroll: true });
  }
  document.dispatchEvent(new CustomEvent("backfilld:shown"));
}

// What a change is about, and the page is about: a page about one backfill has nothing to do with others.
function concerns(changed) {
  const { backfill } = document.getElementById("content").dataset;
  return !backfill || !changed.backfills || changed.backfills.includes(backfill);
}

let events;

function listen() {
  events = new EventSource(`/api/v1/changes?after=${document.body.dataset.position}`);
  events.addEventListener("open", () => {
    lost.hidden = true;
    wanted = true; // What changed since the page was made, and before this, is told by no event.
    refresh();
  });
  events.addEventListener("changed", (event) => {
    if (!concerns(JSON.parse(event.data))) return;
    wanted = true;
    refresh();
  });
  events.addEventListener("error", () => {
    lost.hidden = false;
    // A browser tries again by itself where the connection broke, but not where it was refused.
    if (events.readyState !== EventSource.CLOSED) return;
    wanted = true;
    pause(AGAIN_MS).then(() => {
      refresh();
      listen();
    });
  });
}

if (!isPast) {
  listen();
  addEventListener("focusout", () => {
    wanted ||= held;
    refresh();
  });
  addEventListener("pagehide", () => events.close());
  countDurations();
}
