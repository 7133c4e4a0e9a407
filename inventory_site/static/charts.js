// Draws each [data-chart] (an address that answers with Bokeh's JSON), and draws it again when the theme changes.
// Buttons in a [data-zoom-of] (the id of a chart) move its time axis, the range that is named "time".
(() => {
  "use strict";
  const DAY = 86400000;
  let round = 0;
  const axes = new Map();
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
        const shown = axes.get(place);
        place.replaceChildren();
        await window.Bokeh.embed.embed_item(item, place);
        const axis = window.Bokeh.documents.at(-1)?.get_model_by_name("time");
        if (axis) {
          axes.set(place, axis);
          if (shown) axis.setv({ start: shown.start, end: shown.end });
        }
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

  // The axis' tags: the first day, the day that the data ends on, the last day.
  const zoomed = (axis, what) => {
    const [first, now, last] = axis.tags;
    const width = axis.end - axis.start;
    const middle = axis.start + width / 2;
    if (what === "all") return [first, last];
    if (what === "back" || what === "on") {
      const step = (what === "on" ? 1 : -1) * Math.min(width / 2, what === "on" ? last - axis.end : axis.start - first);
      return [axis.start + step, axis.end + step];
    }
    if (what === "in" || what === "out") {
      const half = Math.max(what === "in" ? width / 4 : width, 7 * DAY);
      return [Math.max(middle - half, first), Math.min(middle + half, last)];
    }
    // So many days back, and ahead as many at most.
    return [Math.max(now - what * DAY, first), Math.min(now + what * DAY, last)];
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-zoom]");
    const group = button?.closest("[data-zoom-of]");
    const axis = group && axes.get(document.getElementById(group.dataset.zoomOf));
    if (!axis) return;
    const [start, end] = zoomed(axis, button.dataset.zoom);
    if (end - start < 7 * DAY) return;
    axis.setv({ start, end });
    for (const other of group.querySelectorAll("[aria-pressed]")) other.removeAttribute("aria-pressed");
    if (!["back", "on", "in", "out"].includes(button.dataset.zoom)) button.setAttribute("aria-pressed", "true");
  });
})();
