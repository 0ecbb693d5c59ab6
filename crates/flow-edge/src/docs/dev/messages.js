// What a model is told and what it says (OpenTelemetry, "gen_ai.input.messages").
import { element, pretty } from "/dev/elements.js";

/** Messages that are JSON in an attribute's text, or nothing where there are none. */
export function messages(text, title) {
  if (text === undefined) return undefined;
  let list;
  try {
    list = JSON.parse(text);
  } catch {
    list = text;
  }
  // What was too long is a text with its beginning.
  const shown = Array.isArray(list) ? list.map(message) : element("pre", { tabIndex: 0, "aria-label": title }, String(list));
  return element("section", { class: "messages" }, element("h5", {}, title), shown);
}

function message({ role, parts = [], finish_reason: reason }) {
  return element("div", { class: `message ${role}` },
    element("p", { class: "role" }, role, reason && element("span", { class: "hint" }, ` finished: ${reason}`)),
    parts.map(part));
}

function part(it) {
  switch (it.type) {
    case "text":
      return element("p", { class: "text" }, it.content);
    case "reasoning":
      return element("p", { class: "text" }, element("span", { class: "hint" }, "thinks: "), it.content);
    case "tool_call":
      return labelled(`asks for the tool ${it.name}`, it.arguments);
    case "tool_call_response":
      return labelled(`the tool ${it.name ?? ""} answers`.replace("  ", " "), it.response);
    case "uri":
      return element("p", { class: "text" }, element("span", { class: "hint" }, `${it.modality || "media"}: `), it.uri);
    default:
      return labelled(it.type ?? "part", it);
  }
}

function labelled(title, value) {
  return element("div", {}, element("p", { class: "hint" }, title),
    element("pre", { tabIndex: 0, "aria-label": title }, typeof value === "string" ? value : pretty(value)));
}
