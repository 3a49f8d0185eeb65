import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { TaskJobSummary } from "../../protocol/task_bodies.ts";
import type { OperatorApi } from "../operator/operator_api.ts";
import { OperatorPage } from "../operator/operator_page.tsx";
import type { OperatorSession } from "../operator/operator_session.ts";
import { useOperatorTexts } from "../operator/texts.ts";
import { useTexts } from "../parts/page.ts";
import { BoardContext } from "./board_context.ts";
import { CancelDialog } from "./cancel_dialog.tsx";
import { JobList } from "./job_list.tsx";
import { NoticeBar } from "./notice_bar.tsx";
import { QueueList } from "./queue_list.tsx";
import { ScheduleList } from "./schedule_list.tsx";
import { TaskBoard } from "./task_board.ts";

const TICK_MS = 1_000;

/** Background work: what waits, runs, has failed, and is due, live. */
export function TasksPage(): JSX.Element {
  const texts = useOperatorTexts();
  return (
    <OperatorPage title={texts.backgroundWork}>
      {(api, session) => <BoardView api={api} session={session} />}
    </OperatorPage>
  );
}

interface BoardViewProps {
  readonly api: OperatorApi;
  readonly session: OperatorSession;
}

function BoardView({ api, session }: BoardViewProps): JSX.Element {
  const common = useTexts();
  const texts = useOperatorTexts();
  const board = useMemo(() => new TaskBoard(() => void session.check()), [session]);
  const now = useSignal(board.now());
  const cancelling = useSignal<TaskJobSummary | null>(null);
  const shown = board.board.value;
  const trouble = board.trouble.value;

  useEffect(() => keepLooking(board, () => now.value = board.now()), [board]);

  const total = (of: "waiting" | "deferred" | "running" | "failed") =>
    (shown?.queues ?? []).reduce((sum, queue) => sum + queue[of], 0);

  return (
    <BoardContext.Provider
      value={{ board, api, now, askToCancel: (job) => cancelling.value = job }}
    >
      <div role="status">
        {board.state.value === "lost" && (
          <p class="notice">
            {texts.connectionLost}{" "}
            <button type="button" class="link" onClick={() => board.open()}>
              {common.tryAgain}
            </button>
          </p>
        )}
        {trouble && <p class="notice">{common.errors[trouble]}</p>}
      </div>
      {shown === null ? trouble === null && <p class="empty">{common.loading}</p> : (
        <>
          <QueueList queues={shown.queues} />
          <JobList kind="running" jobs={shown.running} total={total("running")} />
          <JobList
            kind="waiting"
            jobs={shown.waiting}
            total={total("waiting") + total("deferred")}
          />
          <JobList kind="failed" jobs={shown.failed} total={total("failed")} />
          <ScheduleList schedules={shown.schedules} />
        </>
      )}
      <NoticeBar board={board} />
      {cancelling.value && (
        <CancelDialog
          job={cancelling.value}
          onClose={() => cancelling.value = null}
        />
      )}
    </BoardContext.Provider>
  );
}

/** Looks while the page is seen: a tab in the background costs the server nothing. */
function keepLooking(board: TaskBoard, tick: () => void): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  const look = () => {
    if (document.visibilityState === "hidden") board.close();
    else board.open();
  };
  const timer = setInterval(tick, TICK_MS);
  document.addEventListener("visibilitychange", look, { signal });
  addEventListener("pagehide", () => board.close(), { signal });
  addEventListener("pageshow", look, { signal });
  look();
  return () => {
    clearInterval(timer);
    closing.abort();
    board.close();
  };
}
