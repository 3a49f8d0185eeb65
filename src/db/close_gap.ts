/**
 * Closes the gap with which a result of postgres.js 3.4.9 may begin.
 *
 * It counts an answer's rows in a variable of the connection, which only the end of an answer sets
 * back to zero. After an error in the middle of rows, or a connection that ended there and was opened
 * anew, the next result begins with as many holes as there had been rows: `const [row] = result` is
 * `undefined`, and somebody is told that what exists does not. The rows behind the gap are whole.
 */
export function closeGap<T>(result: T): T {
  if (Array.isArray(result) && result.length > 0 && !(0 in result)) {
    result.splice(0, result.findIndex((_, index) => index in result));
  }
  return result;
}
