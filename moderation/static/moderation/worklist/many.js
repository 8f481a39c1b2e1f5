// One act on many: a few at a time, with how far it has come, until all are done or it is told to stop.

const AT_ONCE = 10;
const form = document.getElementById("many");
const words = JSON.parse(document.getElementById("many-texts").textContent);
const progress = document.getElementById("progress");
const [bar, status, stop, refusals] = ["progress", "[role=status]", "button", "ul"].map((each) => progress.querySelector(each));
const back = form.querySelector(".cancel-link").href;
const filled = (text, done, all) => text.replace("%(done)s", done).replace("%(all)s", all);

async function send(keys, isLast, before) {
  const data = new FormData(form);
  data.set("subjects", JSON.stringify(keys));
  data.set("before", before);
  if (isLast) data.set("last", "1");
  const response = await fetch(location.href, { method: "POST", body: data, headers: { Accept: "application/json" } });
  if (!response.headers.get("Content-Type")?.startsWith("application/json")) throw new Error();
  return response.json();
}

function end(text) {
  status.textContent = text;
  bar.hidden = true;
  stop.hidden = true;
  const link = document.createElement("a");
  link.href = back;
  link.className = "button default";
  link.textContent = words.back;
  progress.append(link);
  link.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const keys = JSON.parse(form.elements.subjects.value);
  let [done, tried, isStopped] = [0, 0, false];
  const refused = [];
  stop.textContent = words.stop;
  stop.addEventListener("click", () => (isStopped = true), { once: true });
  try {
    while (tried < keys.length && !isStopped) {
      const some = keys.slice(tried, tried + AT_ONCE);
      const answer = await send(some, tried + AT_ONCE >= keys.length, done);
      if (answer.errors) return form.submit(); // the page says what is missing
      form.hidden = true;
      progress.hidden = false;
      tried += some.length;
      done += answer.done;
      refused.push(...answer.refused);
      bar.value = tried / keys.length;
      status.textContent = filled(words.progress, done, keys.length);
    }
  } catch {
    form.hidden = true;
    progress.hidden = false;
    return end(words.away);
  }
  if (!isStopped && !refused.length) return location.assign(back);
  for (const [, why] of refused) {
    const line = document.createElement("li");
    line.textContent = why;
    refusals.append(line);
  }
  end(filled(isStopped && tried < keys.length ? words.stopped : words.partly, done, keys.length));
});
