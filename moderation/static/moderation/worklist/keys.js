// The keyboard of staff's pages: what has `data-key` is pressed by that key, and ? shows all keys there are.

const words = document.getElementById("texts").dataset;
const TYPED_IN = "input:not([type=checkbox]):not([type=radio]):not([type=submit]):not([type=button]), textarea, select";

const isSeen = (element) => element.checkVisibility?.() ?? element.offsetParent !== null;
const keyed = () => [...document.querySelectorAll("[data-key]")].filter((each) => isSeen(each) && !each.disabled);
const helpOf = (element) =>
  element.dataset.help ?? (element.labels?.[0] ?? element).textContent.trim().replace(/\s+/g, " ");

// `own`: of each other key the help and what it does.
export function listenToKeys(own = {}) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Escape") {
      document.activeElement.blur();
      return;
    }
    if (event.target.matches(TYPED_IN) || event.target.closest("dialog")) return;
    if (event.key === "?") showHelp(own);
    else if (own[event.key]) own[event.key].act(event);
    else press(keyed().find((each) => each.dataset.key === event.key));
    if (event.key === "?" || own[event.key]) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey && event.target.form) {
      event.target.form.querySelector("[data-first]")?.click();
    }
  });

  function press(element) {
    if (!element) return;
    if (element.matches("textarea")) setTimeout(() => element.focus()); // not with the key in it
    else element.click();
  }
}

function showHelp(own) {
  document.getElementById("keys")?.remove();
  const dialog = document.createElement("dialog");
  dialog.id = "keys";
  const heading = document.createElement("h2");
  heading.textContent = words.help;
  const list = document.createElement("dl");
  const all = [
    ...Object.entries(own).map(([key, { help }]) => [key, help]),
    ...keyed().map((each) => [each.dataset.key, helpOf(each)]),
    ["Esc", words.leave],
    ["?", words.this],
  ];
  for (const [key, help] of all) {
    const term = document.createElement("dt");
    const kbd = document.createElement("kbd");
    kbd.textContent = key;
    term.append(kbd);
    const description = document.createElement("dd");
    description.textContent = help;
    list.append(term, description);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button";
  close.textContent = words.close;
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(heading, list, close);
  document.body.append(dialog);
  dialog.showModal();
}
