// What can be done with one chart: back from a zoom, its table, a picture of it.
(() => {
  "use strict";
  const [TITLE, GAP] = [26, 12];

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  function picture(figure) {
    const drawn = figure.plot.ctx.canvas;
    const ratio = devicePixelRatio;
    const lines = figure.chart.lines.length > 1 || figure.spec.labels ? figure.chart.lines : [];
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [drawn.width, drawn.height + (TITLE + lines.length * 16 + GAP) * ratio];
    const pen = canvas.getContext("2d");
    pen.fillStyle = charts.colour("--card");
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.drawImage(drawn, 0, TITLE * ratio);
    pen.scale(ratio, ratio);
    pen.fillStyle = charts.colour("--text");
    pen.font = "600 13px sans-serif";
    pen.fillText(figure.spec.name, GAP, 18);
    pen.font = "11px sans-serif";
    lines.forEach((line, number) => {
      const [y, look] = [drawn.height / ratio + TITLE + 12 + number * 16, charts.look(figure.lookOf(line))];
      pen.strokeStyle = look.colour;
      pen.lineWidth = 2;
      pen.setLineDash(look.dash);
      pen.stroke(new Path2D(`M${GAP} ${y - 4}h28`));
      pen.fillText(figure.labelOf(line), GAP + 36, y);
    });
    canvas.toBlob((blob) => save(blob, `${figure.spec.name.replaceAll("/", "-")}.png`), "image/png");
  }

  async function table(link, element) {
    const twin = element.querySelector("[data-twin]");
    const open = twin.hidden;
    if (open) {
      const answer = await fetch(link.href, { headers: { "HX-Request-Type": "partial" } });
      twin.innerHTML = await answer.text();
    }
    twin.hidden = !open;
    link.setAttribute("aria-expanded", String(open));
  }

  document.addEventListener("click", (event) => {
    const element = event.target.closest?.("[data-chart]");
    const figure = element && charts.figures.get(element);
    if (!figure) return;
    if (event.target.closest("[data-reset]")) figure.zoom(null);
    if (event.target.closest("[data-png]") && figure.plot) picture(figure);
    const link = event.target.closest("a[data-table]");
    if (link && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      table(link, element);
    }
  });
})();
