/**
 * Writes into package-lock.json what npm leaves out: that a package with a binding.gyp brings its
 * binaries and is not to be compiled. Without it, `npm ci` (unlike `npm install`) calls node-gyp and
 * fails on a machine without Python and a compiler. Run it after every `npm install`; a test checks.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

interface Lock {
  readonly packages: Record<string, Record<string, unknown>>;
}

const LOCK = "package-lock.json";
const lock = JSON.parse(readFileSync(LOCK, "utf8")) as Lock;
for (const [folder, entry] of Object.entries(lock.packages)) {
  const file = path.join(folder, "package.json");
  if (!folder.startsWith("node_modules/") || !existsSync(file)) continue;
  const { gypfile } = JSON.parse(readFileSync(file, "utf8")) as { readonly gypfile?: boolean };
  if (gypfile === false) entry["gypfile"] = false;
}
writeFileSync(LOCK, `${JSON.stringify(lock, null, 2)}\n`);
