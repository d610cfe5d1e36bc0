// A text of any length: only the lines that are seen are in the page. It grows while its script prints.
(() => {
  "use strict";
  const LINE = 18;
  const PAD = 6;
  const view = document.querySelector("[data-tail]");
  if (!view) return;
  const size = Number(view.dataset.atOnce);
  const button = document.querySelector("[data-tail-follow]");
  const news = document.querySelector("[data-tail-new]");
  const texts = new Map();
  const blocks = new Map();
  let lines = Number(view.dataset.lines);
  let end = Number(view.dataset.end);
  let whole = null;
  let following = button.getAttribute("aria-pressed") === "true";
  let missed = 0;
  let growing = false;
  let again = false;

  const ground = document.createElement("div");
  const mark = document.createElement("div");
  mark.className = "mark";
  mark.hidden = true;
  ground.append(mark);

  const count = (text) => text.split("\n").length - (text.endsWith("\n") || !text ? 1 : 0);
  const read = async (asked) => (await fetch(`${view.dataset.tail}&${asked}`)).json();

  function text(number) {
    if (!texts.has(number)) texts.set(number, read(`first=${number * size}`).then((piece) => piece.text));
    return texts.get(number);
  }

  async function put(number) {
    if (blocks.has(number)) return;
    const block = document.createElement("pre");
    block.style.top = `${PAD + number * size * LINE}px`;
    blocks.set(number, block);
    ground.append(block);
    block.textContent = await text(number);
  }

  function show() {
    ground.style.height = `${lines * LINE}px`;
    const [from, to] = [view.scrollTop, view.scrollTop + view.clientHeight].map((at) => Math.floor(at / LINE / size));
    const last = Math.max(Math.floor((lines - 1) / size), 0);
    for (const [number, block] of blocks) {
      if (number >= from - 1 && number <= to + 1) continue;
      block.remove();
      blocks.delete(number);
    }
    for (let number = Math.max(from, 0); number <= Math.min(to, last); number++) put(number);
    view.dataset.shown = `${lines}`;
  }

  function bottom() {
    view.scrollTop = lines * LINE;
    missed = 0;
    news.hidden = true;
    show();
  }

  function follow(on) {
    following = on;
    button.setAttribute("aria-pressed", String(on));
    if (on) grow().then(bottom);
  }

  function go(line) {
    follow(false);
    mark.style.top = `${PAD + line * LINE}px`;
    mark.hidden = false;
    view.scrollTop = Math.max(line * LINE - view.clientHeight / 3, 0);
    show();
  }

  // What is new goes behind the last line; blocks that it reaches are read again when they are seen.
  function take(piece) {
    const before = lines;
    const open = whole === false ? 1 : 0;
    lines += count(piece.text) - (piece.text ? open : 0);
    whole = piece.text.endsWith("\n");
    end = piece.end;
    for (let number = Math.floor(Math.max(before - 1, 0) / size); number <= Math.floor(lines / size); number++) renew(number);
    if (following) return bottom();
    missed += lines - before;
    news.hidden = missed === 0;
    news.querySelector("[data-count]").textContent = missed;
    show();
  }

  function renew(number) {
    texts.delete(number);
    const block = blocks.get(number);
    if (block) text(number).then((found) => { block.textContent = found; });
  }

  async function grow() {
    if (growing) {
      again = true;
      return;
    }
    growing = true;
    do {
      again = false;
      const piece = await read(`start=${end}`);
      if (piece.text) {
        take(piece);
        again = again || piece.end < piece.size;
      }
    } while (again);
    growing = false;
  }

  async function search(address) {
    const answer = await fetch(address, { headers: { "HX-Request-Type": "partial" } });
    document.querySelector("[data-tail-found]").innerHTML = await answer.text();
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-tail-search]")) return;
    event.preventDefault();
    search(`${event.target.action}?${new URLSearchParams(new FormData(event.target))}`);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("[data-tail-found] a");
    if (!link) return;
    event.preventDefault();
    if (link.dataset.line) go(Number(link.dataset.line));
    else search(link.href);
  });
  document.addEventListener("live:output", ({ detail }) => {
    if (detail.run_id === view.dataset.follow && detail.size > end) grow();
  });
  document.addEventListener("live:run", ({ detail }) => {
    if (detail.run_id === view.dataset.follow) grow();
  });
  button.addEventListener("click", () => follow(!following));
  view.addEventListener("wheel", (event) => { if (event.deltaY < 0 && following) follow(false); }, { passive: true });
  view.addEventListener("keydown", (event) => { if (["ArrowUp", "PageUp", "Home"].includes(event.key) && following) follow(false); });
  view.addEventListener("scroll", show, { passive: true });

  button.hidden = !view.dataset.follow;
  view.classList.add("seen");
  const kept = view.querySelector("pre").textContent;
  whole = kept === "" || kept.endsWith("\n");
  view.replaceChildren(ground);
  show();
  if (view.dataset.line) go(Number(view.dataset.line));
  else if (following) bottom();
})();
