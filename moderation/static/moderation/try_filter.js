// "Try it on this text": asks the server what the filter in the form, saved or not, finds in a text.

const PAUSE = 250; // milliseconds of silence before the server is asked
const ASKED = ["kind", "patterns", "rooms", "seconds", "action"];

const box = document.getElementById("try-filter");
const answer = document.getElementById("try-answer");
const form = box.closest("form");
let timer;
let asked = 0;

function show(text, outcome) {
  answer.textContent = text;
  answer.className = outcome;
}

async function ask(url, text = "") {
  const data = new FormData();
  for (const name of ASKED) data.append(name, form.elements[name].value);
  data.append("also_without_marks", form.elements.also_without_marks.checked);
  data.append("text", text);
  try {
    const response = await fetch(url, {
      method: "POST",
      body: data,
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    return await response.json();
  } catch (error) {
    return { problems: [`Could not be tried: ${error.message}.`] };
  }
}

async function tryText() {
  const mine = ++asked;
  const text = document.getElementById("try-text").value;
  if (!text) return show("Write a text to try.", "");
  const said = await ask(box.dataset.url, text);
  if (mine !== asked) return; // a later text has been asked about
  if (said.problems) show(said.problems.join("\n"), "problem");
  else if (said.note) show(said.note, "");
  else if (said.found.length) show(`Found: ${said.found.map((what) => `“${what}”`).join(", ")}`, "hit");
  else show("Nothing found: such a message passes.", "pass");
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(tryText, PAUSE);
});

const recent = document.getElementById("try-recent");
recent?.addEventListener("click", async () => {
  const list = document.getElementById("try-recent-found");
  recent.disabled = true;
  const said = await ask(recent.dataset.url);
  recent.disabled = false;
  document.getElementById("try-recent-answer").textContent = said.problems?.join("\n") ?? said.note ?? said.said;
  list.replaceChildren(
    ...(said.found ?? []).map(({ text, what }) => {
      const line = document.createElement("li");
      const mark = document.createElement("strong");
      mark.textContent = `${what}: `;
      line.append(mark, text);
      return line;
    }),
  );
});
