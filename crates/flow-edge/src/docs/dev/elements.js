// Small helpers that the other files share.

/** Makes an element: its properties, then its children (elements, texts, or nothing). */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") made.className = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((it) => it !== undefined && it !== null && it !== false));
  return made;
}

export const pretty = (value) => JSON.stringify(value, null, 2);

/** A duration in milliseconds, for people. */
export function duration(milliseconds) {
  if (milliseconds === null || milliseconds === undefined) return "–";
  if (milliseconds < 1) return `${milliseconds.toFixed(2)} ms`;
  if (milliseconds < 1000) return `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`;
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A line to copy, and the button that does it. */
export function copyable(label, text) {
  const button = element("button", { type: "button", class: "small", "aria-label": `Copy ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed"; // Outside of localhost and HTTPS there is no clipboard.
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return element("div", { class: "command" },
    element("div", { class: "command-head" }, element("span", {}, label), button),
    element("pre", { tabIndex: 0, "aria-label": label }, text));
}

/** The headers of each request: the key lives as long as the browser's tab. */
export function headers(more = {}) {
  const key = sessionStorage.getItem("api-key");
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

/** JSON of the server's, or an error that says why there is none. */
export async function load(path) {
  const response = await fetch(path, { headers: headers() });
  if (response.ok) return response.json();
  const error = new Error(response.status === 401 ? "The server asks for an API key." : `${path}: ${response.status}`);
  error.status = response.status;
  throw error;
}
