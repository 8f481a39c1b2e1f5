import { cookie } from "./api.js";
import { h, icon } from "./dom.js";
import { Window } from "./window.js";
import { Wire } from "./wire.js";
import { changeLanguage, language, t } from "./words.js";

const config = JSON.parse(document.getElementById("config").textContent);
const THEMES = ["auto", "light", "dark"];

document.documentElement.lang = language;
for (const element of document.querySelectorAll("[data-word]")) element.textContent = t(element.dataset.word);
document.getElementById("language").onclick = changeLanguage;

const themeButton = document.getElementById("theme");
function useTheme(theme) {
  document.documentElement.dataset.theme = theme;
  themeButton.title = t(`theme_${theme}`);
  themeButton.setAttribute("aria-label", t(`theme_${theme}`));
}
useTheme(localStorage.getItem("demo-theme") ?? "auto");
themeButton.onclick = () => {
  const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
  localStorage.setItem("demo-theme", next);
  useTheme(next);
};

const act = (sign, word, title, onclick) => h("button.quiet", { type: "button", title: title && t(title), onclick }, icon(sign), t(word));
const staff = h("a.link", { href: config.staff.replace("/ROOM/", "/7.501/"), target: "_blank", rel: "noopener", title: t("staff_title") }, t("staff"));
const wire = new Wire(document.getElementById("wire"), [
  act("cut", "break_both", "break_title", () => windows.forEach((window) => window.break())),
  act("process", "elsewhere", "elsewhere_title", sendFromElsewhere),
  config.kill && act("kill", "kill", "kill_title", killServer),
], staff);

const windows = ["buyer", "seller"].map((side) => new Window(document.getElementById(side), side, config, {
  wire,
  unseen(count) {
    const badge = document.querySelector(`[data-shows=${side}] .badge`);
    badge.textContent = count;
    badge.hidden = count === 0;
    staff.href = config.staff.replace("/ROOM/", `/${openRoom() ?? "7.501"}/`);
  },
  shared() {
    const ids = windows.map((window) => window.chat?.person.user_id);
    return ids.every(Boolean) ? ids.join(".") : null;
  },
}));

function openRoom() {
  return windows?.map((window) => window.chat?.openId).find(Boolean);
}

// The seller of the room that is open writes, from a process of its own.
async function sendFromElsewhere() {
  const roomId = openRoom() ?? "7.501";
  const answer = await ask(config.elsewhere, { room_id: roomId, from: roomId.split(".")[1] });
  wire.say(t(answer.ok ? "elsewhere_started" : "elsewhere_busy"));
}

async function killServer() {
  const answer = await ask(config.kill);
  if (answer.ok) wire.say(t("killed"));
}

function ask(url, form) {
  return fetch(url, { method: "POST", headers: { "x-csrftoken": cookie(config.csrfCookie) }, body: new URLSearchParams(form) });
}

// On a narrow screen one of the three is shown, on a wider one a side and the wire.
const tabs = [...document.querySelectorAll("[data-shows]")];
function show(name) {
  document.body.dataset.shown = name;
  for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.shows === name));
  windows.find(({ side }) => side === name)?.chat?.see();
}
for (const tab of tabs) tab.onclick = () => show(tab.dataset.shows);

// A menu closes when something else is clicked, and by Escape.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(except)) menu.open = false;
}
document.addEventListener("click", ({ target }) => closeMenus(target));
document.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  const open = document.activeElement.closest("details.menu[open]");
  closeMenus(null);
  open?.querySelector("summary").focus();
});

const start = document.getElementById("start");
const signIn = (ids) => windows.forEach((window) => {
  const person = window.people.find(({ user_id }) => ids.includes(user_id));
  if (person && !window.chat) window.signIn(person);
});
start.querySelector("button").onclick = () => {
  start.remove();
  show("buyer");
  signIn(["7", "501"]);
};
const before = windows.map(({ side }) => sessionStorage.getItem(`demo-${side}`)).filter(Boolean);
show(before.length || !matchMedia("(max-width: 699px)").matches ? "buyer" : "wire");
if (before.length) {
  start.remove();
  signIn(before);
}
