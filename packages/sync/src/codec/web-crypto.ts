import { SigningUnavailableError } from "../errors.ts";

/**
 * Uses the Web Cryptography API.
 * @param what is said when it fails
 * @throws SigningUnavailableError where it is not there, or lacks what is used
 */
export async function withSubtleCrypto<T>(
  what: string,
  use: (subtle: SubtleCrypto) => Promise<T>,
): Promise<T> {
  // Absent in browsers on pages that did not come by https.
  const { subtle } = (globalThis as Partial<typeof globalThis>).crypto ?? {};
  if (subtle === undefined) {
    throw new SigningUnavailableError("this runtime has no Web Cryptography API");
  }
  try {
    return await use(subtle);
  } catch (error) {
    if (error instanceof SigningUnavailableError) throw error;
    throw new SigningUnavailableError(what, error);
  }
}

/** The SHA-256 of `bytes`. */
export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const own = new Uint8Array(bytes);
  const digest = await withSubtleCrypto("hashing failed", (subtle) =>
    subtle.digest("SHA-256", own),
  );
  return new Uint8Array(digest);
}
