/**
 * Mutated updates against the decoder: a typed error or a valid state, never a crash. Every run has
 * its own seed, so that a failing one is repeated alone: `--seed S --runs 1`.
 */
import { parseArgs } from "node:util";
import { Random } from "@everfresh/core";
import {
  fate,
  fuzzCorpus,
  fuzzState,
  mutated,
} from "../packages/sync/src/codec/update-fuzz.fixture.ts";
import { seedOption, wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- fuzz [options]

Decodes and applies mutated updates: flipped bits, splices, cuts, valid heads with anything behind;
most with a checksum that fits. Counts what became of them. Ends with 1 after a crash.

  --runs N  how many (default 100000)
  --seed S  seed of the first run; the others count on (default 1)
  --json    one JSON document instead of the table
  --help    this text`;

const OPTIONS = {
  runs: { type: "string", default: "100000" },
  seed: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Different updates that mutations start from, the same in every run. */
const CORPUS_UPDATES = 256;

/** Failing inputs that are printed; the rest is counted. */
const CRASHES_SHOWN_MAX = 5;

interface Crash {
  readonly seed: number;
  readonly error: string;
  readonly hex: string;
}

interface Report {
  readonly runs: number;
  readonly seed: number;
  /** Typed errors, by code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly accepted: number;
  readonly crashes: number;
  readonly seconds: number;
}

interface Settings {
  readonly runs: number;
  readonly seed: number;
  readonly json: boolean;
}

/** The command `fuzz`; returns the exit status. */
export function fuzz(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, ({ runs, seed, json }) => {
    const { report, shown } = fuzzed(runs, seed);
    for (const { seed: failing, error, hex } of shown) {
      console.error(`seed ${failing}: ${error}\n  ${hex}`);
    }
    console.log(json ? JSON.stringify(report, null, 2) : tableOf(report));
    return report.crashes === 0 ? 0 : 1;
  });
}

function parse(args: readonly string[]): Settings | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: false });
  if (values.help) return "help";
  return {
    runs: wholeOption("runs", values.runs),
    seed: seedOption("seed", values.seed),
    json: values.json,
  };
}

function fuzzed(
  runs: number,
  seed: number,
): { readonly report: Report; readonly shown: readonly Crash[] } {
  const corpus = fuzzCorpus(new Random(0), CORPUS_UPDATES);
  const fates = new Map<string, number>();
  const shown: Crash[] = [];
  let crashes = 0;
  let deployed = fuzzState();
  const startMs = performance.now();
  for (let run = seed; run < seed + runs; run++) {
    const bytes = mutated(corpus, new Random(run));
    try {
      const outcome = fate(bytes, deployed);
      fates.set(outcome, (fates.get(outcome) ?? 0) + 1);
    } catch (error) {
      crashes++;
      if (shown.length < CRASHES_SHOWN_MAX) {
        shown.push({ seed: run, error: String(error), hex: Buffer.from(bytes).toString("hex") });
      }
      deployed = fuzzState();
    }
  }
  deployed.verify();
  const accepted = fates.get("accepted") ?? 0;
  fates.delete("accepted");
  const errors = Object.fromEntries([...fates].sort(([a], [b]) => a.localeCompare(b)));
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  return { report: { runs, seed, errors, accepted, crashes, seconds }, shown };
}

function tableOf({ runs, seed, errors, accepted, crashes, seconds }: Report): string {
  const rows: readonly (readonly [string, number])[] = [
    ["runs", runs],
    ["first seed", seed],
    ...Object.entries(errors),
    ["accepted", accepted],
    ["crashes", crashes],
    ["seconds", seconds],
  ];
  return rows.map(([name, value]) => `${name.padEnd(24)} ${value}`).join("\n");
}
