// The page of a room: it stays as the room is, and does what staff ask for without being loaded anew.
// Whatever is shown is made by the server; an event only says what to fetch.

import { StaffSocket } from "./staff_socket.js";

const STATE_WAITS = 1500;

const page = document.getElementById("room");
const log = document.getElementById("log");
const lines = document.getElementById("lines");
const more = document.getElementById("more");
const state = document.getElementById("state");
const live = document.getElementById("live");
const notice = document.getElementById("notice");
const toEnd = document.getElementById("to-end");

// -- the conversation

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

async function ask(url, parameters = {}) {
  const response = await fetch(`${url}?${new URLSearchParams(parameters)}`, {
    headers: { Accept: "application/json" },
  });
  if (response.redirected || response.status === 403) throw new Error("You are signed out, or may no longer read this.");
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  return response.json();
}

const allLines = () => [...lines.querySelectorAll(".line")];
const atEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 60;
const goToEnd = () => {
  log.scrollTop = log.scrollHeight;
  toEnd.hidden = true;
};

// In order of time: an event may come before that of an earlier message.
function put(fresh) {
  const at = Number(fresh.dataset.at);
  const old = document.getElementById(fresh.id);
  if (old) {
    const isBusy = old.querySelector("details[open]") && old.className === fresh.className;
    if (!isBusy) old.replaceWith(fresh);
    return false;
  }
  const later = allLines().find((line) => Number(line.dataset.at) > at);
  lines.insertBefore(fresh, later ?? null);
  return true;
}

function headDays(headings) {
  if (allLines().length) lines.querySelector(".empty")?.remove();
  for (const heading of lines.querySelectorAll(".day")) headings.set(heading.dataset.day, heading);
  let day;
  for (const line of allLines()) {
    const of = line.dataset.time.slice(0, 10);
    if (of !== day) lines.insertBefore(headings.get(of) ?? document.createComment(of), line);
    day = of;
  }
}

function show(html) {
  const fragment = parse(html);
  if (!allLines().length && fragment.querySelector(".empty")) return false;
  const headings = new Map([...fragment.querySelectorAll(".day")].map((heading) => [heading.dataset.day, heading]));
  const isNew = [...fragment.querySelectorAll(".line")].map(put).some(Boolean);
  headDays(headings);
  return isNew;
}

// One at a time, and once more if something came meanwhile.
function merged(work) {
  let running;
  let wanted = false;
  return async () => {
    wanted = true;
    running ??= (async () => {
      try {
        while (wanted) {
          wanted = false;
          await work();
        }
      } catch (error) {
        tell(error.message, true);
      } finally {
        running = undefined;
      }
    })();
    return running;
  };
}

const fetchNew = merged(async () => {
  const last = allLines().at(-1);
  const wasAtEnd = atEnd();
  const answer = await ask(page.dataset.lines, last?.dataset.time ? { since: last.dataset.time } : {});
  if (!show(answer.html)) return;
  if (wasAtEnd) goToEnd();
  else toEnd.hidden = false;
});

// After having been away: messages may have come, gone and changed, also far up.
const fetchAnew = merged(async () => {
  const wasAtEnd = atEnd();
  const answer = await ask(page.dataset.lines);
  const fresh = parse(answer.html);
  const first = fresh.querySelector(".line");
  for (const line of allLines()) {
    if (!first || !document.getElementById(first.id) || Number(line.dataset.at) >= Number(first.dataset.at)) {
      if (!fresh.getElementById(line.id)) line.remove();
    } else {
      await fetchOne(line.dataset.id);
    }
  }
  if (!allLines().length) setEarlier(answer.earlier);
  show(answer.html);
  if (wasAtEnd) goToEnd();
});

async function fetchOne(id) {
  const line = document.getElementById(`message-${id}`);
  if (line) show((await ask(page.dataset.lines, { only: id })).html);
}

function setEarlier(place) {
  more.hidden = !place;
  more.firstElementChild.dataset.earlier = place ?? "";
  more.firstElementChild.href = `?${new URLSearchParams({ before: place ?? "" })}`;
}

more.addEventListener("click", async (event) => {
  event.preventDefault();
  try {
    const answer = await ask(page.dataset.lines, { before: more.firstElementChild.dataset.earlier });
    const fromEnd = log.scrollHeight - log.scrollTop;
    show(answer.html);
    setEarlier(answer.earlier);
    log.scrollTop = log.scrollHeight - fromEnd;
  } catch (error) {
    tell(error.message, true);
  }
});

