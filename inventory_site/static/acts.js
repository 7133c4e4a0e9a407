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
  // The window that asked for it closes: the answer comes by itself.
  document.addEventListener("act:queued", () => {
    for (const open of document.querySelectorAll("#bulk:popover-open")) open.hidePopover();
  });
  // Its word here has told the end: app.js need not tell it once more.
  document.addEventListener("act:ended", (event) => {
    try {
      localStorage.setItem("jobs", JSON.stringify(followed().filter((name) => name !== event.detail.value)));
    } catch {
      // Then nothing is followed.
    }
  });
  // Who comes back to the page sees how far it is.
  const address = document.getElementById("acts-background")?.dataset.address;
  for (const name of followed()) {
    const [kind, number] = name.split(":");
    if (!address || kind !== "act" || document.querySelector(`[data-job="${name}"]`)) continue;
    htmx.ajax("GET", address.replace("/0/", `/${number}/`), { target: "#toasts", swap: "beforeend" });
  }
})();
