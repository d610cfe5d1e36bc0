// The editor of a rule: the mail as HTML is made anew when what was typed has changed, in a frame where nothing runs.
(() => {
  "use strict";
  const form = document.querySelector("form[data-rule]");
  if (!form) return;
  form.classList.add("scripted");
  let waiting = 0;

  function show() {
    const frame = form.querySelector("iframe.mail");
    // A new frame: loaded into the old one, each mail would be a step of the browser's history.
    frame.replaceWith(frame.cloneNode());
    form.requestSubmit(form.querySelector("[data-previews]"));
  }

  function later() {
    clearTimeout(waiting);
    waiting = setTimeout(show, 900);
  }

  form.addEventListener("input", later);
  document.addEventListener("htmx:after:swap", () => {
    if (form.querySelector("#conditions") !== conditions) {
      conditions = form.querySelector("#conditions");
      form.dispatchEvent(new Event("input"));
    }
  });
  let conditions = form.querySelector("#conditions");
  show();
})();
