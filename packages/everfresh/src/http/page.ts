import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The folder with the built live page, or null where it was not built. */
export function pageDirectory(): string | null {
  const manifest = fileURLToPath(import.meta.resolve("@everfresh/dashboard/package.json"));
  const directory = path.join(path.dirname(manifest), "dist");
  return existsSync(path.join(directory, "index.html")) ? directory : null;
}

/** What `/` shows where the live page was not built. */
export const PAGE_MISSING = `<!doctype html><meta charset="utf-8"><title>Everfresh</title>
<p>The live page was not built. Run <code>npm run build</code> and start again.
The same facts are at <a href="v1/models">/v1/models</a>.</p>
`;
