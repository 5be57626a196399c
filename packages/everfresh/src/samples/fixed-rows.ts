import { z } from "zod";
import { QuarantineRowError } from "../errors.ts";
import type { FixedRow } from "./quarantined-row.ts";

const rowSchema = z.looseObject({
  number: z.int().positive(),
  row: z.record(z.string(), z.unknown()).optional(),
  text: z.string().optional(),
  base64: z.base64().optional(),
});

/**
 * Rows in lines of JSON, as `everfresh quarantine export` prints them.
 * @param file where they are from, for the message
 * @throws QuarantineRowError for a line that is none
 */
export function fixedRowsIn(lines: string, file: string): readonly FixedRow[] {
  return lines.split(/\r?\n/).flatMap((line, i): readonly FixedRow[] => {
    if (line.trim() === "") return [];
    const checked = rowSchema.safeParse(parsed(line));
    if (checked.success) {
      const { number, row, text, base64 } = checked.data;
      const content = { row, text, base64 };
      const given = Object.entries(content).filter(([, value]) => value !== undefined);
      return [{ number, ...(Object.fromEntries(given) as Omit<FixedRow, "number">) }];
    }
    const [problem] = checked.error.issues;
    const where = problem?.path.join(".") ?? "";
    throw new QuarantineRowError(
      `Line ${i + 1} of ${file} is no row of \`everfresh quarantine export\`: ${where} ${problem?.message ?? ""}`,
    );
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
