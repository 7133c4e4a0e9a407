// An approver's order: which button there is follows the ticks, and sending lines back takes a comment.
(() => {
  "use strict";
  const form = document.querySelector("[data-approval]");
  if (!form) return;
  const boxes = [...form.querySelectorAll("[data-select]")];
  const comment = form.querySelector("[data-comment]");
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    const state = ticked === boxes.length ? "all" : ticked ? "part" : "none";
    for (const part of form.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== state;
  };
  // After app.js, which ticks all boxes at once.
  form.addEventListener("change", () => setTimeout(show));
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[type=submit]");
    if (button) comment.required = "needsComment" in button.dataset;
  });
  show();
})();
