/**
 * Whether a run that is killed again and again comes to what it comes to without: the program as a
 * process, `kill -9` at random moments, and everything that it has learned compared bit for bit.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Random } from "@everfresh/core";
import { killedRun, type Outcome, WAYS } from "./kills/killed-run.ts";
import { wholeOption } from "./option-values.ts";

const USAGE = `Usage: npm run bench -- kills [options]

Trains a small network on handwritten digits, by proactive training with labels 100 samples late and a
sampler that remembers, by the same while drift is watched and digits are turned, and by full
retraining. Each is killed so many times at random moments and started again, and then compared with a
run that was left alone: version, fingerprint of the deployed state, trained state, optimizer, and what
was seen of drift.

  --kills N   kills of each (default 20)
  --seed N    of the moments (default 1)
  --json      one JSON document { kills, seed, ways: [{ way, isSame, killed, whole }] }
  --help      this text

Exit status 1 when one is not the same.`;

const OPTIONS = {
  kills: { type: "string", default: "20" },
  seed: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

interface Row {
  readonly way: string;
  readonly isSame: boolean;
  readonly killed: Outcome;
  readonly whole: Outcome;
}

/** Runs the command. */
export async function kills(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const count = wholeOption("kills", values.kills);
  const seed = wholeOption("seed", values.seed);
  const folder = mkdtempSync(path.join(tmpdir(), "everfresh-kills-"));
  const rows: Row[] = [];
  try {
    for (const [i, way] of WAYS.entries()) {
      const random = new Random(seed, i);
      const [killedIn, wholeIn] = [
        path.join(folder, `killed-${i}`),
        path.join(folder, `whole-${i}`),
      ];
      const killed = await killedRun(way, killedIn, { kills: count, random });
      const whole = await killedRun(way, wholeIn, { kills: 0, random });
      const isSame = JSON.stringify(killed) === JSON.stringify(whole);
      rows.push({ way: way.name, isSame, killed, whole });
      if (!values.json) console.log(lineOf(rows.at(-1), count));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.json) console.log(JSON.stringify({ kills: count, seed, ways: rows }, null, 2));
  return rows.every(({ isSame }) => isSame) ? 0 : 1;
}

function lineOf(row: Row | undefined, count: number): string {
  if (row === undefined) return "";
  const { way, isSame, killed, whole } = row;
  const verdict = isSame ? "the same bits" : `NOT the same as ${JSON.stringify(whole)}`;
  const { version, fingerprint } = killed;
  return `${way}: ${count} kills, version ${version}, fingerprint ${fingerprint}: ${verdict}`;
}
