/** The page that a browser opens in the test: it does what a user's page would, and reports. */
import {
  type Client,
  connect,
  httpTransport,
  indexedDbReplicaStore,
  type ModelInput,
  type ReplicaStatus,
  type ReplicaStore,
  webSocketTransport,
} from "@everfresh/client";

/** How the page is asked to connect. */
export interface ConnectRequest {
  readonly url: string;
  readonly mode?: "patch" | "bake";
  /** Name of the database that the model is kept in. */
  readonly store?: string;
  /** @default "webSocket" */
  readonly transport?: "webSocket" | "http" | "ofThePage";
  readonly connectTimeoutMs?: number;
  readonly wasmPaths?: { readonly wasm: string };
}

/** A prediction as it comes to the test. */
export interface PredictionReport {
  readonly version: number;
  readonly label: string;
  readonly probabilities: readonly number[];
}

/** An image as a browser makes a file of it. */
export interface ImageRequest {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue, opacity of each pixel. */
  readonly pixels: readonly number[];
  readonly type: "image/png" | "image/jpeg";
  /** From 0 to 1. */
  readonly quality?: number;
}

/** What the test can ask the page for. */
export interface Journey {
  /** Connects, and says how the model is then. */
  connect(request: ConnectRequest): Promise<ReplicaStatus>;
  status(): ReplicaStatus;
  /** Waits until the model is live at this version or a newer one. */
  reach(version: number): Promise<ReplicaStatus>;
  /** Waits until the store has this version or a newer one. */
  stored(version: number): Promise<void>;
  /** Predicts images of `length` pixels that depend on nothing but their number. */
  predict(request: { readonly images: readonly number[][] }): Promise<readonly PredictionReport[]>;
  /** Predicts rows by the names of their columns. */
  predictRows(request: {
    readonly rows: readonly Readonly<Record<string, number | string | null>>[];
  }): Promise<readonly PredictionReport[]>;
  predictZeros(length: number): Promise<number>;
  /** The bytes of an image's file. */
  encodeImage(request: ImageRequest): Promise<readonly number[]>;
  /** The pixels of an image's file as planes: channel, row, column. */
  decodeImage(request: { readonly bytes: readonly number[] }): Promise<readonly number[]>;
  /** What a store in IndexedDB gives back: at first, after a state and updates, after another state. */
  storeContents(name: string): Promise<readonly (readonly number[][] | null)[]>;
  /** Deletes a database that is open. */
  deleteStore(name: string): Promise<void>;
  /** The code and the message of the error with which it does not connect. */
  refusal(request: ConnectRequest): Promise<{ readonly code: string; readonly message: string }>;
  close(): Promise<void>;
}

let client: Client | null = null;
/** Two that share each database. */
const stores = new Map<string, readonly ReplicaStore[]>();

function open(request: ConnectRequest): Promise<Client> {
  const { url, mode, store, transport = "webSocket", connectTimeoutMs, wasmPaths } = request;
  const overWebSocket = webSocketTransport(url);
  const transports = {
    webSocket: undefined,
    http: httpTransport(url.replace("ws:", "http:"), { pollMs: 50, pollMsMax: 50 }),
    ofThePage: { address: url, open: overWebSocket.open.bind(overWebSocket) },
  };
  const chosen = transports[transport];
  return connect(url, {
    ...(mode === undefined ? {} : { mode }),
    ...(store === undefined ? {} : { store: indexedDbReplicaStore(store) }),
    ...(chosen === undefined ? {} : { transport: chosen }),
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(wasmPaths === undefined ? {} : { wasmPaths }),
  });
}

function connected(): Client {
  if (client === null) throw new Error("not connected");
  return client;
}

async function waitFor(met: (status: ReplicaStatus) => boolean): Promise<ReplicaStatus> {
  for await (const status of connected().states()) if (met(status)) return status;
  throw new Error("the replica ended");
}

