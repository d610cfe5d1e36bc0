// Rows of a list: going through them by keys, and selecting some for the bar below.
(() => {
  "use strict";
  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  const at = () => document.querySelector("tr[data-row].at");
  let last = null;

  function go(step) {
    const all = rows();
    const next = all[Math.min(Math.max(all.indexOf(at()) + step, 0), all.length - 1)];
    if (!next) return;
    at()?.classList.remove("at");
    next.classList.add("at");
    next.scrollIntoView({ block: "nearest" });
    next.querySelector("a.name")?.focus({ preventScroll: true });
  }

  function open() {
    at()?.querySelector("a.name")?.click();
  }

  function select(row, chosen) {
    const box = row.querySelector("input[data-pick]");
    if (!box) return;
    box.checked = chosen;
    row.setAttribute("aria-selected", String(chosen));
  }

  function tell() {
    const chosen = rows().filter((row) => row.querySelector("input[data-pick]")?.checked);
    const bar = document.querySelector("[data-bulk]");
    if (!bar) return;
    bar.hidden = chosen.length === 0;
    for (const place of bar.querySelectorAll("[data-chosen]")) place.textContent = chosen.length;
    const all = document.querySelector("input[data-pick-all]");
    if (all) {
      all.checked = chosen.length > 0 && chosen.length === rows().length;
      all.indeterminate = chosen.length > 0 && !all.checked;
    }
  }

  function toggle() {
    const row = at();
    if (!row) return;
    select(row, !row.querySelector("input[data-pick]")?.checked);
    tell();
  }

  document.addEventListener("click", (event) => {
    if (event.target.matches?.("input[data-pick-all]")) {
      for (const row of rows()) select(row, event.target.checked);
      tell();
    }
    const row = event.target.matches?.("input[data-pick]") ? event.target.closest("tr[data-row]") : null;
    if (!row) return;
    const all = rows();
    if (event.shiftKey && all.includes(last)) {
      const [from, to] = [all.indexOf(last), all.indexOf(row)].sort((a, b) => a - b);
      for (const each of all.slice(from, to + 1)) select(each, event.target.checked);
    }
    last = row;
    select(row, event.target.checked);
    tell();
  });
  document.addEventListener("htmx:after:swap", tell);
  globalThis.studio = { ...globalThis.studio, go, open, toggle };
  tell();
})();
