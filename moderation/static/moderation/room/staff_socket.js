// A Socket.IO 5 client over Engine.IO 4, as small as the admin's pages need it: WebSocket alone, one namespace, events
// and acknowledgements without binary. It connects again by itself, for as long as it is let in.

const FIRST_PAUSE = 500; // milliseconds
const LONGEST_PAUSE = 30_000;

export class StaffSocket {
  // `onReady`: connected, also once more; `onEvent(name, payload)`; `onBeat`: every half a minute or so, while connected;
  // `onAway(why)`: not connected, `why` "offline", or "refused": it does not try again.
  constructor(path, namespace, { onReady, onEvent, onBeat, onAway }) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.url = `${scheme}//${location.host}${path}/?EIO=4&transport=websocket`;
    this.namespace = namespace;
    this.onReady = onReady;
    this.onEvent = onEvent;
    this.onBeat = onBeat;
    this.onAway = onAway;
    this.pause = FIRST_PAUSE;
    this.lastAck = 0;
    this.acks = new Map();
    addEventListener("online", () => this.again && this.open());
    this.open();
  }

  open() {
    clearTimeout(this.again);
    this.again = undefined;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => socket === this.socket && this.receive(data));
    socket.addEventListener("close", () => socket === this.socket && this.away("offline"));
  }

  emit(event, payload) {
    return new Promise((resolve) => {
      const id = this.lastAck++;
      this.acks.set(id, resolve);
      this.socket.send(`42${this.namespace},${id}${JSON.stringify([event, payload])}`);
    });
  }

  receive(data) {
    if (data[0] === "0") {
      const { pingInterval, pingTimeout } = JSON.parse(data.slice(1));
      this.patience = pingInterval + pingTimeout;
      this.socket.send(`40${this.namespace},`);
    } else if (data[0] === "2") {
      this.socket.send("3");
      this.onBeat();
    } else if (data[0] === "4") {
      this.receivePacket(data.slice(1));
    }
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.away("offline"), this.patience);
  }

  receivePacket(packet) {
    const [, type, namespace, ack, body] = /^(\d)(?:(\/[^,]*),)?(\d*)(.*)$/s.exec(packet);
    if (namespace !== this.namespace) return;
    if (type === "0") {
      this.pause = FIRST_PAUSE;
      this.onReady();
    } else if (type === "1") {
      this.away("offline");
    } else if (type === "2") {
      this.onEvent(...JSON.parse(body));
    } else if (type === "3") {
      this.acks.get(Number(ack))?.(...JSON.parse(body));
      this.acks.delete(Number(ack));
    } else if (type === "4") {
      const isRefusal = JSON.parse(body).data?.code !== undefined;
      this.away(isRefusal ? "refused" : "offline");
    }
  }

  away(why) {
    const socket = this.socket;
    this.socket = undefined;
    clearTimeout(this.silence);
    this.acks.clear();
    socket.close();
    this.onAway(why);
    if (why === "refused") return;
    this.again = setTimeout(() => this.open(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
  }
}
