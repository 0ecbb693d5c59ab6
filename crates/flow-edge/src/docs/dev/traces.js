// The list of recent traces, and the one that is chosen. The server is asked only while somebody can see them.
import { duration, element, load } from "/dev/elements.js";
import { drawTrace } from "/dev/waterfall.js";

/** How often the server is asked, in milliseconds. */
const EVERY = 1000;

const find = (id) => document.getElementById(id);

/** The id of the trace that is shown, the request whose trace is wanted, and what was drawn last. */
let chosen;
let wanted;
let drawn = "";
let listed = "";
let timer;

/** Begins to show traces. */
export function showTraces() {
  find("traces").hidden = false;
  find("traces").addEventListener("toggle", ask);
  document.addEventListener("visibilitychange", ask);
  ask();
}

/** Shows the trace of a request, once it is there. */
export function showRun(requestId) {
  wanted = requestId;
  ask();
}

/** Asks the server now, and again after a while. */
export async function ask() {
  clearTimeout(timer);
  const box = find("traces");
  if (box.hidden || !box.open || document.hidden) return;
  try {
    const traces = await load("/dev/traces");
    const found = wanted && traces.find((it) => it.request_id === wanted);
    if (found) {
      chosen = found.id;
      wanted = undefined;
    }
    list(traces);
    if (traces.some((it) => it.id === chosen)) await draw();
    box.classList.remove("stale");
  } catch {
    box.classList.add("stale"); // The server is away, or ends. It is asked again.
  }
  clearTimeout(timer);
  timer = setTimeout(ask, EVERY);
}

async function draw() {
  const trace = await load(`/dev/traces?id=${chosen}`);
  const said = JSON.stringify(trace);
  if (said === drawn) return;
  drawn = said;
  drawTrace(find("trace"), trace);
}

function list(traces) {
  const said = JSON.stringify([traces, chosen]);
  if (said === listed) return;
  listed = said;
  find("no-traces").hidden = traces.length > 0;
  const body = find("trace-list").tBodies[0];
  const focused = body.contains(document.activeElement) && document.activeElement.dataset.id;
  body.replaceChildren(...traces.map(row));
  if (focused) body.querySelector(`[data-id="${focused}"]`)?.focus();
}

function row(trace) {
  const choose = () => {
    chosen = trace.id;
    wanted = undefined;
    ask();
  };
  const button = element("button", { type: "button", class: "link", "data-id": trace.id, onclick: choose }, trace.name ?? "?");
  if (trace.id === chosen) button.setAttribute("aria-current", "true");
  const tokens = trace.input_tokens === null ? "–" : `${trace.input_tokens} / ${trace.output_tokens}`;
  return element("tr", { class: trace.id === chosen ? "chosen" : undefined },
    element("td", {}, new Date(trace.start).toTimeString().slice(0, 8)),
    element("td", {}, button),
    element("td", { class: trace.status === "error" ? "failed" : undefined }, statusOf(trace)),
    element("td", { class: "number" }, duration(trace.duration)),
    element("td", { class: "number" }, tokens));
}

/** The status in words, with the code where there is one. */
function statusOf(trace) {
  return [trace.code, trace.status].filter((it) => it !== null && it !== undefined).join(" ");
}
