import { ReplicaStoreError } from "../errors.ts";
import type { ReplicaStore, StoredReplica } from "./replica-store.ts";

const FORMAT = 1;
const STATE = "state";
const UPDATES = "updates";

/** The one record of the object store {@link STATE}. */
type SavedState = Omit<StoredReplica, "updates">;

/**
 * A replica's store in IndexedDB, for browsers: one database per model.
 * @param name of the database, such as "everfresh:digits"
 * @param factory where databases are. @default the page's or worker's own
 */
export function indexedDbReplicaStore(name: string, factory?: IDBFactory): ReplicaStore {
  let opening: Promise<IDBDatabase> | null = null;
  const database = (): Promise<IDBDatabase> => {
    // What is gone, or was not to be had, is opened anew by the next call.
    const forget = (): void => void (opening = null);
    opening ??= openDatabase(name, factory, forget).catch((error: unknown) => {
      forget();
      throw error;
    });
    return opening;
  };
  const failed = (error: unknown): ReplicaStoreError =>
    error instanceof ReplicaStoreError ? error : storeError(name, error);
  return {
    async load() {
      try {
        const transaction = (await database()).transaction([STATE, UPDATES], "readonly");
        const state = resultOf<SavedState | undefined>(transaction.objectStore(STATE).get(STATE));
        const updates = resultOf<Uint8Array[]>(transaction.objectStore(UPDATES).getAll());
        const saved = await state;
        return saved === undefined ? null : { ...saved, updates: await updates };
      } catch (error) {
        throw failed(error);
      }
    },
    async save({ manifest, snapshot }) {
      try {
        const transaction = (await database()).transaction([STATE, UPDATES], "readwrite");
        // Copies of their own: views would be stored with all of the memory that they are on.
        const state = { manifest: manifest.slice(), snapshot: snapshot.slice() };
        transaction.objectStore(STATE).put(state satisfies SavedState, STATE);
        transaction.objectStore(UPDATES).clear();
        await completed(transaction);
      } catch (error) {
        throw failed(error);
      }
    },
    async append(updates) {
      try {
        const transaction = (await database()).transaction(UPDATES, "readwrite");
        for (const bytes of updates) transaction.objectStore(UPDATES).add(bytes.slice());
        await completed(transaction);
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

function openDatabase(
  name: string,
  factory: IDBFactory | undefined,
  onClosed: () => void,
): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    // Absent in Node, and in some private windows.
    const databases = factory ?? (globalThis as Partial<typeof globalThis>).indexedDB;
    if (databases === undefined) throw storeError(name, new Error("there is no IndexedDB here"));
    const request = databases.open(name, FORMAT);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STATE);
      request.result.createObjectStore(UPDATES, { autoIncrement: true });
    };
    request.onsuccess = () => {
      const database = request.result;
      // The browser closes it when its data are cleared; another page may want to delete it.
      database.onclose = onClosed;
      database.onversionchange = () => {
        database.close();
        onClosed();
      };
      resolve(database);
    };
    request.onerror = () => reject(storeError(name, request.error));
    request.onblocked = () => reject(storeError(name, new Error("another page holds it open")));
  });
}

function resultOf<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T);
    request.onerror = () => reject(request.error ?? new Error("the request failed"));
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    const fail = (): void => reject(transaction.error ?? new Error("the transaction was aborted"));
    transaction.onerror = fail;
    transaction.onabort = fail;
  });
}

function storeError(name: string, error: unknown): ReplicaStoreError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ReplicaStoreError(`IndexedDB ${name}`, reason, error);
}
