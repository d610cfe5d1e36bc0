// Copying: a button that copies what it names, and says that it did; shown only where that works.
(() => {
  "use strict";
  if (!navigator.clipboard) return;
  const show = () => document.querySelectorAll("[data-copies][hidden]").forEach((button) => { button.hidden = false; });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copies]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copies);
    button.dataset.copied = "";
    setTimeout(() => delete button.dataset.copied, 1500);
  });
  document.addEventListener("htmx:after:swap", show);
  show();
})();
