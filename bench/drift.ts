/** What detectors of drift see, how soon, how often wrongly, and what that costs. */
import { parseArgs } from "node:util";
import type { DetectorSpec } from "@everfresh/learn";
import { bernoulliRows } from "./drift/bernoulli.ts";
import { type CostRow, costRows } from "./drift/cost.ts";
import { DETECTORS } from "./drift/detectors.ts";
import type { DriftRow } from "./drift/rows.ts";
import { choiceOption, wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- drift [options]

Runs detectors over streams whose changes are known. Each has the same settings for all of them.

  --case NAME       one of bernoulli-iid, bernoulli-correlated (default bernoulli-iid): errors at a
                    rate of 0.2 for 5,000 samples, then at 0.4 (medianDelay) or 0.25 (detectedShare)
                    for 5,000; correlated ones are with probability 0.5 what the one before was
  --lag N           samples after which a label arrives (default 0)
  --seeds N         streams (default 200)
  --policies A,B    which detectors (default all): ${Object.keys(DETECTORS).slice(0, 5).join(", ")},
                    ${Object.keys(DETECTORS).slice(5).join(", ")}
  --false-alarm-every N  budget of change-scan: samples between false alarms (default 40,000)
  --cost            instead: microseconds per update of each detector
  --json            one JSON document
  --help            this text`;

const OPTIONS = {
  case: { type: "string", default: "bernoulli-iid" },
  lag: { type: "string", default: "0" },
  seeds: { type: "string", default: "200" },
  policies: { type: "string", default: Object.keys(DETECTORS).join(",") },
  "false-alarm-every": { type: "string" },
  cost: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const CORRELATIONS = { "bernoulli-iid": 0, "bernoulli-correlated": 0.5 } as const;
type Case = keyof typeof CORRELATIONS;

interface Settings {
  readonly case: Case;
  readonly lag: number;
  readonly seeds: number;
  readonly detectors: Readonly<Record<string, DetectorSpec>>;
  readonly cost: boolean;
  readonly json: boolean;
}

/** The command `drift`; returns the exit status. */
export function drift(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, (settings) => {
    const { case: name, lag, seeds, detectors, cost, json } = settings;
    if (cost) {
      const rows = costRows(detectors);
      if (json) console.log(JSON.stringify({ rows }));
      else printTable(rows);
      return 0;
    }
    const rows = bernoulliRows(detectors, { seeds, lag, correlation: CORRELATIONS[name] });
    if (json) console.log(JSON.stringify({ case: name, lag, rows }));
    else printTable(rows);
    return 0;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  const every = values["false-alarm-every"];
  const names = values.policies.split(",").map((name) => name.trim());
  const detectors = names.map((name) => {
    const chosen = choiceOption("policies", name, Object.keys(DETECTORS));
    const spec = DETECTORS[chosen] ?? { kind: "changeScan" };
    if (spec.kind !== "changeScan" || every === undefined) return [chosen, spec] as const;
    const falseAlarmEvery = wholeOption("false-alarm-every", every);
    return [chosen, { ...spec, falseAlarmEvery }] as const;
  });
  return {
    case: choiceOption("case", values.case, Object.keys(CORRELATIONS) as Case[]),
    lag: values.lag === "0" ? 0 : wholeOption("lag", values.lag),
    seeds: wholeOption("seeds", values.seeds),
    detectors: Object.fromEntries(detectors),
    cost: values.cost,
    json: values.json,
  };
}

/** A Markdown table with the fields of the rows as columns. */
function printTable(rows: readonly (DriftRow | CostRow)[]): void {
  const [first = {}] = rows;
  const columns = Object.keys(first);
  console.log(`| ${columns.join(" | ")} |\n|${" --- |".repeat(columns.length)}`);
  for (const row of rows) {
    const cells = (Object.values(row) as readonly (string | number | null)[]).map((value) =>
      typeof value === "number" ? Number(value.toFixed(3)) : (value ?? "–"),
    );
    console.log(`| ${cells.join(" | ")} |`);
  }
}
