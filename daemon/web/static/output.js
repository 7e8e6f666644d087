// Follows what a run prints: asks for its end, then for what came behind the last byte shown, until the run has ended.

const EVERY_MS = 700;
const BEGIN_BYTES = 65536;
const SHOWN_MAX = 262144; // characters; what is longer is in the run's folder

function add(shown, text) {
  const isAtEnd = shown.scrollTop + shown.clientHeight >= shown.scrollHeight - 4;
  shown.append(text);
  while (shown.childNodes.length > 1 && shown.textContent.length > SHOWN_MAX) shown.firstChild.remove();
  if (isAtEnd) shown.scrollTop = shown.scrollHeight;
}

async function follow(shown) {
  const address = `/api/v1/runs/${encodeURIComponent(shown.dataset.run)}/output?stream=${shown.dataset.output}`;
  let offset = -BEGIN_BYTES;
  for (;;) {
    try {
      const answer = await fetch(`${address}&offset=${offset}`);
      if (answer.status >= 500) throw new Error(answer.statusText);
      if (!answer.ok) return;
      const piece = await answer.json();
      if (offset < 0) shown.replaceChildren(); // What the page came with is told again.
      const isMore = piece.next > piece.offset && piece.next < piece.size;
      offset = piece.size === null ? -BEGIN_BYTES : piece.next;
      if (piece.text) {
        add(shown, piece.text);
        document.querySelector(`[data-silent=${shown.dataset.output}]`)?.remove();
      }
      if (piece.has_ended) return;
      if (isMore) continue;
    } catch {
      // The connection is lost, or the log is away; the page says so, and this goes on where it was.
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

for (const shown of document.querySelectorAll("[data-output]")) {
  shown.scrollTop = shown.scrollHeight;
  if (shown.hasAttribute("data-follow")) follow(shown);
}
