// Buttons of a call's page (listen, whisper, barge in, take over, give back), of a queue's caller and of a callback.
"use strict";
(() => {
  const desk = document.querySelector("#seat");
  if (!desk) return;
  const find = (name) => desk.querySelector(`[data-${name}]`);
  const buttons = [...desk.querySelectorAll("[data-do]")];
  const mute = find("mute");
  const talk = find("talk");
  const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
  const say = (text) => (find("says").textContent = text);
  const lines = JSON.parse(desk.dataset.lines || "{}"); // this page's own words
  const SAYS = {
    calling: "It rings at their end.",
    listen: "You hear both sides. Nobody hears you.",
    whisper: "Only the person who talks with the caller hears you.",
    barge: "Everybody hears you; the operator goes on.",
    person: "The caller is yours: the operator is silent.",
    "": "You are not in this call.",
    ...lines,
  };
  let line = null;
  let role = "";
  let wrong = ""; // why it did not come about
  let holding = false; // the push-to-talk button is pressed

  function show() {
    for (const button of buttons) {
      const wants = button.dataset.do;
      button.setAttribute("aria-pressed", String(wants === role));
      button.disabled = (wants === "leave" && !role) || (wants === "back" && role !== "person");
    }
    const talks = role !== "" && role !== "listen";
    mute.disabled = talk.disabled = !talks;
    if (line) line.open = talks && (mute.getAttribute("aria-pressed") === "false" || holding);
    desk.dataset.role = role;
  }
  function heard(said) {
    if (said.role) role = said.role;
    if (said.error || said.role) wrong = said.error && !said.over ? capital(said.error) : "";
    const others = said.holder && role !== "person" ? ` ${said.holder} talks with this caller.` : "";
    say(wrong || (said.error ? capital(said.error) : SAYS[role] + others));
    show();
  }
  async function act(wants) {
    try {
      if (wants === "leave") {
        line?.send({ do: "leave" });
        line?.stop(SAYS[""]);
        return;
      }
      if (!line) {
        line = new Line(desk.dataset.path, {
          onWords: heard,
          onLevel: (mine, theirs) => {
            find("mine").value = mine;
            find("theirs").value = theirs;
          },
          onSilent: (so) => say(so ? "Your microphone gives no sound: nobody hears you. Check the headset." : SAYS[role]),
          onOver: (why) => {
            const outcome = document.querySelector("select[name=outcome]");
            if (outcome && lines.over) outcome.value = role === "person" ? "reached" : "not reached";
            line = null;
            role = "";
            say((lines.over && (wrong || (why === OVER && lines.over))) || why);
            show();
          },
        });
        await line.prepare();
        line.connect();
        await new Promise((done) => line.socket.addEventListener("open", done, { once: true }));
      }
      if (wants !== "listen" && wants !== "back") {
        mute.setAttribute("aria-pressed", "false");
        await line.openMicrophone();
      }
      if (wants !== role) line?.send({ do: wants });
    } catch (error) {
      line?.stop(trouble(error));
    }
  }
  for (const button of buttons) button.addEventListener("click", () => act(button.dataset.do));
  mute.addEventListener("click", () => {
    mute.setAttribute("aria-pressed", String(mute.getAttribute("aria-pressed") !== "true"));
    show();
  });
  const hold = (on) => () => {
    holding = on;
    show();
  };
  for (const name of ["pointerdown", "keydown"]) talk.addEventListener(name, (event) => {
    if (name === "pointerdown" || event.key === " " || event.key === "Enter") {
      event.preventDefault();
      mute.setAttribute("aria-pressed", "true");
      hold(true)();
    }
  });
  for (const name of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) talk.addEventListener(name, hold(false));
  window.addEventListener("pagehide", () => line?.stop(SAYS[""]));
  show();
})();
