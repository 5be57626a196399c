/** Signatures of Standard Webhooks (https://www.standardwebhooks.com), version 1: symmetric. */
import { createHmac } from "node:crypto";
import { LearnOptionError } from "@everfresh/learn";

const SECRET_PREFIX = "whsec_";
/** What Standard Webhooks asks of a key. */
const SECRET_BYTES_MIN = 24;
const SECRET_BYTES_MAX = 64;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What is signed. */
export interface WebhookMessage {
  /** The same in every attempt to deliver it: a receiver knows by it what it has had. */
  readonly id: string;
  /** JSON, byte for byte as it is sent. */
  readonly body: string;
}

/**
 * The key in a secret such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
 * @throws LearnOptionError unless it holds 24 to 64 bytes in base64; the message does not repeat it
 */
export function webhookKey(secret: string): Uint8Array {
  const text = secret.startsWith(SECRET_PREFIX) ? secret.slice(SECRET_PREFIX.length) : secret;
  const key = BASE64.test(text) ? Buffer.from(text, "base64") : Buffer.alloc(0);
  if (key.byteLength >= SECRET_BYTES_MIN && key.byteLength <= SECRET_BYTES_MAX) return key;
  const needed = `${SECRET_PREFIX} and ${SECRET_BYTES_MIN} to ${SECRET_BYTES_MAX} bytes in base64`;
  throw new LearnOptionError("drift.webhook.secret", "something else", needed);
}

/**
 * The headers that let a receiver check where a message comes from, and when it was sent:
 *
 *   webhook-signature = "v1," ‖ base64(HMAC-SHA256(key, id ‖ "." ‖ timestamp ‖ "." ‖ body))
 *
 * @param nowMs time of this attempt, in milliseconds since the Unix epoch
 */
export function signatureHeaders(
  { id, body }: WebhookMessage,
  key: Uint8Array,
  nowMs: number,
): Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${signature}`,
  };
}