async function refusal(request: ConnectRequest): Promise<{ code: string; message: string }> {
  try {
    const opened = await open(request);
    await opened[Symbol.asyncDispose]();
    return { code: "none", message: "it has connected" };
  } catch (error) {
    if (!(error instanceof Error)) return { code: "none", message: String(error) };
    return { code: "code" in error ? String(error.code) : error.name, message: error.message };
  }
}

async function predictAll(
  inputs: readonly (ModelInput | Uint8Array)[],
): Promise<readonly PredictionReport[]> {
  const predictions = await connected().predictBatch(inputs);
  return predictions.map(({ version, label, probabilities }) => ({
    version,
    label,
    probabilities: [...probabilities],
  }));
}

function contextOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const context = new OffscreenCanvas(width, height).getContext("2d");
  if (context === null) throw new Error("no canvas");
  return context;
}

/** A page's way from a file to what a model takes: sRGB, planes one after another. */
async function decodedPlanes(file: Blob): Promise<Uint8Array> {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const context = contextOf(width, height);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const size = width * height;
  return Uint8Array.from(
    { length: 3 * size },
    (_, i) => data[4 * (i % size) + Math.floor(i / size)] ?? 0,
  );
}

const journey: Journey = {
  async connect(request) {
    client = await open(request);
    return client.status();
  },
  status: () => connected().status(),
  reach: (version) => waitFor((status) => status.phase === "live" && status.version >= version),
  async stored(version) {
    await waitFor(({ storedVersion }) => storedVersion !== null && storedVersion >= version);
  },
  predict: ({ images }) => predictAll(images.map((pixels) => Uint8Array.from(pixels))),
  predictRows: ({ rows }) => predictAll(rows.map((row) => ({ row }))),
  async encodeImage({ width, height, pixels, type, quality }) {
    const context = contextOf(width, height);
    context.putImageData(new ImageData(Uint8ClampedArray.from(pixels), width, height), 0, 0);
    const how = { type, ...(quality === undefined ? {} : { quality }) };
    const file = await context.canvas.convertToBlob(how);
    return [...new Uint8Array(await file.arrayBuffer())];
  },
  decodeImage: async ({ bytes }) => [...(await decodedPlanes(new Blob([Uint8Array.from(bytes)])))],
  async predictZeros(length) {
    return (await connected().predict({ image: new Uint8Array(length) })).version;
  },
  async storeContents(name) {
    stores.set(
      name,
      stores.get(name) ?? [indexedDbReplicaStore(name), indexedDbReplicaStore(name)],
    );
    const [store, other] = stores.get(name) ?? [];
    if (store === undefined || other === undefined) throw new Error("two stores were made");
    const contents = async (): Promise<readonly number[][] | null> => {
      const stored = await other.load();
      if (stored === null) return null;
      return [stored.manifest, stored.snapshot, ...stored.updates].map((bytes) => [...bytes]);
    };
    const first = await contents();
    // A view on larger memory: only what it shows is to be kept.
    const snapshot = Uint8Array.of(0, 3, 4, 5, 0).subarray(1, 4);
    await store.save({ manifest: Uint8Array.of(1, 2), snapshot });
    await store.append([Uint8Array.of(6), Uint8Array.of(7, 8)]);
    await store.append([new Uint8Array(0), new Uint8Array(3).fill(9)]);
    const second = await contents();
    await store.save({ manifest: Uint8Array.of(9), snapshot: new Uint8Array(0) });
    return [first, second, await contents()];
  },
  deleteStore: (name) =>
    new Promise((resolve, reject) => {
      const request = indexedDB.deleteDatabase(name);
      request.onsuccess = () => resolve();
      request.onerror = () => reject(request.error ?? new Error("not deleted"));
    }),
  refusal,
  async close() {
    await client?.[Symbol.asyncDispose]();
    client = null;
  },
};
Object.assign(globalThis, { journey });
