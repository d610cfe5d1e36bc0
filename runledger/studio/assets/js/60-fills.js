// A file that is chosen fills a text that could be pasted as well; shown only where that works.
(() => {
  "use strict";
  const show = () => document.querySelectorAll("[data-fills][hidden]").forEach((label) => { label.hidden = false; });
  document.addEventListener("change", async (event) => {
    const label = event.target.closest("[data-fills]"), file = event.target.files?.[0];
    if (!label || !file) return;
    document.getElementById(label.dataset.fills).value = await file.slice(0, 1e5).text();
    event.target.value = "";
  });
  document.addEventListener("htmx:after:swap", show);
  show();
})();
