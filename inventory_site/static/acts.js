// Acts on many suggestions that are done in the background: their words on the workbench.
(() => {
  "use strict";
  const { htmx } = window;
  const followed = () => {
    try {
      return JSON.parse(localStorage.getItem("jobs") || "[]");
    } catch {
      return [];
    }
  };
  const follow = (names) => {
    try {
      localStorage.setItem("jobs", JSON.stringify(names));
    } catch {
      // Then nobody is told on other pages.
    }
  };
  // The window that asked for it closes, the answer comes by itself: on another page too.
  document.addEventListener("act:queued", (event) => {
    for (const open of document.querySelectorAll("#bulk:popover-open")) open.hidePopover();
    follow([...followed(), event.detail.value]);
  });
  // Its word here has told the end: app.js need not tell it once more.
  document.addEventListener("act:ended", (event) => {
    follow(followed().filter((name) => name !== event.detail.value));
  });
  // Who comes back to the page sees how far it is.
  const address = document.getElementById("acts-background")?.dataset.address;
  for (const name of followed()) {
    const [kind, number] = name.split(":");
    if (!address || kind !== "act" || document.querySelector(`[data-job="${name}"]`)) continue;
    htmx.ajax("GET", address.replace("/0/", `/${number}/`), { target: "#toasts", swap: "beforeend" });
  }
})();
