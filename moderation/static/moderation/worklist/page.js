// A list that staff work through: rows are chosen and walked by keys, and it says what happens meanwhile.
// Whatever is shown is made by the server; an event only says what to fetch.

import { listenToKeys } from "./keys.js";
import { followQueues, showState } from "./live.js";

const words = document.getElementById("texts").dataset;
const list = document.getElementById("worklist");
const rows = () => [...list.querySelectorAll("#result_list tbody tr")];
const boxes = () => [...list.querySelectorAll("input[name=chosen]")];

// -- choosing

function countChosen() {
  const chosen = boxes().filter((box) => box.checked);
  const label = document.getElementById("chosen");
  if (label) label.textContent = chosen.length ? words.chosen.replace("%(count)s", chosen.length) : "";
  for (const row of rows()) row.classList.toggle("is-chosen", row.querySelector("input[name=chosen]")?.checked ?? false);
  const all = document.getElementById("choose-all");
  if (all) all.checked = chosen.length > 0 && chosen.length === boxes().length;
}

list.addEventListener("change", ({ target }) => {
  if (target.id === "choose-all") for (const box of boxes()) box.checked = target.checked;
  countChosen();
});

// From one box to another with Shift, as everywhere.
let last;
list.addEventListener("click", (event) => {
  if (event.target.name !== "chosen") return;
  if (event.shiftKey && last) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(event.target)].sort((a, b) => a - b);
    for (const box of all.slice(from, to + 1)) box.checked = event.target.checked;
  }
  last = event.target;
});

// -- walking

const current = () => list.querySelector("tr.is-current");

function walk(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(current());
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  current()?.classList.remove("is-current");
  next.classList.add("is-current");
  next.scrollIntoView({ block: "nearest" });
  next.querySelector("a.open")?.focus({ preventScroll: true });
}

listenToKeys({
  j: { help: words.down, act: () => walk(1) },
  k: { help: words.up, act: () => walk(-1) },
  Enter: {
    help: words.open,
    act: ({ target }) => (target.matches("a, button, summary, input") ? target : current()?.querySelector("a.open"))?.click(),
  },
  x: {
    help: words.choose,
    act() {
      const box = current()?.querySelector("input[name=chosen]");
      if (!box) return;
      box.checked = !box.checked;
      countChosen();
    },
  },
});
countChosen();

// -- filters, above the list on a phone: one line, with what is chosen

for (const filter of document.querySelectorAll("#changelist-filter details")) {
  const selected = filter.querySelector("li.selected");
  if (selected !== filter.querySelector("li")) filter.querySelector("summary").dataset.selected = selected?.textContent.trim() ?? "";
  if (matchMedia("(max-width: 767px)").matches) filter.open = false;
}

// -- what happens meanwhile

const showNew = document.getElementById("show-new");
const sound = document.getElementById("sound");
const fresh = new Set();

function beep() {
  if (!sound?.checked) return;
  const context = new AudioContext();
  const tone = context.createOscillator();
  const volume = context.createGain();
  volume.gain.value = 0.08;
  tone.frequency.value = 880;
  tone.connect(volume).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.15);
  tone.onended = () => context.close();
}

function sayNew() {
  showNew.hidden = fresh.size === 0;
  showNew.textContent = words.new.replace("%(count)s", fresh.size);
}

async function load() {
  const response = await fetch(location.href);
  if (!response.ok || response.redirected) return location.reload();
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const [here, there] = [list, page].map((root) => root.querySelector("#result_list tbody"));
  if (!here || !there) return location.reload();
  const chosen = new Set(boxes().filter((box) => box.checked).map((box) => box.value));
  const at = current()?.dataset.id;
  here.replaceChildren(...there.children);
  for (const box of boxes()) box.checked = chosen.has(box.value);
  rows().find((row) => row.dataset.id === at)?.classList.add("is-current");
  fresh.clear();
  sayNew();
  countChosen();
}

const marks = {
  new: ({ ids }) => {
    const unknown = ids.filter((id) => !rows().some((row) => row.dataset.id === id));
    for (const id of unknown) fresh.add(id);
    if (unknown.length) beep();
    sayNew();
  },
  taken: (change) => label(change, change.by, true),
  returned: (change) => label(change, "–", false),
  closed(change) {
    for (const id of change.ids) fresh.delete(id);
    sayNew();
    label(change, words.closed.replace("%(by)s", change.by), true);
    for (const row of of(change)) row.classList.add("is-closed");
  },
};
const of = ({ ids }) => rows().filter((row) => ids.includes(row.dataset.id));

function label(change, text, isTaken) {
  for (const row of of(change)) {
    row.classList.toggle("is-taken", isTaken);
    row.querySelector(".assignee").textContent = text;
  }
}

if (list.dataset.queue) {
  showNew.addEventListener("click", load);
  sound.checked = localStorage.getItem("queue-sound") === "on";
  sound.addEventListener("change", () => localStorage.setItem("queue-sound", sound.checked ? "on" : "off"));
  const live = document.getElementById("live");
  followQueues(list.dataset, {
    change: (change) => change.queue === list.dataset.queue && marks[change.change]?.(change),
    again: load,
    state: (state) => showState(live, state),
  });
}
