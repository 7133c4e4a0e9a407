// What all pages share: theme, menus, drawer, toasts, selections, and moving through quantity fields.
(() => {
  "use strict";
  const root = document.documentElement;
  const on = (type, handler) => document.addEventListener(type, handler);

  // Tabs that don't fit show the one that is open.
  for (const tab of document.querySelectorAll("nav > [aria-current='page']")) {
    const nav = tab.parentElement;
    if (nav.scrollWidth > nav.clientWidth) nav.scrollLeft = tab.offsetLeft - (nav.clientWidth - tab.clientWidth) / 2;
  }

  // Theme -----------------------------------------------------------------------------------
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => root.dataset.theme || "auto";
  const effective = () => (chosen() === "auto" ? (dark.matches ? "dark" : "light") : chosen());
  const show = () => {
    for (const button of document.querySelectorAll("[data-theme-set]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeSet === chosen()));
    }
    document.dispatchEvent(new CustomEvent("theme:changed", { detail: effective() }));
  };
  const choose = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    try {
      if (theme === "auto") localStorage.removeItem("theme");
      else localStorage.setItem("theme", theme);
    } catch {
      // Not kept, but it holds for this page.
    }
    show();
  };
  dark.addEventListener("change", show);
  on("click", (event) => {
    if (event.target.closest("[data-theme-toggle]")) choose(effective() === "dark" ? "light" : "dark");
    const button = event.target.closest("[data-theme-set]");
    if (button) choose(button.dataset.themeSet);
  });
  for (const choice of document.querySelectorAll("[data-theme-choice]")) choice.hidden = false;
  show();

  // Menus: one at a time, closed by a click elsewhere or Escape ---------------------------------
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
  };
  on("click", (event) => closeMenus(event.target.closest("details.menu")));
  on("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = event.target.closest?.("details.menu[open]");
    closeMenus(null);
    menu?.querySelector("summary").focus();
  });

  // Messages ----------------------------------------------------------------------------------
  on("click", (event) => event.target.closest("[data-dismiss]")?.closest(".alert")?.remove());
  const toasts = document.getElementById("toasts");
  const toast = (text, level, reload) => {
    const box = document.createElement("div");
    box.className = `alert alert--${level}`;
    box.append(text);
    if (reload) {
      const link = document.createElement("a");
      link.href = location.href;
      link.textContent = reload;
      box.append(" ", link);
    }
    toasts.append(box);
  };
  // A toast leaves after a while, but not while somebody reads or uses it; an error stays until it is dismissed
  // or the next one comes. Each can be dismissed.
  const isError = (node) => node.classList.contains("alert--error");
  const arrive = (node) => {
    const others = [...toasts.children].filter((other) => other !== node && isError(other) && !other.dataset.jobEnded);
    if (isError(node)) others.forEach((other) => other.remove());
    const close = document.createElement("button");
    close.type = "button";
    close.className = "alert__close";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", toasts.dataset.close);
    close.textContent = "×";
    node.append(close);
    if (isError(node)) return;
    let timer = 0;
    const stay = () => clearTimeout(timer);
    const leave = () => {
      stay();
      timer = setTimeout(() => node.remove(), Number(node.dataset.lifetime) || 10000);
    };
    for (const type of ["pointerenter", "focusin"]) node.addEventListener(type, stay);
    for (const type of ["pointerleave", "focusout"]) node.addEventListener(type, leave);
    leave();
  };
  new MutationObserver((records) => {
    const nodes = records.flatMap((record) => [...record.addedNodes]);
    nodes.filter((node) => node.nodeType === Node.ELEMENT_NODE).forEach(arrive);
  }).observe(toasts, { childList: true });
  on("htmx:sendError", () => toast(toasts.dataset.failed, "error"));
  on("htmx:responseError", (event) => {
    const said = (name) => decodeURIComponent(event.detail.xhr.getResponseHeader(name) || "");
    toast(said("X-Message") || toasts.dataset.failed, "error", said("X-Reload"));
    // What was refused is taken back: the field shows what holds.
    if (event.target.matches("[data-quantity]")) event.target.value = event.target.defaultValue;
  });

  // Jobs: those whose progress the reader has seen are followed from any page, and end with a word --
  const followed = () => {
    try {
      return JSON.parse(localStorage.getItem("jobs") || "[]");
    } catch {
      return [];
    }
  };
  const follow = (names) => {
    try {
      if (names.length) localStorage.setItem("jobs", JSON.stringify(names.slice(-20)));
      else localStorage.removeItem("jobs");
    } catch {
      // Then nobody is told on other pages.
    }
  };
  const shown = () => [...document.querySelectorAll("[data-job]")].map((place) => place.dataset.job);
  const ended = async () => {
    const names = [...new Set([...followed(), ...shown()])];
    if (!names.length || !toasts.dataset.jobs) return;
    follow(names);
    // Where its progress is shown, the page itself tells the end.
    const elsewhere = names.filter((name) => !shown().includes(name));
    if (!elsewhere.length) return;
    const query = new URLSearchParams(elsewhere.map((name) => ["job", name]));
    const answer = await fetch(`${toasts.dataset.jobs}?${query}`).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const box = document.createElement("template");
    box.innerHTML = await answer.text();
    const gone = [...box.content.querySelectorAll("[data-job-ended]")];
    // Another window may have told it meanwhile.
    const still = followed();
    toasts.append(...gone.filter((place) => still.includes(place.dataset.jobEnded)));
    follow(still.filter((name) => !gone.some((place) => place.dataset.jobEnded === name)));
  };
  ended();
  setInterval(ended, 4000);

  // Drawer --------------------------------------------------------------------------------------
  const drawer = document.getElementById("drawer");
  on("htmx:afterSwap", (event) => {
    if (event.target.id !== "drawer-body" || drawer.open) return;
    drawer.showModal();
    // What lies outside of a modal window is behind it and can't be used: the toasts come along.
    drawer.append(toasts);
  });
  on("click", (event) => {
    if (event.target === drawer || event.target.closest("[data-drawer-close]")) drawer.close();
  });
  drawer.addEventListener("close", () => {
    document.body.append(toasts);
    document.getElementById("drawer-body").replaceChildren();
  });

  // Forms ---------------------------------------------------------------------------------------
  on("change", (event) => {
    if (event.target.closest("[data-autosubmit]")) event.target.form.requestSubmit();
  });
  on("submit", (event) => {
    const question = event.submitter?.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });
  // A second click while the first one is under way sends nothing. (Last of all listeners: who else prevents it is heard.)
  window.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    setTimeout(() => delete form.dataset.sent, 8000);
  });
  window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((form) => delete form.dataset.sent));
  on("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      const search = document.querySelector("[data-search]");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
    if (event.key === "?" && !typing) keys?.showModal();
  });

  // What the keys do: "?" tells ------------------------------------------------------------------
  const keys = document.getElementById("keys");
  on("click", (event) => {
    if (event.target === keys || event.target.closest("[data-keys-close]")) keys.close();
    if (event.target.closest("[data-keys-open]")) keys.showModal();
  });

  // A search asks while one types. Leaving the field must not ask once more, and untick what was just ticked.
  const asked = (event) => event.target.matches?.("[data-search]") && event.stopPropagation();
  document.addEventListener("change", asked, { capture: true });

  // Selections: [data-select-all] ticks the [data-select] boxes of its [data-selection] -----------
  const count = (area) => {
    const boxes = [...area.querySelectorAll("[data-select]")];
    const ticked = boxes.filter((box) => box.checked);
    for (const all of area.querySelectorAll("[data-select-all]")) {
      all.checked = ticked.length > 0 && ticked.length === boxes.length;
      all.indeterminate = ticked.length > 0 && ticked.length < boxes.length;
    }
    for (const bar of area.querySelectorAll("[data-selection-bar]")) bar.hidden = ticked.length === 0;
    for (const box of boxes) box.closest("tr")?.classList.toggle("is-selected", box.checked);
    for (const place of area.querySelectorAll("[data-selection-count]")) place.textContent = ticked.length;
    const worth = (box) => Number(box.closest("tr").querySelector("[data-line-value]")?.dataset.lineValue || 0);
    const value = ticked.reduce((sum, box) => sum + worth(box), 0);
    for (const place of area.querySelectorAll("[data-selection-value]")) {
      place.textContent = new Intl.NumberFormat(root.lang, {
        style: "currency",
        currency: place.dataset.selectionValue,
        maximumFractionDigits: 0,
      }).format(value);
    }
  };
  const countAll = () => document.querySelectorAll("[data-selection]").forEach(count);
  on("change", (event) => {
    const area = event.target.closest("[data-selection]");
    if (!area) return;
    if (event.target.matches("[data-select-all]")) {
      for (const box of area.querySelectorAll("[data-select]")) box.checked = event.target.checked;
    }
    if (event.target.matches("[data-select], [data-select-all]")) count(area);
  });
  on("htmx:afterSettle", countAll);
  countAll();

  // Quantity fields: Enter and the arrows go up and down the column, Escape takes the change back ---
  on("keydown", (event) => {
    if (!event.target.matches("[data-quantity]")) return;
    const step = { Enter: event.shiftKey ? -1 : 1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      event.target.value = event.target.defaultValue;
      event.target.blur();
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.target.closest("tr").querySelector("[data-explain]")?.click();
    } else if (step) {
      event.preventDefault();
      const fields = [...document.querySelectorAll("[data-quantity]")];
      const next = fields[fields.indexOf(event.target) + step];
      if (next) {
        next.focus();
        next.select();
      } else {
        event.target.blur();
      }
    }
  });
})();
