import { BACKOFF_LIMITS } from "./backoff.ts";
import type { ReplicaLimits } from "./replica-machine.ts";

/** The defaults of {@link ReplicaLimits}. */
export const REPLICA_LIMITS: ReplicaLimits = {
  openMs: 10_000, // a handshake over a bad mobile network
  answerMs: 60_000, // 100 MB over 15 Mbit/s
  silenceMs: 15_000, // seven missed signs of life: the line is dead
  scrubMs: 30_000, // memory that rots is found within a minute, large states take seconds in parts
  backoff: BACKOFF_LIMITS,
};

/** How long the first state may take unless told otherwise. Milliseconds. */
export const CONNECT_TIMEOUT_MS = 15_000;
