// Looks at every page in Debian's Chromium and complains as a person would: run by TestBrowser of
// server/internal/web, which starts the pages and tells where they are. Exits 1 if anything is wrong.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { writeFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const job = JSON.parse(process.argv[2]);
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const widths = [320, 390, 768, 1440];
const languages = { nb: "nb-NO", en: "en-GB" };
const wcag = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"];

// Every page is looked at in all languages, themes and widths; further states of a page in two of each.
const open = [["/logg-inn", "login"]];
const pages = [
  ["/", "overview"], ["/maskiner", "devices"], [job.devices[0], "device"], ["/ladeskap/solvang-a", "cabinet"],
  ["/klar/solvang-b", "ready"], ["/natt", "nights"], ["/natt/solvang-a", "night"], ["/finnes-ikke", "error"],
];
const states = [
  ["/maskiner?sok=finnes-ikke&ladeskap=solvang-a", "devices-none"], ["/ladeskap/fjellro-1", "cabinet-idle"],
  ["/ladeskap/hamna-1", "cabinet-empty"], ["/klar/solvang-a", "ready-night"], ["/klar/hamna-1", "ready-empty"],
  ["/natt/solvang-b", "night-morning"], ["/natt/fjellro-1", "night-idle"],
  ...job.devices.slice(1).map((path, i) => [path, "device-" + (i + 2)]),
];
const bare = [["/", "overview-empty"], ["/maskiner", "devices-empty"], ["/natt", "nights-empty"]];

const complaints = [];
const complain = (where, what) => complaints.push(where + ": " + what);
let looks = 0;

// look checks what holds of every page at every width.
async function look(page, where, name, width) {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) complain(where, `scrolls sideways by ${wide} pixels`);
  const result = await page.evaluate(async (tags) => window.axe.run(document, { runOnly: tags, resultTypes: ["violations"] }), wcag);
  for (const v of result.violations) complain(where, `axe ${v.id}: ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? n.failureSummary)).join(" | ")}`);
  looks++;
  if (job.shots && width !== 768) await page.screenshot({ path: join(job.shots, name + ".png"), fullPage: true });
}

// keyboard walks the page with Tab: each link, button and field must be reached, and show that it was.
async function keyboard(page, where, url) {
  await page.goto(url, { waitUntil: "load" });
  const wanted = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href],button,input:not([type=hidden]),select,summary")].filter((e) => e.checkVisibility());
    all.forEach((e, i) => (e.dataset.walk = i));
    return all.length;
  });
  const reached = new Set();
  for (let i = 0; i < wanted + 5 && reached.size < wanted; i++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      const s = getComputedStyle(e);
      return { walk: e.dataset.walk, seen: (s.outlineStyle !== "none" && s.outlineWidth !== "0px") || s.boxShadow !== "none" || e.matches(".ds-skip-link"), html: e.outerHTML.slice(0, 80) };
    });
    if (at.walk === undefined) continue;
    if (!at.seen) complain(where, "focus cannot be seen on " + at.html);
    reached.add(at.walk);
  }
  if (reached.size < wanted) complain(where, `Tab reaches ${reached.size} of ${wanted} controls`);
}

async function login(page, base, token, where) {
  await page.goto(base + "/logg-inn?til=%2Fnatt");
  await page.locator("#nokkel").fill("feil");
  await page.locator("main button").click();
  if (!(await page.locator("#feil").isVisible())) complain(where, "a wrong token is not answered by a message");
  await page.locator("#nokkel").fill(token);
  await page.keyboard.press("Enter");
  await page.waitForURL(base + "/natt");
}

// live waits for a change to reach the open page by itself, with the keyboard still where it was.
async function live(page, where) {
  await page.goto(job.base + "/natt/solvang-a", { waitUntil: "load" });
  await page.locator("#direkte[data-state=on]").waitFor({ timeout: 10000 });
  const sum = page.locator("[data-live] .nv-sum");
  const before = await sum.innerText();
  await page.locator(".nv-night tbody a").first().focus();
  writeFileSync(job.change, "");
  await page.waitForFunction((b) => document.querySelector("[data-live] .nv-sum").innerText !== b, before, { timeout: 10000 });
  if (!(await page.evaluate(() => document.activeElement.closest(".nv-night") !== null))) complain(where, "the keyboard lost its place in an update");
}

