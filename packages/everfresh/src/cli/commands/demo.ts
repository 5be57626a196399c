import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { systemClock } from "@everfresh/core";
import { ReplicaProcessError } from "../../errors.ts";
import { runModel } from "../../run/run-model.ts";
import { IN_STEP_MS_MAX, replicaServes, replicasInStep } from "../in-step.ts";
import { aborted, interruptSignal } from "../interrupt.ts";
import { Narrator } from "../narrator.ts";
import { addCommonOptions } from "../options.ts";
import { type ReplicaProcess, startReplicaProcess } from "../replica-process.ts";
import { type ReplicaSummary, summaryOf } from "../summary.ts";
import { terminalOn } from "../terminal.ts";
import { addServerOptions, builtInDigits, modelOptionsOf, type RunCommandOptions } from "./run.ts";

/** Samples per second when the demo runs to be watched: 50 updates a second, and cool processors. */
const WATCHED_RATE = 400;

/** `everfresh demo`: a run and one replica in a process of its own. */
export function demoCommand(): Command {
  const command = new Command("demo")
    .summary("train on handwritten digits, with one live replica in another process")
    .description(
      "Trains on handwritten digits, with one live replica in another process. The digits are " +
        "generated, or those of --data. It runs until Ctrl-C, at 400 samples a second unless --rate " +
        "says otherwise; with --steps to the end, as fast as it can. Without --state everything is " +
        "kept in a temporary folder and removed at the end.",
    );
  addServerOptions(addCommonOptions(command));
  return command.action(async (options: RunCommandOptions) => {
    const temporary =
      options.state === undefined ? mkdtempSync(path.join(tmpdir(), "everfresh-")) : null;
    try {
      await runDemo(options, options.state ?? temporary ?? "");
    } finally {
      if (temporary !== null) rmSync(temporary, { recursive: true, force: true });
    }
  });
}

async function runDemo(options: RunCommandOptions, stateDirectory: string): Promise<void> {
  const terminal = terminalOn(process.stderr);
  const narrator = new Narrator(terminal);
  const toTheEnd = options.steps !== undefined;
  using interrupt = interruptSignal();
  let replica: ReplicaProcess | null = null;
  try {
    await runModel({
      ...modelOptionsOf({ ...(toTheEnd ? {} : { rate: WATCHED_RATE }), ...options }),
      config: (seed) => builtInDigits(options, seed),
      stateDirectory,
      signal: interrupt.signal,
      clock: systemClock,
      onEvent: (event) => narrator.tell(event),
      onReady: (feedUrl, seed) => {
        replica = startReplicaProcess({ feedUrl, seed, data: options.data, terminal });
      },
      beforeTraining: async (status) => {
        // So that the replica is seen to learn from the first update on.
        const gone = new AbortController();
        void replica?.ended.then(() => gone.abort());
        await replicaServes(status, AbortSignal.any([interrupt.signal, gone.signal]));
      },
      afterTraining: async (run) => {
        if (!toTheEnd && !interrupt.signal.aborted) {
          terminal.line("the stream has ended; the model is served until Ctrl-C");
          await aborted(interrupt.signal);
        }
        const own = await concludeReplica(replica, () => replicasInStep(run, 1));
        const summary = summaryOf(run, [own]);
        narrator.conclude(summary);
        if (options.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
      },
    });
  } finally {
    (replica as ReplicaProcess | null)?.kill();
  }
}

/** Waits for the replica to have the final state, then for its own word about itself. */
async function concludeReplica(
  replica: ReplicaProcess | null,
  inStep: () => Promise<boolean>,
): Promise<ReplicaSummary> {
  if (replica === null) throw new ReplicaProcessError("The replica was never started");
  const caughtUp = await Promise.race([inStep(), replica.ended.then(() => false)]);
  if (!caughtUp) {
    throw new ReplicaProcessError(
      `The replica did not reach the final version within ${IN_STEP_MS_MAX / 1000} s`,
    );
  }
  return replica.finish();
}
