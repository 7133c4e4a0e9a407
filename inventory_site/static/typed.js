// What was typed into a form outlives the session: it waits while its writer logs in, and is put back.
(() => {
  "use strict";
  const KEY = "typed";
  const TYPED = "textarea, select, input:not([type=hidden], [type=password], [type=file], [type=submit], [type=radio])";
  const here = location.pathname + location.search;
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.matches(TYPED));
  const valueOf = (field) => (field.type === "checkbox" ? field.checked : field.value);
  const put = (what) => {
    try {
      if (what) sessionStorage.setItem(KEY, JSON.stringify(what));
      else sessionStorage.removeItem(KEY);
    } catch {
      // Storage is closed to us: then nothing is kept.
    }
  };
  let kept = null;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    kept = null;
  }

  addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.querySelector("[type=password]")) return;
    const number = [...document.forms].indexOf(form);
    put({ page: here, number, values: fieldsOf(form).map((field) => [field.name, valueOf(field)]) });
  });

  if (document.querySelector("[data-typed-waits]")) {
    if (kept) put({ ...kept, waits: true });
    return;
  }
  put(null);
  const form = kept?.waits && kept.page === here ? document.forms[kept.number] : null;
  if (!form) return;
  fieldsOf(form).forEach((field, n) => {
    const [name, value] = kept.values[n] ?? [];
    if (name !== field.name) return;
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
  form.closest("details")?.setAttribute("open", "");
  const toasts = document.getElementById("toasts");
  const toast = document.createElement("div");
  toast.className = "alert alert--info";
  toast.textContent = toasts.dataset.typed;
  toasts.append(toast);
})();
