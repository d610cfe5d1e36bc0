// The column chooser: what is checked joins the list of what is shown, and that list is put in order by dragging.
(() => {
  "use strict";
  let dragged = null;

  document.addEventListener("change", (event) => {
    const list = event.target.closest?.("form.columns")?.querySelector("[data-sortable]");
    const label = event.target.closest?.("label");
    if (!list || !label || list.contains(label) || !event.target.checked) return;
    const row = document.createElement("li");
    row.draggable = true;
    row.append(label);
    list.append(row);
  });
  document.addEventListener("dragstart", (event) => {
    dragged = event.target.closest?.("[data-sortable] li") ?? null;
  });
  document.addEventListener("dragover", (event) => {
    const over = event.target.closest?.("[data-sortable] li");
    if (!dragged || !over || over === dragged) return;
    event.preventDefault();
    const box = over.getBoundingClientRect();
    over[event.clientY < box.top + box.height / 2 ? "before" : "after"](dragged);
  });
  document.addEventListener("dragend", () => { dragged = null; });
})();
