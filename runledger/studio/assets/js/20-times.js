// Times: how long ago stays true, and the reader's own clock is shown beside it.
(() => {
  "use strict";
  const language = document.documentElement.lang;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const local = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
  const units = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  function ago(at) {
    const seconds = (at - Date.now()) / 1000;
    const [unit, length] = units.find(([, each]) => Math.abs(seconds) >= each) ?? units.at(-1);
    return relative.format(Math.round(seconds / length), unit);
  }

  function show(root) {
    for (const time of root.querySelectorAll("time[datetime]:not([data-full])")) {
      const at = Date.parse(time.dateTime);
      if (Number.isNaN(at)) continue;
      const text = ago(at);
      if (time.textContent !== text) time.textContent = text;
      time.title = local.format(at);
    }
  }

  show(document);
  setInterval(() => document.hidden || show(document), 10000);
  document.addEventListener("htmx:after:swap", () => show(document));
  document.addEventListener("visibilitychange", () => document.hidden || show(document));
})();
