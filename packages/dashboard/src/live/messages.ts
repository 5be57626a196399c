import type { ModelStatus } from "../status.ts";

/** The names in the answer to `GET v1/models`; null when it is not such an answer. */
export function readModelNames(body: unknown): readonly string[] | null {
  if (!isRecord(body) || !Array.isArray(body["models"])) return null;
  const names: string[] = [];
  for (const entry of body["models"] as readonly unknown[]) {
    if (!isRecord(entry) || typeof entry["name"] !== "string") return null;
    names.push(entry["name"]);
  }
  return names;
}

/**
 * The status in the data of an event; null when it is not one.
 * Page and server are released together, so it checks the outline and not every field.
 */
export function readStatus(data: string): ModelStatus | null {
  let body: unknown;
  try {
    body = JSON.parse(data);
  } catch {
    return null;
  }
  if (!isRecord(body)) return null;
  const complete =
    typeof body["name"] === "string" &&
    typeof body["fingerprint"] === "string" &&
    Array.isArray(body["series"]) &&
    Array.isArray(body["replicas"]) &&
    isRecord(body["updateBytes"]) &&
    isRecord(body["stepMs"]);
  return complete ? (body as unknown as ModelStatus) : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
