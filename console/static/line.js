// A line of sound to the operator, for the desk and the call button: WebSocket, microphone, loudspeaker, levels.
"use strict";
const OVER = "The call is over.";
class Line {
  // onWords(said): what the other side says; onLevel(mine, theirs): 0…1, 50 times a second; onOver(text): it has ended.
  // onSilent(so): the microphone gives no sound any more, or does again.
  constructor(path, { onWords, onLevel, onOver, onSilent }) {
    Object.assign(this, { path, onWords, onLevel, onOver, onSilent });
    this.open = false; // the microphone is passed on
    this.frames = 0;
    this.mic = null;
  }
  // prepare() before anything else; connect() when there is something to say.
  async prepare() {
    this.context = new AudioContext({ sampleRate: 16000, latencyHint: "interactive" });
    await this.context.audioWorklet.addModule("/static/sound.js");
    this.node = new AudioWorkletNode(this.context, "sound", { outputChannelCount: [1] });
    this.node.connect(this.context.destination);
    this.node.port.onmessage = (event) => this.said(event.data);
    await this.context.resume();
  }
  connect() {
    this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${this.path}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return this.node.port.postMessage(data, [data]);
      const said = JSON.parse(data);
      this.onWords(said);
      if (said.over) this.stop(said.error || OVER);
    };
    this.socket.onclose = () => this.stop("The line to the operator is lost.");
  }
  async openMicrophone() {
    if (this.mic) return;
    const wanted = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    this.mic = await navigator.mediaDevices.getUserMedia({ audio: wanted });
    const [track] = this.mic.getTracks();
    track.onended = track.onmute = () => this.onSilent?.(true); // unplugged, or switched off by the system
    track.onunmute = () => this.onSilent?.(false);
    this.context.createMediaStreamSource(this.mic).connect(this.node);
  }
  send(words) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(words));
  }
  said({ pcm, heard }) {
    if (this.socket?.readyState === WebSocket.OPEN) {
      // Every half second a sign of life: whoever is silent for longer is taken to be gone.
      if (this.open) this.socket.send(pcm);
      else if (this.frames % 25 === 0) this.send({ do: "here" });
    }
    this.frames++;
    const samples = new Int16Array(pcm);
    let power = 0;
    for (const one of samples) power += one * one;
    this.onLevel(this.open ? level(Math.sqrt(power / samples.length) / 32768) : 0, level(heard));
  }
  stop(why) {
    if (this.over) return;
    this.over = true;
    const { context, socket, mic } = this;
    this.open = false;
    if (socket) {
      socket.onclose = null;
      socket.close();
    }
    mic?.getTracks().forEach((track) => track.stop());
    context?.close();
    this.onLevel(0, 0);
    this.onOver(why);
  }
}
// −60 dBFS … 0 dBFS → 0 … 1
function level(rms) {
  return rms > 0 ? Math.max(0, Math.min(1, 1 + Math.log10(rms) / 3)) : 0;
}
// What went wrong, in words that say what to do.
function trouble(error) {
  if (error.name === "NotAllowedError") return "The browser may not use the microphone: allow it for this page, then try again.";
  if (error.name === "NotFoundError") return "There is no microphone: plug one in, then try again.";
  return `The browser cannot do this: ${error.message}`;
}
