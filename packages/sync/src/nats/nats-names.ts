/**
 * Where a model is on a NATS server: SPEC.md section 4.4.
 *
 *   stream  everfresh-{model}
 *     everfresh.{model}.head                    the newest head, nothing else
 *     everfresh.{model}.updates.{log}.{from}    the update that leads on from a version
 *   subject everfresh.{model}.asks              replicas say what they miss; not stored
 *   bucket  everfresh-{model}
 *     {log}/manifests/{name}   {log}/anchors/{version}   {log}/updates/{from}
 */

/** The subjects, the stream and the bucket of one model. */
export interface NatsNames {
  readonly stream: string;
  readonly bucket: string;
  /** Subject of the head. */
  readonly head: string;
  /** All subjects of updates. */
  readonly everyUpdate: string;
  /** Subject on which replicas say what they miss. */
  readonly asks: string;
  /** Subject of the update that leads on from version `from` of a log. */
  update(logId: string, from: number): string;
  /** All subjects of a log's updates. */
  updatesOf(logId: string): string;
}

/** What is called how for the model of that name. */
export function natsNames(model: string): NatsNames {
  const token = natsToken(model);
  const prefix = `everfresh.${token}`;
  const updatesOf = (logId: string): string => `${prefix}.updates.${natsToken(logId)}`;
  return {
    stream: `everfresh-${token}`,
    bucket: `everfresh-${token}`,
    head: `${prefix}.head`,
    everyUpdate: `${prefix}.updates.>`,
    asks: `${prefix}.asks`,
    update: (logId, from) => `${updatesOf(logId)}.${from}`,
    updatesOf: (logId) => `${updatesOf(logId)}.*`,
  };
}

/** Names of objects in a model's bucket. */
export const natsObjects: {
  manifest(logId: string, name: string): string;
  anchor(logId: string, version: number): string;
  /** An update that is longer than a message may be. */
  update(logId: string, from: number): string;
} = {
  manifest: (logId, name) => `${natsToken(logId)}/manifests/${name}`,
  anchor: (logId, version) => `${natsToken(logId)}/anchors/${version}`,
  update: (logId, from) => `${natsToken(logId)}/updates/${from}`,
};

/**
 * Text as one token of a subject, fit for names of streams and buckets too: letters, digits and
 * hyphens as they are, every other byte of its UTF-8 form as `_` and two hexadecimal digits.
 */
export function natsToken(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return /[A-Za-z0-9-]/.test(character) ? character : `_${byte.toString(16).padStart(2, "0")}`;
  }).join("");
}