toEnd.addEventListener("click", goToEnd);
let staysAtEnd = true;
log.addEventListener(
  "scroll",
  () => {
    staysAtEnd = atEnd();
    if (staysAtEnd) toEnd.hidden = true;
  },
  { passive: true },
);
// Pictures that have come, a form that is open, a notice below: who reads the end still does.
const sizes = new ResizeObserver(() => staysAtEnd && goToEnd());
sizes.observe(log);
sizes.observe(lines);

// -- what stands beside it

const isBeingFilledIn = () => state.querySelector("details[open]") !== null;
let stateIsOld = false;
let stateTimer;

const fetchState = merged(async () => {
  const { html } = await ask(page.dataset.state);
  stateIsOld = isBeingFilledIn();
  if (!stateIsOld) state.replaceChildren(parse(html));
});

function stateChanged() {
  clearTimeout(stateTimer);
  stateTimer = setTimeout(fetchState, STATE_WAITS);
}

state.addEventListener("toggle", () => stateIsOld && !isBeingFilledIn() && fetchState(), true);

// -- what staff do

function tell(text, isError = false) {
  notice.textContent = text;
  notice.classList.toggle("error", isError);
  notice.hidden = false;
  clearTimeout(tell.timer);
  if (!isError) tell.timer = setTimeout(() => (notice.hidden = true), 6000);
}

page.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const response = await fetch(form.action, {
      method: "POST",
      body: new FormData(form),
      headers: { Accept: "application/json" },
    });
    const isAnswer = response.headers.get("Content-Type")?.startsWith("application/json");
    const answer = isAnswer ? await response.json() : { error: "You may not do this, or are signed out." };
    if (answer.error) {
      tell(answer.error, true);
      return;
    }
    await done(form, answer);
  } catch {
    tell("The server could not be reached. Nothing may have been done: look before you try again.", true);
  } finally {
    button.disabled = false;
  }
});

async function done(form, answer) {
  const line = form.closest(".line");
  form.reset();
  form.closest("details")?.removeAttribute("open");
  if (form.dataset.act === "original") {
    const original = line.querySelector(".original");
    original.textContent = answer.original;
    if (/^\/\w+\/moderation\/report\/pictures\/[\w/]+$/.test(answer.original)) {
      const link = document.createElement("a");
      link.href = link.textContent = answer.original;
      original.replaceChildren(link);
    }
    original.hidden = false;
  } else {
    tell(answer.done);
    if (form.dataset.act === "write") {
      await fetchNew();
      goToEnd();
    } else if (line) await fetchOne(line.dataset.id);
  }
  await fetchState();
}

// One form at a time is open.
page.addEventListener(
  "toggle",
  ({ target }) => {
    if (!target.open) return;
    for (const other of page.querySelectorAll("details.act[open]")) if (other !== target) other.removeAttribute("open");
    target.querySelector("textarea")?.focus();
    target.querySelector("form").scrollIntoView({ block: "nearest" });
  },
  true,
);

page.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey && event.target.form) event.target.form.requestSubmit();
  if (event.key === "Escape") event.target.closest("details.act[open]")?.removeAttribute("open");
});

// -- what happens meanwhile

function markSeen({ to, last_message_created_at: until }) {
  for (const line of allLines()) {
    if (line.dataset.from !== to || Number(line.dataset.at) > Date.parse(until)) continue;
    const mark = line.querySelector(".seen");
    mark.textContent = "Seen";
    mark.classList.add("is-seen");
  }
}

const happenings = {
  new_message() {
    fetchNew();
    stateChanged();
  },
  message_updated: ({ _id }) => fetchOne(_id),
  message_redacted({ _id }) {
    fetchOne(_id);
    stateChanged();
  },
  seen_messages(seen) {
    markSeen(seen);
    stateChanged();
  },
  room_closed: stateChanged,
  room_opened: stateChanged,
};

let wasLive = false;
const socket = new StaffSocket(page.dataset.socket, page.dataset.namespace, {
  async onReady() {
    const answer = await socket.emit("watch", { room_id: page.dataset.room });
    if (!answer.status) return tell(answer.error.message, true);
    await (wasLive ? fetchAnew() : fetchNew());
    if (wasLive) stateChanged();
    wasLive = true;
    live.textContent = "Live";
    live.className = "live is-live";
  },
  onEvent: (name, payload) => happenings[name]?.(payload),
  onBeat: fetchNew, // events to pages are volatile: one may have been dropped while the line was busy
  onAway(why) {
    live.textContent = why === "refused" ? "Not live: signed out, or no longer allowed. Load the page again." : "Not live: connecting…";
    live.className = "live";
  },
});

const target = page.dataset.target && document.getElementById(`message-${page.dataset.target}`);
if (target) {
  target.classList.add("target");
  target.scrollIntoView({ block: "center" });
} else {
  goToEnd();
}
