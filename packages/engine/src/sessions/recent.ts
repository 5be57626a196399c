/** What was made for the last few keys that were asked for. */
export class Recent<Key, Value> {
  readonly #max: number;
  readonly #drop: (value: Value) => void;
  /** In the order of their last use. */
  readonly #values: Map<Key, Value> = new Map();

  /**
   * @param max how many values are kept, 1 or more
   * @param drop called with a value that is not kept any longer
   */
  constructor(max: number, drop: (value: Value) => void = () => undefined) {
    this.#max = max;
    this.#drop = drop;
  }

  /** The value of a key, made when it is not there. */
  get(key: Key, make: () => Value): Value {
    const value = this.#values.get(key) ?? make();
    this.#values.delete(key);
    this.#values.set(key, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > this.#max && oldest !== undefined) this.forget(oldest);
    return value;
  }

  /** Drops the value of a key, if there is one. */
  forget(key: Key): void {
    const value = this.#values.get(key);
    this.#values.delete(key);
    if (value !== undefined) this.#drop(value);
  }
}
