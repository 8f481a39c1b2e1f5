// The server that ours is measured against: Socket.IO for Node with its Redis adapter, and the same two handlers.
// Run as `node server.js PORT`. As its documentation would have it: no token check, no rules, no presence.
const { createServer } = require("node:http");
const { randomUUID } = require("node:crypto");
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { MongoClient } = require("mongodb");
const { Server } = require("socket.io");

async function main() {
  const publisher = createClient({ url: process.env.RIVAL_REDIS_URL });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const database = (await new MongoClient(process.env.RIVAL_MONGODB_URI).connect()).db();
  const durable = { writeConcern: { w: "majority", journal: true } }; // stored before delivery, as ours
  const rooms = database.collection("cz_rooms", durable);
  const messages = database.collection("cz_messages", durable);

  const http = createServer((request, response) => response.end()); // what is not Socket.IO's
  const io = new Server(http, {
    path: "/v1/conversations/sockets",
    adapter: createAdapter(publisher, subscriber),
    serveClient: false,
  });
  io.of("/v1/conversations/events").on("connection", (socket) => {
    socket.join(socket.handshake.query.user_id);
    socket.on("typing", (data) => socket.to(data.to).emit("typing", data));
    socket.on("new_message", async (data) => {
      const now = new Date();
      const message = {
        _id: randomUUID(),
        room_id: data.room_id,
        from: data.from,
        to: data.to,
        type: data.type,
        content: data.content,
        is_seen: false,
        created_at: now,
        updated_at: now,
      };
      await messages.insertOne(message);
      const receiver = data.room_id.startsWith(`${data.to}.`) ? "buyer" : "seller";
      await rooms.updateOne(
        { _id: data.room_id },
        {
          $inc: { [`${receiver}_unseen_messages`]: 1 },
          $set: { buyer_last_message: message, seller_last_message: message, updated_at: now },
        },
      );
      socket.nsp.to([data.from, data.to]).emit("new_message", {
        ...message,
        client_message_id: data.client_message_id,
      });
    });
  });
  http.listen(Number(process.argv[2]), "127.0.0.1");
}

main();
