// One trace as a waterfall: a bar for each span, indented by depth, and what is known of the chosen one.
import { duration, element, pretty } from "/dev/elements.js";
import { messages } from "/dev/messages.js";

/** Attributes that are shown on their own. */
const SHOWN_APART = ["genkit:input", "genkit:output", "gen_ai.input.messages", "gen_ai.output.messages"];

/** The span that is open, and whether somebody chose it; a trace that grows is drawn again and again. */
let open = { trace: "", span: "" };

/** Draws a trace in `box`. */
export function drawTrace(box, { trace, spans, dropped }) {
  if (open.trace !== trace.id) open = { trace: trace.id, span: undefined };
  // What a reader asks first is what the model was told and what it said.
  const shown = spans.find((it) => it.id === open.span) ?? spans.find(isModel) ?? spans[0];
  const end = Math.max(1, ...spans.map((it) => it.start + (it.duration ?? 0)));
  const hadFocus = box.contains(document.activeElement) && document.activeElement.dataset.span;
  const detail = element("div", { id: "span", class: "span" }, shown && spanDetail(shown));
  const rows = spans.map((span) => bar(span, end, span === shown, () => {
    open.span = span.id;
    drawTrace(box, { trace, spans, dropped });
  }));
  box.replaceChildren(
    element("h3", {}, trace.name ?? "Trace"),
    element("p", { class: "hint" }, facts(trace, spans)),
    element("ol", { class: "waterfall", "aria-label": "Spans" }, rows),
    element("p", { class: "hint", hidden: !dropped }, `${dropped} more spans are not kept.`),
    detail);
  if (hadFocus) box.querySelector(`[data-span="${hadFocus}"]`)?.focus();
}

function facts(trace, spans) {
  return [
    trace.flow && `flow ${trace.flow}`,
    trace.duration === null ? "running" : duration(trace.duration),
    `${spans.length} ${spans.length === 1 ? "span" : "spans"}`,
    trace.input_tokens !== null && `${trace.input_tokens} tokens in, ${trace.output_tokens} out`,
    `trace ${trace.id}`,
    trace.request_id && `request ${trace.request_id}`,
  ].filter(Boolean).join(" · ");
}

const isModel = (span) => span.attributes["genkit:metadata:subtype"] === "model" || "gen_ai.request.model" in span.attributes;

function kind(span) {
  if (isModel(span)) return "model";
  return span.attributes["genkit:metadata:subtype"] ?? { flowStep: "step", util: "util" }[span.attributes["genkit:type"]] ?? "request";
}

function bar(span, end, isShown, choose) {
  const isBad = span.status === "error" || span.status === "cancelled";
  const took = [isBad && span.status, span.duration === null ? "running" : duration(span.duration)].filter(Boolean).join(", ");
  const line = element("span", { class: `bar ${kind(span)}${isBad ? " bad" : ""}` });
  // A style's property is no inline style to the page's policy.
  line.style.setProperty("margin-left", `${(100 * span.start) / end}%`);
  line.style.setProperty("width", `${Math.max(0.4, (100 * (span.duration ?? end - span.start)) / end)}%`);
  const name = element("span", { class: "name" }, span.name);
  name.style.setProperty("padding-left", `${span.depth * 0.9}rem`);
  const button = element("button", { type: "button", class: "row", "data-span": span.id, onclick: choose, "aria-controls": "span" },
    name,
    element("span", { class: "kind" }, kind(span)),
    element("span", { class: "track" }, line),
    element("span", { class: "took" }, took));
  button.setAttribute("aria-expanded", String(isShown));
  return element("li", {}, button);
}

function spanDetail(span) {
  const { attributes } = span;
  const rest = Object.entries(attributes).filter(([name]) => !SHOWN_APART.includes(name));
  const tokens = ["input", "output", "reasoning.output", "cache_read.input"]
    .map((it) => [it, attributes[`gen_ai.usage.${it}_tokens`]]).filter(([, it]) => it !== undefined);
  return [
    element("h4", {}, span.name, element("span", { class: "hint" }, ` ${kind(span)}`)),
    span.status === "error" && element("p", { class: "failed" },
      `Error: ${span.description ?? attributes["error.type"] ?? "it failed"}`),
    span.status === "cancelled" && element("p", { class: "failed" }, "Cancelled: it was dropped before its end."),
    tokens.length > 0 && element("p", {}, "Tokens: ", tokens.map(([name, count]) => `${count} ${name.replace(".", " ").replace("_", " ")}`).join(", ")),
    messages(attributes["gen_ai.input.messages"], "Messages to the model"),
    messages(attributes["gen_ai.output.messages"], "Answer of the model"),
    !("gen_ai.input.messages" in attributes) && json("Input", attributes["genkit:input"]),
    !("gen_ai.output.messages" in attributes) && json("Output", attributes["genkit:output"]),
    element("details", {}, element("summary", {}, `Attributes (${rest.length})`),
      element("dl", { class: "facts" },
        rest.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, [value].flat().join(", "))]))),
  ];
}

/** A value that is JSON in an attribute's text, for people. */
function json(title, text) {
  if (text === undefined) return undefined;
  let shown = text;
  try {
    const value = JSON.parse(text);
    shown = typeof value === "string" ? value : pretty(value);
  } catch {
    // It was cut.
  }
  return element("details", { open: true }, element("summary", {}, title), element("pre", { tabIndex: 0, "aria-label": title }, shown));
}
