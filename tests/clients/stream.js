// What one client sends in a stream of numbered events, and what it is told back: too much to report event by event.
"use strict";

// Sends `event` (`who`, number), each number from 0 to `count`, `window` of them unanswered at a time. What was
// unanswered when the connection broke is sent again when the client is back, before anything else: that makes of
// events, which Socket.IO delivers at most once, such as arrive at least once. At the numbers in `marks` it stops until
// told to `goOn`.
class Stream {
  constructor(socket, { event, who, count, window, marks }, report) {
    Object.assign(this, { socket, event, who, count, window, marks: [...marks, count], report });
    this.number = 0;
    this.answered = 0;
    this.unanswered = new Set();
    this.sentAgain = [];
    this.told = [];
    socket.on("connect", () => this.sendAgain());
    this.goOn();
  }

  goOn() {
    this.limit = this.marks.shift();
    this.next();
  }

  next() {
    while (this.socket.connected && this.number < this.limit && this.unanswered.size < this.window) {
      this.unanswered.add(this.number);
      this.send(this.number++);
    }
  }

  sendAgain() {
    const numbers = [...this.unanswered];
    this.sentAgain.push(...numbers);
    numbers.forEach((number) => this.send(number));
    this.next();
  }

  send(number) {
    this.socket.emit(this.event, this.who, number, () => {
      if (!this.unanswered.delete(number)) return; // answered before
      this.answered++;
      if (this.answered === this.limit) this.atMark();
      else this.next();
    });
  }

  atMark() {
    if (this.limit < this.count) {
      this.report({ kind: "mark", number: this.limit });
    } else {
      this.report({ kind: "streamed", told: this.told, sentAgain: this.sentAgain });
    }
  }
}

module.exports = { Stream };
