/**
 * Calls between a page and its Web Worker, over anything that carries messages:
 *
 *   caller                                 callee
 *   call id, method, argument  ─────────►
 *                              ◄─────────  answer id, value   or   refusal id, error
 *                              ◄─────────  note               without being asked
 *
 * Memory in `transfer` moves instead of being copied.
 */
import {
  type ErrorClasses,
  fromTransferred,
  toTransferred,
  type TransferredError,
} from "@everfresh/engine/in-thread";

/** One end: a worker as its page sees it, a worker's global scope, or a started `MessagePort`. */
export interface Line {
  postMessage(message: unknown, transfer: readonly Transferable[]): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

/** What a call gives, and the memory that moves with it. */
export interface Answer {
  readonly value: unknown;
  readonly transfer?: readonly Transferable[];
}

/** What can be called, by name. */
export type Methods = Readonly<Record<string, (argument: never) => Answer | Promise<Answer>>>;

type Message =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly method: string;
      readonly argument: unknown;
    }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly error: TransferredError }
  | { readonly kind: "note"; readonly note: unknown };

/** Calls what the other end serves. */
export class Caller {
  readonly #line: Line;
  readonly #open = new Map<number, PromiseWithResolvers<unknown>>();
  #calls = 0;
  #failure: Error | null = null;

  /**
   * @param onNote hears what the other end says by itself
   * @param classes that errors of the other end may be of, besides those of the engine
   */
  constructor(line: Line, onNote: (note: unknown) => void, classes: ErrorClasses = {}) {
    this.#line = line;
    line.addEventListener("message", ({ data }) => {
      const message = data as Message;
      if (message.kind === "note") onNote(message.note);
      if (message.kind === "answer") this.#take(message.id)?.resolve(message.value);
      if (message.kind === "refusal") {
        this.#take(message.id)?.reject(fromTransferred(message.error, classes));
      }
    });
  }

  /** Calls that wait for an answer. */
  get waiting(): number {
    return this.#open.size;
  }

  /** Calls a method; rejects as it does. */
  call(
    method: string,
    argument: unknown,
    transfer: readonly Transferable[] = [],
  ): Promise<unknown> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = this.#calls++;
    this.#line.postMessage({ kind: "call", id, method, argument } satisfies Message, transfer);
    const pending = Promise.withResolvers<unknown>();
    this.#open.set(id, pending);
    return pending.promise;
  }

  /** Rejects all calls, now and later: nobody answers any more. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#open.values()) reject(this.#failure);
    this.#open.clear();
  }

  #take(id: number): PromiseWithResolvers<unknown> | undefined {
    const pending = this.#open.get(id);
    this.#open.delete(id);
    return pending;
  }
}

/** Serves calls from the other end; they may overlap. */
export function serveCalls(line: Line, methods: Methods): void {
  const answer = async (id: number, method: string, argument: unknown): Promise<void> => {
    try {
      const called = methods[method];
      if (called === undefined) throw new TypeError(`there is no method "${method}"`);
      const { value, transfer = [] } = await called(argument as never);
      line.postMessage({ kind: "answer", id, value } satisfies Message, transfer);
    } catch (error) {
      const refusal = { kind: "refusal", id, error: toTransferred(error) } as const;
      line.postMessage(refusal satisfies Message, []);
    }
  };
  line.addEventListener("message", ({ data }) => {
    const message = data as Message;
    if (message.kind === "call") void answer(message.id, message.method, message.argument);
  });
}

/** Says something to the other end that it has not asked for. */
export function sendNote(line: Line, note: unknown): void {
  line.postMessage({ kind: "note", note } satisfies Message, []);
}
