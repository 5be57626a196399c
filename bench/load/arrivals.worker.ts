/**
 * Sends the numbers of requests when they are due, whatever becomes of those before: a thread of its
 * own, so that a busy receiver delays no arrival.
 */
import { parentPort, workerData } from "node:worker_threads";
import { machineMs } from "../machine-clock.ts";
import type { ArrivalSchedule } from "./open-loop.ts";

const { startMs, arrivalsMs } = workerData as ArrivalSchedule;
const never = new Int32Array(new SharedArrayBuffer(4));
for (let i = 0; i < arrivalsMs.length; i++) {
  const sleepMs = startMs + (arrivalsMs[i] ?? 0) - machineMs();
  // It wakes up late by some 0.1 ms; spinning would take a core from what is measured.
  if (sleepMs > 0) Atomics.wait(never, 0, 0, sleepMs);
  parentPort?.postMessage(i);
}
