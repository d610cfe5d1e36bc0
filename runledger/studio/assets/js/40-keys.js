// Keys: / searches, j and k go through rows, x selects, Enter opens, g and a letter go elsewhere, ? tells.
(() => {
  "use strict";
  const places = { r: "/runs", e: "/experiments", v: "/views", a: "/alerts", l: "/ledger", u: "/users" };
  let going = 0;

  function typing(target) {
    return target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (going && Date.now() - going < 1500) {
      going = 0;
      if (places[event.key]) location.assign(places[event.key]);
      return;
    }
    const does = {
      "/": () => document.querySelector("[data-search]")?.focus(),
      j: () => studio.go(1),
      k: () => studio.go(-1),
      x: () => studio.toggle(),
      g: () => { going = Date.now(); },
      "?": () => document.getElementById("keys").showModal(),
    }[event.key];
    if (does) {
      event.preventDefault();
      does();
    } else if (event.key === "Enter" && event.target === document.body) {
      studio.open();
    }
  });
})();
