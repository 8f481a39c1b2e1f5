// What happens in the queues while a page is open: numbers in the menu and in the title, and whatever the page adds.

import { StaffSocket } from "../room/staff_socket.js";

const words = document.getElementById("texts").dataset;
const WAITS = 1000; // milliseconds between a change and the next question for numbers
const title = document.title;
const ROWS = { reports: "model-report", held: "model-heldmessage" };

// `change(payload)`: something happened; `again()`: the page was away, and may have missed something.
export function followQueues(data, { change, again, state }) {
  let wasLive = false;
  let timer;

  async function count() {
    const response = await fetch(data.counts, { headers: { Accept: "application/json" } });
    if (!response.ok || response.redirected) return;
    const numbers = await response.json();
    for (const [queue, row] of Object.entries(ROWS)) mark(row, numbers[queue]);
    const own = numbers[data.queue || "reports"];
    document.title = own && own !== "0" ? `(${own}) ${title}` : title;
  }

  function countSoon() {
    clearTimeout(timer);
    timer = setTimeout(() => count().catch(() => {}), WAITS);
  }

  const socket = new StaffSocket(data.socket, data.namespace, {
    async onReady() {
      const answer = await socket.emit("watch_queues", {});
      if (!answer.status) return state?.("refused");
      if (wasLive) again();
      wasLive = true;
      state?.("live");
      countSoon();
    },
    onEvent(name, payload) {
      if (name !== "queue_changed") return;
      change(payload);
      countSoon();
    },
    onBeat: countSoon, // events to pages are volatile: one may have been dropped while the line was busy
    onAway: (why) => state?.(why === "refused" ? "refused" : "connecting"),
  });
}

function mark(row, number) {
  for (const link of document.querySelectorAll(`#nav-sidebar .${row} th a, .app-moderation .${row} th a`)) {
    let badge = link.querySelector(".count");
    if (!badge) {
      badge = document.createElement("span");
      badge.className = "count";
      link.append(" ", badge);
    }
    badge.textContent = number ?? "";
    badge.hidden = !number || number === "0";
  }
}

export function showState(element, state) {
  element.textContent = words[state];
  element.classList.toggle("is-live", state === "live");
}
