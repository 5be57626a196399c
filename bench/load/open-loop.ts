import { Worker } from "node:worker_threads";
import { machineMs } from "../machine-clock.ts";

/** When requests arrive. */
export interface ArrivalSchedule {
  /** On the machine's clock, in milliseconds. */
  readonly startMs: number;
  /** From the start on, rising. */
  readonly arrivalsMs: Float64Array;
}

/** What became of the requests of one schedule. */
export interface OpenLoopResult {
  /**
   * From the moment when a request was due to its answer, in milliseconds, in their order; Infinity
   * for one that was refused.
   */
  readonly latenciesMs: Float64Array;
  /** Requests that were refused. */
  readonly refused: number;
  /** How late requests were handed over, in milliseconds: part of their latency. */
  readonly lateMs: Float64Array;
}

/** Time until a thread has started. */
const LEAD_MS = 200;

/**
 * Makes requests when they are due, each whether or not earlier ones were answered, and counts their
 * time from when they were due: a stall is felt by all that fall into it.
 */
export async function openLoop(
  arrivalsMs: Float64Array,
  request: () => Promise<unknown>,
): Promise<OpenLoopResult> {
  const startMs = machineMs() + LEAD_MS;
  const workerData: ArrivalSchedule = { startMs, arrivalsMs };
  const latenciesMs = new Float64Array(arrivalsMs.length);
  const lateMs = new Float64Array(arrivalsMs.length);
  let refused = 0;
  const worker = new Worker(new URL("./arrivals.worker.ts", import.meta.url), {
    workerData,
    execArgv: ["--conditions=source"],
  });
  await new Promise<void>((resolve, reject) => {
    let open = arrivalsMs.length;
    if (open === 0) resolve();
    worker.on("error", reject);
    worker.on("message", (i: number) => {
      const dueMs = startMs + (arrivalsMs[i] ?? 0);
      lateMs[i] = machineMs() - dueMs;
      const end = (latencyMs: number): void => {
        latenciesMs[i] = latencyMs;
        if (--open === 0) resolve();
      };
      request().then(
        () => end(machineMs() - dueMs),
        () => {
          refused++;
          end(Infinity);
        },
      );
    });
  });
  await worker.terminate();
  return { latenciesMs, lateMs, refused };
}
