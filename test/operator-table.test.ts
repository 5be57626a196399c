import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "..");

it("docs/operators.md is what scripts/operator-table.ts prints", () => {
  const node = path.join(ROOT, "node_modules/.bin/node");
  const printed = execFileSync(node, ["--conditions=source", "scripts/operator-table.ts"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(readFileSync(path.join(ROOT, "docs/operators.md"), "utf8")).toBe(printed);
});
