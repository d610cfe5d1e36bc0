// Tabs: on a narrow screen the present one is scrolled to.
(() => {
  "use strict";
  document.querySelector(".tabs [aria-current]")?.scrollIntoView({ inline: "nearest", block: "nearest" });
})();
