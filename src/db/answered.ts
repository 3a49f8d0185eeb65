/**
 * The first row of a statement that always has one, whether or not there is what it asks for. That
 * something does not exist is a verdict that people are told and that ends sockets: it is to be
 * read, and never concluded from an answer without rows.
 *
 * @throws {Error} when there is none: the answer is not that of the statement
 */
export function answered<T>(rows: readonly T[]): T {
  const [first] = rows;
  if (first === undefined) throw new Error("The database answered without the row that there is");
  return first;
}
