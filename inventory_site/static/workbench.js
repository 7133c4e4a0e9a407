// The workbench's acts: undo, numbers that were typed and not saved, two people on one line, pasted columns, keys.
(() => {
  "use strict";
  const { htmx } = window;
  const on = (type, handler, options) => document.addEventListener(type, handler, options);
  const acts = () => document.getElementById("acts");
  const toasts = document.getElementById("toasts");

  // Going back shows what holds now, not what the browser kept.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // After an act the workbench shows itself anew; what is typed and ticked meanwhile stays --------------
  let typing = null;
  let ticked = null;
  let isAnew = false;
  on("workbench:changed", () => {
    isAnew = true;
    htmx.ajax("GET", location.pathname + location.search, { target: "#workbench", swap: "outerHTML" });
  });
  on("htmx:beforeSwap", (event) => {
    const field = document.activeElement;
    if (event.detail.target?.id !== "workbench" || !event.detail.shouldSwap) return;
    const isGet = event.detail.requestConfig.verb === "get";
    if (isAnew && isGet) ticked = [...document.querySelectorAll("[data-select]:checked")].map((box) => box.value);
    if (!field?.matches("[data-quantity]") || field.value === field.defaultValue) return;
    typing = { id: field.id, value: field.value };
  });
  on("htmx:afterSettle", () => {
    const field = typing && document.getElementById(typing.id);
    if (field) field.value = typing.value;
    typing = null;
    if (ticked) {
      const boxes = [...document.querySelectorAll("[data-select]")].filter((box) => ticked.includes(box.value));
      for (const box of boxes) box.checked = true;
      boxes[0]?.dispatchEvent(new Event("change", { bubbles: true }));
      ticked = null;
      isAnew = false;
    }
    offer();
  });

  // Words with buttons -------------------------------------------------------------------------------------
  const say = (text, level, ...buttons) => {
    const box = document.createElement("div");
    box.className = `alert alert--${level}`;
    box.dataset.lifetime = "60000";
    const words = document.createElement("span");
    words.textContent = text;
    box.append(words, ...buttons);
    toasts.append(box);
    return box;
  };
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button button--small";
    made.textContent = text;
    made.addEventListener("click", () => {
      made.closest(".alert").remove();
      act();
    });
    return made;
  };
  const link = (text, href) => {
    const made = document.createElement("a");
    made.href = href;
    made.textContent = text;
    return made;
  };
  // Of words with an undo the last one stays.
  new MutationObserver(() => {
    [...toasts.querySelectorAll("[data-undo-toast]")].slice(0, -1).forEach((box) => box.remove());
  }).observe(toasts, { childList: true });

  // What was typed and not saved is kept in this tab, also over a sign-in or a newer plan -----------------
  const shelf = () => `typed:${acts()?.dataset.user}`;
  const kept = () => {
    try {
      return JSON.parse(sessionStorage.getItem(shelf()) || "{}");
    } catch {
      return {};
    }
  };
  const store = (all) => {
    try {
      if (Object.keys(all).length) sessionStorage.setItem(shelf(), JSON.stringify(all));
      else sessionStorage.removeItem(shelf());
    } catch {
      // Then it is on this page alone.
    }
    offer();
  };
  const line = (field) => `${field.dataset.sku}\t${field.dataset.place}`;
  const mark = (field, isUnsaved) => {
    field.classList.toggle("is-unsaved", isUnsaved);
    field.parentElement.querySelector("[data-unsaved]")?.remove();
    if (!isUnsaved) return;
    const note = document.createElement("small");
    note.className = "unsaved";
    note.dataset.unsaved = "";
    note.textContent = acts().dataset.textUnsaved;
    field.after(note);
  };
  const keep = (field) => {
    if (!acts()) return;
    mark(field, true);
    store({ ...kept(), [line(field)]: { value: field.value, plan: acts().dataset.plan } });
  };
  const drop = (field) => {
    mark(field, false);
    const all = kept();
    delete all[line(field)];
    store(all);
  };
  const cells = () => [...document.querySelectorAll("[data-quantity]")];
  let stalePlan = null;
  function offer() {
    const banner = acts()?.querySelector("[data-kept]");
    if (!banner) return;
    const all = kept();
    const { plan, textKeptOne, textKeptMany } = acts().dataset;
    for (const field of cells()) {
      const typed = all[line(field)];
      if (typed?.plan !== plan || field.classList.contains("is-unsaved")) continue;
      field.value = typed.value;
      mark(field, true);
    }
    const count = Object.keys(all).length;
    banner.hidden = count === 0;
    banner.querySelector("[data-kept-put]").hidden = plan === stalePlan;
    banner.querySelector("[data-kept-text]").textContent =
      count === 1 ? textKeptOne : textKeptMany.replace("#", String(count));
  }
  let putting = [];
  on("click", (event) => {
    if (event.target.closest("[data-kept-forget]")) {
      for (const field of cells()) {
        if (!field.classList.contains("is-unsaved")) continue;
        field.value = field.defaultValue;
        mark(field, false);
      }
      store({});
    }
    if (!event.target.closest("[data-kept-put]")) return;
    const all = kept();
    const here = cells().filter((field) => field.classList.contains("is-unsaved"));
    const names = new Set(here.map(line));
    const rest = Object.entries(all).filter(([name]) => !names.has(name));
    for (const field of here) htmx.trigger(field, "change");
    if (!rest.length) return;
    putting = rest.map(([name]) => name);
    const text = rest.map(([name, typed]) => name.replace("\t", `\t${typed.value}\t`)).join("\n");
    const { paste, plan } = acts().dataset;
    htmx.ajax("POST", paste, { values: { text, plan, go: "1" }, target: "#acts", swap: "none" });
  });

  // What became of a request -------------------------------------------------------------------------------
  const typed = (element) =>
    element.matches("[data-quantity]") ? element : element.querySelector?.(":scope [data-typed]");
  const isSignedOut = (xhr) =>
    Boolean(acts() && xhr.responseURL && new URL(xhr.responseURL).pathname === acts().dataset.login);
  const said = (xhr, name) => decodeURIComponent(xhr.getResponseHeader(name) || "");
  const seen = (field, was) => {
    const values = JSON.parse(field.getAttribute("hx-vals") || "{}");
    field.setAttribute("hx-vals", JSON.stringify({ ...values, was }));
    const hidden = field.form?.elements.namedItem("was");
    if (hidden) hidden.value = was;
  };
  on("htmx:beforeOnLoad", (event) => {
    if (!isSignedOut(event.detail.xhr)) return;
    event.preventDefault();
    const field = typed(event.target);
    if (field) keep(field);
    const { login, textSignedOut, textSignIn } = acts().dataset;
    const next = encodeURIComponent(location.pathname + location.search);
    say(textSignedOut, "warning", link(textSignIn, `${login}?next=${next}`));
  });
  // Before the answer puts a new field in its place.
  on("htmx:beforeSwap", (event) => {
    const { xhr, isError, pathInfo, requestConfig } = event.detail;
    if (isError || isSignedOut(xhr)) return;
    const field = typed(requestConfig.elt);
    if (field) drop(field);
    if (putting.length && pathInfo.requestPath === acts()?.dataset.paste) {
      const all = kept();
      for (const name of putting) delete all[name];
      putting = [];
      store(all);
    }
  });
  // Before app.js says it in general and takes the number back.
  on(
    "htmx:responseError",
    (event) => {
      const { xhr } = event.detail;
      const field = typed(event.target);
      const outdated = xhr.status === 403 && !said(xhr, "X-Message");
      if (said(xhr, "X-Reload")) stalePlan = acts()?.dataset.plan ?? null;
      if (!acts() || xhr.status === 422 || (!field && !outdated)) return;
      event.stopPropagation();
      if (field) keep(field);
      const { textOutdated, textReload, textTheirs, textMine, textAway } = acts().dataset;
      const theirs = xhr.getResponseHeader("X-Theirs");
      if (theirs !== null && field) {
        const mine = button(textMine, () => {
          seen(field, theirs);
          if (field.matches("[data-quantity]")) htmx.trigger(field, "change");
          else field.form.requestSubmit();
        });
        const other = button(textTheirs, () => {
          seen(field, theirs);
          field.value = field.defaultValue = theirs;
          drop(field);
          document.dispatchEvent(new CustomEvent("workbench:changed"));
        });
        say(said(xhr, "X-Message"), "warning", other, mine);
      } else if (outdated) {
        say(textOutdated, "warning", link(textReload, location.href));
      } else if (said(xhr, "X-Reload")) {
        say(said(xhr, "X-Message"), "error", link(said(xhr, "X-Reload"), location.href));
      } else {
        say(said(xhr, "X-Message") || textAway, "error");
      }
    },
    { capture: true },
  );
  for (const failure of ["htmx:sendError", "htmx:timeout"]) {
    on(
      failure,
      (event) => {
        const field = typed(event.target);
        if (!field || !acts()) return;
        event.stopPropagation();
        keep(field);
        say(acts().dataset.textAway, "error");
      },
      { capture: true },
    );
  }

  // A pasted column fills the quantities below, a pasted table goes by SKU -----------------------------------
  on("paste", (event) => {
    const form = document.getElementById("paste");
    if (!form || !event.target.matches?.("[data-quantity]")) return;
    const text = (event.clipboardData?.getData("text") || "").replace(/\r/g, "").replace(/\n+$/, "");
    if (!/[\n\t]/.test(text)) return;
    event.preventDefault();
    const fields = cells();
    const start = fields.indexOf(event.target);
    const lines = text.split("\n");
    const isTable = lines.some((each) => each.includes("\t"));
    const placed = (value, at) => {
      const field = fields[start + at];
      return field ? `${field.dataset.sku}\t${value.trim()}\t${field.dataset.place}` : `\t${value.trim()}`;
    };
    form.elements.namedItem("text").value = isTable ? text : lines.map(placed).join("\n");
    form.showPopover();
    form.requestSubmit();
  });

  // The window of many: a changed wish needs a new answer, and a value chooses its act ----------------------
  on("input", (event) => {
    const form = event.target.closest("#bulk, #paste");
    if (!form) return;
    form.querySelector(".answer").replaceChildren();
    const radio = event.target.closest(".bulk__act")?.querySelector("[type=radio]");
    if (radio) radio.checked = true;
  });

  // Keys ---------------------------------------------------------------------------------------------------
  let lastRow = null;
  on("focusin", (event) => {
    lastRow = event.target.closest("table.suggestions tbody tr") || lastRow;
  });
  on("keydown", (event) => {
    const isText = event.target.matches("textarea, select, [contenteditable], input:not([type=checkbox], [type=radio])");
    if (isText || event.altKey) return;
    const key = event.key.toLowerCase();
    const command = event.ctrlKey || event.metaKey;
    const redo = (key === "z" && event.shiftKey) || (command && key === "y");
    if ((key === "z" || redo) && acts()?.dataset.undo) {
      event.preventDefault();
      htmx.ajax("POST", acts().dataset.undo, { values: redo ? { redo: "1" } : {}, target: "#acts", swap: "none" });
    } else if (key === "e" && !command) {
      const row = lastRow?.isConnected ? lastRow : document.querySelector("table.suggestions tbody tr");
      row?.querySelector("[data-explain]")?.click();
    }
  });
  offer();
})();
