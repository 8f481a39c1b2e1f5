// The chat of a page, with the page's own session: a buyer writes to one shop, an owner to whoever has asked.
"use strict";

for (const chat of document.querySelectorAll(".chat")) start(chat);

// Refusals in this shop's words; what is not here is said in the server's.
const REFUSALS = {
  muted: "You may read, but not write",
  banned: "You may not take part in the chat",
  room_closed: "This conversation is closed",
};

// The server's text ends in the time at which a mute or a ban ends, if it does.
function explain({ code, message }) {
  if (!(code in REFUSALS)) return message;
  const end = message.match(/ until (\S+)$/)?.[1];
  return end ? `${REFUSALS[code]} until ${new Date(end).toLocaleString()}.` : `${REFUSALS[code]}.`;
}

function start(chat) {
  const { user, name, role, seller, shop } = chat.dataset;
  const part = (selector) => chat.querySelector(selector);
  const socket = io("/v1/conversations/events", { path: "/v1/conversations/sockets", auth: { user_role: role } });
  let room = null; // the one that is open: { id, other }
  let unseen = null; // the last message there from the other side, until it is in sight

  async function call(event, body) {
    const answer = await socket.timeout(15000).emitWithAck(event, body);
    if (!answer.status) throw new Error(explain(answer.error));
    return answer;
  }

  async function get(path, query) {
    const answer = await fetch(`/v1/conversations/${path}?${new URLSearchParams(query)}`);
    const body = await answer.json();
    if (!answer.ok) throw new Error(explain(body));
    return body;
  }

  // Does what people asked for, and says why it cannot be done.
  async function attempt(act) {
    const problem = part(".problem");
    try {
      await act();
      problem.hidden = true;
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
    }
  }

  function show(message) {
    let line = part(`.log [data-id="${CSS.escape(message._id)}"]`);
    if (!line) {
      line = document.createElement("li");
      line.dataset.id = message._id;
      if (message.from !== user) unseen = message;
      part(".log").append(line);
    }
    line.className = message.from === user ? "mine" : "";
    line.textContent = message.redacted_at ? "This message was removed." : message.content;
    line.scrollIntoView({ block: "nearest" });
  }

  function see() {
    if (!unseen || document.hidden || !chat.checkVisibility()) return;
    const { _id: last_message_id, created_at: last_message_created_at } = unseen;
    socket.emit("seen_messages", { room_id: room.id, from: user, to: room.other, last_message_id, last_message_created_at });
    unseen = null;
  }
  document.addEventListener("visibilitychange", see);
  chat.closest("details")?.addEventListener("toggle", see);

  async function open(id, other) {
    room = { id, other };
    unseen = null;
    part(".log").replaceChildren();
    part("form").hidden = false;
    const { data } = await get("messages", { room_id: id, limit: 50 });
    data.reverse().forEach(show);
    see();
  }

  async function listRooms() {
    const { rooms } = await get("rooms", { role });
    const rows = rooms.map((each) => {
      const row = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = each.buyer_info.name || `Buyer ${each.buyer}`;
      button.toggleAttribute("aria-current", room?.id === each._id);
      button.onclick = () => attempt(async () => {
        await open(each._id, each.buyer);
        await listRooms();
      });
      row.append(button);
      return row;
    });
    part(".rooms").replaceChildren(...rows);
  }

  socket.on("connect", () => attempt(async () => {
    part(".state").textContent = "Online";
    if (role === "SELLER") {
      await listRooms();
      if (room) await open(room.id, room.other); // what was missed while the connection was away
      return;
    }
    const asked = { type: "BS", buyer: user, seller, shop_id: shop, creator: user, buyer_info: { name } };
    const answer = await call("create_room", asked);
    await open(answer.room.room_id, seller);
  }));
  socket.on("connect_error", (error) => {
    part(".state").textContent = `Not connected: ${error.data?.code ? explain(error.data) : error.message}`;
  });
  socket.on("disconnect", (reason) => {
    part(".state").textContent = reason === "io server disconnect" ? "You are logged out." : "Offline";
    part("form").hidden = true;
  });
  socket.on("new_message", (message) => {
    if (message.room_id === room?.id) {
      show(message);
      see();
    } else if (role === "SELLER") attempt(listRooms);
  });
  for (const event of ["message_updated", "message_redacted"]) {
    socket.on(event, (message) => { if (message.room_id === room?.id) show(message); });
  }

  part("form").onsubmit = (event) => {
    event.preventDefault();
    const input = part("[name=content]");
    attempt(async () => {
      await call("new_message", { room_id: room.id, from: user, to: room.other, type: "TEXT", content: input.value });
      input.value = "";
    });
  };
}
