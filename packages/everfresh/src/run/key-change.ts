import { keyName, readUpdateHeader, type SigningKey } from "@everfresh/sync";
import type { UpdateLog } from "@everfresh/sync/node";

/**
 * What replicas will notice of the key of this run, where the newest update of the log was signed by
 * another one; null when nothing.
 */
export async function keyChange(
  log: Pick<UpdateLog, "head" | "read">,
  signingKey: SigningKey | null,
): Promise<string | null> {
  const version = log.head()?.version;
  const bytes = version === undefined ? null : await log.read(version);
  const before = bytes === null ? null : readUpdateHeader(bytes).keyId;
  const now = signingKey?.publicKey.id ?? null;
  if (before === null || before === now) return null;
  const upTo = `Up to version ${version} key ${keyName(before)} has signed`;
  return now === null
    ? `${upTo}, this run signs nothing: replicas that require signatures take no update of it; ` +
        "give the key with --signing-key FILE"
    : `${upTo}, from now on key ${keyName(now)} does: replicas must trust that one too`;
}
