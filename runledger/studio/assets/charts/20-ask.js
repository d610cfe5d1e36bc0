// Asking for charts: those that are asked for at one moment, under the same conditions, come in one answer.
(() => {
  "use strict";
  const MOST = 50;
  const waiting = new Map();

  function address(asked, names) {
    const parameters = new URLSearchParams();
    for (const [key, value] of Object.entries({ ...asked, name: names })) {
      for (const each of [value].flat()) if (each !== undefined) parameters.append(key, each);
    }
    return `/api/v1/thinned?${parameters}`;
  }

  async function send(asked, wanted) {
    try {
      const answer = await fetch(address(asked, wanted.map(({ name }) => name)));
      if (!answer.ok) throw new Error((await answer.json()).detail ?? answer.statusText);
      const found = new Map((await answer.json()).map((chart) => [chart.name, chart]));
      for (const { name, resolve } of wanted) resolve(found.get(name));
    } catch (error) {
      for (const { reject } of wanted) reject(error);
    }
  }

  function flush(key, asked) {
    const wanted = waiting.get(key);
    waiting.delete(key);
    for (let first = 0; first < wanted.length; first += MOST) send(asked, wanted.slice(first, first + MOST));
  }

  charts.ask = (name, asked) => new Promise((resolve, reject) => {
    const key = JSON.stringify(asked);
    if (!waiting.has(key)) {
      waiting.set(key, []);
      queueMicrotask(() => flush(key, asked));
    }
    waiting.get(key).push({ name, resolve, reject });
  });
})();
