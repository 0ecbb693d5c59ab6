// One field for each member of a JSON Schema. What has no form of its own is edited as JSON.
import { element, pretty } from "/dev/elements.js";

/** From how many characters on a text gets several lines. */
const LONG = 200;

let ids = 0;

/**
 * A field: `{ element, value() }`. `place` has its JSON Pointer, its name, whether it is required, what is in it, and
 * who is told of changes. `value()` is undefined where the member is left out.
 */
export function field(schema, place) {
  const { types, nullable } = kinds(schema);
  const kind = types.length === 1 ? types[0] : undefined;
  // One that may be left out has members that may not.
  const isThere = place.required || (place.value ?? undefined) !== undefined;
  if (kind === "object" && schema.properties && isThere) return object(schema, place);
  if (kind === "array" && isSimple(schema.items)) return list(schema, place, nullable);
  if (schema.enum || schema.oneOf?.every((it) => "const" in it)) return choice(schema, place, nullable);
  if (kind === "boolean") return truth(schema, place, nullable);
  if (kind === "integer" || kind === "number") return number(schema, place, kind, nullable);
  if (kind === "string") return text(schema, place, nullable);
  return json(schema, place);
}

/** The types of a schema without `null`, and whether it may be null. */
function kinds(schema) {
  const types = [schema.type ?? []].flat();
  const any = schema.anyOf?.map((it) => it.type);
  const all = any && types.length === 0 ? any.flat() : types;
  return { types: all.filter((it) => it !== "null"), nullable: all.includes("null") || schema.enum?.includes(null) };
}

function isSimple(items) {
  if (!items || items.enum) return Boolean(items);
  const { types } = kinds(items);
  return types.length === 1 && ["string", "number", "integer"].includes(types[0]);
}

/** What is around every control: label, help, and what is wrong with it. */
function framed(schema, place, control, limits) {
  const id = `field-${(ids += 1)}`;
  control.id = id;
  const help = [schema.description, limits].filter(Boolean).join(" ");
  control.setAttribute("aria-describedby", `${id}-help ${id}-fault`);
  if (place.required) control.required = true;
  control.addEventListener("input", place.changed);
  const wrapper = element("div", { class: "field", "data-pointer": place.pointer },
    element("label", { htmlFor: id }, element("code", {}, place.name || "input"),
      place.required && element("span", { class: "required" }, " required")),
    control,
    element("p", { class: "help", id: `${id}-help` }, help),
    element("p", { class: "fault", id: `${id}-fault`, hidden: true }));
  return wrapper;
}

function text(schema, place, nullable) {
  const value = place.value ?? "";
  const long = (schema.maxLength ?? 0) > LONG || value.length > LONG || value.includes("\n");
  const control = long
    ? element("textarea", { rows: Math.min(10, Math.max(2, Math.ceil(value.length / 60), value.split("\n").length)) })
    : element("input", { type: "text", autocomplete: "off" });
  control.value = value;
  const { minLength: least, maxLength: most } = schema;
  const limits = [
    least && most ? `${least} to ${most} characters.` : most ? `At most ${most} characters.` : least && `At least ${least} characters.`,
    schema.pattern && `Pattern: ${schema.pattern}`,
    nullable && "Empty: null.",
  ].filter(Boolean).join(" ");
  return {
    element: framed(schema, place, control, limits),
    value: () => emptied(control.value, schema, place, nullable, (it) => it),
  };
}

function number(schema, place, kind, nullable) {
  const { minimum, maximum } = schema;
  const control = element("input", { type: "number", step: kind === "integer" ? 1 : "any", min: minimum, max: maximum });
  control.value = place.value ?? "";
  const limits = [
    minimum !== undefined && maximum !== undefined ? `From ${minimum} to ${maximum}.`
      : minimum !== undefined ? `At least ${minimum}.` : maximum !== undefined && `At most ${maximum}.`,
    nullable && "Empty: null.",
  ].filter(Boolean).join(" ");
  return {
    element: framed(schema, place, control, limits),
    value: () => (control.value === "" ? (nullable ? null : undefined) : Number(control.value)),
  };
}

function truth(schema, place, nullable) {
  if (nullable) return choice({ ...schema, enum: [true, false] }, place, true);
  const control = element("input", { type: "checkbox", checked: Boolean(place.value) });
  // A box that must be ticked would be another rule than the schema's.
  return { element: framed(schema, { ...place, required: false }, control, ""), value: () => control.checked };
}

function choice(schema, place, nullable) {
  const options = (schema.enum ?? schema.oneOf.map((it) => it.const)).filter((it) => it !== null);
  const control = element("select", {},
    (nullable || !place.required) && element("option", { value: "" }, nullable ? "null" : "(left out)"),
    options.map((it, index) => element("option", { value: String(index) }, String(it))));
  const chosen = options.indexOf(place.value);
  control.value = chosen >= 0 ? String(chosen) : control.options[0]?.value;
  return {
    element: framed(schema, place, control, ""),
    value: () => (control.value === "" ? (nullable ? null : undefined) : options[Number(control.value)]),
  };
}

function list(schema, place, nullable) {
  const isText = !schema.items.enum && kinds(schema.items).types[0] === "string";
  const control = element("textarea", { rows: 4 });
  control.value = (place.value ?? []).map(String).join("\n");
  const limits = [
    "One item a line.",
    schema.items.enum && `Of: ${schema.items.enum.join(", ")}.`,
    schema.maxItems !== undefined && `At most ${schema.maxItems}.`,
    nullable && "Empty: null.",
  ].filter(Boolean).join(" ");
  return {
    element: framed(schema, place, control, limits),
    value: () => {
      const items = control.value.split("\n").filter((it) => it !== "");
      if (items.length === 0 && nullable) return null;
      if (items.length === 0 && !place.required && schema.default === undefined) return undefined;
      // What is no number is sent as it is; the server says what is wrong with it.
      return items.map((it) => (isText || schema.items.enum || Number.isNaN(Number(it)) ? it : Number(it)));
    },
  };
}

function object(schema, place) {
  const required = schema.required ?? [];
  const members = Object.entries(schema.properties).map(([name, inner]) => {
    const pointer = `${place.pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const value = place.value?.[name] ?? inner.default;
    return [name, field(inner, { pointer, name, required: required.includes(name), value, changed: place.changed })];
  });
  const inside = members.map(([, it]) => it.element);
  const box = place.pointer === ""
    ? element("div", {}, inside.length ? inside : element("p", { class: "help" }, "No input."))
    : element("fieldset", { "data-pointer": place.pointer },
      element("legend", {}, element("code", {}, place.name), place.required && element("span", { class: "required" }, " required")),
      schema.description && element("p", { class: "help" }, schema.description),
      element("p", { class: "fault", hidden: true }), inside);
  return {
    element: box,
    value: () => Object.fromEntries(members.map(([name, it]) => [name, it.value()]).filter(([, it]) => it !== undefined)),
  };
}

function json(schema, place) {
  const value = place.value;
  const control = element("textarea", { rows: 5, spellcheck: false, class: "code" });
  control.value = value === undefined ? "" : pretty(value);
  return {
    element: framed(schema, place, control, "As JSON."),
    value: () => {
      if (control.value.trim() === "") return undefined;
      try {
        return JSON.parse(control.value);
      } catch {
        return control.value; // A text; the server says what it wants.
      }
    },
  };
}

/** A text that is empty: null where it may be, left out where it has no default and need not be there. */
function emptied(value, schema, place, nullable, of) {
  if (value !== "") return of(value);
  if (nullable) return null;
  return place.required || schema.default !== undefined ? "" : undefined;
}
