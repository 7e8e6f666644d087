// Counts on how long something is under way: every second, from what the server said.

const begun = new WeakMap();

// As the server writes it: 80 ms, 1.5 s, 12 s, 3 min 20 s, 5 h 03 min.
function durationText(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const padded = (value) => String(value).padStart(2, "0");
  if (!hours) return `${Math.floor(whole / 60)} min ${padded(whole % 60)} s`;
  if (hours < 48) return `${hours} h ${padded(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

function count() {
  for (const shown of document.querySelectorAll("[data-lasting]")) {
    if (!begun.has(shown)) begun.set(shown, performance.now() - 1000 * Number(shown.dataset.lasting));
    else shown.textContent = durationText((performance.now() - begun.get(shown)) / 1000);
  }
}

export function countDurations() {
  count();
  document.addEventListener("backfilld:shown", count);
  setInterval(count, 1000);
}
