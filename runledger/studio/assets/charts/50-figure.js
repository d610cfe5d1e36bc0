// A chart on the page: asked for when it is seen, asked for again when it is zoomed, and added to while its runs run.
(() => {
  "use strict";
  const MANY_LINES = 10;
  const MARKS = 1000;
  const GROWN = 2;
  const figures = new Map();

  class Figure {
    constructor(element) {
      this.element = element;
      this.spec = JSON.parse(element.dataset.chart);
      this.place = element.querySelector("[data-plot]");
      this.range = null;
      this.hidden = new Set();
      this.turn = 0;
      this.legend = element.querySelector("[data-legend]");
      this.readout = element.querySelector("[data-readout]");
      new ResizeObserver(() => this.plot?.setSize({ width: Math.max(this.place.clientWidth, 120), height: this.plot.height })).observe(this.place);
    }

    get marks() {
      const width = Math.min(Math.max(this.place.clientWidth, 200), MARKS);
      return this.spec.runs.length > MANY_LINES ? Math.ceil(width / 3) : width;
    }

    asked(more) {
      const { axis, logX } = charts.view;
      return charts.ask(this.spec.name, { run_id: this.spec.runs, as_of: this.spec.as_of, buckets: this.marks, axis, scale: logX ? "log" : "linear", ...more });
    }

    async load() {
      const turn = ++this.turn;
      const range = this.range ? { first: this.range[0], last: this.range[1] } : {};
      try {
        const chart = await this.asked(range);
        if (turn !== this.turn) return;
        this.chart = chart;
        if (!this.range) this.whole = chart;
        this.draw();
      } catch (error) {
        this.place.textContent = error.message;
      }
    }

    labelOf(line) {
      const run = this.spec.labels?.[line.run_id];
      return [run, line.column].filter(Boolean).join(" · ") || this.spec.name;
    }

    lookOf(line) {
      if (!this.looks) this.looks = new Map();
      const label = `${line.run_id} ${line.column}`;
      const place = this.spec.labels ? this.spec.runs.indexOf(line.run_id) : this.looks.size;
      if (!this.looks.has(label)) this.looks.set(label, this.spec.labels && line.column === null ? place : this.looks.size);
      return this.looks.get(label);
    }

    draw() {
      if (!this.chart) return;
      this.plot?.destroy();
      this.place.textContent = "";
      this.view = { ...charts.view, hidden: this.hidden, lookOf: (line) => this.lookOf(line), labelOf: (line) => this.labelOf(line) };
      this.plot = charts.plot(this.place, this.chart, this.view, this.whole, {
        zoom: (from, to) => this.zoom([from, to]),
        reset: () => this.zoom(null),
        cursor: (place) => this.tell(place),
        drawn: () => this.drawn(),
      });
      this.list();
      this.tell(null);
    }

    drawn() {
      const { element, chart } = this;
      element.dataset.marks = chart.x.length;
      element.dataset.points = chart.lines.reduce((sum, line) => sum + line.count.reduce((a, b) => a + b, 0), 0);
      element.dataset.exact = chart.exact;
      for (const note of element.querySelectorAll("[data-when]")) note.hidden = note.dataset.when !== (chart.exact ? "exact" : "thinned");
      const reset = element.querySelector("[data-reset]");
      if (reset) reset.hidden = !this.range;
      performance.mark("painted");
    }

    zoom(range) {
      if (!range && !this.range) return;
      this.range = range;
      this.load();
    }

    // What lies behind the last point that is known, and nothing else; all of it only if something came in between.
    async append(place) {
      if (!this.whole) return;
      if (this.appending) {
        this.waiting = place;
        return;
      }
      this.appending = true;
      try {
        const { whole } = this;
        const fresh = await this.asked({ first: whole.end === null ? undefined : whole.end + 1, values_at_least: place });
        if (whole !== this.whole) return;
        if (!joins(whole, fresh) || whole.x.length + fresh.x.length > GROWN * MARKS) {
          if (this.range) this.whole = await this.asked({});
          else await this.load();
        } else if (fresh.x.length) {
          join(whole, fresh);
          if (!this.range) this.plot.setData(charts.columns(whole, this.view, whole));
          this.element.dataset.appended = Number(this.element.dataset.appended ?? 0) + 1;
        }
      } finally {
        this.appending = false;
      }
      const { waiting } = this;
      this.waiting = undefined;
      if (waiting !== undefined) await this.append(waiting);
    }

    tell(place) {
      if (!this.readout) return;
      const { x, lines } = this.chart;
      const at = place ?? x.length - 1;
      const factor = this.view.axis.endsWith("time") ? 1e6 : 1;
      const where = x.length ? charts.place(this.view.axis, x[at] / factor) : "";
      this.readout.textContent = lines.length === 1 && x.length ? `${where}: ${valueAt(lines[0], at)}` : where;
      this.legend?.querySelectorAll("[data-value]").forEach((cell, number) => {
        cell.textContent = lines[number] ? charts.number(lines[number].mean[at]) : "";
      });
    }

    list() {
      if (!this.legend || this.chart.lines.length < 2 && !this.spec.labels) return;
      this.legend.replaceChildren(...this.chart.lines.map((line) => this.entry(line)));
    }

    entry(line) {
      const entry = document.getElementById("chart-entry").content.cloneNode(true).firstElementChild;
      const { colour, dash } = charts.look(this.lookOf(line));
      const stroke = entry.querySelector("path");
      stroke.setAttribute("stroke", colour);
      stroke.setAttribute("stroke-dasharray", dash.join(" "));
      const label = this.labelOf(line);
      entry.querySelector("[data-label]").textContent = label;
      const button = entry.querySelector("button");
      button.setAttribute("aria-pressed", String(!this.hidden.has(label)));
      button.addEventListener("click", () => {
        this.hidden.has(label) ? this.hidden.delete(label) : this.hidden.add(label);
        this.draw();
        [...this.legend.querySelectorAll("button")].find((each) => each.textContent.includes(label))?.focus();
      });
      return entry;
    }
  }

  function valueAt(line, at) {
    const [low, mean, high] = [line.minimum[at], line.mean[at], line.maximum[at]].map(charts.number);
    return low === high ? mean : `${mean} (${low} – ${high}, ${line.count[at].toLocaleString()})`;
  }

  const twin = (chart, line) => chart.lines.find((each) => each.run_id === line.run_id && each.column === line.column);
  const sum = (counts) => counts.reduce((total, count) => total + count, 0);

  function joins(whole, fresh) {
    return whole.lines.length === fresh.lines.length && fresh.lines.every((line) => {
      const known = twin(whole, line);
      return known && sum(known.count) + sum(line.count) + line.left_out === line.points;
    });
  }

  function join(whole, fresh) {
    whole.x.push(...fresh.x);
    whole.end = fresh.end;
    for (const line of whole.lines) {
      const more = twin(fresh, line);
      for (const part of ["count", "minimum", "maximum", "mean"]) line[part].push(...more[part]);
      line.points = more.points;
    }
  }

  const MARGIN = 120;
  const inSight = ({ top, bottom, height }) => height > 0 && bottom > -MARGIN && top < innerHeight + MARGIN;
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      figures.get(target)?.load();
    }
  }, { rootMargin: `${MARGIN}px` });

  charts.figures = figures;
  charts.find = (root) => {
    const fresh = [...root.querySelectorAll("[data-chart]")].filter((element) => !figures.has(element));
    for (const element of fresh) figures.set(element, new Figure(element));
    // What is in sight already need not wait for the first frame.
    for (const element of fresh) {
      if (inSight(element.getBoundingClientRect())) figures.get(element).load();
      else seen.observe(element);
    }
    for (const element of figures.keys()) if (!element.isConnected) figures.delete(element);
  };
  charts.drawn = () => [...figures.values()].filter((figure) => figure.chart);
})();
