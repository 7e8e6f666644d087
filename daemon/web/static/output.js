// Follows what a run prints: asks for what came behind the last byte that is shown, until the run has ended.

const EVERY_MS = 700;

async function follow(shown) {
  const address = `/api/v1/runs/${encodeURIComponent(shown.dataset.run)}/output?stream=${shown.dataset.output}`;
  let offset = 0;
  let text = "";
  for (;;) {
    try {
      const answer = await fetch(`${address}&offset=${offset}`);
      if (!answer.ok) return;
      const piece = await answer.json();
      offset = piece.next;
      if (piece.text) {
        const is_at_end = shown.scrollTop + shown.clientHeight >= shown.scrollHeight - 4;
        text += piece.text;
        shown.textContent = text;
        document.querySelector(`[data-silent=${shown.dataset.output}]`)?.remove();
        if (is_at_end) shown.scrollTop = shown.scrollHeight;
      }
      if (piece.has_ended) return;
      if (piece.size !== null && offset < piece.size) continue;
    } catch {
      // The connection is lost; the page says so, and this goes on where it was.
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

for (const shown of document.querySelectorAll("[data-output]")) {
  if (shown.hasAttribute("data-follow")) follow(shown);
  else shown.scrollTop = shown.scrollHeight;
}
