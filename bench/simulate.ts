/**
 * Trainer, log, lines and replicas in one process with every fault that there is. Every run has its
 * own seed, so that a failing one is repeated alone: `--seed S --runs 1`.
 */
import { parseArgs } from "node:util";
import {
  simulate as simulateOne,
  type SimulationResult,
} from "../packages/sync/src/simulation/simulation.fixture.ts";
import { seedOption, wholeOption } from "./option-values.ts";
import { withSettings } from "./with-settings.ts";

const USAGE = `Usage: npm run bench -- simulate [options]

Simulates a trainer with its log, replicas with their stores and the lines between, in virtual time:
frames are dropped, delayed, reordered, duplicated, damaged and forged, lines are cut, processes die
at any write, clocks are wrong. Checks the invariants of packages/sync/SPEC.md after each event, and
that all replicas are where the trainer is once the faults have ended. Ends with 1 after a failure.

  --runs N  how many (default 1000)
  --seed S  seed of the first run; the others count on (default 1)
  --json    one JSON document { runs, failures, seeds, ... }: seeds are those that failed
  --help    this text`;

const OPTIONS = {
  runs: { type: "string", default: "1000" },
  seed: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Settings {
  readonly runs: number;
  readonly seed: number;
  readonly json: boolean;
}

/** The command `simulate`; returns the exit status. */
export function simulate(args: readonly string[]): Promise<number> {
  return withSettings(args, { usage: USAGE, parse }, async ({ runs, seed, json }) => {
    const startMs = performance.now();
    const totals = new Totals();
    for (let run = seed; run < seed + runs; run++) {
      const result = await simulateOne(run);
      totals.add(result);
      if (result.failure !== null) console.error(`seed ${run}: ${result.failure}`);
    }
    const seconds = Math.round((performance.now() - startMs) / 100) / 10;
    const report = { runs, failures: totals.seeds.length, seeds: totals.seeds };
    const more = {
      events: totals.events,
      versions: totals.versions,
      faults: totals.faults,
      seconds,
    };
    if (json) console.log(JSON.stringify({ ...report, ...more }, null, 2));
    else console.log(tableOf({ runs, failures: report.failures, seconds }, totals));
    return report.failures === 0 ? 0 : 1;
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

/** What happened in all runs together. */
class Totals {
  readonly seeds: number[] = [];
  readonly faults: Record<string, number> = {};
  events = 0;
  versions = 0;

  add({ seed, failure, events, versions, faults }: SimulationResult): void {
    if (failure !== null) this.seeds.push(seed);
    this.events += events;
    this.versions += versions;
    for (const [name, count] of Object.entries(faults)) {
      this.faults[name] = (this.faults[name] ?? 0) + count;
    }
  }
}

function tableOf(
  facts: Readonly<Record<string, number>>,
  { events, versions, faults }: Totals,
): string {
  const rows = Object.entries({ ...facts, events, versions, ...faults });
  return rows.map(([name, value]) => `${name.padEnd(16)} ${value}`).join("\n");
}
