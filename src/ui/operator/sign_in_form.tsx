import type { JSX, TargetedSubmitEvent } from "preact";
import { useSignal } from "@preact/signals";
import { ApiError } from "../../client/mod.ts";
import { useTexts } from "../parts/page.ts";
import { troubleOf } from "../trouble.ts";
import type { OperatorSession } from "./operator_session.ts";
import { useOperatorTexts } from "./texts.ts";

/** Asks for the operator's token. */
export function SignInForm({ session }: { readonly session: OperatorSession }): JSX.Element {
  const common = useTexts();
  const texts = useOperatorTexts();
  const token = useSignal("");
  const error = useSignal("");
  const busy = useSignal(false);

  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    if (token.value === "" || busy.value) return;
    busy.value = true;
    try {
      await session.signIn(token.value.trim());
    } catch (refusal) {
      const wrong = refusal instanceof ApiError && refusal.code === "not_operator";
      error.value = wrong ? texts.wrongToken : common.errors[troubleOf(refusal)];
    } finally {
      busy.value = false;
    }
  }

  return (
    <form class="panel sign-in" onSubmit={submit}>
      <p>{texts.operatorOnly}</p>
      <label for="token">{texts.token}</label>
      <div class="sign-in-row">
        <input
          id="token"
          type="password"
          value={token.value}
          autocomplete="current-password"
          aria-describedby="token-hint"
          aria-invalid={error.value !== ""}
          onInput={(event) => {
            token.value = event.currentTarget.value;
            error.value = "";
          }}
        />
        <button type="submit" class="strong" disabled={token.value === "" || busy.value}>
          {texts.signIn}
        </button>
      </div>
      <p id="token-hint" class="hint" data-wrong={error.value !== ""} aria-live="polite">
        {error.value || texts.tokenHint}
      </p>
    </form>
  );
}
