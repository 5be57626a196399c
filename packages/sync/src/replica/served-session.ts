import {
  type Features,
  FingerprintMismatchError,
  ShapeError,
  type Update,
  ValueRangeError,
  VersionGapError,
} from "@everfresh/core";

import type { Manifest, Snapshot } from "../manifest.ts";
import type { RuntimeFault } from "./replica-machine.ts";
import type { Prediction, RuntimeSession, StateName } from "./runtime.ts";

/** A runtime session that serves predictions and can be retired without failing those under way. */
export class ServedSession {
  readonly manifest: Manifest;
  readonly #session: RuntimeSession;
  #pending = 0;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(manifest: Manifest, session: RuntimeSession) {
    this.manifest = manifest;
    this.#session = session;
  }

  /** Outputs for the raw features of `size` samples. */
  async predict(features: Features, size: number): Promise<Prediction> {
    this.#pending++;
    try {
      return await this.#session.predict(features, size);
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#idle?.resolve();
    }
  }

  /** Applies an update and checks that the session is then where the update leads. */
  async apply(update: Update): Promise<StateName> {
    const name = await this.#session.apply(update);
    const { toVersion, fingerprintAfter } = update;
    return checked(name, { version: toVersion, fingerprint: fingerprintAfter });
  }

  /** Takes over a snapshot and checks that the session is then there. */
  async replace(snapshot: Snapshot): Promise<StateName> {
    return checked(await this.#session.replace(snapshot), snapshot);
  }

  /** Whether the runtime can check the state that it holds. */
  get canScrub(): boolean {
    return this.#session.scrub !== undefined;
  }

  /** Checks the whole state against its fingerprint; throws FingerprintMismatchError. */
  async scrub(): Promise<void> {
    await this.#session.scrub?.();
  }

  /** Disposes the session once no prediction is under way; nobody may start one any more. */
  async retire(): Promise<void> {
    if (this.#pending > 0) {
      this.#idle = Promise.withResolvers();
      await this.#idle.promise;
    }
    await this.#session[Symbol.asyncDispose]();
  }
}

/**
 * Which fault an error of a runtime means: these say that the data are wrong and nothing changed.
 */
export function faultOf(error: unknown): RuntimeFault {
  const badData =
    error instanceof FingerprintMismatchError ||
    error instanceof VersionGapError ||
    error instanceof ShapeError ||
    error instanceof ValueRangeError;
  return badData ? "badData" : "broken";
}

function checked({ version, fingerprint }: StateName, expected: StateName): StateName {
  if (version === expected.version && fingerprint === expected.fingerprint) {
    return { version, fingerprint };
  }
  // Not a fault of the data: the runtime has taken over something else than it was given.
  throw new Error(
    `runtime is at ${version} ${fingerprint} ` +
      `instead of ${expected.version} ${expected.fingerprint}`,
  );
}
