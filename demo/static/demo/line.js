import { loadClient } from "./clients.js";

// One person's connection: a stock socket.io-client of some generation, over some transport, and all that passes it.

export const TRANSPORTS = { websocket: ["websocket"], polling: ["polling"], upgrade: ["polling", "websocket"] };

const EVENTS = [
  "active_user_list", "create_room", "event_error", "message_redacted", "message_updated", "new_message", "resync",
  "room_closed", "room_deletion", "room_opened", "seen_messages", "stop_typing", "typing", "user_status_change",
];

export class Line {
  // `heard`: gets `event(name, data)`, `state(state, detail)` with "connecting", "on", "off", "broken" or "refused",
  // `packet(direction, packet)`, `engine(kind, detail)` of what happens to the connection itself.
  constructor(config, heard) {
    this.config = config;
    this.heard = heard;
    this.socket = null;
    this.isOn = false;
  }

  // Connects anew. `identify`: asked for the token and the user of each connection.
  async open(build, transport, identify) {
    const io = await loadClient(build);
    const identity = await identify();
    this.close();
    const options = {
      path: this.config.path,
      transports: TRANSPORTS[transport],
      forceNew: true,
      autoConnect: false,
      reconnectionDelay: 400,
      reconnectionDelayMax: 2500,
    };
    // A client 2.x knows no `auth`; a query serves all, and stands in the logs of proxies.
    if (build.generation === "2") options.query = identity;
    else options.auth = (tell) => identify().then((fresh) => tell({ ...fresh, resync: true, recovery: true }), () => socket.disconnect().connect());
    const socket = io(this.config.namespace, options);
    this.socket = socket;
    this.watch(socket, build);
    this.heard.state("connecting");
    socket.connect();
  }

  watch(socket, build) {
    const isMine = (listener) => (...args) => socket === this.socket && listener(...args);
    for (const name of EVENTS) socket.on(name, isMine((data) => this.heard.event(name, data)));
    socket.on("connect", isMine(() => {
      this.isOn = true;
      this.heard.state("on", { transport: this.transport, recovered: socket.recovered === true });
    }));
    socket.on("disconnect", isMine((reason) => {
      this.isOn = false;
      this.heard.engine("closed", reason);
      this.heard.state(this.healing ? "broken" : "off", { reason });
    }));
    const refused = (message, code) => this.heard.state("refused", { message, code });
    if (build.generation === "2") socket.on("error", isMine((error) => refused(error?.message ?? error)));
    else socket.on("connect_error", isMine((error) => error.data?.code && refused(error.message, error.data.code)));

    // A Manager makes a new Engine.IO connection each time that it opens: each is watched from its first packet.
    const manager = socket.io;
    const open = manager.open;
    manager.open = (...args) => {
      const before = manager.engine;
      const result = open.apply(manager, args);
      const engine = manager.engine;
      if (engine && engine !== before) {
        engine.on("packet", isMine((packet) => this.heard.packet("in", packet)));
        engine.on("packetCreate", isMine((packet) => this.heard.packet("out", packet)));
        engine.on("upgrade", isMine((transport) => this.heard.engine("upgraded", transport.name)));
      }
      return result;
    };
  }

  get transport() {
    return this.socket?.io.engine?.transport?.name ?? "";
  }

  emit(event, body) {
    if (this.isOn) this.socket.emit(event, body);
  }

  // Resolves with the acknowledgement; never, if the connection breaks before it comes.
  call(event, body) {
    return new Promise((resolve) => this.socket.emit(event, body, resolve));
  }

  // Loses the connection, as in a tunnel, and looks for a network again after so many milliseconds.
  breakFor(milliseconds) {
    if (!this.socket || this.healing) return;
    const { socket } = this;
    this.healing = setTimeout(() => {
      this.healing = null;
      if (socket !== this.socket) return;
      socket.io.reconnection(true);
      this.heard.state("connecting");
      socket.connect();
    }, milliseconds);
    socket.io.reconnection(false);
    socket.io.engine?.close();
    this.heard.state("broken", { milliseconds });
  }

  close() {
    const { socket } = this;
    clearTimeout(this.healing);
    this.healing = null;
    this.socket = null;
    this.isOn = false;
    socket?.disconnect();
  }
}
