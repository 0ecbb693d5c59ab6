// The page: the list of flows, and the one that is open.
import { element, load } from "/dev/elements.js";
import { openFlow } from "/dev/run.js";
import { showTraces } from "/dev/traces.js";

const find = (id) => document.getElementById(id);

let server;
let close = () => {};

/** Shows the flow of the address's hash, or the first one. */
function open() {
  const name = decodeURIComponent(location.hash.slice(1));
  const flow = server.flows.find((it) => it.name === name) ?? server.flows[0];
  close();
  for (const link of find("flows").querySelectorAll("a")) {
    if (link.hash === `#${flow?.name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!flow) {
    find("flow").replaceChildren(element("p", {}, "This server has no flows."));
    return;
  }
  close = openFlow(find("flow"), flow, server);
}

function notice(text) {
  find("notice").textContent = text;
  find("notice").hidden = !text;
}

async function start() {
  try {
    server = await load("/dev/flows");
  } catch (error) {
    find("key-form").hidden = error.status !== 401;
    notice(error.message);
    return;
  }
  notice("");
  find("key-form").hidden = !server.needs_key;
  find("links").hidden = false;
  for (const link of document.querySelectorAll(".viewer")) link.hidden = !server.has_docs;
  const entries = server.flows.map((flow) => element("li", {},
    element("a", { href: `#${flow.name}` }, flow.name,
      flow.operations.some((it) => it.streams) && element("span", { class: "hint" }, " streams"))));
  find("flows").querySelector("ul").replaceChildren(...entries);
  open();
  if (server.has_traces) showTraces();
}

find("key").value = sessionStorage.getItem("api-key") ?? "";
find("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("api-key", find("key").value.trim());
  start();
});
addEventListener("hashchange", () => {
  // The way past the list is no flow.
  if (!server || location.hash === "#flow") return;
  open();
  find("flow").focus();
});
start();
