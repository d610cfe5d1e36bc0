// How lines and numbers look: a colour and a pattern a line, so that nobody has to tell fifty colours apart.
(() => {
  "use strict";
  const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3], [14, 5]];
  const COLOURS = 10;
  const probe = document.body.appendChild(document.createElement("span"));
  probe.hidden = true;

  // What a canvas can paint: a property may be one colour for light and another for dark.
  charts.colour = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  charts.look = (number) => ({
    // As it is written, in hexadecimal: whoever paints faintly appends two digits.
    colour: getComputedStyle(document.documentElement).getPropertyValue(`--line-${number % COLOURS}`).trim(),
    dash: DASHES[Math.floor(number / COLOURS) % DASHES.length],
  });
  charts.number = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(6)).toString());
  charts.span = (seconds) => {
    if (Math.abs(seconds) < 60) return `${charts.number(seconds)} s`;
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    return hours ? `${hours} h ${minutes} min` : `${minutes} min ${Math.round(seconds % 60)} s`;
  };
  charts.place = (axis, x) => {
    if (axis === "time") return new Date(x * 1000).toLocaleString();
    return axis === "relative-time" ? charts.span(x) : Math.round(x).toLocaleString();
  };
})();
