import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const MAIN = fileURLToPath(new URL("../../bench/main.ts", import.meta.url));

/** Prints every module that the process has loaded when it ends. */
const TRACE = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from "node:module";
  const urls = [];
  registerHooks({ load(url, context, next) { urls.push(url); return next(url, context); } });
  process.on("exit", () => console.error(JSON.stringify(urls)));
`)}`;

/** The packages that a command of the bench loads before it does anything. */
async function packagesOf(command: string): Promise<string[]> {
  const args = ["--conditions=source", "--import", TRACE, MAIN, command, "--help"];
  const { stderr } = await promisify(execFile)(process.execPath, args);
  const urls = JSON.parse(stderr) as string[];
  const names = urls.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
  return [...new Set(names)];
}

describe("the bench of memory", () => {
  it("loads no package but what training needs: all others would count as its memory", async () => {
    expect(await packagesOf("memory")).toEqual(["@bufbuild/protobuf"]);
  });
});
