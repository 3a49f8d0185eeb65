import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { FloorMark } from "../parts/icons.tsx";
import { LanguageSwitch } from "../parts/language_switch.tsx";
import { usePage, useTexts } from "../parts/page.ts";
import { LOBBY_HREF } from "../route.ts";
import { OperatorApi } from "./operator_api.ts";
import { OperatorSession } from "./operator_session.ts";
import { SignInForm } from "./sign_in_form.tsx";
import { useOperatorTexts } from "./texts.ts";

/** What {@linkcode OperatorPage} shows. */
export interface OperatorPageProps {
  readonly title: string;
  /** What an operator sees. */
  readonly children: (api: OperatorApi, session: OperatorSession) => ComponentChildren;
}

/** The frame of the operators' pages: lets operators see the page, and others sign in. */
export function OperatorPage({ title, children }: OperatorPageProps): JSX.Element {
  const { language } = usePage();
  const common = useTexts();
  const texts = useOperatorTexts();
  const api = useMemo(() => new OperatorApi(), []);
  const session = useMemo(() => new OperatorSession(api), [api]);
  const state = session.state.value;

  useEffect(() => {
    document.title = `${title} · ${common.appName}`;
  }, [title, language.tag]);
  useEffect(() => void session.check(), [session]);

  return (
    <div class="operator">
      <header class="hall">
        <div class="hall-bar">
          <a class="hall-name" href={LOBBY_HREF}>
            <FloorMark />
            {common.appName}
          </a>
          <span class="hall-tools">
            <LanguageSwitch />
            {state.kind === "operator" && state.mayLeave && (
              <button
                type="button"
                class="quiet"
                onClick={() => void session.signOut()}
              >
                {texts.signOut}
              </button>
            )}
          </span>
        </div>
        <h1 class="hall-title">{title}</h1>
      </header>
      <main class="operator-main">
        {state.kind === "operator"
          ? children(api, session)
          : state.kind === "stranger"
          ? <SignInForm session={session} />
          : state.trouble === null
          ? <p class="empty">{common.loading}</p>
          : (
            <p class="notice" role="status">
              {common.errors[state.trouble]}{" "}
              <button type="button" class="link" onClick={() => void session.check()}>
                {common.tryAgain}
              </button>
            </p>
          )}
      </main>
    </div>
  );
}
