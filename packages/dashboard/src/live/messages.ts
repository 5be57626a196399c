import type { DriftView, ModelStatus } from "../status.ts";

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

/** What an event says about drift; null when it says nothing that can be shown. */
export function readDrift(data: string): DriftView | null {
  let body: unknown;
  try {
    body = JSON.parse(data);
  } catch {
    return null;
  }
  if (!isRecord(body) || !isRecord(body["status"])) return null;
  const { status } = body;
  const complete =
    typeof status["verdict"] === "string" &&
    Array.isArray(status["signals"]) &&
    Array.isArray(body["records"]) &&
    Array.isArray(body["series"]);
  return complete ? (body as unknown as DriftView) : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
