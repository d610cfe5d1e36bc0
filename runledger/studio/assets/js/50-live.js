// What happens in the ledger, as it happens: statuses change in place, and what says `data-live` is asked for anew.
// An element is about "run:ID", "experiment:NAME", "runs" (all of them), "rules" or "silences".
(() => {
  "use strict";
  const PAUSE = 150;
  const LEAST_GAP = 2000;
  let source = null;
  let place = document.body.dataset.after;
  const due = new Map();

  const followers = () => document.querySelectorAll("[data-live]");
  // What was does not change any more.
  const wanted = () => !("past" in document.body.dataset) && (followers().length > 0 || document.querySelector("tr[data-run]"));

  function refresh(element) {
    if (due.has(element)) return;
    const wait = Math.max(PAUSE, (element.refreshed ?? 0) + LEAST_GAP - Date.now());
    due.set(element, setTimeout(() => {
      due.delete(element);
      element.refreshed = Date.now();
      if (element.isConnected) element.dispatchEvent(new CustomEvent("changed"));
    }, wait));
  }

  function tell(...subjects) {
    for (const element of followers()) {
      const about = element.dataset.live.split(" ");
      if (subjects.some((subject) => about.includes(subject))) refresh(element);
    }
  }

  function showStatus(run, status) {
    for (const chip of document.querySelectorAll(`[data-run="${CSS.escape(run)}"] [data-status]`)) {
      chip.className = `status ${status.toLowerCase()}`;
      chip.textContent = status;
    }
  }

  function showNew() {
    const bar = document.querySelector("[data-new]");
    if (!bar) return;
    const count = Number(bar.dataset.new) + 1;
    bar.dataset.new = count;
    bar.hidden = false;
    bar.querySelector("[data-count]").textContent = count;
  }

  const on = {
    run(data) {
      if (data.status) showStatus(data.run_id, data.status);
      if (data.type.includes("run.started") && !data.parent_run_id) showNew();
      const above = [data.parent_run_id, data.root_run_id].filter(Boolean).map((id) => `run:${id}`);
      tell(`run:${data.run_id}`, ...above, `experiment:${data.experiment}`, "runs");
    },
    experiment(data) { tell(`experiment:${data.experiment}`, "experiments"); },
    rule() { tell("rules"); },
    silence() { tell("silences", "rules"); },
    notifications() { tell("rules"); },
    reset() { followers().forEach(refresh); },
  };

  function open() {
    if (source || document.hidden || !wanted()) return;
    const asked = new URLSearchParams(place ? { after: place } : {});
    for (const element of document.querySelectorAll("[data-follow]")) asked.append("run", element.dataset.follow);
    source = new EventSource(`/api/v1/stream?${asked}`);
    for (const name of ["run", "experiment", "rule", "silence", "notifications", "reset", "position", "values", "output"]) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId) place = event.lastEventId;
        const data = JSON.parse(event.data);
        on[name]?.(data);
        document.dispatchEvent(new CustomEvent(`live:${name}`, { detail: data }));
      });
    }
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
})();
