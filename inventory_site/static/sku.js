// The SKU page: sliders beside the numbers of its what-if form.
(() => {
  "use strict";
  const pair = (form) => {
    for (const slider of form.querySelectorAll("[data-slider-of]")) {
      const number = document.getElementById(slider.dataset.sliderOf);
      slider.hidden = false;
      slider.value = number.value || 0;
      // The form hears either: both bubble.
      slider.addEventListener("input", () => { number.value = slider.value; });
      number.addEventListener("input", () => { if (number.value !== "") slider.value = number.value; });
    }
    form.addEventListener("reset", () => {
      // The fields have their first values only after the event.
      setTimeout(() => {
        for (const slider of form.querySelectorAll("[data-slider-of]")) {
          slider.value = document.getElementById(slider.dataset.sliderOf).value || 0;
        }
        form.requestSubmit();
      });
    });
  };
  // The uplift that the answer proposes stands in the empty field, to be kept or typed over.
  const propose = (answer) => {
    const field = document.getElementById("id_uplift");
    const proposed = answer.querySelector("[data-proposed]");
    if (field) field.placeholder = proposed ? proposed.dataset.proposed : "";
  };
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "sku-what-if-result") propose(event.detail.target);
  });
  document.addEventListener("htmx:load", (event) => {
    for (const form of event.detail.elt.querySelectorAll("[data-sliders]")) pair(form);
  });
})();
