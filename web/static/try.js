// Shows a try-it answer beside its form, where a page of its own would come without scripts.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-try]");
  if (!form) return;
  event.preventDefault();
  const button = event.submitter;
  const answer = document.getElementById("answer");
  button.disabled = true;
  answer.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("answer") ?? page.querySelector("main");
    answer.replaceChildren(...document.adoptNode(fresh).childNodes);
  } catch {
    answer.textContent = "The console did not answer. Try again.";
  }
  answer.removeAttribute("aria-busy");
  button.disabled = false;
});
