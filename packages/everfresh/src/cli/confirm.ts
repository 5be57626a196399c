import { createInterface } from "node:readline/promises";
import { UsageError } from "../errors.ts";

/**
 * Asks a person, who says yes.
 * @param refusal what is said where they do not
 * @throws UsageError when they do not, or nobody is there
 */
export async function confirm(question: string, refusal: string): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError("Nobody is there to be asked; say --yes if you mean it");
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `);
    if (/^y(es)?$/i.test(answer.trim())) return;
  } finally {
    lines.close();
  }
  throw new UsageError(refusal);
}
