// Uses the development page in Chromium as a person does: runs a flow, streams another, reads their traces, gives a bad
// input. Fails on a console error, a failed request and a request to another host. Writes screenshots, wide and narrow,
// light and dark.
//
//   NODE_PATH=… node scripts/check_dev_page.js http://localhost:8080 FOLDER        # a server with --debug --model demo
//   NODE_PATH=… node scripts/check_dev_page.js http://localhost:8080 FOLDER KEY    # one that asks for this key
const assert = require("node:assert");
const { chromium } = require("playwright-core");

const [base, folder, key] = process.argv.slice(2);
// Without these Chromium asks Google's hosts by itself, which is not the page's doing.
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const TIMEOUT = 10000;

const faults = [];

function watch(page) {
  page.on("console", (it) => {
    // A bad input is answered by 422 and a missing key by 401, which Chromium writes to the console on its own.
    const expected = key ? /status of 401/ : /status of 422/;
    if (it.type() === "error" && !expected.test(it.text())) faults.push(`console: ${it.text()}`);
  });
  page.on("pageerror", (it) => faults.push(`exception: ${it.message}`));
  page.on("requestfailed", (it) => {
    // "Stop" is meant to end one.
    if (!/\/stream$/.test(it.url())) faults.push(`failed: ${it.url()} ${it.failure()?.errorText}`);
  });
  page.on("request", (it) => {
    const url = new URL(it.url());
    if (url.protocol.startsWith("http") && url.origin !== base) faults.push(`another host: ${it.url()}`);
  });
}

const status = (page) => page.locator(".result .status");

