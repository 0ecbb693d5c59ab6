// One flow: its form, its calls, and what they answer.
import { commands } from "/dev/commands.js";
import { duration, element, headers, pretty } from "/dev/elements.js";
import { makeForm } from "/dev/form.js";
import { ask, showRun } from "/dev/traces.js";

/** The headers of an answer that say something about it. */
const TELLING = ["x-request-id", "x-model", "x-cache", "x-finish-reason", "retry-after", "ratelimit"];

/** Shows a flow in `box`. Returns what ends its work. */
export function openFlow(box, flow, server) {
  const form = makeForm(flow.input, flow.example, changed);
  const lines = element("div", {});
  const result = element("section", { class: "result", "aria-labelledby": "result-title" });
  const stop = element("button", { type: "button", disabled: true, onclick: () => running?.abort() }, "Stop");
  const buttons = flow.operations.map((operation) =>
    element("button", { type: "button", class: "primary", onclick: () => call(operation) }, operation.streams ? "Stream" : "Run"));
  let running;

  function changed() {
    lines.replaceChildren(...commands(flow, form.body(), server));
  }

  async function call(operation) {
    const abort = new AbortController();
    running = abort;
    buttons.forEach((it) => (it.disabled = true));
    stop.disabled = false;
    form.show([]);
    const view = answerView(operation);
    result.replaceChildren(view.element);
    const started = performance.now();
    const elapsed = () => performance.now() - started;
    try {
      const response = await fetch(operation.route, {
        method: "POST",
        body: form.body(),
        headers: headers({ "content-type": "application/json", ...(operation.streams && { accept: "text/event-stream" }) }),
        signal: abort.signal,
      });
      view.begun(response);
      showRun(response.headers.get("x-request-id"));
      const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
      if (isStream) await readStream(response, (data) => view.frame(data, elapsed()));
      else {
        const body = await response.text();
        view.whole(body);
        if (!response.ok) form.show(parsed(body)?.errors);
      }
      view.ended(isStream && !view.isDone() ? "Broken off: no last frame came." : "", elapsed());
    } catch (error) {
      view.ended(abort.signal.aborted ? "Stopped." : `No answer: ${error.message}`, elapsed());
    } finally {
      running = undefined;
      buttons.forEach((it) => (it.disabled = false));
      stop.disabled = true;
      ask();
    }
  }

  box.replaceChildren(
    element("div", { class: "flow-head" },
      element("h2", {}, flow.name), element("p", {}, flow.summary, flow.cached && " Equal inputs may get the same answer."),
      element("p", { class: "hint" }, flow.operations.map((it) => `POST ${it.route}`).join(" · "))),
    element("div", { class: "columns" },
      element("form", { "aria-label": `Input of ${flow.name}`, noValidate: true, onsubmit: submit },
        form.element, element("div", { class: "actions" }, buttons, stop)),
      result),
    element("details", { class: "commands", open: true }, element("summary", {}, "On the command line"), lines));
  result.append(element("h3", { id: "result-title" }, "Answer"), element("p", { class: "hint" }, "Nothing yet."));
  changed();

  function submit(event) {
    event.preventDefault();
    if (!running) call(flow.operations[0]);
  }

  return () => running?.abort();
}

/** The answer as it comes: status, headers, chunks, result. */
function answerView(operation) {
  const status = element("p", { class: "status", role: "status" }, "Waiting…");
  const facts = element("dl", { class: "facts" });
  const progress = element("p", { class: "hint", hidden: true });
  const text = element("pre", { class: "stream", tabIndex: 0, hidden: true, "aria-label": "What has come so far" });
  const body = element("pre", { class: "body", tabIndex: 0, hidden: true, "aria-label": "The answer" });
  let line = "";
  let chunks = 0;
  let first;
  let isDone = false;

  const show = (place, content) => {
    place.textContent = content;
    place.hidden = false;
  };
  return {
    element: element("div", {}, element("h3", { id: "result-title" }, operation.streams ? "Stream" : "Answer"),
      status, facts, progress, text, body),
    begun(response) {
      line = `${response.status} ${response.statusText}`.trim();
      status.textContent = `${line}${operation.streams && response.ok ? " – streaming…" : ""}`;
      status.classList.toggle("failed", !response.ok);
      const told = TELLING.filter((it) => response.headers.has(it));
      facts.append(...told.flatMap((it) => [element("dt", {}, it), element("dd", {}, response.headers.get(it))]));
    },
    frame(data, elapsed) {
      const frame = parsed(data) ?? data;
      if (frame.done || frame.error) {
        isDone = true;
        show(body, pretty(frame));
        if (frame.error) {
          line += " – the stream ended with an error";
          status.classList.add("failed");
        }
        return;
      }
      chunks += 1;
      first ??= elapsed;
      show(progress, `${chunks} ${chunks === 1 ? "chunk" : "chunks"}, the first after ${duration(first)}`);
      if (typeof frame.chunk === "string") {
        text.hidden = false;
        text.append(frame.chunk);
      } else show(text, pretty(frame.partial ?? frame));
    },
    whole(content) {
      const value = parsed(content);
      show(body, value === undefined ? content : pretty(value));
    },
    isDone: () => isDone,
    ended(why, elapsed) {
      status.textContent = [line, why, duration(elapsed)].filter(Boolean).join(" – ");
      if (why) status.classList.add("failed");
    },
  };
}

/** Calls `each` with the data of every event (WHATWG, "Server-sent events"). */
async function readStream(response, each) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.split("\n").filter((it) => it.startsWith("data:")).map((it) => it.slice(5).trimStart());
      if (data.length) each(data.join("\n"));
    }
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
