// Real socket.io-client sockets, many in one process, driven by JSON lines: commands on stdin, reports on stdout.
// It only carries out and reports; what is expected of a server is decided in Python (client.py), which also documents
// each command. Commands of one client are carried out in the order of their lines.
"use strict";

const readline = require("node:readline");
const { Stream } = require("./stream.js");

const generations = {
  "2.3.1": require("socket.io-client-2"),
  "3.1.3": require("socket.io-client-3"),
  "4.8": require("socket.io-client-4"),
};

// By their names in Client's `parser`. "unknown" stands for one that no server has heard of.
const parsers = {
  msgpack: require("socket.io-msgpack-parser"),
  unknown: {
    Encoder: class {
      encode = () => [Buffer.from([0xc1, 1, 2])];
    },
    Decoder: require("socket.io-msgpack-parser").Decoder,
  },
};

const sockets = new Map();
const streams = new Map(); // by client

function report(line) {
  process.stdout.write(JSON.stringify(packed(line)) + "\n");
}

// Binary travels as {"$bytes": base64} in the lines of both directions.
function packed(value) {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof ArrayBuffer) return { $bytes: Buffer.from(value).toString("base64") };
  if (ArrayBuffer.isView(value)) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64") };
  }
  if (Array.isArray(value)) return value.map(packed);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, packed(item)]));
}

function unpacked(key, value) {
  return value && typeof value.$bytes === "string" ? Buffer.from(value.$bytes, "base64") : value;
}

// Every event that the server emits, whatever its name. A server that asks for an ack gets `answers[event]`, after
// `answerAfter[event]` milliseconds where it says so.
function listenToAll(socket, version, client, answers, answerAfter) {
  const heard = (name, args, acknowledge) => {
    if (name === "told" && streams.has(client)) {
      streams.get(client).told.push(args[0]);
      return;
    }
    report({ client, kind: "event", name, args });
    if (!acknowledge) return;
    const answer = () => acknowledge(name in answers ? answers[name] : null);
    if (name in answerAfter) setTimeout(answer, answerAfter[name]);
    else answer();
  };
  if (version === "2.3.1") {
    // 2.x has no onAny: its own dispatcher of event packets is wrapped.
    socket.onevent = (packet) => {
      const [name, ...args] = packet.data;
      heard(name, args, packet.id == null ? null : socket.ack(packet.id));
    };
  } else {
    socket.onAny((name, ...args) => {
      const acknowledge = typeof args.at(-1) === "function" ? args.pop() : null;
      heard(name, args, acknowledge);
    });
  }
}

// The lifecycle events of a generation under one set of names: connect, refused, unreachable, disconnect, reconnect.
function listenToLife(socket, version, client) {
  socket.on("connect", () => report({ client, kind: "connect", socketId: socket.id, recovered: socket.recovered === true }));
  socket.on("disconnect", (reason) => report({ client, kind: "disconnect", reason }));
  const refused = (message, data) => report({ client, kind: "refused", message, data });
  const unreachable = (error) => report({ client, kind: "unreachable", message: String(error && error.message) });
  if (version === "2.3.1") {
    socket.on("error", (data) => refused(data, null)); // the payload of the ERROR packet, as the server sent it
    socket.on("connect_error", unreachable);
    socket.on("reconnect", () => report({ client, kind: "reconnect" }));
  } else {
    // A CONNECT_ERROR packet and a failed transport are one event here; only the latter's error has a type.
    socket.on("connect_error", (error) =>
      error.type === "TransportError" || error.message === "timeout" || /xhr poll|websocket error/.test(error.message)
        ? unreachable(error)
        : refused(error.message, error.data === undefined ? null : error.data),
    );
    socket.io.on("reconnect", () => report({ client, kind: "reconnect" }));
  }
}

const commands = {
  open({ client, version, url, namespace, beside, options, parser, answers, answerAfter }) {
    let socket;
    if (parser) options.parser = parsers[parser];
    if (beside) {
      socket = sockets.get(beside).io.socket(namespace, options); // another namespace on that client's connection
    } else {
      socket = generations[version](url + namespace, { forceNew: true, autoConnect: false, ...options });
    }
    sockets.set(client, socket);
    listenToAll(socket, version, client, answers || {}, answerAfter || {});
    listenToLife(socket, version, client);
    socket.connect();
  },
  emit({ client, event, args, ack }) {
    const socket = sockets.get(client);
    if (ack == null) {
      socket.emit(event, ...args);
    } else {
      socket.emit(event, ...args, (...answer) => report({ client, kind: "ack", ack, answer }));
    }
  },
  // 4.x alone: an ack that does not come within `timeout` milliseconds is reported as the client's error.
  emitWithin({ client, event, args, ack, timeout }) {
    sockets.get(client).timeout(timeout).emit(event, ...args, (error, ...answer) => {
      report({ client, kind: "ack", ack, answer: error ? [{ timedOut: error.message }] : answer });
    });
  },
  stream({ client, ...what }) {
    streams.set(client, new Stream(sockets.get(client), what, (line) => report({ client, ...line })));
  },
  goOn({ client }) {
    streams.get(client).goOn();
  },
  // Reports how the connection stands.
  look({ client }) {
    const socket = sockets.get(client);
    const engine = socket.io.engine;
    const { name: transport, query } = engine.transport;
    const jsonp = query.j !== undefined;
    report({ client, kind: "look", transport, jsonp, sessionId: engine.id, connected: socket.connected });
  },
  disconnect({ client }) {
    sockets.get(client).disconnect();
  },
  connect({ client }) {
    sockets.get(client).connect();
  },
  // Breaks the connection as a lost network would: the client reconnects by itself, as its options say.
  drop({ client }) {
    // Not engine.close(): it waits for an upgrade, and the stock client keeps an event that comes meanwhile for its next
    // connection without its offset, so that a recovery brings it once more.
    const engine = sockets.get(client).io.engine;
    (engine._onClose || engine.onClose).call(engine, "transport close");
  },
  forget({ client }) {
    const socket = sockets.get(client);
    sockets.delete(client);
    streams.delete(client);
    if (socket) {
      if (typeof socket.io.reconnection === "function") socket.io.reconnection(false);
      socket.disconnect();
    }
  },
};

const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command = JSON.parse(line, line.includes('"$bytes"') ? unpacked : undefined);
  try {
    commands[command.do](command);
  } catch (error) {
    report({ client: command.client, kind: "failure", message: `${command.do}: ${error.stack}` });
  }
});
lines.on("close", () => process.exit(0));
report({ kind: "ready" });
