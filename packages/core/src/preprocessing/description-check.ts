/** Checks JSON from outside field by field, and says which field is wrong. */
import { ShapeError } from "../errors.ts";

/** What a field of a description must be; throws ShapeError that names `path`. */
export type Check = (value: unknown, path: string) => void;

/** Fields by name; those whose name ends with "?" may be absent. */
export type Fields = Readonly<Record<string, Check>>;

/** A finite number. */
export const number: Check = typed(
  "a number",
  (value) => typeof value === "number" && Number.isFinite(value),
);
/** Text. */
export const text: Check = typed("text", (value) => typeof value === "string");
/** True or false. */
export const flag: Check = typed("true or false", (value) => typeof value === "boolean");

/** A value for which `isRight`; `needed` says what that is. */
export function typed(needed: string, isRight: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!isRight(value)) throw wrong(path, `is not ${needed}`);
  };
}

/** A list whose entries are all right. */
export function list(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) throw wrong(path, "is not a list");
    for (const [i, entry] of value.entries()) check(entry, `${path}[${i}]`);
  };
}

/** An object with these fields and no others. */
export function fields(known: Fields): Check {
  const names = new Map(
    Object.entries(known).map(([name, check]) => [name.replace("?", ""), { name, check }]),
  );
  return (value, path) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw wrong(path, "is not an object");
    }
    for (const [name, entry] of Object.entries(value)) {
      const field = names.get(name);
      if (field === undefined) throw wrong(`${path}.${name}`, "is unknown");
      field.check(entry, `${path}.${name}`);
    }
    for (const [name, field] of names) {
      if (field.name === name && !Object.hasOwn(value, name)) {
        throw wrong(`${path}.${name}`, "is missing");
      }
    }
  };
}

/** An object whose `kind` says which fields it has. */
export function kinds(known: Readonly<Record<string, Fields>>): Check {
  return (value, path) => {
    const kind: unknown = (value as { kind?: unknown } | null)?.kind;
    if (typeof kind !== "string" || !Object.hasOwn(known, kind)) {
      const given = typeof kind === "string" ? `"${kind}", which ` : "";
      throw wrong(`${path}.kind`, `is ${given}none of ${Object.keys(known).join(", ")}`);
    }
    fields({ kind: text, ...known[kind] })(value, path);
  };
}

function wrong(path: string, what: string): ShapeError {
  return new ShapeError(`Description of a transform: ${path} ${what}`);
}
