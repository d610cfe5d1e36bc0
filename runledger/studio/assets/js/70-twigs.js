// Twigs: what is below a run of a tree is fetched once, and shown or hidden from then on.
(() => {
  "use strict";
  const depth = (row) => Number(row.dataset.depth);

  function below(row) {
    const found = [];
    for (let next = row.nextElementSibling; next && depth(next) > depth(row); next = next.nextElementSibling) found.push(next);
    return found;
  }

  function show(row, shown) {
    const rows = below(row);
    for (const each of rows) each.hidden = !shown;
    // What was closed inside stays closed.
    if (shown) for (const each of rows) if (each.querySelector("[data-twig][aria-expanded=false]")) show(each, false);
  }

  document.addEventListener("click", (event) => {
    const twig = event.target.closest("[data-twig]");
    if (!twig || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const row = twig.closest("tr");
    const opens = twig.getAttribute("aria-expanded") === "false";
    twig.setAttribute("aria-expanded", String(opens));
    if (opens && below(row).length === 0) htmx.ajax("GET", twig.dataset.twig, { target: row, swap: "afterend" });
    else show(row, opens);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || !event.target.matches?.("[data-twig]")) return;
    event.preventDefault();
    event.target.click();
  });
})();