async function context(browser, options) {
  const c = await browser.newContext({ ignoreHTTPSErrors: true, bypassCSP: false, ...options });
  await c.addInitScript({ path: axe });
  return c;
}

function listen(page, where) {
  page.on("console", (m) => {
    // The browser reports every answer that is an error; those asked for here are meant.
    if (m.type() === "error" && !/status of (401|404)|ERR_FAILED/.test(m.text())) complain(where(), "console: " + m.text());
  });
  page.on("pageerror", (e) => complain(where(), "script: " + e));
  page.on("request", (r) => {
    if (!r.url().startsWith(job.base) && !r.url().startsWith(job.empty) && !r.url().startsWith("data:")) complain(where(), "asks elsewhere: " + r.url());
  });
}

async function run(browser, lang, colorScheme) {
  const c = await context(browser, { locale: languages[lang], colorScheme, reducedMotion: "reduce" });
  const page = await c.newPage();
  let where = "";
  listen(page, () => where);
  const corner = (lang === "nb") === (colorScheme === "light");
  const visit = async (base, list, widths) => {
    for (const [path, name] of list) {
      where = `${path} ${lang} ${colorScheme}`;
      await page.goto(base + path, { waitUntil: "load" });
      for (const width of widths) {
        await page.setViewportSize({ width, height: 900 });
        await look(page, `${where} ${width}`, `${name}-${lang}-${colorScheme}-${width}`, width);
      }
    }
  };
  await visit(job.base, open, widths);
  where = "log-in " + lang;
  await login(page, job.base, job.baseToken, where);
  await visit(job.base, pages, widths);
  if (corner) await visit(job.base, states, [320, 1440]);
  if (lang === "nb" && colorScheme === "light") {
    await page.route("**/hendelser", (route) => route.abort()); // updates would wipe the marks off
    for (const width of [320, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      for (const [path] of [...pages, ...states]) {
        where = `${path} keyboard ${width}`;
        await keyboard(page, where, job.base + path);
      }
    }
  }
  if (lang === "en" && colorScheme === "dark") {
    where = "live";
    await live(page, where);
    where = "log-out";
    await page.locator("form[action='/logg-ut'] button").click();
    await page.goto(job.base + "/natt");
    if (!page.url().includes("/logg-inn")) complain(where, "a page opens after log-out");
  }
  if (corner) {
    where = "log-in, empty " + lang;
    await login(page, job.empty, job.emptyToken, where);
    await visit(job.empty, bare, [320, 1440]);
  }
  await c.close();
}

// plain reads the teacher's page without script, and without TLS: on a loopback address browsers keep the
// session's cookie all the same.
async function plain(browser) {
  const c = await context(browser, { locale: "nb-NO", javaScriptEnabled: false, viewport: { width: 390, height: 800 } });
  const page = await c.newPage();
  await page.goto(job.plain + "/logg-inn?til=%2Fklar%2Fsolvang-b");
  await page.locator("#nokkel").fill(job.plainToken);
  await page.locator("main button").click();
  const text = await page.locator(".nv-answer").innerText();
  if (!/28 av 30\s+klare/.test(text)) complain("without script", "the answer reads " + JSON.stringify(text));
  await c.close();
}

if (job.shots) mkdirSync(job.shots, { recursive: true });
const browser = await chromium.launch({ executablePath: job.chromium, args: flags });
try {
  await plain(browser);
  for (const colorScheme of ["light", "dark"]) for (const lang of Object.keys(languages)) await run(browser, lang, colorScheme);
} finally {
  await browser.close();
}
for (const c of complaints.slice(0, 60)) console.log(c);
console.log(`${looks} looks, ${complaints.length} complaints`);
process.exit(complaints.length ? 1 : 0);