async function runs(page) {
  await page.goto(`${base}/`);
  assert.equal(new URL(page.url()).pathname, "/dev");
  await page.getByRole("link", { name: "translate_text" }).click();
  await page.getByLabel("target_language").fill("German");
  // Equal inputs may be answered without the model.
  await page.getByLabel("text", { exact: true }).fill(`It's ${Date.now()}.`);
  const curl = await page.getByLabel("curl, whole answer", { exact: true }).textContent();
  assert.match(curl, /--data-raw '{"text":"It'\\''s \d+\.","target_language":"German"}'/);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await status(page).filter({ hasText: /^200.* m?s$/ }).waitFor();
  assert.match(await page.locator(".result .body").textContent(), /"translated_text"/);
  const requestId = await page.locator(".result dd").first().textContent();

  const trace = page.getByRole("region", { name: "The trace" });
  await trace.getByText(`request ${requestId}`).waitFor();
  for (const kind of ["request", "flow", "model"]) await trace.locator(".row", { hasText: kind }).first().waitFor();
  await trace.getByText("Messages to the model").waitFor();
  await trace.getByText("Answer of the model").waitFor();
  await trace.locator(".message.user", { hasText: "German" }).first().waitFor();
  await trace.getByText(/Tokens: \d+ input, \d+ output/).waitFor();
  console.log("a flow runs by a click, and its trace has the model's messages and tokens");
}

async function streams(page) {
  await page.getByRole("link", { name: "tell_story" }).click();
  const seen = new Set();
  await page.exposeFunction("seen", (text) => seen.add(text));
  await page.evaluate(() => {
    const look = () => globalThis.seen(document.querySelector(".result .stream")?.textContent ?? "");
    new MutationObserver(look).observe(document.querySelector(".result"), { childList: true, characterData: true, subtree: true });
  });
  await page.getByRole("button", { name: "Stream", exact: true }).click();
  await page.getByText(/\d+ chunks, the first after/).waitFor();
  const while_running = await page.getByRole("button", { name: "Stop", exact: true }).isEnabled();
  await status(page).filter({ hasText: /^200.* m?s$/ }).waitFor({ timeout: 20000 });
  const texts = [...seen].filter(Boolean).sort((a, b) => a.length - b.length);
  assert.ok(texts.length >= 3, `${texts.length} states of the text were seen`);
  for (let at = 1; at < texts.length; at++) assert.ok(texts[at].startsWith(texts[at - 1]));
  assert.ok(while_running, "a stream can be stopped");
  await page.locator("#trace .hint", { hasText: /flow tell_story .* tokens in/ }).first().waitFor();
  await page.screenshot({ path: `${folder}/dev-stream.png`, fullPage: true });
  console.log(`a stream is shown as it comes: ${texts.length} states of its text`);

  await page.getByRole("button", { name: "Stream", exact: true }).click();
  await page.getByText(/\d+ chunks?, the first after/).waitFor();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await status(page).filter({ hasText: "Stopped." }).waitFor();
  await page.locator("#trace-list td", { hasText: "cancelled" }).first().waitFor();
  console.log("a stream can be stopped, and its trace says so");
}

async function refuses(page) {
  await page.getByRole("link", { name: "generate_code" }).click();
  const language = page.getByLabel("language", { exact: true });
  await language.fill("no such language!");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await status(page).filter({ hasText: /^422/ }).waitFor();
  const fault = page.locator('[data-pointer="/language"] .fault');
  await fault.waitFor();
  assert.equal(await language.getAttribute("aria-invalid"), "true");
  assert.ok(await language.evaluate((it) => it === document.activeElement), "the field has the focus");
  console.log(`a bad input shows its fault at the field: ${await fault.textContent()}`);
  await page.screenshot({ path: `${folder}/dev-fault.png` });
  await language.fill("python");

  await page.getByLabel("Edit as JSON").check();
  await page.getByLabel("Input as JSON").fill('{"description": 5}');
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator(".faults li", { hasText: "/description" }).waitFor();
  console.log("so does one that is written as JSON");
}

/** Members of every kind, which no flow here has all of. */
async function makesForms(page) {
  const schema = {
    type: "object",
    required: ["title", "inner"],
    properties: {
      title: { type: "string" },
      copies: { type: "integer", minimum: 1, maximum: 9, default: 2 },
      tone: { type: "string", enum: ["plain", "kind"] },
      loud: { type: "boolean" },
      maybe: { type: ["string", "null"] },
      left_out: { type: "string" },
      words: { type: "array", items: { type: "string" } },
      numbers: { type: "array", items: { type: "number" } },
      inner: { type: "object", required: ["deep"], properties: { deep: { type: "string", default: "here" } } },
      aside: { type: "object", required: ["deep"], properties: { deep: { type: "string" } } },
      rows: { type: "array", items: { type: "object" }, default: [{ a: 1 }] },
    },
  };
  const made = await page.evaluate(async (schema) => {
    const { makeForm } = await import("/dev/form.js");
    const form = makeForm(schema, { title: "A", tone: "kind", words: ["a", "b"], numbers: [1, 2.5] }, () => {});
    const before = JSON.parse(form.body());
    document.body.append(form.element);
    form.show([{ pointer: "/inner/deep", detail: "too deep" }, { pointer: "/words/1", detail: "too short" }, { pointer: "", detail: "odd" }]);
    const faults = [...form.element.querySelectorAll(".fault, .faults")].filter((it) => !it.hidden).map((it) => it.textContent);
    const copies = form.element.querySelector("[type=number]");
    const required = [...form.element.querySelectorAll("[data-pointer]")].filter((it) => it.querySelector(".required")).map((it) => it.dataset.pointer);
    form.element.remove();
    return { before, faults, limits: [copies.min, copies.max, copies.step], required };
  }, schema);
  assert.deepEqual(made.before, {
    title: "A", copies: 2, tone: "kind", loud: false, maybe: null, words: ["a", "b"], numbers: [1, 2.5], inner: { deep: "here" }, rows: [{ a: 1 }],
  });
  assert.deepEqual(made.faults, ["/1: too short", "too deep", "/ odd"]);
  assert.deepEqual(made.limits, ["1", "9", "1"]);
  assert.deepEqual(made.required, ["/title", "/inner", "/inner/deep"]);
  console.log("a form has fields for members of every kind");
}

/** With keys, nothing is shown before there is one, and it stays out of what is shown. */
async function asksForKey(page) {
  await page.goto(`${base}/dev`);
  await page.getByText("The server asks for an API key.").waitFor();
  assert.equal(await page.getByRole("link", { name: "tell_joke" }).count(), 0);
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Use", exact: true }).click();
  await page.getByRole("link", { name: "tell_joke" }).click();
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await status(page).filter({ hasText: /^200.* m?s$/ }).waitFor();
  await page.locator("#trace .row", { hasText: "model" }).first().click();
  await page.locator("#trace summary", { hasText: "Attributes" }).click();
  assert.match(await page.getByLabel("curl, whole answer", { exact: true }).textContent(), /Bearer \$API_KEY/);
  const shown = await page.evaluate(async (authorization) => {
    const load = async (path) => (await fetch(path, { headers: { authorization } })).text();
    const traces = await load("/dev/traces");
    const each = await Promise.all(JSON.parse(traces).map((it) => load(`/dev/traces?id=${it.id}`)));
    return [document.body.textContent, await load("/dev/flows"), traces, ...each];
  }, `Bearer ${key}`);
  assert.ok(shown.length > 3 && shown.every((it) => !it.includes(key)), "the key is shown");
  await page.reload();
  await page.getByRole("link", { name: "tell_joke" }).waitFor();
  console.log("an API key is asked for, kept, and shown nowhere");
}

/** Every control has a name, and the keyboard reaches a run. */
async function isAccessible(page) {
  await page.getByRole("link", { name: "tell_story" }).click();
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, a, input, textarea, select")]
    .filter((it) => !(it.labels?.length || it.getAttribute("aria-label") || it.textContent.trim())).map((it) => it.outerHTML));
  assert.deepEqual(nameless, []);
  await page.getByLabel("topic").press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Stream");
  console.log("every control has a name, and the keyboard reaches the run");
}

async function pictures(page) {
  for (const scheme of ["light", "dark"]) {
    for (const [form, width, height] of [["wide", 1280, 900], ["narrow", 390, 844]]) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height });
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${form}: the page is ${overflow} pixels too wide`);
      await page.screenshot({ path: `${folder}/dev-${form}-${scheme}.png`, fullPage: true });
    }
  }
}

(async () => {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: quiet });
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.setDefaultTimeout(TIMEOUT);
    watch(page);
    if (key) {
      await asksForKey(page);
      if (faults.length) throw new Error(faults.join("\n"));
      return;
    }
    await runs(page);
    await pictures(page);
    await page.locator("#trace .row", { hasText: "flow" }).first().click();
    await page.locator("#trace h4", { hasText: "translate_text" }).waitFor();
    await page.setViewportSize({ width: 1280, height: 900 });
    await streams(page);
    await refuses(page);
    await isAccessible(page);
    await makesForms(page);
    if (faults.length) throw new Error(faults.join("\n"));
    console.log("/dev: no error, no request to another host");
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error.message, ...faults);
  process.exit(1);
});
