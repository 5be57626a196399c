/**
 * Checks the sizes of a built-in model.
 * @throws RangeError naming the first that is not a whole number of 1 or more
 */
export function checkSizes(sizes: Readonly<Record<string, number | readonly number[]>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    // A configuration may be plain JavaScript: what is no list counts as one size.
    for (const each of Array.isArray(size) ? size : [size]) {
      if (!Number.isSafeInteger(each) || each < 1) {
        throw new RangeError(`${name} takes whole numbers of 1 or more, got ${each}`);
      }
    }
  }
}

/**
 * Checks a probability of dropout.
 * @throws RangeError when it is not from 0 up to, but below, 1
 */
export function checkDropout(dropout: number): void {
  if (!(dropout >= 0 && dropout < 1)) {
    throw new RangeError(`dropout must be at least 0 and below 1, got ${dropout}`);
  }
}
