/** Somebody whom the server knows. */
export interface Person {
  /** UUID. */
  readonly id: string;
  /** What others see. */
  readonly name: string;
  /** Known by a signed cookie, or for one connection only; without an account. */
  readonly guest: boolean;
}
