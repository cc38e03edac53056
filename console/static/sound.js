// Runs on the browser's audio thread: microphone → 20 ms frames of 16-bit samples, and frames → loudspeaker.
"use strict";
const FRAME = 320; // 20 ms at 16 kHz
const MIN = 2 * FRAME; // gathered before it plays: 40 ms against the network's jitter
const MAX = 12 * FRAME; // more than 240 ms waiting: the oldest goes
const LOOK = 50 * FRAME; // one second that never had less waiting than needed: one frame is left out

class Sound extends AudioWorkletProcessor {
  constructor() {
    super();
    this.said = new Int16Array(FRAME);
    this.filled = 0;
    this.heard = []; // frames that wait to be played
    this.offset = 0;
    this.waiting = 0; // samples
    this.playing = false;
    this.least = MAX;
    this.looked = 0;
    this.power = 0;
    this.port.onmessage = (event) => {
      this.heard.push(new Int16Array(event.data));
      this.waiting += FRAME;
      if (this.waiting > MAX) this.drop();
    };
  }
  drop() {
    this.waiting -= this.heard.shift().length - this.offset;
    this.offset = 0;
  }
  process(inputs, outputs) {
    this.play(outputs[0][0]);
    this.take(inputs[0][0], outputs[0][0].length);
    return true;
  }
  play(out) {
    if (!this.playing && this.waiting >= MIN) this.playing = true;
    for (let i = 0; this.playing && i < out.length; i++) {
      if (!this.heard.length) {
        this.playing = false;
        break;
      }
      out[i] = this.heard[0][this.offset++] / 32768;
      this.waiting--;
      if (this.offset === FRAME) {
        this.heard.shift();
        this.offset = 0;
      }
    }
    for (let i = 0; i < out.length; i++) this.power += out[i] * out[i];
    this.least = Math.min(this.least, this.waiting);
    this.looked += out.length;
    if (this.looked >= LOOK) {
      if (this.playing && this.least > MIN && this.heard.length) this.drop();
      this.least = MAX;
      this.looked = 0;
    }
  }
  take(input, length) {
    for (let i = 0; i < length; i++) {
      const sample = input ? Math.max(-1, Math.min(1, input[i])) : 0;
      this.said[this.filled++] = sample * 32767;
      if (this.filled < FRAME) continue;
      const heard = Math.sqrt(this.power / FRAME);
      this.port.postMessage({ pcm: this.said.buffer, heard }, [this.said.buffer]);
      this.said = new Int16Array(FRAME);
      this.filled = 0;
      this.power = 0;
    }
  }
}
registerProcessor("sound", Sound);
