// A form made from a JSON Schema, and beside it the same input as JSON.
import { element, pretty } from "/dev/elements.js";
import { field } from "/dev/fields.js";

/** A form for inputs of a schema, filled with an example. `changed` is called when the input may be another one. */
export function makeForm(schema, example, changed) {
  const faults = element("ul", { class: "faults", role: "alert", hidden: true });
  const raw = element("textarea", { id: "raw", rows: 8, spellcheck: false, class: "code", "aria-describedby": "raw-fault" });
  const rawFault = element("p", { id: "raw-fault", class: "fault", hidden: true });
  const rawBox = element("div", { hidden: true }, element("label", { htmlFor: "raw" }, "Input as JSON"), raw, rawFault);
  const asJson = element("input", { type: "checkbox", id: "as-json" });
  const fieldsBox = element("div", { class: "fields" });
  let root = fill(example);

  function fill(value) {
    const made = field(schema, { pointer: "", name: "", required: true, value, changed });
    fieldsBox.replaceChildren(made.element);
    return made;
  }

  /** Says what is wrong with the JSON, or nothing. */
  function sayRaw(text) {
    rawFault.textContent = text;
    rawFault.hidden = !text;
    raw.toggleAttribute("aria-invalid", Boolean(text));
  }

  function parseRaw() {
    try {
      const value = JSON.parse(raw.value);
      sayRaw("");
      return { value };
    } catch (error) {
      sayRaw(error.message);
      return { error };
    }
  }

  asJson.addEventListener("change", () => {
    if (asJson.checked) {
      raw.value = pretty(root.value());
      sayRaw("");
    } else {
      const parsed = parseRaw();
      if (parsed.error) {
        asJson.checked = true;
        raw.focus();
        return;
      }
      root = fill(parsed.value);
    }
    rawBox.hidden = !asJson.checked;
    fieldsBox.hidden = asJson.checked;
    changed();
  });
  raw.addEventListener("input", changed);

  return {
    element: element("div", { class: "input" },
      element("label", { class: "switch" }, asJson, " Edit as JSON"), fieldsBox, rawBox, faults),

    /** The body of a request: as it stands, even where it is no JSON. */
    body() {
      if (!asJson.checked) return JSON.stringify(root.value());
      const parsed = parseRaw();
      return parsed.error ? raw.value : JSON.stringify(parsed.value);
    },

    /** Shows what the server found wrong, each at its field, and the first one to the keyboard. */
    show(errors = []) {
      for (const place of fieldsBox.querySelectorAll("[data-pointer]")) say(place, "");
      sayRaw("");
      const elsewhere = [];
      let first;
      for (const { pointer, detail } of errors) {
        const place = asJson.checked ? undefined : nearest(fieldsBox, pointer);
        if (place) {
          const inside = pointer.slice(place.dataset.pointer.length);
          say(place, inside ? `${inside}: ${detail}` : detail);
          first ??= place.querySelector("input, textarea, select");
        } else elsewhere.push(element("li", {}, element("code", {}, pointer || "/"), ` ${detail}`));
      }
      faults.replaceChildren(...elsewhere);
      faults.hidden = elsewhere.length === 0;
      if (errors.length && asJson.checked) raw.focus();
      else first?.focus();
    },
  };
}

/** The field that a JSON Pointer names, or the nearest around it. */
function nearest(box, pointer) {
  for (let at = pointer; at; at = at.slice(0, at.lastIndexOf("/"))) {
    const place = box.querySelector(`[data-pointer="${CSS.escape(at)}"]`);
    if (place) return place;
  }
  return undefined;
}

/** Says what is wrong with a field; a second fault is added to the first. */
function say(place, text) {
  const fault = place.querySelector(":scope > .fault");
  const control = place.querySelector(":scope > input, :scope > textarea, :scope > select");
  fault.textContent = text && fault.textContent ? `${fault.textContent}; ${text}` : text;
  fault.hidden = !text;
  control?.toggleAttribute("aria-invalid", Boolean(text));
  if (text) control?.setAttribute("aria-invalid", "true");
}
