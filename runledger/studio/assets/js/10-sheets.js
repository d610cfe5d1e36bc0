// Sheets and messages: what opens, and what goes away again.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    if (event.target.closest("[data-closes]")) event.target.closest(".toast, dialog")?.remove();
    for (const drop of document.querySelectorAll("details.drop[open]")) {
      if (!drop.contains(event.target)) drop.open = false;
    }
    if (event.target instanceof HTMLDialogElement) event.target.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const drop of document.querySelectorAll("details.drop[open]")) {
      drop.open = false;
      drop.querySelector("summary").focus();
    }
  });
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const toast of change.addedNodes) {
        if (toast.classList?.contains("toast") && !toast.classList.contains("bad")) setTimeout(() => toast.remove(), 6000);
      }
    }
  }).observe(document.getElementById("toasts"), { childList: true });
})();
