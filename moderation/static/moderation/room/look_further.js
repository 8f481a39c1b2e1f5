// A list that was cut short because its page took long goes on by itself, until it has a page's worth or is told to stop.

const ENOUGH = 50;
const rows = document.getElementById("rows");
const further = document.getElementById("further");
const isFirst = !new URLSearchParams(location.search).has("before");

async function lookFurther() {
  const stop = document.createElement("button");
  let isStopped = false;
  stop.type = "button";
  stop.className = "button";
  stop.textContent = "Stop";
  stop.addEventListener("click", () => (isStopped = true));
  while (further.dataset.next && rows.querySelectorAll("tr").length < ENOUGH && !isStopped) {
    further.querySelector("a").replaceWith(stop);
    const response = await fetch(further.dataset.next);
    if (!response.ok) return;
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    rows.append(...next.getElementById("rows").children);
    further.dataset.next = next.getElementById("further").dataset.next ?? "";
    further.replaceChildren(...next.getElementById("further").children);
    if (isFirst) further.querySelector(".to-first")?.remove();
    if (!rows.children.length && !further.dataset.next) further.querySelector(".end").textContent = "Nothing found.";
  }
}

lookFurther();
