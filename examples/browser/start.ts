/**
 * Bundles the page with Vite and serves it: `node --conditions=source start.ts [port]`.
 * In a project of your own, `vite build` does the same without any configuration.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { build, defaultClientConditions, preview } from "vite";

const [port = "7071"] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), "everfresh-browser-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));

await build({
  configFile: false,
  root: import.meta.dirname,
  base: "./",
  logLevel: "error",
  // Only in this repository, where packages are found as sources.
  resolve: { conditions: ["source", ...defaultClientConditions] },
  build: { outDir: folder, emptyOutDir: true, target: "es2023" },
});

const server = await preview({
  configFile: false,
  root: import.meta.dirname,
  logLevel: "error",
  build: { outDir: folder },
  preview: { host: "127.0.0.1", port: Number(port), strictPort: port !== "0" },
});
console.log(`page  ${server.resolvedUrls?.local[0] ?? ""}`);
