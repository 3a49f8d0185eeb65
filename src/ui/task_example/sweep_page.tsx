import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { OperatorPage } from "../operator/operator_page.tsx";
import type { OperatorSession } from "../operator/operator_session.ts";
import { ProgressBar } from "../operator/progress_bar.tsx";
import { useOperatorTexts } from "../operator/texts.ts";
import { usePage, useTexts } from "../parts/page.ts";
import { Sweep, type TaskAddress } from "./sweep.ts";

const ADMIN_HREF = "/admin/tasks/";

/** A task of ten seconds, from its start to its result, its failure or its cancellation. */
export function SweepPage(): JSX.Element {
  const texts = useOperatorTexts();
  return (
    <OperatorPage title={texts.exampleTitle}>
      {(_api, session) => <SweepView session={session} />}
    </OperatorPage>
  );
}

function SweepView({ session }: { readonly session: OperatorSession }): JSX.Element {
  const common = useTexts();
  const texts = useOperatorTexts();
  const sweep = useMemo(() => new Sweep(pageAddress, () => void session.check()), [session]);
  const lost = sweep.state.value === "lost";
  const startable = sweep.state.value === "live" && !sweep.isUnderWay;
  useEffect(() => () => sweep[Symbol.dispose](), [sweep]);

  return (
    <>
      <p>{texts.exampleText}</p>
      <div role="status">
        {lost && (
          <p class="notice">
            {texts.connectionLost}{" "}
            <button type="button" class="link" onClick={() => sweep.wake()}>
              {common.tryAgain}
            </button>
          </p>
        )}
      </div>
      <section class="panel sweep" aria-label={texts.sweeping}>
        <SweepStatusView sweep={sweep} />
        <div class="sweep-actions">
          <button
            type="button"
            class="strong"
            disabled={!startable}
            onClick={() => sweep.start(false)}
          >
            {texts.start}
          </button>
          <button
            type="button"
            class="quiet"
            disabled={!startable}
            onClick={() => sweep.start(true)}
          >
            {texts.startFailing}
          </button>
          {sweep.isUnderWay && (
            <button
              type="button"
              class="quiet"
              disabled={lost}
              onClick={() => sweep.cancel()}
            >
              {texts.cancelSweep}
            </button>
          )}
        </div>
      </section>
      <p>
        <a class="link" href={ADMIN_HREF}>{texts.seeAll}</a>
      </p>
    </>
  );
}

function SweepStatusView({ sweep }: { readonly sweep: Sweep }): JSX.Element {
  const { language } = usePage();
  const common = useTexts();
  const texts = useOperatorTexts();
  const status = sweep.status.value;
  const trouble = sweep.trouble.value;
  const state = status?.state;
  const isUnderWay = state === "waiting" || state === "running";
  const progress = state === "done"
    ? { fraction: 1, text: "" }
    : status?.progress ?? { fraction: 0, text: "" };
  // A reader's software is told of what begins and ends, not of every board.
  const said = trouble !== null
    ? trouble === "not_found" ? texts.noSuchSweep : common.errors[trouble]
    : state === undefined
    ? texts.notStarted
    : state === "waiting"
    ? texts.waitsForWorker
    : state === "running"
    ? texts.sweeping
    : state === "failed"
    ? texts.sweepFailed(status?.error ?? "")
    : state === "cancelled"
    ? texts.sweepCancelled
    : texts.swept(status?.result?.boards ?? 0, status?.result?.seconds ?? 0);
  return (
    <div class="sweep-status" data-state={trouble ? "trouble" : state ?? "none"}>
      <p role="status" lang={language.tag}>{said}</p>
      {!trouble && (isUnderWay || state === "done") && (
        <ProgressBar label={texts.sweeping} progress={progress} />
      )}
    </div>
  );
}

const PARAMETER = "task";

const pageAddress: TaskAddress = {
  read: () => new URLSearchParams(location.search).get(PARAMETER),
  write: (id) => history.replaceState(null, "", `?${PARAMETER}=${encodeURIComponent(id)}`),
};
