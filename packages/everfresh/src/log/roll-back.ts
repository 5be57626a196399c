/**
 * Bringing back an earlier version: a new version whose state is that of the old one, bit for bit. The
 * trained state becomes the same, so nothing is left to send, and the optimizer starts anew unless a
 * checkpoint still has what it remembered at that version. A memory of gradients is always cleared.
 */
import {
  assert,
  type DeployedState,
  type Fingerprint,
  stateBytes,
  type Update,
} from "@everfresh/core";
import {
  holdsGradients,
  type Journal,
  type PositionRange,
  type TrainerCheckpoint,
} from "@everfresh/learn";
import { encodeUpdate, type SigningKey, signUpdate } from "@everfresh/sync";
import { type Lineage, losslessChange, undoRecordOf } from "@everfresh/sync/node";
import { RollbackRefusedError } from "../errors.ts";
import { switchCheckpoint, type SwitchPlace } from "../state/checkpoint-switch.ts";
import { earlierState, lineageAt } from "./earlier-state.ts";

/** What a rollback is asked for. */
export interface RollbackRequest {
  /** The version whose state comes back. */
  readonly version: number;
  /** Whether the samples learned since then are never sampled again. */
  readonly excludeSince: boolean;
}

/** A rollback that somebody asks a run for. */
export interface AskedRollback extends RollbackRequest {
  /** The checkpoint of the wanted version, if it was the current one when it was asked for. */
  readonly saved: TrainerCheckpoint | null;
}

/** What a rollback did. */
export interface RollbackReport {
  /** The new version. */
  readonly version: number;
  /** The version whose state it has. */
  readonly rolledBackTo: number;
  /** Of both. */
  readonly fingerprint: Fingerprint;
  /** Parameters that changed. */
  readonly entries: number;
  /** Of the encoded update. */
  readonly bytes: number;
  /** Positions of the history that are not sampled any more, `to` not included; null for none. */
  readonly excluded: PositionRange | null;
  /** What became of the optimizer. */
  readonly optimizer: "reset" | "kept";
}

/** What a rollback works on; whoever calls has the log open for writing and is between two steps. */
export interface RollbackSite extends SwitchPlace {
  /** The newest version, at the head of the log; it stays as it is. */
  readonly deployed: DeployedState;
  readonly current: TrainerCheckpoint;
  /** What was decided since the current checkpoint. */
  readonly journal: Pick<Journal, "after">;
  /** A checkpoint of the wanted version, if there is still one beside the current one. */
  readonly saved?: TrainerCheckpoint | null;
  /** Signs the update; without it the next run that signs does so when it sends it. */
  readonly signingKey?: SigningKey | null;
}

/** A rollback that the log has. */
export interface RolledBack {
  readonly report: RollbackReport;
  /** To be applied to the deployed state, and sent to replicas. */
  readonly update: Update;
  readonly bytes: Uint8Array;
  /** Where training goes on. */
  readonly checkpoint: TrainerCheckpoint;
}

/**
 * Writes a rollback to log and checkpoint: both or neither, whenever the process dies.
 * @throws VersionNotKeptError, RollbackRefusedError when the version cannot come back
 */
export async function rollBack(
  site: RollbackSite,
  { version, excludeSince }: RollbackRequest,
): Promise<RolledBack> {
  const { log, deployed, current, saved, journal, signingKey = null } = site;
  assert(log.head()?.version === deployed.version, "the deployed state is at the head of the log");
  const target = await earlierState(log, deployed, version);
  const update = deployed.updateFor(losslessChange(deployed, target.state), target.eventTimeMs);
  const { layout, buffer } = deployed.state;
  const base = new Uint32Array(buffer, 0, layout.parameterCount);
  const unsigned = encodeUpdate(update, { layout, base });
  const bytes = signingKey === null ? unsigned : await signUpdate(unsigned, signingKey);
  const position = await positionOf({ log, journal }, current);
  const from = (await lineageAt(log, version))?.samples ?? 0;
  const excluded = excludeSince && position.samples > from ? { from, to: position.samples } : null;
  const keeper = [current, saved].find((checkpoint) => checkpoint?.version === version)?.training;
  // A memory of gradients is a residual: what it holds was learned by the state that goes.
  const keeps = keeper !== undefined && !holdsGradients(keeper);
  const state = stateBytes(target.state);
  const checkpoint: TrainerCheckpoint = {
    ...current,
    ...position,
    version: update.toVersion,
    fingerprint: update.fingerprintAfter,
    deployed: state,
    training: { state, optimizer: keeps ? keeper.optimizer : new Uint8Array(0) },
  };
  const isReset = checkpoint.training.optimizer.byteLength === 0;
  const { step, samples, strategy } = checkpoint;
  await switchCheckpoint(site, checkpoint, () =>
    log.append(update, bytes, {
      lineage: { step, samples, drawn: strategy.checkpoint.random.drawn },
      undo: undoRecordOf(deployed.state, update),
      rollback: { toVersion: version, excluded, optimizerReset: isReset },
    }),
  );
  const report: RollbackReport = {
    version: update.toVersion,
    rolledBackTo: version,
    fingerprint: update.fingerprintAfter,
    entries: update.indices.length,
    bytes: bytes.byteLength,
    excluded,
    optimizer: isReset ? "reset" : "kept",
  };
  return { report, update, bytes, checkpoint };
}

/** How far training has come, but for the states. */
type Position = Pick<TrainerCheckpoint, "step" | "samples" | "tested" | "strategy">;

/**
 * How far training has come: as far as the log says where it is ahead of the checkpoint, because the
 * process died in between. Those steps need not be taken again, since their state goes anyway; where the
 * strategy was after them the journal knows.
 */
export async function positionOf(
  { log, journal }: Pick<RollbackSite, "log" | "journal">,
  checkpoint: TrainerCheckpoint,
): Promise<Position> {
  const { step, samples, tested, strategy } = checkpoint;
  const head = log.head();
  const newest: Lineage | null = head === null ? null : await lineageAt(log, head.version);
  if (newest === null || newest.step <= step) return { step, samples, tested, strategy };
  const entries = await journal.after(step);
  const last = entries.find((entry) => entry.step === newest.step)?.strategy ?? strategy;
  const { random } = last.checkpoint;
  const { samples: past, drawn } = newest;
  const known = Math.max(past, last.checkpoint.samples);
  const taken = { samples: known, past, isRunning: false, random: { ...random, drawn } };
  return {
    step: newest.step,
    samples: past,
    tested: Math.max(tested, past),
    strategy: { ...last, checkpoint: { ...last.checkpoint, ...taken } },
  };
}

/** @throws RollbackRefusedError when there is nothing to go back from */
export function checkpointOrRefuse(checkpoint: TrainerCheckpoint | null): TrainerCheckpoint {
  if (checkpoint !== null) return checkpoint;
  throw new RollbackRefusedError("nothing was learned yet; there is only version 0");
}
