/** Runs the program in this process: starting one for every command would take most of a test. */
import { vi } from "vitest";
import { runProgram } from "../../packages/everfresh/src/cli/program.ts";
import type { Ended, Summary } from "./program.ts";

/** Runs `everfresh ARGS` to its end; one at a time. */
export async function runHere(args: readonly string[]): Promise<Ended> {
  let [stdout, stderr] = ["", ""];
  const out = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    stdout += String(text);
    return true;
  });
  const err = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    stderr += String(text);
    return true;
  });
  try {
    return { status: await runProgram(["node", "everfresh", ...args]), stdout, stderr };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}

/** Runs `everfresh ARGS --json`, which must succeed, and gives the document that it prints. */
export async function documentOf<Document = Summary>(args: readonly string[]): Promise<Document> {
  const { status, stdout, stderr } = await runHere([...args, "--json"]);
  if (status !== 0) throw new Error(`everfresh ${args.join(" ")} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Document;
}
