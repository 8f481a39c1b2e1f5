// The page of a report: keys, and what colleagues do with it meanwhile.

import { listenToKeys } from "./keys.js";
import { followQueues } from "./live.js";

const page = document.getElementById("report");
const notice = document.getElementById("meanwhile");
listenToKeys();
document.querySelector(".as-reported .target")?.scrollIntoView({ block: "nearest" });

followQueues(page.dataset, {
  change({ queue, change, ids, by }) {
    if (queue !== "reports" || !ids.includes(page.dataset.report) || by === page.dataset.me) return;
    notice.hidden = false;
    notice.querySelector("span").textContent = notice.dataset[change].replace("%(by)s", by);
  },
  again() {},
});
