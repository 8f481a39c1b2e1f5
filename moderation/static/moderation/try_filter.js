// "Try it on this text": asks the server what the filter in the form, saved or not, finds in a text.
"use strict";
{
    const PAUSE = 250; // milliseconds of silence before the server is asked
    const box = document.getElementById("try-filter");
    const answer = document.getElementById("try-answer");
    const form = box.closest("form");
    let timer = null;
    let asked = 0;

    const show = (text, outcome) => {
        answer.textContent = text;
        answer.className = outcome;
    };

    const ask = async () => {
        const text = document.getElementById("try-text").value;
        if (!text) {
            show("Write a text to try.", "");
            return;
        }
        const mine = ++asked;
        const data = new FormData();
        for (const name of ["kind", "patterns", "rooms", "seconds", "action"]) {
            data.append(name, form.elements[name].value);
        }
        data.append("text", text);
        let said;
        try {
            const response = await fetch(box.dataset.url, {
                method: "POST",
                body: data,
                headers: {"X-CSRFToken": form.elements.csrfmiddlewaretoken.value},
            });
            if (!response.ok) {
                throw new Error(`the server answered ${response.status}`);
            }
            said = await response.json();
        } catch (error) {
            said = {problems: [`Could not be tried: ${error.message}.`]};
        }
        if (mine !== asked) { // a later text has been asked about
            return;
        }
        if (said.problems) {
            show(said.problems.join("\n"), "problem");
        } else if (said.note) {
            show(said.note, "");
        } else if (said.found.length) {
            show(`Found: ${said.found.map((what) => `“${what}”`).join(", ")}`, "hit");
        } else {
            show("Nothing found: such a message passes.", "pass");
        }
    };

    form.addEventListener("input", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, PAUSE);
    });
    form.addEventListener("change", () => {
        clearTimeout(timer);
        timer = setTimeout(ask, PAUSE);
    });
}
