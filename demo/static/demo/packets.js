// Reads packets as they pass a client's Engine.IO connection: `{type, data}`, as all generations of the client have them.

const ENGINE = ["open", "close", "ping", "pong", "message", "upgrade", "noop"];
const SOCKET = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"];
const HEARTBEATS = new Set(["ping", "pong", "noop"]);

// Returns what a packet says: `layer` "engine" or "socket", `kind` (a word of the protocol), `name` of an event, `id` of
// the acknowledgement that is asked for or given, `args`, and `raw`, the packet as it is written.
export function readPacket({ type, data }) {
  const raw = `${ENGINE.indexOf(type)}${data ?? ""}`;
  if (type !== "message" || typeof data !== "string") {
    return { layer: "engine", kind: type, isHeartbeat: HEARTBEATS.has(type), args: [parsed(data)], raw };
  }
  const [, number, , namespace, id, body] = /^(\d)(\d+-)?(?:(\/[^,?]*)(?:\?[^,]*)?,?)?(\d*)(.*)$/s.exec(data);
  const kind = SOCKET[Number(number)];
  const content = parsed(body);
  const packet = { layer: "socket", kind, namespace, id: id === "" ? null : Number(id), isHeartbeat: false, raw };
  if (kind === "EVENT" || kind === "BINARY_EVENT") return { ...packet, name: content[0], args: content.slice(1) };
  return { ...packet, args: Array.isArray(content) ? content : [content] };
}

function parsed(text) {
  if (text === undefined || text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Tokens are the keys to a conversation: a packet is shown, and copied from a screen, without them.
export function withoutTokens(text) {
  return text.replace(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, (token) => `${token.slice(0, 6)}…`);
}
