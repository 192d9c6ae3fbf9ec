// The slider: of each run the last picture that is not after the images chosen.
"use strict";
const slider = document.getElementById("slider");
if (slider) {
  const stops = slider.dataset.stops.split(" ").map(Number);
  const said = document.getElementById("said");
  const show = () => {
    const kimg = stops[Number(slider.value)];
    const text = `${kimg} thousand images`;
    said.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    for (const run of document.querySelectorAll(".frames")) {
      const images = [...run.querySelectorAll("img")];
      const past = images.filter((image) => Number(image.dataset.kimg) <= kimg);
      const chosen = past.length ? past[past.length - 1] : images[0];
      for (const image of images) image.hidden = image !== chosen;
    }
  };
  slider.addEventListener("input", show);
  show();
}
