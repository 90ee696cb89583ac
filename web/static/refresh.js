// Brings the parts of a page up to date while something runs, in place of the page's own reload:
// each element with `data-refresh` is replaced by its successor until no part asks for more.
async function refresh() {
  if (!document.querySelector("[data-refresh]")) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const old of document.querySelectorAll("[data-refresh], [data-follow]")) {
        const part = fresh.getElementById(old.id);
        if (part && part.outerHTML !== old.outerHTML && !old.contains(document.activeElement)) {
          old.replaceWith(document.adoptNode(part));
        }
      }
    }
  } catch {
    // The server is away for a moment: ask again.
  }
  setTimeout(refresh, 1000);
}
setTimeout(refresh, 700);
