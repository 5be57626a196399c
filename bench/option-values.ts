/**
 * The number of an option.
 * @throws Error that names the option, unless it is above 0
 */
export function positiveOption(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) {
    throw new Error(`--${name} needs a number above 0, got "${text}"`);
  }
  return value;
}

/**
 * The whole number of an option.
 * @throws Error that names the option, unless it is whole and above 0
 */
export function wholeOption(name: string, text: string): number {
  const value = positiveOption(name, text);
  if (!Number.isSafeInteger(value))
    throw new Error(`--${name} needs a whole number, got "${text}"`);
  return value;
}

/**
 * The whole numbers of an option, which stand between commas.
 * @throws Error that names the option, unless all are whole and above 0
 */
export function wholeListOption(name: string, text: string): readonly number[] {
  return text.split(",").map((part) => wholeOption(name, part.trim()));
}

/**
 * The word of an option.
 * @throws Error that names the choices, unless it is one of them
 */
export function choiceOption<T extends string>(
  name: string,
  text: string,
  choices: readonly T[],
): T {
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) {
    throw new Error(`--${name} is one of ${choices.join(", ")}, not "${text}"`);
  }
  return choice;
}

/**
 * The seed of an option.
 * @throws Error that names the option, unless it is whole and 0 or more
 */
export function seedOption(name: string, text: string): number {
  return text === "0" ? 0 : wholeOption(name, text);
}
