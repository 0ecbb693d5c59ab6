// Opens the documentation pages in Chromium and fails on a console error, a failed request, a request to
// another host, or a page that does not show the routes. Writes a screenshot of each.
//
//   NODE_PATH=… node scripts/check_pages.js http://localhost:8080 FOLDER
const { chromium } = require("playwright-core");

const [base, folder] = process.argv.slice(2);
// Without these Chromium asks Google's hosts by itself, which is not the pages' doing.
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

async function check(browser, path, wanted) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const faults = [];
  page.on("console", (it) => it.type() === "error" && faults.push(`console: ${it.text()}`));
  page.on("pageerror", (it) => faults.push(`exception: ${it.message}`));
  page.on("requestfailed", (it) => faults.push(`failed: ${it.url()} ${it.failure()?.errorText}`));
  page.on("request", (it) => {
    const url = new URL(it.url());
    if (url.protocol.startsWith("http") && url.origin !== base) faults.push(`another host: ${it.url()}`);
  });
  await page.goto(base + path);
  for (const text of wanted) await page.getByText(text).first().waitFor({ state: "attached", timeout: 20000 });
  await page.waitForTimeout(1500); // late requests and errors
  await page.screenshot({ path: `${folder}/${path.slice(1)}.png` });
  await page.close();
  if (faults.length) throw new Error(`${path}:\n  ${faults.join("\n  ")}`);
  console.log(`${path}: shows ${wanted.join(", ")}; no error, no request to another host`);
}

(async () => {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: quiet });
  try {
    await check(browser, "/docs", ["/tell-joke/stream", "/flows/review_code", "Makes up a role-playing character"]);
    await check(browser, "/redoc", ["Tells a joke", "Reviews code"]);
  } finally {
    await browser.close();
  }
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
