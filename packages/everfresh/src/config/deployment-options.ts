import { BUFFERS_EVERY_DEFAULT, LearnOptionError } from "@everfresh/learn";

/** What every kind of deployment can be told. */
export interface DeploymentOptions {
  /**
   * Updates from one estimate of BatchNormalization's running statistics to the next; of no account
   * in models without it. @default 10 where updates bring 0.5 % of the parameters or more, else 50
   */
  readonly buffersEvery: number;
  /**
   * File of the private key, as `everfresh keygen` makes it, that signs everything that is published.
   * @default nothing is signed
   */
  readonly signingKey?: string;
}

/** Updates of this share of the parameters move weights so fast that statistics go stale sooner. */
const LARGE_RATIO = 0.005;
const LARGE_RATIO_EVERY = 10;

/** How often statistics follow updates of a share of the parameters, where nothing else is said. */
export function defaultBuffersEvery(ratio: number): number {
  return ratio >= LARGE_RATIO ? LARGE_RATIO_EVERY : BUFFERS_EVERY_DEFAULT;
}

/** @throws LearnOptionError unless it is a whole number of 1 or more */
export function checkBuffersEvery(buffersEvery: number): void {
  if (Number.isSafeInteger(buffersEvery) && buffersEvery >= 1) return;
  throw new LearnOptionError("buffersEvery", buffersEvery, "a whole number of 1 or more");
}
