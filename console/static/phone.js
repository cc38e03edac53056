// The call button.
"use strict";
(() => {
  const phone = document.querySelector("#phone");
  const find = (name) => phone.querySelector(`[data-${name}]`);
  const keys = [...phone.querySelectorAll("[data-key]")];
  const say = (text) => (find("says").textContent = text);
  let line = null;

  function show() {
    const muted = find("mute").getAttribute("aria-pressed") === "true";
    find("call").disabled = line !== null;
    for (const one of [find("hang"), find("mute"), ...keys]) one.disabled = line === null;
    if (line) line.open = !muted;
    phone.dataset.role = line ? "person" : "";
  }
  find("call").addEventListener("click", async () => {
    const made = (line = new Line("/phone/audio", {
      onWords: (said) => {
        if (!said.call_id) return;
        say("You are through.");
        const follow = find("follow");
        if (follow) Object.assign(follow, { hidden: false, href: `/calls/${said.call_id}` });
      },
      onLevel: (mine, theirs) => {
        find("mine").value = mine;
        find("theirs").value = theirs;
      },
      onSilent: (so) => say(so ? "Your microphone gives no sound: nobody hears you. Check it." : "You are through."),
      onOver: (why) => {
        line = null;
        say(why);
        show();
      },
    }));
    show();
    say("Calling…");
    try {
      await made.prepare();
      await made.openMicrophone();
      made.connect();
      show();
    } catch (error) {
      made.stop(trouble(error));
    }
  });
  find("hang").addEventListener("click", () => {
    line?.send({ do: "leave" });
    line?.stop("You have hung up.");
  });
  find("mute").addEventListener("click", () => {
    const mute = find("mute");
    mute.setAttribute("aria-pressed", String(mute.getAttribute("aria-pressed") !== "true"));
    show();
  });
  const press = (key) => line?.send({ do: "key", key });
  for (const one of keys) one.addEventListener("click", () => press(one.dataset.key));
  document.addEventListener("keydown", (event) => {
    if (/^[0-9*#]$/.test(event.key) && !event.ctrlKey && !event.altKey && !event.metaKey) press(event.key);
  });
  window.addEventListener("pagehide", () => line?.stop(""));
  show();
})();
