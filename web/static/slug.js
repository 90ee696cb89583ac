// Suggests a slug from a name for as long as nobody typed one.
for (const slug of document.querySelectorAll("[data-slug]")) {
  const source = slug.form.querySelector("[data-slug-source]");
  let typed = slug.value !== "";
  slug.addEventListener("input", () => { typed = slug.value !== ""; });
  source.addEventListener("input", () => {
    if (typed) return;
    slug.value = source.value
      .normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase()
      .replace(/[^a-z0-9]+/g, "-").replace(/^-+/, "")
      .slice(0, slug.maxLength).replace(/-+$/, "");
  });
}
