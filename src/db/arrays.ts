import { parse } from "postgres-array";

const INT4 = 1007;
const TEXT = 1009;
const VARCHAR = 1015;
const UUID = 2951;

/** A text as an element of an array, as PostgreSQL reads one. */
export function quoteElement(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * The types of arrays for postgres.js. It can ask the catalogue for them on each new connection
 * (`fetch_types`), but awaits the answer nowhere: where the connection breaks meanwhile, a promise is
 * rejected that nobody can wait for.
 */
export const arrayTypes = {
  intArray: arrayType([INT4], Number),
  textArray: arrayType([TEXT, VARCHAR], String),
  uuidArray: arrayType([UUID], String),
};

function arrayType<T extends string | number>(from: number[], element: (text: string) => T) {
  return {
    to: from[0]!,
    from,
    serialize: (elements: readonly T[]) =>
      `{${elements.map((each) => quoteElement(String(each))).join()}}`,
    parse: (text: string): T[] => parse(text, element),
  };
}
