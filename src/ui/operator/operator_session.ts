import { type ReadonlySignal, signal } from "@preact/signals";
import { ApiError } from "../../client/mod.ts";
import type { OperatorInfo } from "../../protocol/task_bodies.ts";
import type { Trouble } from "../language/texts.ts";
import { troubleOf } from "../trouble.ts";
import type { OperatorApi } from "./operator_api.ts";

/** Who looks at the page. */
export type OperatorState =
  | { readonly kind: "unknown"; readonly trouble: Trouble | null }
  | { readonly kind: "stranger" }
  | { readonly kind: "operator"; readonly mayLeave: boolean };

/** Whether whoever looks at the page is an operator; the way in, and out. */
export class OperatorSession {
  readonly #api: OperatorApi;
  readonly #state = signal<OperatorState>({ kind: "unknown", trouble: null });

  constructor(api: OperatorApi) {
    this.#api = api;
  }

  get state(): ReadonlySignal<OperatorState> {
    return this.#state;
  }

  /** Asks the server. One who is known stays so while it cannot be asked. */
  async check(): Promise<void> {
    try {
      this.#enter(await this.#api.whoami());
    } catch (error) {
      if (isRefusal(error)) this.#state.value = { kind: "stranger" };
      else if (this.#state.value.kind === "unknown") {
        this.#state.value = { kind: "unknown", trouble: troubleOf(error) };
      }
    }
  }

  /** Throws what the server says of the token. */
  async signIn(token: string): Promise<void> {
    this.#enter(await this.#api.signIn(token));
  }

  async signOut(): Promise<void> {
    await this.#api.signOut();
    await this.check();
  }

  #enter({ by }: OperatorInfo): void {
    this.#state.value = { kind: "operator", mayLeave: by === "cookie" };
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ApiError && (error.code === "not_operator" || error.status === 404);
}
