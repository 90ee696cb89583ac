// Dropping a file on the page, and a progress bar while it travels. The form works without.

function size(bytes) {
  return bytes < 1048576 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
}

function label(text, max) {
  return text.replace(/\.wasm$/i, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+/, "")
    .slice(0, max).replace(/-+$/, "");
}

// Says what was chosen, refuses what is too large, and suggests the function's name.
function describe(form) {
  const input = form.querySelector("input[type=file]");
  const file = input.files[0];
  if (!file) return;
  const max = Number(form.dataset.maxBytes);
  const fits = file.size <= max;
  form.querySelector("[data-status]").textContent = fits
    ? `${file.name} · ${size(file.size)}`
    : `${file.name} has ${size(file.size)}; the limit is ${size(max)}.`;
  input.setCustomValidity(fits ? "" : `The limit is ${size(max)}.`);
  const name = form.querySelector("input[name=name]");
  if (name && name.value === "") name.value = label(file.name, name.maxLength);
}

// Puts the answer's page in place of this one, and the cursor on what went wrong.
function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  document.querySelector("main").replaceWith(document.adoptNode(page.querySelector("main")));
  const problem = document.querySelector("[aria-invalid=true], [role=alert]");
  if (!problem) return;
  if (problem.matches("[role=alert]")) problem.tabIndex = -1;
  problem.focus();
}

function send(form, button) {
  const buttons = form.querySelectorAll("button");
  const progress = form.querySelector("progress");
  const status = form.querySelector("[data-status]");
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    progress.max = total;
    progress.value = loaded;
    status.textContent = loaded < total
      ? `Uploading, ${size(loaded)} of ${size(total)}`
      : "Uploaded. Looking into it.";
  });
  request.addEventListener("load", () => {
    if (request.status < 300) location.assign(request.responseURL);
    else show(request.responseText);
  });
  request.addEventListener("error", () => {
    status.textContent = "The connection broke off, and nothing was kept. Try again.";
    progress.hidden = true;
    for (const each of buttons) each.disabled = false;
  });
  const body = new FormData(form, button);
  for (const each of buttons) each.disabled = true;
  progress.hidden = false;
  request.send(body);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (form && event.target.type === "file") describe(form);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-upload]");
  if (!form || !form.querySelector("input[type=file]").files[0]) return;
  event.preventDefault();
  send(form, event.submitter);
});

function zone() {
  return document.querySelector("form[data-upload] .drop");
}
document.addEventListener("dragover", (event) => {
  if (!zone() || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  zone().classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) zone()?.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  if (!zone() || event.dataTransfer.files.length === 0) return;
  event.preventDefault();
  zone().classList.remove("over");
  const form = zone().closest("form");
  form.querySelector("input[type=file]").files = event.dataTransfer.files;
  describe(form);
});
