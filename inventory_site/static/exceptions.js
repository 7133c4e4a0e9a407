// Exceptions: after a case is dealt with, the drawer closes, and the focus goes to the row in its place.
(() => {
  "use strict";
  const drawer = document.getElementById("drawer");
  let place = -1;
  const rows = () => [...document.querySelectorAll("#exceptions [data-case]")];
  document.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.target.closest?.("[data-case]");
    // From the drawer the row stays the one that opened it.
    if (row) place = rows().indexOf(row);
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id === "exceptions" && drawer.open && !event.detail.isError) drawer.close();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "exceptions" || place < 0) return;
    const here = rows();
    const next = here[Math.min(place, here.length - 1)];
    place = -1;
    if (document.activeElement === document.body || !document.activeElement?.isConnected) {
      next?.querySelector("[data-case-more]")?.focus();
    }
  });
})();
