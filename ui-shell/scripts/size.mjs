// Fails when what a first visit downloads is over the budget: the entry, everything it
// imports statically, and the shell's own lazy page. Sizes are gzip, in KiB.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET = { js: 200, css: 40, route: 60 };
const UNBOUNDED = /codemirror|CodeEditor/i;
const dist = new URL("../dist/", import.meta.url);
let manifest;
try {
  manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
} catch {
  console.error("No build found. Run `npm run build` first.");
  process.exit(1);
}
const gzip = (file) => gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length / 1024;

const collect = (key, into = new Set()) => {
  if (into.has(key)) return into;
  into.add(key);
  for (const next of manifest[key]?.imports ?? []) collect(next, into);
  return into;
};
const weigh = (keys) => {
  const js = new Set();
  const css = new Set();
  for (const key of keys) {
    js.add(manifest[key].file);
    for (const sheet of manifest[key].css ?? []) css.add(sheet);
  }
  const sum = (files) => [...files].reduce((total, file) => total + gzip(file), 0);
  return { js: sum(js), css: sum(css) };
};

const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const shell = Object.keys(manifest).find((key) => key.endsWith("shell/Shell.tsx"));
const first = collect(entry);
if (shell) collect(shell, first);
const problems = [];
const total = weigh(first);
console.log(`first load: ${total.js.toFixed(1)} KiB js, ${total.css.toFixed(1)} KiB css`);
if (total.js > BUDGET.js) problems.push(`first load has more than ${BUDGET.js} KiB of JS`);
if (total.css > BUDGET.css) problems.push(`first load has more than ${BUDGET.css} KiB of CSS`);
for (const key of Object.keys(manifest).filter((name) => manifest[name].isDynamicEntry)) {
  const own = [...collect(key)].filter((name) => !first.has(name));
  if (own.length === 0) continue;
  const size = weigh(own).js;
  console.log(`  ${key}: ${size.toFixed(1)} KiB js`);
  if (size > BUDGET.route && !UNBOUNDED.test(key)) {
    problems.push(`${key} has more than ${BUDGET.route} KiB of JS`);
  }
}
for (const problem of problems) console.error(`Over budget: ${problem}.`);
process.exit(problems.length ? 1 : 0);
