// What the charts of a page have in common: axis, scales and smoothing, kept in the address and for the next page.
(() => {
  "use strict";
  const KEPT = "charts";
  const PLAIN = { axis: "step", logx: "", logy: "", smooth: "0" };
  const TENTHS = 25;

  function read() {
    const asked = new URLSearchParams(location.search);
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    return Object.fromEntries(Object.entries(PLAIN).map(([key, plain]) => [key, asked.get(key) ?? kept[key] ?? plain]));
  }

  function write(chosen) {
    localStorage.setItem(KEPT, JSON.stringify(chosen));
    const address = new URL(location.href);
    for (const [key, plain] of Object.entries(PLAIN)) {
      if (chosen[key] === plain) address.searchParams.delete(key);
      else address.searchParams.set(key, chosen[key]);
    }
    history.replaceState(history.state, "", address);
  }

  function take(chosen) {
    const weight = 1 - 10 ** (-Number(chosen.smooth) / TENTHS);
    charts.view = { axis: chosen.axis, logX: chosen.logx === "1" && chosen.axis !== "time", logY: chosen.logy === "1", weight };
  }

  function show(form, chosen) {
    for (const field of form.elements) {
      if (!(field.name in PLAIN)) continue;
      if (field.type === "checkbox") field.checked = chosen[field.name] === "1";
      else field.value = chosen[field.name];
    }
    form.hidden = false;
  }

  function chosenIn(form) {
    const found = new FormData(form);
    return Object.fromEntries(Object.keys(PLAIN).map((key) => [key, found.get(key) ?? ""]));
  }

  function apply(chosen) {
    const before = charts.view;
    take(chosen);
    const again = before.axis !== charts.view.axis || before.logX !== charts.view.logX;
    for (const figure of charts.drawn()) {
      if (again) figure.range = null;
      again ? figure.load() : figure.draw();
    }
  }

  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("[data-chart-tools]");
    if (!form) return;
    const chosen = chosenIn(form);
    write(chosen);
    apply(chosen);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => charts.drawn().forEach((figure) => figure.draw()));

  charts.begin = (root) => {
    const chosen = read();
    take(chosen);
    for (const form of root.querySelectorAll("[data-chart-tools]")) show(form, chosen);
    charts.find(root);
  };
})();
