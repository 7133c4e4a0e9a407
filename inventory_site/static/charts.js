// Draws each [data-chart] (an address that answers with Bokeh's JSON), and draws it again when the theme changes.
(() => {
  "use strict";
  let round = 0;
  const draw = async (place, theme, mine) => {
    const address = new URL(place.dataset.chart, location.href);
    address.searchParams.set("theme", theme);
    address.searchParams.set("width", String(place.clientWidth));
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const item = await answer.json();
      if (mine !== round) return;
      if (item.empty) {
        place.textContent = item.empty;
        place.classList.add("chart--empty");
      } else {
        place.replaceChildren();
        await window.Bokeh.embed.embed_item(item, place);
      }
    } catch {
      if (mine === round) place.textContent = place.dataset.failed;
    }
    place.setAttribute("aria-busy", "false");
  };
  const drawAll = (theme) => {
    round += 1;
    for (const place of document.querySelectorAll("[data-chart]")) draw(place, theme, round);
  };
  const chosen = document.documentElement.dataset.theme;
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  let current = chosen || (dark ? "dark" : "light");
  drawAll(current);
  // What htmx has put in place of something else; the whole page is drawn already.
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt === document.body) return;
    for (const place of event.detail.elt.querySelectorAll("[data-chart]")) draw(place, current, round);
  });
  document.addEventListener("theme:changed", (event) => {
    if (event.detail === current) return;
    current = event.detail;
    drawAll(current);
  });
})();
