// A call's recording beside its transcript: a line's time jumps there, the line that plays lights up.
"use strict";
(() => {
  const player = document.querySelector("#recording");
  if (!player) return;
  const lines = [...document.querySelectorAll(".talk li[data-at]")];
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-jump]");
    if (!button) return;
    player.currentTime = Math.max(0, Number(button.dataset.jump) - 0.3);
    player.play();
  });
  player.addEventListener("timeupdate", () => {
    const now = player.currentTime + 0.3;
    const past = lines.filter((line) => Number(line.dataset.at) <= now);
    const current = past.length ? past.reduce((a, b) => (Number(b.dataset.at) >= Number(a.dataset.at) ? b : a)) : null;
    for (const line of lines) {
      if (line === current && !player.ended) line.setAttribute("aria-current", "true");
      else line.removeAttribute("aria-current");
    }
  });
})();
