// While runs run: points are added to the charts that are shown, and metrics that are new come behind the others.
(() => {
  "use strict";
  const LEAST_GAP = 3000;
  let due = null;

  function renew(list, found) {
    for (const fresh of found.querySelectorAll("[data-key]")) {
      const known = list.querySelector(`[data-key="${CSS.escape(fresh.dataset.key)}"]`);
      if (!known) {
        const section = list.querySelector(`[data-part="${fresh.closest("[data-part]").dataset.part}"]`);
        section.append(fresh);
        section.closest("section").hidden = false;
      } else if (known.hasAttribute("data-chart")) known.querySelector("[data-facts]").replaceWith(fresh.querySelector("[data-facts]"));
      else known.replaceWith(fresh);
    }
  }

  async function look() {
    due = null;
    const list = document.querySelector("[data-metrics]");
    if (!list) return;
    const answer = await fetch(location.href, { headers: { "HX-Request-Type": "partial" } });
    if (!answer.ok) return;
    const found = document.createElement("template");
    found.innerHTML = await answer.text();
    if (!list.querySelector("[data-key]")) list.replaceChildren(...found.content.querySelector("[data-metrics]").childNodes);
    else renew(list, found.content);
    charts.begin(document);
  }

  document.addEventListener("live:values", ({ detail }) => {
    for (const figure of charts.figures.values()) if (figure.spec.runs.includes(detail.run_id)) figure.append(detail.place);
    const list = document.querySelector("[data-metrics]");
    if (list?.dataset.follow === detail.run_id) due ??= setTimeout(look, LEAST_GAP);
  });
  document.addEventListener("htmx:after:swap", () => charts.begin(document));
  charts.begin(document);
})();
