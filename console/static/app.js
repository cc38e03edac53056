// What htmx does not: upload progress, and errors as messages.
"use strict";
document.addEventListener("htmx:xhr:progress", (event) => {
  const bar = document.querySelector("#upload-progress");
  if (bar && event.detail.lengthComputable) {
    bar.hidden = false;
    bar.max = event.detail.total;
    bar.value = event.detail.loaded;
  }
});
document.addEventListener("htmx:sendError", () => say("The operator's console does not answer. Is it running?"));
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.getResponseHeader("HX-Redirect")) return;
  const page = new DOMParser().parseFromString(event.detail.xhr.responseText, "text/html");
  say(page.querySelector("[role=alert]")?.textContent || `The console answered ${event.detail.xhr.status}.`);
});
// A message that htmx brought must be seen, wherever one has scrolled to.
document.addEventListener("htmx:afterSettle", () => {
  document.querySelector("#messages .flash")?.scrollIntoView({ block: "nearest" });
});
// A form that stays on the page after it was sent is empty again.
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful && event.target.matches("form[data-clears]")) event.target.reset();
});
function say(text) {
  const line = document.createElement("p");
  line.className = "flash error";
  line.textContent = text;
  document.querySelector("#messages").replaceChildren(line);
  line.scrollIntoView({ block: "nearest" });
}
// A file that is too large is refused before it is sent, in the browser's own words and place.
document.addEventListener("change", (event) => {
  const most = Number(event.target.dataset?.most);
  if (!most || !event.target.files) return;
  const sum = [...event.target.files].reduce((bytes, file) => bytes + file.size, 0);
  const text = `${(sum / 1048576).toFixed(1)} MiB is more than the limit of ${(most / 1048576).toFixed(1)} MiB: send fewer, or split it.`;
  event.target.setCustomValidity(sum > most ? text : "");
  event.target.reportValidity();
});
