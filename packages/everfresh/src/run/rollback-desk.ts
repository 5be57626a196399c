import type { TrainerCheckpoint } from "@everfresh/learn";
import { RollbackRefusedError } from "../errors.ts";
import type { RollbackReport, RollbackRequest } from "../log/roll-back.ts";

/** Rollbacks that may wait: each takes a while, and nobody needs many. */
const WAITING_MAX = 8;

/** A rollback that somebody asks for. */
export interface AskedRollback extends RollbackRequest {
  /** The checkpoint of the wanted version, if it was the current one when it was asked for. */
  readonly saved: TrainerCheckpoint | null;
}

interface Waiting {
  readonly request: AskedRollback;
  readonly resolve: (report: RollbackReport) => void;
  readonly reject: (error: unknown) => void;
}

/** Makes one rollback; nothing else changes states or stores meanwhile. */
export type MakeRollback = (request: AskedRollback) => Promise<RollbackReport>;

/**
 * Takes in what others ask for while training goes on, interrupts training between two steps, and
 * answers once it is done.
 */
export class RollbackDesk {
  readonly #waiting: Waiting[] = [];
  #pause: AbortController = new AbortController();
  /** Set while training does not go on, and so nobody would come to serve. */
  #make: MakeRollback | null = null;
  #serving: Promise<unknown> = Promise.resolve();

  /** Whether somebody waits. */
  get isAsked(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when the rollback is durable and on its way to replicas. */
  ask(request: AskedRollback): Promise<RollbackReport> {
    const make = this.#make;
    if (make !== null) return this.#inTurn(() => make(request));
    if (this.#waiting.length >= WAITING_MAX) {
      return Promise.reject(new RollbackRefusedError(`${WAITING_MAX} others wait already`));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#pause.abort();
    });
  }

  /** Aborts with `signal`, or when somebody asks. */
  interrupted(signal: AbortSignal): AbortSignal {
    this.#pause = new AbortController();
    if (this.isAsked) this.#pause.abort();
    return AbortSignal.any([signal, this.#pause.signal]);
  }

  /** Makes what was asked for so far; a failure goes to who asked. Says whether one was made. */
  async serve(make: MakeRollback): Promise<boolean> {
    let isMade = false;
    for (const { request, resolve, reject } of this.#waiting.splice(0)) {
      try {
        resolve(await make(request));
        isMade = true;
      } catch (error) {
        reject(error);
      }
    }
    return isMade;
  }

  /** From now on, training being over, what is asked for is made at once. */
  async serveAlways(make: MakeRollback): Promise<void> {
    this.#make = make;
    await this.serve(make);
  }

  /** Turns those away who wait, and all who come. */
  close(): void {
    const refuse = (): Promise<never> => Promise.reject(new RollbackRefusedError("the run ends"));
    this.#make = refuse;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(new RollbackRefusedError("the run ends"));
    }
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#serving.then(task);
    this.#serving = turn.catch(() => undefined);
    return turn;
  }
}
