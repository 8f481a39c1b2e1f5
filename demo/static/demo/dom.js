// Makes elements: `h("button.quiet", { type: "button", onclick: send }, icon("send"), "Send")`. Texts become text nodes,
// never markup: what users wrote stays what it is.
export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

// Gives a parent these children, and moves only those that are not in their place: what has the focus keeps it.
export function place(parent, children) {
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  while (parent.children.length > children.length) parent.lastElementChild.remove();
}

const PATHS = {
  ban: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M5.7 5.7l12.6 12.6",
  check: "m5 12.5 4.5 4.5L19 7.5",
  checks: "m2.5 12.5 4.5 4.5 9.5-9.5M12 17l.5.5L22 8",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3.5 2",
  cut: "M6 5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M6 14a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M20 5 8 15.5M20 19 8 8.5",
  database: "M12 4c4.4 0 7 1.2 7 2.7S16.4 9.5 12 9.5 5 8.2 5 6.7 7.6 4 12 4M5 6.7v10.6C5 18.8 7.6 20 12 20s7-1.2 7-2.7V6.7M5 12c0 1.5 2.6 2.7 7 2.7s7-1.2 7-2.7",
  edit: "M4 20h4L19 9l-4-4L4 16v4M13 7l4 4",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  flag: "M6 21V4M6 5h11l-2 4 2 4H6",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9a.7.7 0 1 0 0 .1",
  kill: "M12 3v8M7.5 6a8 8 0 1 0 9 0",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  pin: "M9 4h6l-1 6 3 3H7l3-3zM12 13v7",
  plus: "M12 5v14M5 12h14",
  process: "M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4",
  send: "M4 12 20 4l-5 16-3.5-6.5zM11.5 13.5 20 4",
  server: "M4 5h16v6H4zM4 13h16v6H4zM7.5 8h.01M7.5 16h.01",
  smile: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5h.01M15 9.5h.01",
  trash: "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
  warn: "M12 4 3 19h18zM12 10v4M12 16.5h.01",
};

// An icon, which screen readers pass over: a text or a label stands beside it.
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
