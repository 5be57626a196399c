/**
 * A page with a live model: it predicts what is drawn, and gets better while it does.
 * The model's address is `?model=ws://...`, by default that of the demo on this machine.
 */
import {
  type ClassPrediction,
  type Client,
  connect,
  indexedDbReplicaStore,
  type ReplicaStatus,
} from "@everfresh/client";
import { openPad } from "./pad.ts";

const MODEL_URL = "ws://127.0.0.1:7070/v1/models/digits";

const PHASES: { readonly [P in ReplicaStatus["phase"]]: string } = {
  connecting: "Offline, answering with the version it has",
  syncing: "Catching up",
  live: "Live",
  closed: "Closed",
};

const url = new URLSearchParams(location.search).get("model") ?? MODEL_URL;
const pad = openPad(element("pad", HTMLCanvasElement), () => void showPrediction());
element("clear").addEventListener("click", () => pad.clear());

let model: Client | null = null;
let versionSinceMs = performance.now();
let isPredicting = false;
let isStale = false;

try {
  const client = await connect(url, { store: indexedDbReplicaStore(`everfresh:${url}`) });
  model = client;
  showClasses(client.manifest.target.labels);
  setInterval(() => showStatus(client.status()), 500);
  let version = -1;
  for await (const status of client.states()) {
    if (status.version !== version) versionSinceMs = performance.now();
    version = status.version;
    showStatus(status);
    void showPrediction();
  }
} catch (error) {
  element("phase").textContent = "Not connected";
  element("problem").textContent = error instanceof Error ? error.message : String(error);
}

/** Predicts what is drawn; one prediction at a time, and the newest drawing after each. */
async function showPrediction(): Promise<void> {
  isStale = isPredicting;
  if (isPredicting || model === null) return;
  const image = pad.image();
  if (image === null) {
    showAnswer(null);
    return;
  }
  isPredicting = true;
  const startedMs = performance.now();
  const prediction = await model.predict({ image });
  isPredicting = false;
  element("duration").textContent = `${(performance.now() - startedMs).toFixed(1)} ms`;
  showAnswer(prediction);
  if (isStale) void showPrediction();
}

function showAnswer(prediction: ClassPrediction | null): void {
  const probabilities = prediction?.probabilities ?? new Float32Array(10);
  element("label").textContent = prediction?.label ?? "–";
  const certainty = Math.max(...probabilities);
  element("certainty").textContent =
    prediction === null
      ? ""
      : `${(100 * certainty).toFixed(0)} % sure, by version ${prediction.version}`;
  for (const [i, row] of [...element("classes").children].entries()) {
    const probability = probabilities[i] ?? 0;
    if (row instanceof HTMLElement) row.style.setProperty("--share", `${100 * probability}%`);
    row.classList.toggle("best", prediction?.classIndex === i);
  }
}

function showClasses(labels: readonly string[]): void {
  const rows = labels.map((label) => {
    const row = document.createElement("li");
    row.textContent = label;
    return row;
  });
  element("classes").replaceChildren(...rows);
}

function showStatus({ phase, version, lagVersions, bytesReceived }: ReplicaStatus): void {
  element("phase").textContent = PHASES[phase];
  element("phase").dataset["phase"] = phase;
  element("version").textContent =
    lagVersions > 0 ? `${version} (${lagVersions} behind)` : `${version}`;
  const seconds = (performance.now() - versionSinceMs) / 1_000;
  element("freshness").textContent = `${seconds.toFixed(1)} s ago`;
  element("received").textContent = `${(bytesReceived / 1_024).toFixed(0)} KB`;
}

function element(id: string): HTMLElement;
function element<E extends HTMLElement>(id: string, kind: new () => E): E;
function element(id: string, kind: new () => HTMLElement = HTMLElement): HTMLElement {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} "${id}"`);
  return found;
}
