// The one place that knows uPlot: a light band from least to greatest and the line of the mean, for each line.
(() => {
  "use strict";
  const HEIGHT = 210;
  const WIDE_HEIGHT = 320;
  const CROWD = 8;
  const FEW = 80;
  const PER_LINE = 4;
  const WHOLE = Array.from({ length: 48 }, (_, place) => [1, 2, 5][place % 3] * 10 ** Math.floor(place / 3));
  // Of many lines, bands that lie over one another must not hide them.
  const faintness = (chart) => (chart.lines.length > CROWD ? ["0c", "28"] : ["30", "55"]);
  const scaled = (axis) => (axis.endsWith("time") ? 1e6 : 1);
  const above = (values, log) => (log ? values.map((value) => (value > 0 ? value : null)) : values);

  // Marks before those that are shown go into the average too: zooming in does not change the curve.
  function smoothed(line, chart, view, whole) {
    const earlier = whole?.lines.find((each) => each.run_id === line.run_id && each.column === line.column);
    const count = earlier && whole !== chart ? whole.x.filter((x) => x < chart.x[0]).length : 0;
    const means = [...(count ? earlier.mean.slice(0, count) : []), ...line.mean];
    const counts = [...(count ? earlier.count.slice(0, count) : []), ...line.count];
    return charts.smooth(means, counts, view.weight).slice(count);
  }

  charts.columns = (chart, view, whole) => {
    const factor = scaled(view.axis);
    const lines = chart.lines.flatMap((line) => [
      above(line.maximum, view.logY),
      above(line.minimum, view.logY),
      above(line.mean, view.logY),
      view.weight ? above(smoothed(line, chart, view, whole), view.logY) : [],
    ]);
    return [chart.x.map((x) => x / factor), ...lines];
  };

  function series(chart, view) {
    const found = [{}];
    const dots = chart.exact && chart.x.length <= FEW;
    chart.lines.forEach((line) => {
      const { colour, dash } = charts.look(view.lookOf(line));
      const show = !view.hidden.has(view.labelOf(line));
      const faint = { show, stroke: colour + faintness(chart)[1], width: 0.7, points: { show: false }, spanGaps: true };
      const drawn = { ...faint, stroke: colour, width: 1.6, dash };
      const mean = view.weight ? { ...faint, stroke: `${colour}66`, width: 1 } : { ...drawn, points: { show: dots, size: 5 } };
      found.push(faint, faint, mean, { ...drawn, show: show && view.weight > 0 });
    });
    return found;
  }

  function axes(view) {
    const [soft, line] = [charts.colour("--soft"), charts.colour("--line")];
    const plain = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
    const names = (_, splits) => splits.map((x) => (x === null ? null : charts.place(view.axis, x)));
    const short = (_, splits) => splits.map((y) => (y === null ? null : charts.number(y)));
    const across = view.axis === "time" ? {} : { values: names, ...(view.axis.endsWith("step") && !view.logX ? { incrs: WHOLE } : {}) };
    return [{ ...plain, ...across, size: 28 }, { ...plain, values: short, size: 62 }];
  }

  charts.plot = (element, chart, view, whole, on) => {
    const bands = chart.lines.map((line, number) => {
      const first = number * PER_LINE + 1;
      return { series: [first, first + 1], fill: charts.look(view.lookOf(line)).colour + faintness(chart)[0] };
    });
    const options = {
      width: Math.max(element.clientWidth, 120),
      height: element.closest(".wide") ? WIDE_HEIGHT : HEIGHT,
      legend: { show: false },
      scales: { x: { time: view.axis === "time", distr: view.logX ? 3 : 1 }, y: { distr: view.logY ? 3 : 1 } },
      series: series(chart, view),
      axes: axes(view),
      bands,
      cursor: {
        sync: { key: "page", scales: ["x", null], setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { show: false },
        bind: { dblclick: () => () => on.reset() },
      },
      hooks: {
        setCursor: [(plot) => on.cursor(plot.cursor.idx)],
        setSelect: [(plot) => {
          const { left, width } = plot.select;
          if (width < 3) return;
          const [from, to] = [left, left + width].map((at) => plot.posToVal(at, "x") * scaled(view.axis));
          plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          on.zoom(Math.floor(from), Math.ceil(to));
        }],
        draw: [() => on.drawn()],
      },
    };
    return new uPlot(options, charts.columns(chart, view, whole), element);
  };
})();
